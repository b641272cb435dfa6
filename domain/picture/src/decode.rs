//! Pixels out of untrusted bytes, within limits that the header cannot talk away.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, Rgb, RgbImage};
use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::JpegDecoder;

use crate::{Format, Refusal};

/// The most pixels that are decoded: a hundred megapixels, four times what phones commonly send.
pub const MAX_PIXELS: u64 = 100_000_000;

/// The longest side that is decoded, in pixels; the longest that JPEG knows.
pub const MAX_SIDE: u32 = 65_535;

/// The most a decoder may allocate, in bytes.
pub const MAX_ALLOCATION: u64 = 512 * 1024 * 1024;

/// Pixels, and whether the decoder had to guess at some of them.
pub(crate) struct Decoded {
    pub(crate) pixels: RgbImage,
    pub(crate) damaged: bool,
}

/// Decodes a picture that is not HEIC; what is transparent stands on white.
pub(crate) fn decode(format: Format, bytes: &[u8]) -> Result<Decoded, Refusal> {
    let format = match format {
        Format::Jpeg => return jpeg(bytes),
        Format::Png => image::ImageFormat::Png,
        Format::WebP => image::ImageFormat::WebP,
        _ => return Err(Refusal::NotAPicture),
    };
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOCATION);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(refusal)?;
    let (width, height) = decoder.dimensions();
    check_size(width.into(), height.into())?;
    if decoder.total_bytes() > MAX_ALLOCATION {
        return Err(Refusal::TooManyPixels);
    }
    let pixels = DynamicImage::from_decoder(decoder).map(on_white).map_err(refusal)?;
    Ok(Decoded { pixels, damaged: false })
}

/// To the letter first. What breaks the letter is decoded as far as it goes and called damaged: a camera that fell into
/// the water has made its photo still.
fn jpeg(bytes: &[u8]) -> Result<Decoded, Refusal> {
    let strictly = jpeg_with(bytes, true);
    match strictly {
        Ok(pixels) => Ok(Decoded { pixels, damaged: false }),
        Err(Refusal::Undecodable) => Ok(Decoded { pixels: jpeg_with(bytes, false)?, damaged: true }),
        Err(refusal) => Err(refusal),
    }
}

fn jpeg_with(bytes: &[u8], strict: bool) -> Result<RgbImage, Refusal> {
    let options = DecoderOptions::default()
        .set_strict_mode(strict)
        .set_max_width(MAX_SIDE as usize)
        .set_max_height(MAX_SIDE as usize)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|_| Refusal::Undecodable)?;
    let (width, height) = decoder.dimensions().ok_or(Refusal::Undecodable)?;
    check_size(width as u64, height as u64)?;
    let pixels = decoder.decode().map_err(|_| Refusal::Undecodable)?;
    let side = |value: usize| u32::try_from(value).map_err(|_| Refusal::TooManyPixels);
    RgbImage::from_raw(side(width)?, side(height)?, pixels).ok_or(Refusal::Undecodable)
}

/// Passes sizes within the limits.
pub(crate) fn check_size(width: u64, height: u64) -> Result<(), Refusal> {
    match width.checked_mul(height) {
        Some(0) => Err(Refusal::Undecodable),
        Some(pixels) if pixels <= MAX_PIXELS && width.max(height) <= u64::from(MAX_SIDE) => Ok(()),
        _ => Err(Refusal::TooManyPixels),
    }
}

fn refusal(error: ImageError) -> Refusal {
    match error {
        ImageError::Limits(_) => Refusal::TooManyPixels,
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Refusal::Truncated,
        _ => Refusal::Undecodable,
    }
}

/// What is transparent is seen on white, as on paper.
fn on_white(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let image = image.into_rgba8();
    let mut paper = RgbImage::new(image.width(), image.height());
    for (to, from) in paper.pixels_mut().zip(image.pixels()) {
        let [red, green, blue, alpha] = from.0.map(u32::from);
        let mix =
            |value: u32| u8::try_from((value * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX);
        *to = Rgb([mix(red), mix(green), mix(blue)]);
    }
    paper
}
