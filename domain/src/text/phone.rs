//! Phone numbers in the form of E.164, read from what people and telephone exchanges write.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::ToSchema;

/// A phone number, answered in the form of E.164: `+` and 8 to 15 digits, `+79123456789`. It is also read as people write
/// it, `8 (912) 345-67-89`.
// Made by `parse` only, also when it comes from JSON or from a database row. The schema has no pattern, because requests
// are read more freely than answers are written.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema, sea_orm::DeriveValueType,
)]
#[serde(transparent)]
#[sea_orm(value_type = "String", column_type = "Text")]
#[schema(value_type = String, example = "+79123456789")]
pub struct PhoneNumber(String);

/// Why a text is not a phone number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// Nothing was given, or nothing but separators.
    #[error("the phone number is empty")]
    Empty,
    /// The address of an internet call.
    #[error("a SIP address is not a phone number")]
    Sip,
    /// A letter or another character that no phone number has.
    #[error("a phone number has no character {0:?}")]
    Character(char),
    /// A plus sign that is not the first character.
    #[error("the plus sign stands only before the number")]
    Plus,
    /// Fewer digits than any full number has: an extension, a short number, or a number without its area code.
    #[error("the phone number is too short: {0} digits; give it with its area code")]
    TooShort(usize),
    /// More digits than E.164 allows.
    #[error("the phone number is too long: {0} digits")]
    TooLong(usize),
    /// A number of the +7 zone that has not ten digits after the code.
    #[error("a number of +7 has ten digits after the code, this one has {0}")]
    Zone7(usize),
    /// It is unclear which country it belongs to.
    #[error("begin the number of another country with + and the code of the country")]
    Country,
}

impl PhoneNumber {
    /// Reads a number as people write it.
    ///
    /// Spaces, dashes, dots and brackets are ignored. `8XXXXXXXXXX`, `7XXXXXXXXXX` and ten digits are numbers of the +7
    /// zone; a number of another country begins with `+`.
    ///
    /// # Errors
    /// [`PhoneError`] says what is wrong with it: hidden callers, SIP addresses and short numbers occur.
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        let text = text.trim_matches(is_separator);
        if text.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("sip:")) || text.contains('@') {
            return Err(PhoneError::Sip);
        }
        let (plus, rest) = text.strip_prefix('+').map_or((false, text), |rest| (true, rest));
        let mut digits = String::with_capacity(16);
        for character in rest.chars().filter(|c| !is_separator(*c)) {
            match character {
                '0'..='9' => digits.push(character),
                '+' => return Err(PhoneError::Plus),
                other => return Err(PhoneError::Character(other)),
            }
        }
        if plus { international(&digits) } else { domestic(&digits) }
    }

    /// The number, `+79123456789`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits without the plus sign, as SMS providers want them.
    pub fn digits(&self) -> &str {
        self.0.trim_start_matches('+')
    }
}

fn international(digits: &str) -> Result<PhoneNumber, PhoneError> {
    match digits.len() {
        0 => return Err(PhoneError::Empty),
        count @ 1..=7 => return Err(PhoneError::TooShort(count)),
        8..=15 => {}
        count => return Err(PhoneError::TooLong(count)),
    }
    if digits.starts_with('0') {
        return Err(PhoneError::Country);
    }
    if let Some(national) = digits.strip_prefix('7')
        && national.len() != 10
    {
        return Err(PhoneError::Zone7(national.len()));
    }
    // No country has a code that begins with 89: this is the domestic prefix 8 behind a plus sign.
    if let Some(national) = digits.strip_prefix('8')
        && national.starts_with('9')
        && national.len() == 10
    {
        return Ok(PhoneNumber(format!("+7{national}")));
    }
    Ok(PhoneNumber(format!("+{digits}")))
}

fn domestic(digits: &str) -> Result<PhoneNumber, PhoneError> {
    match digits.len() {
        0 => Err(PhoneError::Empty),
        10 => Ok(PhoneNumber(format!("+7{digits}"))),
        count @ 1..10 => Err(PhoneError::TooShort(count)),
        11 => match digits.strip_prefix(['7', '8']) {
            Some(national) => Ok(PhoneNumber(format!("+7{national}"))),
            None => Err(PhoneError::Country),
        },
        12..=15 => Err(PhoneError::Country),
        count => Err(PhoneError::TooLong(count)),
    }
}

