//! What of a job is shown to people: identifiers, moments and names of kinds, never what somebody said or is called.
//!
//! Payloads hold identifiers only, and errors are not to name people. Both are written by whoever adds a job, and the
//! words of a provider are nobody's promise: so what is shown is what is known to be harmless.

use chrono::DateTime;
use serde_json::Value;
use uuid::Uuid;

/// Stands for what is not shown.
pub const HIDDEN: &str = "hidden";
/// Members whose text is a name out of the code.
const NAMES: [&str; 6] = ["entity", "kind", "channel", "step", "basis", "code"];
/// A number of so many digits may be somebody's.
const SOMEBODYS: usize = 10;

/// A payload as people may see it: identifiers, moments, small numbers, names of kinds. Everything else is hidden.
pub fn shown(payload: &Value) -> Value {
    show("", payload)
}

fn show(member: &str, value: &Value) -> Value {
    let hidden = || Value::from(HIDDEN);
    match value {
        Value::Null | Value::Bool(_) => value.clone(),
        Value::Number(number) => match number.as_i64() {
            Some(small) if small.unsigned_abs() < 1_000_000_000 => value.clone(),
            _ => hidden(),
        },
        Value::String(text) if is_uuid(text) || DateTime::parse_from_rfc3339(text).is_ok() => value.clone(),
        Value::String(text) if NAMES.contains(&member) && is_name(text) => value.clone(),
        Value::String(_) => hidden(),
        Value::Array(items) => items.iter().map(|item| show(member, item)).collect(),
        Value::Object(members) => {
            let shown = members.iter().map(|(name, value)| {
                if is_name(name) { (name.clone(), show(name, value)) } else { (HIDDEN.to_owned(), hidden()) }
            });
            Value::Object(shown.collect())
        }
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// A text without phone numbers and addresses: runs of ten digits and more, however they are written, and words with an @.
/// Identifiers stay.
pub fn discreet(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end();
        if bare.contains('@') {
            out.push_str(HIDDEN);
            out.push_str(&word[bare.len()..]);
        } else {
            out.push_str(word);
        }
    }
    without_numbers(&out)
}

fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = if let Some(id) = rest.get(..36).filter(|id| is_uuid(id)) {
            out.push_str(id);
            id.len()
        } else if first.is_ascii_digit() || first == '+' {
            let run = run_of_digits(rest);
            let digits = run.bytes().filter(u8::is_ascii_digit).count();
            out.push_str(if digits < SOMEBODYS { run } else { HIDDEN });
            run.len()
        } else {
            out.push(first);
            first.len_utf8()
        };
        rest = &rest[taken..];
    }
    out
}

/// Digits and what stands between the digits of a phone number, to the last digit or an identifier.
fn run_of_digits(text: &str) -> &str {
    let mut end = 0;
    for (at, character) in text.char_indices() {
        let between = at == 0 || matches!(character, ' ' | '\u{a0}' | '(' | ')' | '-');
        if character.is_ascii_digit() && !(at > 0 && text.get(at..at + 36).is_some_and(is_uuid)) {
            end = at + 1;
        } else if !between {
            break;
        }
    }
    &text[..end.max(1)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_payload_shows_what_it_is_about_and_nothing_of_anybody() {
        let id = "019cae12-3456-7890-8123-456789012345";
        let payload = json!({
            "ticket": id, "end": "2026-03-02T09:00:00Z", "entity": "visit", "attempt": 3, "last": null, "done": true,
            "to": "+79123456789", "name": "anna", "phone": 79_123_456_789_i64, "list": [id, "Анна"],
            "Анна Петрова": 1, "kind": "Ильин Иван",
        });
        assert_eq!(
            shown(&payload),
            json!({
                "ticket": id, "end": "2026-03-02T09:00:00Z", "entity": "visit", "attempt": 3, "last": null,
                "done": true, "to": "hidden", "name": "hidden", "phone": "hidden", "list": [id, "hidden"],
                "hidden": "hidden", "kind": "hidden",
            })
        );
    }

    #[test]
    fn an_error_keeps_its_sense_and_loses_its_numbers() {
        for (told, shown) in [
            ("no phone +7 (912) 345-67-89 here", "no phone hidden here"),
            ("not sent to 89123456789: 550", "not sent to hidden: 550"),
            ("refused: anna@example.org (552)", "refused: hidden (552)"),
            ("127.0.0.1:5432 refused after 30000 ms", "127.0.0.1:5432 refused after 30000 ms"),
            (
                "job 019cae12-3456-7890-8123-456789012345 at 2026-03-02T09:00:00Z",
                "job 019cae12-3456-7890-8123-456789012345 at 2026-03-02T09:00:00Z",
            ),
            ("+", "+"),
        ] {
            assert_eq!(discreet(told), shown);
        }
    }

    /// A phone number as people and programs write it.
    fn numbers() -> impl Strategy<Value = String> {
        (
            prop::collection::vec((0_u8..10, prop::sample::select(vec!["", " ", "-", "(", ") "])), 10..=14),
            any::<bool>(),
        )
            .prop_map(|(digits, plus)| {
                let written = digits.iter().map(|(digit, after)| format!("{digit}{after}"));
                format!("{}{}", if plus { "+" } else { "" }, written.collect::<String>())
            })
    }

    fn digits_in_a_row(text: &str) -> usize {
        text.split(|c: char| !matches!(c, '0'..='9' | ' ' | '-' | '(' | ')'))
            .map(|run| run.bytes().filter(u8::is_ascii_digit).count())
            .max()
            .unwrap_or(0)
    }

    proptest! {
        #[test]
        fn no_phone_number_survives(before in "[а-яa-z :]{0,20}", number in numbers(), after in "[а-яa-z :]{0,20}") {
            let told = discreet(&format!("{before}:{number}{after}"));
            prop_assert!(digits_in_a_row(&told) < SOMEBODYS, "{told}");
        }

        #[test]
        fn any_text_can_be_told_and_telling_again_changes_nothing(text in ".{0,80}") {
            let told = discreet(&text);
            prop_assert_eq!(discreet(&told), told);
        }

        #[test]
        fn identifiers_survive(id in any::<u128>(), word in "[a-z ]{0,10}") {
            let text = format!("{word} {}", Uuid::from_u128(id));
            prop_assert_eq!(discreet(&text), text);
        }

        #[test]
        fn of_a_text_in_a_payload_only_ids_and_moments_are_shown(text in "\\PC{0,30}", member in "[a-z]{7,12}") {
            let told = shown(&json!({ &member: &text }));
            let harmless = is_uuid(&text) || DateTime::parse_from_rfc3339(&text).is_ok();
            prop_assert_eq!(&told[&member], &json!(if harmless { &text } else { HIDDEN }));
        }
    }
}
