//! Small pictures for people: upright, without metadata, quick to send.

use fast_image_resize::{
    FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer,
    images::{Image, ImageRef},
};
use image::{DynamicImage, RgbImage, metadata::Orientation};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::{Picture, hash};

/// The longest side of the large preview, in pixels.
pub const LARGE: u32 = 1280;

/// The longest side of the small preview, in pixels.
pub const SMALL: u32 = 320;

/// The longest sides of the previews, in pixels, in the order of [`Picture::previews`].
pub const SIDES: [u32; 2] = [LARGE, SMALL];

/// Of a hundred: small enough for a basement, good enough to read a meter.
const QUALITY: u8 = 82;

/// A small picture: JPEG without metadata.
#[derive(Clone, PartialEq, Eq)]
pub struct Preview {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// The file.
    pub jpeg: Vec<u8>,
}

impl std::fmt::Debug for Preview {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Preview({} x {}, {} bytes)", self.width, self.height, self.jpeg.len())
    }
}

/// Makes the previews and the hash. `orientation` is that of EXIF, 1 to 8: it is applied to the small picture, which is
/// cheaper than to the large one. `None`: a library refused what it should not.
pub(crate) fn render(pixels: &RgbImage, orientation: u8) -> Option<Picture> {
    let upright = Orientation::from_exif(orientation).unwrap_or(Orientation::NoTransforms);
    let mut large = DynamicImage::ImageRgb8(shrink(pixels, LARGE)?);
    large.apply_orientation(upright);
    let large = large.into_rgb8();
    let small = shrink(&large, SMALL)?;
    let turned = orientation >= 5;
    let (width, height) = pixels.dimensions();
    let (width, height) = if turned { (height, width) } else { (width, height) };
    Some(Picture { width, height, hash: hash::of(&small), previews: [encode(&large)?, encode(&small)?] })
}

/// The picture with its longest side at most `side`; a small one stays as it is.
fn shrink(picture: &RgbImage, side: u32) -> Option<RgbImage> {
    let (width, height) = picture.dimensions();
    let longest = width.max(height);
    if longest <= side {
        return Some(picture.clone());
    }
    let scale = |length: u32| {
        let scaled = (u64::from(length) * u64::from(side) + u64::from(longest) / 2) / u64::from(longest);
        u32::try_from(scaled).unwrap_or(side).clamp(1, side)
    };
    let source = ImageRef::new(width, height, picture.as_raw(), PixelType::U8x3).ok()?;
    let mut target = Image::new(scale(width), scale(height), PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom));
    Resizer::new().resize(&source, &mut target, &options).ok()?;
    RgbImage::from_raw(target.width(), target.height(), target.into_vec())
}

fn encode(picture: &RgbImage) -> Option<Preview> {
    let (width, height) = picture.dimensions();
    let mut jpeg = Vec::with_capacity(picture.as_raw().len() / 8);
    let mut encoder = Encoder::new(&mut jpeg, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    let (short_width, short_height) = (u16::try_from(width).ok()?, u16::try_from(height).ok()?);
    encoder.encode(picture.as_raw(), short_width, short_height, ColorType::Rgb).ok()?;
    Some(Preview { width, height, jpeg })
}
