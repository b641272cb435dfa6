//! Messages that only the browser reads: `aes128gcm` (RFC 8188) with the keys of RFC 8291.

use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey},
    hkdf::{HKDF_SHA256, KeyType, Salt},
    rand,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use naryad_domain::channel::Subscription;

/// A push service takes no longer body (RFC 8030, section 7.2), in bytes; it is the length of a record too.
const LONGEST: u32 = 4096;
const SALT: usize = 16;
/// Salt, length of a record, length of our public key, and the key itself.
const HEADER: usize = SALT + 4 + 1 + POINT;
const TAG: usize = 16;
/// An uncompressed point of P-256.
const POINT: usize = 65;
/// What ends the last record.
const LAST: u8 = 2;
/// The longest payload, in bytes.
pub(super) const LONGEST_PAYLOAD: usize = LONGEST as usize - HEADER - TAG - 1;

/// Why a payload was not encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsealed {
    /// The browser's keys are none.
    NoKeys,
    /// It is too long.
    TooLong,
    /// There is no randomness, or the library failed.
    Failed,
}

/// The keys of a browser.
pub(super) struct Reader {
    point: Vec<u8>,
    auth: [u8; 16],
}

impl Reader {
    pub(super) fn of(subscription: &Subscription) -> Result<Self, Unsealed> {
        let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('='));
        let point = decoded(&subscription.p256dh).map_err(|_| Unsealed::NoKeys)?;
        let auth = decoded(&subscription.auth).map_err(|_| Unsealed::NoKeys)?;
        let auth = auth.try_into().map_err(|_| Unsealed::NoKeys)?;
        // A compressed point would be understood here and not by the browser: both hash the bytes.
        if point.len() != POINT {
            return Err(Unsealed::NoKeys);
        }
        Ok(Self { point, auth })
    }

    /// The payload for this browser, with a key and a salt of its own.
    pub(super) fn seal(&self, payload: &[u8]) -> Result<Vec<u8>, Unsealed> {
        let mut salt = [0; SALT];
        rand::fill(&mut salt).map_err(|_| Unsealed::Failed)?;
        let own = PrivateKey::generate(&ECDH_P256).map_err(|_| Unsealed::Failed)?;
        self.seal_with(payload, &own, salt)
    }

    pub(super) fn seal_with(
        &self,
        payload: &[u8],
        own: &PrivateKey,
        salt: [u8; SALT],
    ) -> Result<Vec<u8>, Unsealed> {
        if payload.len() > LONGEST_PAYLOAD {
            return Err(Unsealed::TooLong);
        }
        let own_point = own.compute_public_key().map_err(|_| Unsealed::Failed)?;
        let secret = self.secret(own, own_point.as_ref())?;
        let derived = Salt::new(HKDF_SHA256, &salt).extract(&secret);
        let key: [u8; 16] = expand(&derived, &[b"Content-Encoding: aes128gcm\0"])?;
        let nonce: [u8; NONCE_LEN] = expand(&derived, &[b"Content-Encoding: nonce\0"])?;

        let mut record = Vec::with_capacity(payload.len() + 1 + TAG);
        record.extend_from_slice(payload);
        record.push(LAST);
        let key = UnboundKey::new(&AES_128_GCM, &key).map_err(|_| Unsealed::Failed)?;
        LessSafeKey::new(key)
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut record)
            .map_err(|_| Unsealed::Failed)?;

        let mut body = Vec::with_capacity(HEADER + record.len());
        body.extend_from_slice(&salt);
        body.extend_from_slice(&LONGEST.to_be_bytes());
        body.push(POINT as u8);
        body.extend_from_slice(own_point.as_ref());
        body.extend_from_slice(&record);
        Ok(body)
    }

    /// What the browser and we alone know (RFC 8291, section 3.4).
    fn secret(&self, own: &PrivateKey, own_point: &[u8]) -> Result<[u8; 32], Unsealed> {
        let browser = UnparsedPublicKey::new(&ECDH_P256, &self.point);
        let info: [&[u8]; 3] = [b"WebPush: info\0", &self.point, own_point];
        agreement::agree(own, browser, Unsealed::NoKeys, |shared| {
            expand(&Salt::new(HKDF_SHA256, &self.auth).extract(shared), &info)
        })
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(from: &aws_lc_rs::hkdf::Prk, info: &[&[u8]]) -> Result<[u8; N], Unsealed> {
    let mut out = [0; N];
    from.expand(info, Length(N))
        .and_then(|expanded| expanded.fill(&mut out))
        .map_err(|_| Unsealed::Failed)?;
    Ok(out)
}
