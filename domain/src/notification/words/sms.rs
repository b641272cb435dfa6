//! How long a text message is: what the person pays attention to, and the organization pays for.

use serde::Serialize;
use utoipa::ToSchema;

/// How a text goes as a text message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SmsSize {
    /// Characters as the gateway counts them: septets of the GSM alphabet, or UTF-16 units.
    pub length: u32,
    /// How many messages it is cut into.
    pub parts: u32,
    /// It holds a character outside the GSM alphabet, and goes as UCS-2: 70 characters a message and not 160.
    pub unicode: bool,
}

/// Characters of the GSM alphabet (3GPP TS 23.038) that take one septet.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Those that take two.
const EXTENDED: &str = "^{}\\[~]|€\u{c}";

impl SmsSize {
    /// The size of a text.
    pub fn of(text: &str) -> Self {
        let septets: Option<Vec<u32>> = text
            .chars()
            .map(|c| if BASIC.contains(c) { Some(1) } else { EXTENDED.contains(c).then_some(2) })
            .collect();
        let (units, unicode) = match septets {
            Some(units) => (units, false),
            None => (text.chars().map(|c| c.len_utf16() as u32).collect(), true),
        };
        let (alone, joined) = if unicode { (70, 67) } else { (160, 153) };
        let length: u32 = units.iter().sum();
        if length <= alone {
            return Self { length, parts: u32::from(length > 0), unicode };
        }
        // A character is not cut in two.
        let (mut parts, mut room) = (1, joined);
        for unit in units {
            if unit > room {
                (parts, room) = (parts + 1, joined);
            }
            room -= unit;
        }
        Self { length, parts, unicode }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_limits_are_those_of_the_alphabet() {
        for (text, parts, unicode) in [
            (String::new(), 0, false),
            ("a".repeat(160), 1, false),
            ("a".repeat(161), 2, false),
            ("a".repeat(306), 2, false),
            ("a".repeat(307), 3, false),
            ("я".repeat(70), 1, true),
            ("я".repeat(71), 2, true),
            ("я".repeat(134), 2, true),
            ("я".repeat(135), 3, true),
            ("€".repeat(80), 1, false),
            // Two septets are not parted: 76 of them fit into 153.
            ("€".repeat(153), 3, false),
            ("😀".repeat(35), 1, true),
            ("😀".repeat(66), 2, true),
            ("😀".repeat(67), 3, true),
        ] {
            let size = SmsSize::of(&text);
            assert_eq!(
                (size.parts, size.unicode),
                (parts, unicode),
                "{} × {:?}",
                text.chars().count(),
                text.chars().next()
            );
        }
    }

    proptest! {
        #[test]
        fn more_text_is_never_fewer_parts(text in ".{0,400}", more in ".{0,40}") {
            let (less, longer) = (SmsSize::of(&text), SmsSize::of(&format!("{text}{more}")));
            prop_assert!(longer.parts >= less.parts);
            prop_assert!(longer.length >= less.length || longer.unicode != less.unicode);
            let room = if longer.unicode { 67 } else { 153 };
            prop_assert!(longer.parts <= 1 || longer.parts * room >= longer.length);
        }
    }
}
