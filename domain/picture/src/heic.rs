//! HEIC by a young decoder: the size is judged from the headers before it is asked for pixels, and it runs one at a
//! time, because it needs twenty bytes a pixel.

use std::sync::{Mutex, PoisonError};

use image::RgbImage;

use crate::{
    Refusal,
    decode::{Decoded, check_size},
};

/// The most pixels of a HEIC that are decoded: fifty megapixels, the largest that phones of today send.
const MAX_PIXELS: u64 = 50_000_000;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Decodes a HEIC, upright: its own rotation is part of the container and applied here.
pub(crate) fn decode(bytes: &[u8]) -> Result<Decoded, Refusal> {
    let info = heic_decoder::probe(bytes).map_err(|_| Refusal::Undecodable)?;
    for (width, height) in [(info.width, info.height), (info.coded_width, info.coded_height)] {
        let (width, height) = (width as u64, height as u64);
        check_size(width, height)?;
        if width * height > MAX_PIXELS {
            return Err(Refusal::TooManyPixels);
        }
    }
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let decoded = heic_decoder::decode(bytes).map_err(|_| Refusal::Undecodable)?;
    let rgb = decoded.to_rgb8().map_err(|_| Refusal::Undecodable)?;
    let side = |value: usize| u32::try_from(value).map_err(|_| Refusal::TooManyPixels);
    let pixels =
        RgbImage::from_raw(side(rgb.width)?, side(rgb.height)?, rgb.data).ok_or(Refusal::Undecodable)?;
    Ok(Decoded { pixels, damaged: false })
}
