//! Codes by which a phone is paired: eight symbols for two people to read from one screen to another.

use super::{
    RefreshToken,
    secret::{ServerSecret, random},
};
use crate::Result;

const SYMBOLS: usize = 8;

/// Crockford's base 32: no I, L, O or U, which are read as others.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Eight symbols, 40 bits. They never stand in `Debug` or a log.
#[derive(Clone, PartialEq, Eq)]
pub struct PairingCode([u8; SYMBOLS]);

impl PairingCode {
    /// A fresh code from the CSPRNG; every code is equally likely.
    ///
    /// # Errors
    /// `internal` when there is no randomness.
    pub fn generate() -> Result<Self> {
        let drawn: [u8; SYMBOLS] = random()?;
        Ok(Self(drawn.map(|byte| ALPHABET[usize::from(byte % 32)])))
    }

    /// Reads what a person typed: in any case, with spaces and hyphens or without, with what is taken for another symbol.
    pub fn parse(text: &str) -> Option<Self> {
        // Longer than anybody types: not worth looking at.
        if text.len() > 40 {
            return None;
        }
        let typed = text.bytes().filter(|byte| !matches!(byte, b' ' | b'-'));
        let read: Vec<u8> = typed
            .map(|byte| match byte.to_ascii_uppercase() {
                b'O' => b'0',
                b'I' | b'L' => b'1',
                other => other,
            })
            .collect();
        let symbols: [u8; SYMBOLS] = read.try_into().ok()?;
        symbols.iter().all(|symbol| ALPHABET.contains(symbol)).then_some(Self(symbols))
    }

    /// `ABCD-EFGH`, for the one who shows it and for nobody else.
    pub fn expose(&self) -> String {
        let text: String = self.0.iter().copied().map(char::from).collect();
        let (first, second) = text.split_at(SYMBOLS / 2);
        format!("{first}-{second}")
    }

    /// The token that it stands for: HMAC-SHA256 under the secret [`Purpose::Pairing`](super::Purpose::Pairing). Without
    /// the server's secret a stolen table tells no code.
    pub fn token(&self, secret: &ServerSecret) -> RefreshToken {
        RefreshToken::of_mac(secret.mac(&self.0))
    }
}

impl std::fmt::Debug for PairingCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PairingCode(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_shown_is_read_however_it_is_typed(drawn in any::<[u8; SYMBOLS]>(), lower in any::<bool>(), bare in any::<bool>()) {
            let code = PairingCode(drawn.map(|byte| ALPHABET[usize::from(byte % 32)]));
            let mut typed = code.expose();
            if lower {
                typed = typed.to_lowercase().replace('0', "o").replace('1', "l");
            }
            if bare {
                typed = typed.replace('-', " ");
            }
            prop_assert_eq!(PairingCode::parse(&typed), Some(code));
        }

        #[test]
        fn anything_else_is_no_code(text in ".{0,50}") {
            if let Some(code) = PairingCode::parse(&text) {
                prop_assert_eq!(PairingCode::parse(&code.expose()), Some(code));
            }
        }
    }
}
