//! The official style of ticket texts (R80): dry, without brackets, exclamation marks and pictures.
//!
//! Letters and digits of any script are never a finding, nor are words in capitals (abbreviations occur), quotation
//! marks, a single `…`, and repeated `/`, `+`, `№` or quotes, which stand in addresses, names and lists by right.

use serde::Serialize;
use utoipa::ToSchema;

use super::mend::mend;
use crate::{Code, Error, Result};

/// A text that is not in the official style: what is wrong, and how it could read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema, thiserror::Error)]
#[error("the text has {} characters that the official style does not allow", .characters.len())]
pub struct NotOfficial {
    /// Every character to mend, in the order of the text.
    pub characters: Vec<Finding>,
    /// The same words in the official style; passes the check.
    pub mended: String,
}

/// A character that the official style does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Finding {
    /// The character.
    pub character: char,
    /// Where it stands, in characters (Unicode scalar values) from 0.
    pub position: usize,
    /// Why it is not allowed.
    pub reason: Reason,
}

/// Why a character is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A round, square, curly or angle bracket.
    Bracket,
    /// An exclamation mark, also as part of another sign.
    Exclamation,
    /// An emoji or another picture.
    Picture,
    /// The same punctuation mark as the one before it; three dots are written `…`.
    Repeated,
}

impl Reason {
    /// What to tell a Russian reader.
    pub fn message_ru(self) -> &'static str {
        match self {
            Self::Bracket => "скобки не допускаются",
            Self::Exclamation => "восклицательный знак не допускается",
            Self::Picture => "картинки и смайлики не допускаются",
            Self::Repeated => "знак повторён",
        }
    }
}

/// Checks a text.
///
/// # Errors
/// [`NotOfficial`] names every character to mend and gives the text mended.
pub fn check(text: &str) -> Result<(), NotOfficial> {
    let mut before = None;
    let mut characters = Vec::new();
    for (position, character) in text.chars().enumerate() {
        if let Some(reason) = reason(character, before) {
            characters.push(Finding { character, position, reason });
        }
        before = Some(character);
    }
    if characters.is_empty() { Ok(()) } else { Err(NotOfficial { characters, mended: mend(text) }) }
}

/// Checks the text of a field of a request.
///
/// # Errors
/// `text_not_official` with `field`, `characters` and `mended`.
pub fn require_official(field: &str, text: &str) -> Result<()> {
    check(text).map_err(|fault| {
        Error::new(Code::TextNotOfficial, format!("{field}: {fault}"))
            .with("field", field)
            .with("characters", &fault.characters)
            .with("mended", &fault.mended)
    })
}

fn reason(character: char, before: Option<char>) -> Option<Reason> {
    if character.is_alphanumeric() {
        None
    } else if bracket(character).is_some() {
        Some(Reason::Bracket)
    } else if is_exclamation(character) {
        Some(Reason::Exclamation)
    } else if is_picture(character) || is_picture_part(character) {
        Some(Reason::Picture)
    } else {
        (before == Some(character) && is_once(character)).then_some(Reason::Repeated)
    }
}

/// The side of a bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Open,
    Close,
}

/// Opening and closing brackets of Unicode (general categories Ps and Pe without quotation marks), and `<` `>`.
const OPEN: &str = "([{<༺༼᚛⁅⁽₍⌈⌊〈❨❪❬❮❰❲❴⟅⟦⟨⟪⟬⟮⦃⦅⦇⦉⦋⦍⦏⦑⦓⦕⦗⧘⧚⧼⸢⸤⸦⸨⹕⹗⹙⹛\
    〈《「『【〔〖〘〚﴿︗︵︷︹︻︽︿﹁﹃﹇﹙﹛﹝（＜［｛｟｢";
const CLOSE: &str = ")]}>༻༽᚜⁆⁾₎⌉⌋〉❩❫❭❯❱❳❵⟆⟧⟩⟫⟭⟯⦄⦆⦈⦊⦌⦎⦐⦒⦔⦖⦘⧙⧛⧽⸣⸥⸧⸩⹖⹘⹚⹜\
    〉》」』】〕〗〙〛﴾︘︶︸︺︼︾﹀﹂﹄﹈﹚﹜﹞）＞］｝｠｣";

