//! Photos made by the program: small, real, and the same bytes for the same seed.

use std::io::Cursor;

use image::{ExtendedColorType, ImageEncoder, RgbImage, codecs::jpeg::JpegEncoder, codecs::png::PngEncoder};
use sha2::{Digest, Sha256};

/// Width of the usual photo, in pixels.
pub const WIDTH: u32 = 64;
/// Height of the usual photo, in pixels.
pub const HEIGHT: u32 = 48;

/// A JPEG of 64 x 48 pixels; another seed is another picture, also to a perceptual hash.
pub fn jpeg(seed: u64) -> Vec<u8> {
    jpeg_of(seed, WIDTH, HEIGHT, 85)
}

/// A JPEG of any size and quality (1..=100). The same seed is the same scene at every size and quality.
pub fn jpeg_of(seed: u64, width: u32, height: u32, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .write_image(&scene(seed, width, height), width, height, ExtendedColorType::Rgb8)
        .expect("a scene encodes as JPEG");
    bytes
}

/// A PNG of 64 x 48 pixels.
pub fn png(seed: u64) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    PngEncoder::new(&mut bytes)
        .write_image(&scene(seed, WIDTH, HEIGHT), WIDTH, HEIGHT, ExtendedColorType::Rgb8)
        .expect("a scene encodes as PNG");
    bytes.into_inner()
}

/// A file that begins as a JPEG (magic bytes and header are right) and does not decode.
pub fn broken_jpeg(seed: u64) -> Vec<u8> {
    let mut bytes = jpeg(seed);
    // Everything after the quantization and frame headers is cut, and the rest is noise.
    bytes.truncate(160);
    let mut noise = Noise(seed);
    bytes.extend((0..512).map(|_| u8::try_from(noise.next() & 0x7f).unwrap_or_default()));
    bytes
}

/// Bytes of the given length that are no photo at all.
pub fn not_a_photo(seed: u64, length: usize) -> Vec<u8> {
    let mut noise = Noise(seed);
    let letters = (0..length).map(|_| b'a' + u8::try_from(noise.next() % 26).unwrap_or_default());
    letters.collect()
}

/// SHA-256 of the bytes in lower-case hexadecimal, as `photo.add` wants it.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Soft coloured tiles: coarse enough that a scaled or recompressed copy stays the same scene.
fn scene(seed: u64, width: u32, height: u32) -> RgbImage {
    const TILES: u32 = 8;
    let mut noise = Noise(seed);
    let colours: Vec<[u8; 3]> = (0..TILES * TILES)
        .map(|_| {
            let [red, green, blue, ..] = noise.next().to_le_bytes();
            [red, green, blue]
        })
        .collect();
    RgbImage::from_fn(width, height, |x, y| {
        let tile = (y * TILES / height.max(1)) * TILES + x * TILES / width.max(1);
        image::Rgb(colours[tile as usize])
    })
}

/// SplitMix64: a fixed, well-mixed sequence for each seed.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use image::GenericImageView;

    use super::*;

    #[test]
    fn photos_decode_and_repeat() {
        for (bytes, format) in [(jpeg(7), image::ImageFormat::Jpeg), (png(7), image::ImageFormat::Png)] {
            assert_eq!(image::guess_format(&bytes).unwrap(), format);
            assert_eq!(image::load_from_memory(&bytes).unwrap().dimensions(), (WIDTH, HEIGHT));
        }
        assert_eq!(jpeg(7), jpeg(7));
        assert_ne!(jpeg(7), jpeg(8));
        assert_eq!(image::load_from_memory(&jpeg_of(7, 640, 480, 50)).unwrap().dimensions(), (640, 480));
    }

    #[test]
    fn the_broken_one_looks_like_a_jpeg_and_does_not_decode() {
        let bytes = broken_jpeg(7);
        assert_eq!(image::guess_format(&bytes).unwrap(), image::ImageFormat::Jpeg);
        image::load_from_memory(&bytes).unwrap_err();
        image::guess_format(&not_a_photo(7, 300)).unwrap_err();
        assert_eq!(not_a_photo(7, 300).len(), 300);
    }

    #[test]
    fn hashes_are_lower_case_hexadecimal() {
        assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
