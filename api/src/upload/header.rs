//! What stands in the headers of tus 1.0, out of untrusted text: pure, so that it can be fuzzed by itself.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The algorithm of checksums.
pub(crate) const CHECKSUM: &str = "sha256";

/// What is wrong with a checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChecksumFault {
    /// It is not an algorithm and Base64.
    Malformed,
    /// The algorithm is another.
    Algorithm,
    /// It is not 32 bytes.
    Length,
}

/// `sha256` and the Base64 of the hash.
pub(crate) fn checksum(value: &str) -> Result<[u8; 32], ChecksumFault> {
    let (algorithm, hash) = value.trim().split_once(' ').ok_or(ChecksumFault::Malformed)?;
    if algorithm != CHECKSUM {
        return Err(ChecksumFault::Algorithm);
    }
    let hash = STANDARD.decode(hash.trim()).ok().and_then(|hash| hash.try_into().ok());
    hash.ok_or(ChecksumFault::Length)
}

/// `photo_id` and `sha256` among pairs of a key and its value in Base64, as text; other keys are passed over.
///
/// The error says what is wrong, naming the key.
pub(crate) fn metadata(value: &str) -> Result<(String, String), String> {
    let (mut photo, mut sha256) = (None, None);
    for pair in value.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let place = match key {
            "photo_id" => &mut photo,
            "sha256" => &mut sha256,
            _ => continue,
        };
        let bytes = STANDARD.decode(value.trim()).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(|| format!("{key} is not text in Base64"))?;
        if place.replace(text).is_some() {
            return Err(format!("{key} stands twice"));
        }
    }
    let missing = |key: &str| format!("{key} is missing");
    Ok((photo.ok_or_else(|| missing("photo_id"))?, sha256.ok_or_else(|| missing("sha256"))?))
}

/// A number of bytes in decimal digits; what is beyond any number we know is beyond every limit too.
pub(crate) fn number(value: &str) -> Option<u64> {
    let value = value.trim();
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| value.parse().unwrap_or(u64::MAX))
}