pub(super) fn bracket(character: char) -> Option<Side> {
    if OPEN.contains(character) { Some(Side::Open) } else { CLOSE.contains(character).then_some(Side::Close) }
}

pub(super) fn is_exclamation(character: char) -> bool {
    matches!(
        character,
        '!' | '¡'
            | '！'
            | '﹗'
            | '︕'
            | '՜'
            | '߹'
            | '᥄'
            | '⹓'
            | '❕'
            | '❗'
            | '❢'
            | '❣'
            | '‼'
            | '⁉'
            | '⁈'
            | '‽'
            | '⸘'
    )
}

/// Emoji and pictographs. Letters and digits in circles are letters and digits; `©`, `™`, `№`, `°`, arrows are text.
pub(super) fn is_picture(character: char) -> bool {
    matches!(
        character,
        '\u{231a}'..='\u{231b}' | '\u{2328}' | '\u{23cf}' | '\u{23e9}'..='\u{23fa}' | '\u{25aa}'..='\u{25ab}'
            | '\u{25b6}' | '\u{25c0}' | '\u{25fb}'..='\u{25fe}' | '\u{2600}'..='\u{27bf}' | '\u{2b05}'..='\u{2b07}'
            | '\u{2b1b}'..='\u{2b1c}' | '\u{2b50}' | '\u{2b55}' | '\u{3030}' | '\u{303d}'
            | '\u{1f000}'..='\u{1fbff}'
    ) && !character.is_alphanumeric()
}

/// Invisible parts of emoji: joiner, presentation selectors, keycap, tags.
pub(super) fn is_picture_part(character: char) -> bool {
    matches!(character, '\u{200d}' | '\u{20e3}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0020}'..='\u{e007f}')
}

