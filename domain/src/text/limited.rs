//! Texts of a bounded length that can be shown, printed and stored as they are.

use std::{borrow::Cow, fmt, ops::Deref};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use unicode_normalization::UnicodeNormalization;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

/// Why a text cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotLimited {
    /// Nothing was given, or nothing but white space.
    #[error("must not be empty")]
    Empty,
    /// More characters than the field takes.
    #[error("must have at most {max} characters, has {given}")]
    TooLong {
        /// The limit, in characters (Unicode scalar values).
        max: usize,
        /// What was given, in characters.
        given: usize,
    },
    /// A line break in a field of one line.
    #[error("must be one line")]
    LineBreak,
    /// A control character.
    #[error("must not contain the control character U+{:04X}", u32::from(*.0))]
    Control(char),
    /// A character that turns the direction of writing, by which a text can show other words than it holds.
    #[error("must not contain the direction control U+{:04X}", u32::from(*.0))]
    Direction(char),
}

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Line,
    Text,
}

/// Trims and normalises (NFC), then checks. One function for the constants below and for limits known only at run time.
fn clean(text: &str, max: usize, shape: Shape) -> Result<String, NotLimited> {
    let text: String = match shape {
        Shape::Line => text.trim().nfc().collect(),
        Shape::Text => {
            let unix = text.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}'], "\n");
            unix.trim().nfc().collect()
        }
    };
    for character in text.chars() {
        match character {
            '\n' | '\t' if shape == Shape::Text => {}
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' if shape == Shape::Line => {
                return Err(NotLimited::LineBreak);
            }
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                return Err(NotLimited::Direction(character));
            }
            _ if character.is_control() => return Err(NotLimited::Control(character)),
            _ => {}
        }
    }
    match text.chars().count() {
        0 => Err(NotLimited::Empty),
        given if given > max => Err(NotLimited::TooLong { max, given }),
        _ => Ok(text),
    }
}

/// The rule of [`Text`] for a limit that stands in data; gives the text as it is to be stored.
///
/// # Errors
/// [`NotLimited`] says what is wrong.
pub fn clean_text(text: &str, max: usize) -> Result<String, NotLimited> {
    clean(text, max, Shape::Text)
}

