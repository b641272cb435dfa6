//! Values that the gateways write now as numbers, now as texts.

use serde::Deserialize;

/// A number, or a text that may hold one.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Loose {
    Whole(i64),
    Real(f64),
    Text(String),
}

impl Loose {
    /// The whole number.
    pub(super) fn number(&self) -> Option<i64> {
        match self {
            Self::Whole(number) => Some(*number),
            Self::Real(_) => None,
            Self::Text(text) => text.trim().parse().ok(),
        }
    }

    /// The name of a message: short and plain.
    pub(super) fn name(&self) -> Option<String> {
        match self {
            Self::Whole(number) => Some(number.to_string()),
            Self::Real(_) => None,
            Self::Text(text) => {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
                let name = !text.is_empty() && text.len() <= 64 && text.bytes().all(plain);
                name.then(|| text.clone())
            }
        }
    }

    /// An amount of money.
    pub(super) fn money(&self) -> Option<String> {
        let amount = match self {
            Self::Whole(number) => return Some(number.to_string()),
            Self::Real(amount) => *amount,
            Self::Text(text) => text.trim().parse().ok()?,
        };
        amount.is_finite().then(|| format!("{amount:.2}"))
    }
}
