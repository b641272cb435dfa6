//! The reader of photos, EXIF included: raw bytes, and real pictures with bytes exchanged, cut or put in.
#![no_main]

use std::{io::Cursor, sync::LazyLock};

use image::{DynamicImage, ImageFormat, RgbImage};
use libfuzzer_sys::fuzz_target;
use naryad_picture::{MAX_PIXELS, examine};

static PICTURES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let picture = RgbImage::from_fn(24, 16, |x, y| image::Rgb([(x * 9) as u8, (y * 13) as u8, (x * y) as u8]));
    let picture = DynamicImage::ImageRgb8(picture);
    [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP]
        .map(|format| {
            let mut bytes = Cursor::new(Vec::new());
            picture.write_to(&mut bytes, format).expect("a picture is written");
            bytes.into_inner()
        })
        .into()
});

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    let bytes = match PICTURES.get(usize::from(choice % 5)) {
        // Behind the first marker of a JPEG, as EXIF.
        None if choice % 5 == 4 => {
            let segment = [b"Exif\0\0".as_slice(), rest].concat();
            let Ok(length) = u16::try_from(segment.len() + 2) else { return };
            let jpeg = &PICTURES[0];
            [&jpeg[..2], &[0xff, 0xe1], &length.to_be_bytes(), &segment, &jpeg[2..]].concat()
        }
        None => rest.to_vec(),
        Some(picture) => {
            let mut picture = picture.clone();
            for patch in rest.chunks_exact(3) {
                let at = usize::from(u16::from_be_bytes([patch[0], patch[1]])) % picture.len();
                picture[at] = patch[2];
            }
            picture
        }
    };
    if let Ok(seen) = examine(&bytes)
        && let Some(picture) = seen.picture
    {
        assert!(u64::from(picture.width) * u64::from(picture.height) <= MAX_PIXELS);
        for preview in picture.previews {
            assert!(!preview.jpeg.windows(4).any(|part| part == b"Exif"));
        }
    }
});
