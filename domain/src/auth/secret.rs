//! Secrets of the server for HMAC, all derived from the one signing key, so that there is one file to guard.

use aws_lc_rs::{hkdf, hmac, rand};

use crate::{Error, Result};

/// What a derived secret is for. Each purpose has a secret of its own: a leak or a misuse of one says nothing of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Successors of refresh tokens.
    Rotation,
    /// Hashes of one-time codes.
    Otp,
    /// Signatures of page cursors.
    Cursor,
    /// Signatures of places in the feeds of phones.
    Feed,
    /// Keys by which phones deliver.
    Delivery,
    /// Tokens that pairing codes stand for.
    Pairing,
    /// Signatures of links to calendars.
    Calendar,
    /// Signatures of links to content.
    Content,
    /// Signatures of links to questions about the quality.
    Survey,
}

impl Purpose {
    /// The HKDF `info`; changing one makes everything made with its secret void.
    fn label(self) -> &'static [u8] {
        match self {
            Purpose::Rotation => b"rotation",
            Purpose::Otp => b"otp",
            Purpose::Cursor => b"cursor",
            Purpose::Feed => b"feed",
            Purpose::Delivery => b"delivery",
            Purpose::Pairing => b"pairing",
            Purpose::Calendar => b"calendar",
            Purpose::Content => b"content",
            Purpose::Survey => b"survey",
        }
    }
}

/// A secret of 32 bytes for HMAC-SHA256. It never shows itself.
#[derive(Clone)]
pub struct ServerSecret(hmac::Key);

impl ServerSecret {
    /// Derives the secret of one purpose from key material by HKDF-SHA256 (RFC 5869).
    pub(super) fn derive(material: &[u8], purpose: Purpose) -> Result<Self> {
        let mut bytes = [0; 32];
        hkdf::Salt::new(hkdf::HKDF_SHA256, b"naryad")
            .extract(material)
            .expand(&[purpose.label()], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut bytes))
            .map_err(Error::internal)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// A secret of no worth.
    #[cfg(any(test, feature = "testing"))]
    pub fn for_tests(purpose: Purpose) -> Self {
        match Self::derive(&[7; 32], purpose) {
            Ok(secret) => secret,
            Err(error) => unreachable!("{error}"),
        }
    }

    /// HMAC-SHA256 of `message`. A message of several parts needs an unambiguous layout; that is the caller's matter.
    pub fn mac(&self, message: &[u8]) -> [u8; 32] {
        let mut tag = [0; 32];
        tag.copy_from_slice(hmac::sign(&self.0, message).as_ref());
        tag
    }

    /// Whether `tag` is the HMAC of `message`; compared in constant time.
    pub fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.0, message, tag).is_ok()
    }
}

impl std::fmt::Debug for ServerSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerSecret(..)")
    }
}

/// Bytes from the CSPRNG.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(Error::internal)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_and_each_key_has_a_secret_of_its_own() {
        let mut tags: Vec<_> = [[1; 32], [2; 32]]
            .iter()
            .flat_map(|material| {
                [Purpose::Rotation, Purpose::Otp, Purpose::Cursor]
                    .map(|purpose| ServerSecret::derive(material, purpose).unwrap().mac(b"message"))
            })
            .collect();
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), 6);
    }

    #[test]
    fn a_derived_secret_is_the_same_after_a_restart() {
        // Computed apart from this code: HKDF-SHA256 (salt "naryad", 32 times 0x07, info "cursor"), then HMAC-SHA256.
        let secret = ServerSecret::derive(&[7; 32], Purpose::Cursor).unwrap();
        assert_eq!(
            hex::encode(secret.mac(b"message")),
            "d06a7650fa1d703c5cd7d750df21d4d66241fdb5722247e2499ab6794cd875f7"
        );
    }

    #[test]
    fn verify_takes_the_right_tag_only() {
        let secret = ServerSecret::derive(&[7; 32], Purpose::Otp).unwrap();
        let tag = secret.mac(b"message");
        assert!(secret.verify(b"message", &tag));
        assert!(!secret.verify(b"massage", &tag));
        assert!(!secret.verify(b"message", &tag[..31]));
        assert!(!secret.verify(b"message", &[]));
    }
}
