//! Sealed texts: opaque to the client and impossible to forge. Page cursors are sealed.
//!
//! A seal signs and does not hide: put nothing into a cursor that its reader may not know.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::secret::ServerSecret;
use crate::{Error, Result};

const TAG: usize = 32;

/// Signs `bytes` with HMAC-SHA256 (secret [`Purpose::Cursor`](super::Purpose::Cursor)) and writes tag and bytes as base64url.
pub fn seal(secret: &ServerSecret, bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode([secret.mac(bytes).as_slice(), bytes].concat())
}

/// The bytes that were sealed.
///
/// # Errors
/// `invalid_field` naming `cursor` for everything that [`seal`] did not make with this secret.
pub fn open(secret: &ServerSecret, text: &str) -> Result<Vec<u8>> {
    let forged = || Error::field("cursor", "not a cursor of this service; start from the first page");
    let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| forged())?;
    let (tag, bytes) = sealed.split_at_checked(TAG).ok_or_else(forged)?;
    if secret.verify(bytes, tag) { Ok(bytes.to_vec()) } else { Err(forged()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::auth::secret::Purpose;

    fn secret() -> ServerSecret {
        ServerSecret::derive(&[7; 32], Purpose::Cursor).unwrap()
    }

    #[test]
    fn the_seal_of_another_server_is_refused() {
        let elsewhere = ServerSecret::derive(&[8; 32], Purpose::Cursor).unwrap();
        let refusal = open(&secret(), &seal(&elsewhere, b"after 17")).unwrap_err();
        assert_eq!(refusal.fields()[0].field, "cursor");
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(bytes in any::<Vec<u8>>()) {
            let text = seal(&secret(), &bytes);
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            prop_assert_eq!(open(&secret(), &text).unwrap(), bytes);
        }

        #[test]
        fn one_other_character_anywhere_is_refused(
            bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), with in "[A-Za-z0-9_=-]",
        ) {
            let text = seal(&secret(), &bytes);
            let at = at.index(text.len());
            prop_assume!(text[at..=at] != with);
            let mut forged = text;
            forged.replace_range(at..=at, &with);
            let refusal = open(&secret(), &forged).unwrap_err();
            prop_assert_eq!(&refusal.fields()[0].field, "cursor");
        }

        #[test]
        fn a_cut_seal_is_refused(bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>()) {
            let text = seal(&secret(), &bytes);
            prop_assert!(open(&secret(), &text[..at.index(text.len())]).is_err());
        }

        #[test]
        fn garbage_is_refused_without_a_panic(text in ".{0,120}|[A-Za-z0-9_-]{0,120}") {
            prop_assert!(open(&secret(), &text).is_err());
        }
    }
}