macro_rules! limited {
    ($(#[$doc:meta])* $name:ident $label:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name<const MAX: usize>(String);

        impl<const MAX: usize> $name<MAX> {
            /// Trims, normalises (NFC) and checks.
            ///
            /// # Errors
            /// [`NotLimited`] says what is wrong.
            pub fn parse(text: &str) -> Result<Self, NotLimited> {
                clean(text, MAX, Shape::$name).map(Self)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, taken out.
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl<const MAX: usize> Deref for $name<MAX> {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl<const MAX: usize> AsRef<str> for $name<MAX> {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl<const MAX: usize> fmt::Display for $name<MAX> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<const MAX: usize> From<$name<MAX>> for String {
            fn from(text: $name<MAX>) -> String {
                text.0
            }
        }

        impl<const MAX: usize> std::str::FromStr for $name<MAX> {
            type Err = NotLimited;
            fn from_str(text: &str) -> Result<Self, NotLimited> {
                Self::parse(text)
            }
        }

        impl<'de, const MAX: usize> Deserialize<'de> for $name<MAX> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }

        impl<const MAX: usize> PartialSchema for $name<MAX> {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .min_length(Some(1))
                    .max_length(Some(MAX))
                    .description(Some($label))
                    .into()
            }
        }

        impl<const MAX: usize> ToSchema for $name<MAX> {
            // The limit is part of the name: utoipa tells types apart by their names.
            fn name() -> Cow<'static, str> {
                Cow::Owned(format!(concat!(stringify!($name), "{}"), MAX))
            }
        }
    };
}

limited! {
    /// One line of 1 to `MAX` characters, trimmed, in NFC, without control characters.
    Line "One line without control characters."
}

limited! {
    /// A text of 1 to `MAX` characters, trimmed, in NFC. Lines end with `\n` (CRLF is mended), tabs are allowed, other
    /// control characters are not.
    Text "A text; line breaks and tabs are allowed, other control characters are not."
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_trimmed_and_normalised() {
        assert_eq!(Line::<10>::parse("  Иванов \u{a0}").unwrap().as_str(), "Иванов");
        assert_eq!(Line::<1>::parse("и\u{306}").unwrap().as_str(), "й");
        assert_eq!(&*Line::<3>::parse("ёёё").unwrap(), "ёёё");
    }

    #[test]
    fn a_text_keeps_its_lines_and_mends_their_ends() {
        assert_eq!(Text::<20>::parse("\nа\r\nб\rв\u{2028}г\tд\n").unwrap().into_string(), "а\nб\nв\nг\tд");
    }

    #[test]
    fn the_refusal_says_what_is_wrong() {
        let line = |text| Line::<3>::parse(text).unwrap_err().to_string();
        assert_eq!(line(" \t "), "must not be empty");
        assert_eq!(line("абвг"), "must have at most 3 characters, has 4");
        assert_eq!(line("а\nб"), "must be one line");
        assert_eq!(line("а\u{2029}б"), "must be one line");
        assert_eq!(line("а\u{7}"), "must not contain the control character U+0007");
        assert_eq!(line("а\tб"), "must not contain the control character U+0009");
        assert_eq!(line("\u{202e}а"), "must not contain the direction control U+202E");
        let text = |text| Text::<3>::parse(text).unwrap_err().to_string();
        assert_eq!(text("\r\n"), "must not be empty");
        assert_eq!(text("а\0"), "must not contain the control character U+0000");
        assert_eq!(text("\u{2066}"), "must not contain the direction control U+2066");
    }

    #[derive(Debug, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    struct Form {
        #[expect(dead_code, reason = "only its reading and its schema are tested")]
        name: Line<5>,
        #[expect(dead_code, reason = "only its reading and its schema are tested")]
        remark: Option<Text<7>>,
    }

    #[test]
    fn json_names_the_fault() {
        let refusal = serde_json::from_str::<Form>(r#"{"name":"слишком длинно"}"#).unwrap_err().to_string();
        assert!(refusal.starts_with("must have at most 5 characters, has 14"), "{refusal}");
        assert!(serde_json::from_str::<Form>(r#"{"name":"а","remark":"б\nв"}"#).is_ok());
        assert_eq!(serde_json::to_string(&Line::<5>::parse(" а ").unwrap()).unwrap(), "\"а\"");
    }

    #[test]
    fn the_document_tells_the_limits() {
        let mut schemas = Vec::new();
        Form::schemas(&mut schemas);
        let document = serde_json::to_value(schemas).unwrap();
        let found: Vec<_> = document
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| {
                (
                    entry[0].as_str().unwrap(),
                    entry[1]["type"].as_str().unwrap(),
                    entry[1]["maxLength"].as_u64(),
                )
            })
            .collect();
        assert_eq!(found, [("Line5", "string", Some(5)), ("Text7", "string", Some(7))]);
        let form = serde_json::to_value(Form::schema()).unwrap();
        assert_eq!(form["properties"]["name"]["$ref"], "#/components/schemas/Line5");
    }

    proptest! {
        #[test]
        fn what_is_taken_keeps_the_rule(text in any::<String>()) {
            if let Ok(line) = Line::<40>::parse(&text) {
                prop_assert!(!line.chars().any(char::is_control));
                prop_assert!((1..=40).contains(&line.chars().count()));
                prop_assert_eq!(line.trim(), &*line);
                prop_assert_eq!(Line::<40>::parse(&line), Ok(line.clone()));
            }
            if let Ok(text) = Text::<40>::parse(&text) {
                prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
                prop_assert!((1..=40).contains(&text.chars().count()));
                prop_assert_eq!(Text::<40>::parse(&text), Ok(text.clone()));
            }
        }
    }
}
