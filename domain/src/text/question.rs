//! What somebody types into a search box.

use serde::{Deserialize, Deserializer, de::Error as _};

use super::{PhoneNumber, query_terms};

/// The longest question, in characters.
pub const QUESTION_CHARS: usize = 200;
/// The most words of a question.
pub const QUESTION_WORDS: usize = 16;

/// Why a question cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAsked {
    /// Too long to be a question.
    #[error("must have at most {QUESTION_CHARS} characters")]
    TooLong,
    /// Too many words.
    #[error("must have at most {QUESTION_WORDS} words")]
    TooManyWords,
}

/// A question to a search column, folded. All its words must be found: a word of three characters or more anywhere in
/// a word, one of two at the beginning of a word, a single character as a word of its own. An index of trigrams knows
/// all of these; shorter parts in the middle of words it does not know, and nobody looks for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question(Vec<String>);

impl Question {
    /// Folds a question. Whatever is no letter and no digit says nothing, operators and quotes included.
    ///
    /// # Errors
    /// It is longer than a question can be.
    pub fn parse(text: &str) -> Result<Self, NotAsked> {
        if text.chars().nth(QUESTION_CHARS).is_some() {
            return Err(NotAsked::TooLong);
        }
        let mut parts: Vec<String> = join_numbers(&query_terms(text))
            .into_iter()
            .map(|term| match term.chars().count() {
                1 => format!(" {term} "),
                2 => format!(" {term}"),
                _ => term,
            })
            .collect();
        parts.sort();
        parts.dedup();
        if parts.len() > QUESTION_WORDS { Err(NotAsked::TooManyWords) } else { Ok(Self(parts)) }
    }

    /// It has no word: nothing is asked.
    pub fn is_silent(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of a ticket, where the whole question is one: an index of its own leads to it.
    pub(crate) fn ticket_number(&self) -> Option<String> {
        let [part] = self.0.as_slice() else { return None };
        let (year, count) = part.trim().split_once(' ')?;
        Some(format!("{year}-{count}"))
    }

    /// The phone number, where the whole question is one.
    pub(crate) fn phone(&self) -> Option<PhoneNumber> {
        let [part] = self.0.as_slice() else { return None };
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| PhoneNumber::parse(&format!("+{part}")).ok())?
    }

    /// Patterns of LIKE for the column with a space at both ends. A folded word has no character that means something
    /// to LIKE.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(|part| format!("%{part}%"))
    }

    /// Its words, each with its pattern of LIKE.
    pub(crate) fn words(&self) -> impl Iterator<Item = (&str, String)> {
        self.0.iter().map(|part| part.trim()).zip(self.patterns())
    }

    /// The same question to the column `words` of an FTS5 table of trigrams. A folded word has no quote in it.
    pub(crate) fn matching(&self) -> String {
        let parts: Vec<String> = self.0.iter().map(|part| format!("words:\"{part}\"")).collect();
        parts.join(" AND ")
    }

    /// Whether a search column answers it, by the same rule as the databases.
    #[cfg(test)]
    pub(crate) fn is_answered_by(&self, column: &str) -> bool {
        let spaced = format!(" {column} ");
        self.0.iter().all(|part| spaced.contains(part.as_str()))
    }
}

/// Joins what is part of a phone number in groups, «345-67-89»: three groups of digits or more, all but the first of two
/// or three digits.
fn join_numbers(terms: &[String]) -> Vec<String> {
    let is_number = |term: &&String| term.bytes().all(|byte| byte.is_ascii_digit());
    let mut joined = Vec::new();
    let mut rest = terms;
    while let [first, others @ ..] = rest {
        let groups =
            others.iter().take_while(|term| is_number(term) && (2..=3).contains(&term.len())).count();
        let digits: usize = rest[..=groups].iter().map(String::len).sum();
        let whole = groups >= 2 && is_number(&first) && first.len() <= 4 && digits <= 11;
        let taken = if whole { groups + 1 } else { 1 };
        joined.push(rest[..taken].concat());
        rest = &rest[taken..];
    }
    joined
}

impl<'de> Deserialize<'de> for Question {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::search_column;

    fn asked(text: &str) -> Question {
        Question::parse(text).unwrap()
    }

    #[test]
    fn short_words_are_asked_for_as_words() {
        let column = search_column(&["2026-000012", "Москва, улица Мира, 5", "12", "Ян Ильин"]);
        for found in ["мира 5", "5", "ян", "Ил", "12", "ира", "000012", "МОСК 1"] {
            let expected = found != "МОСК 1";
            assert_eq!(asked(found).is_answered_by(&column), expected, "{found} in {column}");
        }
        assert!(!asked("ьи").is_answered_by(&column), "two letters from the middle of a word");
    }

    #[test]
    fn part_of_a_phone_number_is_found_however_it_is_grouped() {
        let column = search_column(&["Ильин Иван", "+79123456767"]);
        for found in ["345-67-67", "3456767", "345 67 67", "912 345", "(912) 345-67", "67-67 ильин"] {
            let expected = found != "67-67 ильин";
            assert_eq!(asked(found).is_answered_by(&column), expected, "{found} in {column}");
        }
        let column = search_column(&["2026-000012", "улица Мира, 5, корпус 12"]);
        assert!(asked("2026-000012").is_answered_by(&column) && asked("мира 5 12").is_answered_by(&column));
    }

    #[test]
    fn operators_quotes_and_nul_say_nothing() {
        assert!(asked("\" ' * : ^ ( ) - \0 % _").is_silent());
        assert_eq!(asked("кран\" OR words:\"б\0ак*"), asked("кран or words б ак"));
        assert_eq!(asked("кран").matching(), "words:\"кран\"");
        assert_eq!(asked(" 2026-004999 ").ticket_number().as_deref(), Some("2026-004999"));
        assert_eq!(asked("8 912 345-67-89").phone(), PhoneNumber::parse("+79123456789").ok());
        for other in ["2026-004999", "3456789", "+79123456789 ильин", "ян"] {
            assert_eq!(asked(other).phone(), None, "{other}");
        }
        for other in ["2026-004999 ильин", "2026", "ян", "+79123456789"] {
            assert_eq!(asked(other).ticket_number(), None, "{other}");
        }
        assert_eq!(Question::parse(&"я".repeat(201)), Err(NotAsked::TooLong));
        let many: String = ('а'..='р').map(|letter| format!("{letter} ")).collect();
        assert_eq!(Question::parse(&many), Err(NotAsked::TooManyWords));
    }

    proptest! {
        #[test]
        fn whatever_word_of_a_text_is_asked_finds_it(text in "[ -~а-яА-ЯёЁ№«»\n]{0,120}", at in any::<prop::sample::Index>()) {
            let column = search_column(&[&text]);
            let words: Vec<&str> = text.split_whitespace().collect();
            prop_assume!(!words.is_empty());
            let word = words[at.index(words.len())];
            if let Ok(question) = Question::parse(word) {
                prop_assert!(question.is_answered_by(&column), "{word} in {column}");
            }
        }

        #[test]
        fn any_text_is_a_question_or_refused(text in any::<String>()) {
            if let Ok(question) = Question::parse(&text) {
                prop_assert_eq!(question.matching().matches('"').count(), question.0.len() * 2);
            }
        }
    }
}