/// What people put between the digits. Marks of direction come with numbers that are copied from an address book.
fn is_separator(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            '-' | '.' | '(' | ')' | '[' | ']' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2010}'..='\u{2015}'
                | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{2212}' | '\u{feff}'
        )
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PhoneNumber {
    type Err = PhoneError;
    fn from_str(text: &str) -> Result<Self, PhoneError> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for PhoneNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_as_they_are_written() {
        for (written, number) in [
            ("8 (912) 345-67-89", "+79123456789"),
            ("89123456789", "+79123456789"),
            ("9123456789", "+79123456789"),
            ("+7 912 345 67 89", "+79123456789"),
            ("79123456789", "+79123456789"),
            ("+8 912 345-67-89", "+79123456789"),
            ("8\u{a0}912.345.67.89", "+79123456789"),
            ("(495) 123\u{2013}45\u{2013}67", "+74951234567"),
            ("\u{202a}+7 912 345-67-89\u{202c}", "+79123456789"),
            ("+375 29 123-45-67", "+375291234567"),
            ("+84 91 234 5678", "+84912345678"),
            ("+44 20 7946 0958", "+442079460958"),
        ] {
            assert_eq!(
                PhoneNumber::parse(written).map(|n| n.to_string()),
                Ok(number.to_owned()),
                "{written}"
            );
        }
    }

    #[test]
    fn what_is_not_a_number_says_why() {
        for (written, error) in [
            ("", PhoneError::Empty),
            (" - ", PhoneError::Empty),
            ("+", PhoneError::Empty),
            ("sip:100@example.org", PhoneError::Sip),
            ("SIP:100", PhoneError::Sip),
            ("100@example.org", PhoneError::Sip),
            ("anonymous", PhoneError::Character('a')),
            ("89123456789 доб. 12", PhoneError::Character('д')),
            ("٨٩١٢٣٤٥٦٧٨٩", PhoneError::Character('٨')),
            ("8+9123456789", PhoneError::Plus),
            ("++79123456789", PhoneError::Plus),
            ("112", PhoneError::TooShort(3)),
            ("345-67-89", PhoneError::TooShort(7)),
            ("+1234567", PhoneError::TooShort(7)),
            ("+7 912 345 67", PhoneError::Zone7(8)),
            ("375291234567", PhoneError::Country),
            ("19123456789", PhoneError::Country),
            ("+0123456789", PhoneError::Country),
            ("+1234567890123456", PhoneError::TooLong(16)),
            ("8912345678989123", PhoneError::TooLong(16)),
        ] {
            assert_eq!(PhoneNumber::parse(written), Err(error), "{written}");
        }
    }

    #[test]
    fn json_and_database_values_are_read_by_the_same_rule() {
        use sea_orm::sea_query::{Value, ValueType};
        let number: PhoneNumber = serde_json::from_str("\"8 912 345-67-89\"").unwrap();
        assert_eq!(serde_json::to_string(&number).unwrap(), "\"+79123456789\"");
        let refusal = serde_json::from_str::<PhoneNumber>("\"112\"").unwrap_err().to_string();
        assert!(refusal.contains("too short: 3 digits"), "{refusal}");

        let value: Value = number.clone().into();
        assert_eq!(value, Value::from("+79123456789".to_owned()));
        assert_eq!(<PhoneNumber as ValueType>::try_from(value).unwrap(), number);
        assert!(<PhoneNumber as ValueType>::try_from(Value::from("112".to_owned())).is_err());
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_is_stable(text in "\\PC*|[-+0-9 ().sip:@]{0,24}") {
            if let Ok(number) = PhoneNumber::parse(&text) {
                prop_assert!(number.as_str().starts_with('+'));
                prop_assert!((8..=15).contains(&number.digits().len()));
                prop_assert_eq!(PhoneNumber::parse(number.as_str()), Ok(number.clone()));
                prop_assert_eq!(PhoneNumber::parse(&number.to_string()), Ok(number));
            }
        }

        #[test]
        fn formatting_does_not_matter(
            prefix in prop::sample::select(vec!["", "7", "8", "+7"]),
            national in "[3-9][0-9]{9}",
            separators in prop::collection::vec(
                prop::sample::select(vec!["", " ", "-", ".", "(", ")", "\u{a0}", " - "]), 13),
        ) {
            let plain = format!("{prefix}{national}");
            let mut written = String::new();
            for (character, separator) in plain.chars().zip(&separators) {
                written.push_str(separator);
                written.push(character);
            }
            written.push_str(separators[12]);
            prop_assert_eq!(PhoneNumber::parse(&written), PhoneNumber::parse(&plain));
            prop_assert_eq!(PhoneNumber::parse(&written).map(|n| n.to_string()), Ok(format!("+7{national}")));
        }
    }
}
