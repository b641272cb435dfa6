//! Reads untrusted photos within limits: format, facts, previews, perceptual hash. No files, no network, no database.
//!
//! [`examine`] is the one way in. It never panics: what breaks a decoder is [`Refusal::Undecodable`]. Its memory is
//! bounded by [`MAX_PIXELS`] and [`MAX_ALLOCATION`], whatever a header claims; the caller bounds how many run at once.

mod decode;
mod exif;
mod format;
mod hash;
#[cfg(feature = "heic")]
mod heic;
mod preview;
mod whole;

#[cfg(test)]
mod tests;

pub use self::{
    decode::{MAX_ALLOCATION, MAX_PIXELS, MAX_SIDE},
    exif::{Facts, GeoPoint},
    format::Format,
    hash::{BANDS, NEAR, PerceptualHash},
    preview::{LARGE, Preview, SIDES, SMALL},
};

use std::panic::{AssertUnwindSafe, catch_unwind};

use self::decode::Decoded;

/// What was found in a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Examined {
    /// What the bytes are.
    pub format: Format,
    /// What the file says of itself. It may lie.
    pub facts: Facts,
    /// The picture, upright; `None`: whole as far as can be told, but nothing here decodes it ([`Format::Heic`]).
    pub picture: Option<Picture>,
    /// The file breaks the letter of its format: some of the picture is the decoder's guess.
    pub damaged: bool,
}

/// A decoded picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Its width when held upright, in pixels.
    pub width: u32,
    /// Its height when held upright, in pixels.
    pub height: u32,
    /// Its perceptual hash; `None` for a picture too plain to be told from another plain one.
    pub hash: Option<PerceptualHash>,
    /// JPEG without metadata, upright, the large one first. Never larger than the picture.
    pub previews: [Preview; 2],
}

/// Why bytes are no picture that can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The bytes are of no picture format that is known here.
    #[error("not a picture")]
    NotAPicture,
    /// More pixels, or a longer side, than are decoded here.
    #[error("more pixels than are decoded here")]
    TooManyPixels,
    /// The file ends before the picture does.
    #[error("the file ends before the picture does")]
    Truncated,
    /// The decoder does not understand it.
    #[error("the decoder does not understand it")]
    Undecodable,
}

impl Refusal {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotAPicture => "not_a_picture",
            Self::TooManyPixels => "too_many_pixels",
            Self::Truncated => "truncated",
            Self::Undecodable => "undecodable",
        }
    }
}

/// Reads a picture: its facts, its previews, its hash.
///
/// # Errors
/// A [`Refusal`] for what cannot be shown. HEIC that cannot be decoded is no error: the decoders are young, and phones
/// send it; it has no [`Examined::picture`] then.
pub fn examine(bytes: &[u8]) -> Result<Examined, Refusal> {
    let format = Format::detect(bytes).filter(|format| format.is_picture()).ok_or(Refusal::NotAPicture)?;
    let facts = caught(|| exif::facts(bytes)).unwrap_or_default();
    let decoded = match decode(format, bytes) {
        // What phones send is kept, whether somebody here understands it or not.
        Err(Refusal::Undecodable) if format == Format::Heic => {
            return Ok(Examined { format, facts, picture: None, damaged: false });
        }
        decoded => decoded?,
    };
    // A HEIC is turned by its container.
    let orientation = if format == Format::Heic { 1 } else { facts.orientation };
    let picture =
        caught(|| preview::render(&decoded.pixels, orientation)).flatten().ok_or(Refusal::Undecodable)?;
    Ok(Examined { format, facts, picture: Some(picture), damaged: decoded.damaged })
}

/// The pixels of a picture as they are stored, on white where it is transparent, within the same limits; for a
/// signature that is drawn into a document.
///
/// # Errors
/// As [`examine`]; HEIC is [`Refusal::Undecodable`] where nothing decodes it.
pub fn pixels(bytes: &[u8]) -> Result<image::RgbImage, Refusal> {
    let format = Format::detect(bytes).filter(|format| format.is_picture()).ok_or(Refusal::NotAPicture)?;
    decode(format, bytes).map(|decoded| decoded.pixels)
}

fn decode(format: Format, bytes: &[u8]) -> Result<Decoded, Refusal> {
    let decoded = match format {
        #[cfg(feature = "heic")]
        Format::Heic => caught(|| heic::decode(bytes)),
        #[cfg(not(feature = "heic"))]
        Format::Heic => None,
        _ => {
            whole::check(format, bytes)?;
            caught(|| decode::decode(format, bytes))
        }
    };
    decoded.unwrap_or(Err(Refusal::Undecodable))
}

/// Runs foreign code on foreign bytes. `None`: it panicked.
fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}