/// Marks that stand once.
pub(super) fn is_once(character: char) -> bool {
    ".,;:?…-–—*_~=#^|？".contains(character)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mended(text: &str) -> String {
        check(text).unwrap_err().mended
    }

    #[test]
    fn official_texts_pass() {
        for text in [
            "",
            "Течет труба на кухне, квартира 5.",
            "ООО «УК «Уют»», кв. №№ 5, 6; t = 38,5 °C — ниже нормы…",
            "НЕИСПРАВНОСТЬ ВРУ. Что случилось?",
            "https://example.org/a 2 → 3 ½ © \"Щит\"",
            "Первая строка.\nВторая строка.\n\nТретья.",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn findings_name_the_character_its_place_and_the_reason() {
        let fault = check("Ой! (а)??🔥").unwrap_err();
        let found: Vec<_> = fault.characters.iter().map(|f| (f.character, f.position, f.reason)).collect();
        assert_eq!(
            found,
            [
                ('!', 2, Reason::Exclamation),
                ('(', 4, Reason::Bracket),
                (')', 6, Reason::Bracket),
                ('?', 8, Reason::Repeated),
                ('🔥', 9, Reason::Picture),
            ]
        );
        for text in [
            "[а",
            "а}",
            "<а",
            "〈",
            "！",
            "¡",
            "‽",
            "⁉",
            "❗",
            "5\u{fe0f}\u{20e3}",
            "🇷🇺",
            "☎",
            "а..",
            "а...",
            "--",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn mended_texts_read_well() {
        for (text, reads) in [
            ("Течет труба (кухня)!!!", "Течет труба, кухня."),
            ("Течет труба (кухня).", "Течет труба, кухня."),
            ("Течет труба (кухня)", "Течет труба, кухня"),
            ("Квартира 5 (подъезд 2) затоплена", "Квартира 5, подъезд 2, затоплена"),
            ("труба(кухня)течет", "труба, кухня, течет"),
            ("Сосед(и) не открывает, кран (не)исправен!", "Соседи не открывает, кран неисправен."),
            ("Срочно!!! Нет  воды", "Срочно. Нет воды"),
            ("Течет (срочно!) труба", "Течет, срочно, труба"),
            ("Течет! (кухня)", "Течет, кухня"),
            ("Прорвало (срочно!)", "Прорвало, срочно."),
            ("Когда придут???!!", "Когда придут?"),
            ("Когда?!", "Когда?"),
            ("Да!, приходите", "Да, приходите"),
            ("Звонить 8 (912) 345-67-89", "Звонить 8 912 345-67-89"),
            ("8(912)345-67-89!", "8 912 345-67-89."),
            ("(кухня) течет", "кухня, течет"),
            ("Нет света.....", "Нет света…"),
            ("Нет света..", "Нет света."),
            ("Горит 🔥🔥🔥 щиток!", "Горит щиток."),
            ("Спасибо :)", "Спасибо"),
            ("Этаж 5\u{fe0f}\u{20e3}", "Этаж 5"),
            ("Вывеска «Пожар!» упала", "Вывеска «Пожар» упала"),
            ("ООО «Щит (новый)»", "ООО «Щит, новый»"),
            ("Температура < 18, давление >3", "Температура менее 18, давление более 3"),
            ("Перенос 5 -> 7", "Перенос 5 - 7"),
            ("Метка <кухня> стоит", "Метка, кухня, стоит"),
            ("Первая!\n(вторая)\r\nтретья", "Первая.\nвторая\nтретья"),
            ("!!!", ""),
        ] {
            assert_eq!(mended(text), reads, "{text}");
        }
    }

    #[test]
    fn the_error_carries_what_to_mend() {
        assert!(require_official("description", "Течет труба.").is_ok());
        let error = require_official("description", "Течет!").unwrap_err();
        assert_eq!(error.code(), Code::TextNotOfficial);
        assert_eq!(
            serde_json::to_value(error.details()).unwrap(),
            serde_json::json!({
                "field": "description",
                "characters": [{ "character": "!", "position": 5, "reason": "exclamation" }],
                "mended": "Течет.",
            })
        );
    }

    /// Whether the letters and digits of `text` all stand in `whole`, in their order.
    fn keeps_words(text: &str, whole: &str) -> bool {
        let mut rest = whole.chars();
        text.chars().filter(|c| c.is_alphanumeric()).all(|letter| rest.any(|c| c == letter))
    }

    proptest! {
        #[test]
        fn mended_passes_and_keeps_every_letter_and_digit(
            text in "[а-яA-Z0-9 .,:;?!()<>«»\"…\\-\n🔥❗\u{200d}\u{fe0f}]{0,40}|\\PC*"
        ) {
            if let Err(fault) = check(&text) {
                prop_assert_eq!(check(&fault.mended), Ok(()), "{} -> {}", text, fault.mended);
                prop_assert!(keeps_words(&text, &fault.mended), "{} -> {}", text, fault.mended);
                prop_assert!(!fault.mended.contains("  "));
                prop_assert_eq!(fault.mended.trim(), &fault.mended);
                for finding in &fault.characters {
                    prop_assert_eq!(text.chars().nth(finding.position), Some(finding.character));
                }
            }
        }

        #[test]
        fn every_forbidden_character_is_found(
            words in "[а-я]{1,5}( [а-я]{1,5}){0,3}",
            mark in prop::sample::select("()[]{}<>（）【】!¡！‼⁉‽❗🔥😀☎🇷".chars().collect::<Vec<_>>()),
            place in any::<prop::sample::Index>(),
        ) {
            prop_assert_eq!(check(&words), Ok(()));
            let mut characters: Vec<char> = words.chars().collect();
            let place = place.index(characters.len() + 1);
            characters.insert(place, mark);
            let text: String = characters.into_iter().collect();
            let fault = check(&text).unwrap_err();
            prop_assert_eq!(fault.characters.len(), 1);
            prop_assert_eq!(fault.characters[0].position, place);
        }
    }
}
