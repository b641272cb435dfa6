//! Pictures that are honest, that lie, and that are broken.

use image::{ExtendedColorType, ImageEncoder, Rgb, RgbImage, codecs::jpeg::JpegEncoder, imageops};
use proptest::prelude::*;

use super::*;

/// A scene without any symmetry, so that turning it shows.
fn scene(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (across, down) = (x * 255 / width, y * 255 / height);
        let wave = ((x * 13 / width) * (y * 7 / height) * 37) % 200;
        let spot = if x * 4 < width && y * 3 < height { 90 } else { 0 };
        let channel = |value: u32| u8::try_from(value.min(255)).unwrap();
        Rgb([channel(across / 2 + spot), channel(down / 2 + wave / 2), channel(wave + spot)])
    })
}

fn jpeg(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 90)
        .write_image(picture.as_raw(), picture.width(), picture.height(), ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

fn png(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    image::codecs::png::PngEncoder::new(&mut bytes)
        .write_image(picture.as_raw(), picture.width(), picture.height(), ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

/// Puts a segment behind the first marker of a JPEG.
fn with_segment(jpeg: &[u8], marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, marker], &length, content, &jpeg[2..]].concat()
}

/// An entry of a directory: tag, type, count, value or offset.
type Entry = (u16, u16, u32, [u8; 4]);

/// A TIFF directory in big endian at `at`, with what its entries point to behind it.
fn directory(entries: &[Entry], next: u32) -> Vec<u8> {
    let mut bytes = u16::try_from(entries.len()).unwrap().to_be_bytes().to_vec();
    for (tag, kind, count, value) in entries {
        bytes.extend(tag.to_be_bytes());
        bytes.extend(kind.to_be_bytes());
        bytes.extend(count.to_be_bytes());
        bytes.extend(value);
    }
    bytes.extend(next.to_be_bytes());
    bytes
}

fn exif(tiff: &[u8]) -> Vec<u8> {
    [b"Exif\0\0MM\0\x2a\0\0\0\x08".as_slice(), tiff].concat()
}

fn oriented(jpeg: &[u8], orientation: u16) -> Vec<u8> {
    let value = [orientation.to_be_bytes(), [0, 0]].concat().try_into().unwrap();
    with_segment(jpeg, 0xe1, &exif(&directory(&[(0x0112, 3, 1, value)], 0)))
}

/// The EXIF of a phone: maker, moment with offset, position.
fn telling() -> Vec<u8> {
    let rational = |parts: [(u32, u32); 3]| {
        parts.iter().flat_map(|(a, b)| [a.to_be_bytes(), b.to_be_bytes()].concat()).collect::<Vec<u8>>()
    };
    // The places behind the directories: 8 + 2 + 12 * 4 + 4 = 62 the first ends, and so on.
    let at = |offset: u32| offset.to_be_bytes();
    let (maker, moment, offset) =
        (b"Maker\0".as_slice(), b"2026:11:26 12:13:47\0".as_slice(), b"+03:00\0".as_slice());
    let first = 8_u32;
    let inner = first + 2 + 12 * 3 + 4;
    let place = inner + 2 + 12 * 2 + 4;
    let data = place + 2 + 12 * 4 + 4;
    let (moment_at, offset_at, latitude_at) = (data + 6, data + 26, data + 33);
    let tiff = [
        directory(&[(0x010f, 2, 6, at(data)), (0x8769, 4, 1, at(inner)), (0x8825, 4, 1, at(place))], 0),
        directory(&[(0x9003, 2, 20, at(moment_at)), (0x9011, 2, 7, at(offset_at))], 0),
        directory(
            &[
                (1, 2, 2, *b"N\0\0\0"),
                (2, 5, 3, at(latitude_at)),
                (3, 2, 2, *b"E\0\0\0"),
                (4, 5, 3, at(latitude_at + 24)),
            ],
            0,
        ),
        [maker, moment, offset].concat(),
        rational([(55, 1), (45, 1), (0, 1)]),
        rational([(37, 1), (37, 1), (12, 1)]),
    ]
    .concat();
    exif(&tiff)
}

fn shown(preview: &Preview) -> RgbImage {
    image::load_from_memory_with_format(&preview.jpeg, image::ImageFormat::Jpeg).unwrap().into_rgb8()
}

/// The mean difference of two pictures of one size, of 255.
fn difference(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let sum: u64 = a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.as_raw().len() as f64
}

#[test]
fn every_orientation_is_seen_upright() {
    let upright = scene(400, 300);
    let expected = shown(&examine(&jpeg(&upright)).unwrap().picture.unwrap().previews[1]);
    // How the pixels lie when a camera says that they must be turned so (EXIF 2.32, 4.6.4).
    let stored = [
        upright.clone(),
        imageops::flip_horizontal(&upright),
        imageops::rotate180(&upright),
        imageops::flip_vertical(&upright),
        imageops::flip_horizontal(&imageops::rotate90(&upright)),
        imageops::rotate270(&upright),
        imageops::flip_horizontal(&imageops::rotate270(&upright)),
        imageops::rotate90(&upright),
    ];
    let mut hashes = Vec::new();
    for (stored, orientation) in stored.iter().zip(1..) {
        let examined = examine(&oriented(&jpeg(stored), orientation)).unwrap();
        assert_eq!(u16::from(examined.facts.orientation), orientation);
        let picture = examined.picture.unwrap();
        assert_eq!((picture.width, picture.height), (400, 300), "orientation {orientation}");
        let seen = shown(&picture.previews[1]);
        assert!(
            difference(&seen, &expected) < 6.0,
            "orientation {orientation}: {}",
            difference(&seen, &expected)
        );
        hashes.push(picture.hash.unwrap());
    }
    assert!(hashes.iter().all(|hash| hash.is_near(hashes[0])), "{hashes:?}");
}

#[test]
fn previews_are_small_never_enlarged_and_say_nothing() {
    let bytes = with_segment(&jpeg(&scene(2000, 1000)), 0xe1, &telling());
    let examined = examine(&bytes).unwrap();
    let picture = examined.picture.unwrap();
    let sizes = picture.previews.clone().map(|preview| (preview.width, preview.height));
    assert_eq!(sizes, [(1280, 640), (320, 160)]);
    for preview in &picture.previews {
        assert!(!preview.jpeg.windows(4).any(|part| part == b"Exif"), "no EXIF");
        assert_eq!(shown(preview).dimensions(), (preview.width, preview.height));
    }
    let little = examine(&png(&scene(200, 100))).unwrap().picture.unwrap();
    assert_eq!(little.previews.map(|preview| (preview.width, preview.height)), [(200, 100), (200, 100)]);
    let sliver = examine(&png(&scene(3000, 1))).unwrap().picture.unwrap();
    assert_eq!(sliver.previews.map(|preview| (preview.width, preview.height)), [(1280, 1), (320, 1)]);
}

#[test]
fn the_facts_are_read() {
    let facts = examine(&with_segment(&jpeg(&scene(40, 30)), 0xe1, &telling())).unwrap().facts;
    assert_eq!(facts.device.as_deref(), Some("Maker"));
    assert_eq!(facts.taken_local.unwrap().to_string(), "2026-11-26 12:13:47");
    assert_eq!(facts.taken_at.unwrap().to_rfc3339(), "2026-11-26T09:13:47+00:00");
    let point = GeoPoint { latitude_e7: 557_500_000, longitude_e7: 376_200_000 };
    assert_eq!(facts.position, Some(point));
}

#[test]
fn exif_that_loops_or_lies_is_survived() {
    let picture = jpeg(&scene(64, 48));
    let itself = exif(&directory(&[(0x0112, 3, 1, [0, 6, 0, 0])], 8));
    let inner = exif(&directory(&[(0x8769, 4, 1, [0, 0, 0, 8]), (0x8825, 4, 1, [0, 0, 0, 8])], 0));
    let far = exif(&directory(&[(0x010f, 2, u32::MAX, [0xff, 0xff, 0xff, 0xf0])], u32::MAX));
    let silly = exif(&directory(&[(0x0112, 3, 1, [0, 77, 0, 0])], 0));
    for lie in [itself, inner, far, silly, b"Exif\0\0".to_vec(), b"Exif\0\0MM\0\x2a\xff\xff\xff\xff".to_vec()]
    {
        let examined = examine(&with_segment(&picture, 0xe1, &lie)).unwrap();
        assert!((1..=8).contains(&examined.facts.orientation));
        assert!(examined.picture.is_some());
    }
}

#[test]
fn a_long_comment_and_a_foreign_tail_do_no_harm() {
    let mut bytes = jpeg(&scene(64, 48));
    for _ in 0..16 {
        bytes = with_segment(&bytes, 0xfe, &[b'x'; 65_000]);
    }
    assert!(bytes.len() > 1_000_000);
    let zip = b"PK\x03\x04<html><script>alert(1)</script>";
    bytes.extend(zip);
    let examined = examine(&bytes).unwrap();
    assert_eq!(examined.format, Format::Jpeg);
    for preview in examined.picture.unwrap().previews {
        assert!(!preview.jpeg.windows(zip.len()).any(|part| part == zip));
    }
}

/// A PNG of nothing but a header that claims this size.
fn claims(width: u32, height: u32) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(width.to_be_bytes());
    chunk.extend(height.to_be_bytes());
    chunk.extend([8, 2, 0, 0, 0]);
    let sum = crc(&chunk).to_be_bytes();
    // Four bytes of pixels, and the end.
    let data = [b"IDAT".as_slice(), &[0x78, 0x9c, 0x63, 0x60]].concat();
    let data = [[0, 0, 0, 4].as_slice(), &data, &crc(&data).to_be_bytes()].concat();
    let end = [&[0, 0, 0, 0], b"IEND".as_slice(), &crc(b"IEND").to_be_bytes()].concat();
    [b"\x89PNG\r\n\x1a\n\0\0\0\x0d".as_slice(), &chunk, &sum, &data, &end].concat()
}

/// The checksum of a PNG chunk (ISO/IEC 15948, annex D).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}

#[test]
fn a_bomb_is_refused_by_its_header() {
    assert_eq!(examine(&claims(50_000, 50_000)), Err(Refusal::TooManyPixels));
    assert_eq!(examine(&claims(u32::MAX >> 1, 1)), Err(Refusal::TooManyPixels));
    assert_eq!(examine(&claims(10_001, 10_000)), Err(Refusal::TooManyPixels));
    assert!(matches!(examine(&claims(10, 10)), Err(Refusal::Undecodable | Refusal::Truncated)));
}

#[test]
fn what_is_transparent_is_seen_on_white() {
    let mut bytes = Vec::new();
    let clear = image::RgbaImage::from_pixel(10, 10, image::Rgba([0, 0, 0, 0]));
    image::codecs::png::PngEncoder::new(&mut bytes)
        .write_image(clear.as_raw(), 10, 10, ExtendedColorType::Rgba8)
        .unwrap();
    assert!(pixels(&bytes).unwrap().pixels().all(|pixel| pixel.0 == [255; 3]));
}

#[test]
fn documents_and_sound_are_no_pictures() {
    for bytes in [b"%PDF-1.7\n".as_slice(), b"OggS\0\x02", b"", b"text"] {
        assert_eq!(examine(bytes), Err(Refusal::NotAPicture));
    }
}

/// The stored hashes stand or fall with this: the parameters, and the library behind them, must not change.
#[test]
fn the_hash_of_a_known_picture_does_not_change() {
    let hash = examine(&png(&scene(320, 240))).unwrap().picture.unwrap().hash.unwrap();
    assert_eq!(format!("{:016x}", hash.0), GOLDEN);
}

const GOLDEN: &str = "f9373537b7b501bf";

#[test]
fn the_same_scene_is_near_and_another_is_not() {
    let original = scene(1600, 1200);
    let hash = |bytes: &[u8]| examine(bytes).unwrap().picture.unwrap().hash.unwrap();
    let first = hash(&png(&original));
    let smaller = imageops::resize(&original, 700, 525, imageops::FilterType::Triangle);
    let brighter = imageops::brighten(&original, 12);
    for again in [jpeg(&original), jpeg(&smaller), jpeg(&brighter)] {
        assert!(first.is_near(hash(&again)), "{:016x} {:016x}", first.0, hash(&again).0);
    }
    let other = hash(&jpeg(&imageops::rotate180(&original)));
    assert!(!first.is_near(other), "{:016x} {:016x}", first.0, other.0);
    let plain = RgbImage::from_pixel(300, 200, Rgb([90, 90, 90]));
    assert_eq!(examine(&png(&plain)).unwrap().picture.unwrap().hash, None, "a wall is like every wall");
}

#[test]
fn heic_is_kept_even_where_it_is_not_understood() {
    let head = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\x08meta";
    let examined = examine(head).unwrap();
    assert_eq!((examined.format, examined.picture), (Format::Heic, None));
}

fn photo() -> Vec<u8> {
    oriented(&jpeg(&scene(97, 61)), 6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Half a picture is never taken for a whole one, wherever it ends.
    #[test]
    fn what_is_cut_is_refused(part in 0.0..1.0_f64, which in 0..3_usize) {
        let whole = match which {
            0 => photo(),
            1 => png(&scene(97, 61)),
            _ => {
                let mut bytes = Vec::new();
                let picture = scene(97, 61);
                image::codecs::webp::WebPEncoder::new_lossless(&mut bytes)
                    .write_image(picture.as_raw(), 97, 61, ExtendedColorType::Rgb8).unwrap();
                bytes
            }
        };
        let cut = &whole[..(whole.len() as f64 * part) as usize];
        prop_assert!(examine(cut).is_err());
        prop_assert!(examine(&whole).is_ok());
    }

    /// Whatever is flipped, it ends, and it ends with an answer.
    #[test]
    fn damage_is_answered(flips in prop::collection::vec((0.0..1.0_f64, any::<u8>()), 1..20)) {
        let mut bytes = photo();
        for (place, value) in flips {
            let at = (bytes.len() as f64 * place) as usize;
            bytes[at] = value;
        }
        if let Ok(Examined { picture: Some(picture), .. }) = examine(&bytes) {
            prop_assert!(u64::from(picture.width) * u64::from(picture.height) <= MAX_PIXELS);
            prop_assert!(picture.previews[0].width <= LARGE && picture.previews[1].height <= SMALL);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(head in 0..6_usize, tail in prop::collection::vec(any::<u8>(), 0..400)) {
        let heads: [&[u8]; 6] =
            [b"", b"\xff\xd8\xff\xe1", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBPVP8 ", b"\0\0\0\x18ftypheic", b"\xff\xd8\xff\xda"];
        let _ = examine(&[heads[head], &tail].concat());
    }

    /// What the index by bands rests on.
    #[test]
    fn near_hashes_share_a_band(hash: u64, flips in prop::collection::vec(0..64_u32, 0..=3)) {
        let other = flips.iter().fold(hash, |hash, bit| hash ^ (1 << bit));
        let (a, b) = (PerceptualHash(hash), PerceptualHash(other));
        prop_assert!(a.is_near(b));
        prop_assert!(a.bands().iter().zip(b.bands()).any(|(a, b)| *a == b));
    }
}

/// Real photographs, where `NARYAD_PHOTO_CORPUS` names their folder.
#[test]
fn the_corpus_is_read() {
    let Some(corpus) = std::env::var_os("NARYAD_PHOTO_CORPUS").map(std::path::PathBuf::from) else { return };
    let read = |name: &str| examine(&std::fs::read(corpus.join(name)).unwrap());
    let upright: Vec<Picture> =
        [1, 3, 6, 8].map(|number| read(&format!("Landscape_{number}.jpg")).unwrap().picture.unwrap()).into();
    let first = shown(&upright[0].previews[1]);
    for picture in &upright {
        assert_eq!((picture.width, picture.height), (upright[0].width, upright[0].height));
        assert!(difference(&first, &shown(&picture.previews[1])) < 10.0);
    }
    let place = read("DSCN0010.jpg").unwrap();
    assert!(
        place.facts.position.is_some() && place.facts.taken_local.is_some() && place.facts.device.is_some()
    );
    for name in ["jolla.jpg", "iphone_hdr_NO.jpg", "no_exif.jpg"] {
        let honest = read(name).unwrap();
        assert!(honest.picture.is_some() && !honest.damaged, "{name}");
    }
    assert_eq!(read("no_exif.jpg").unwrap().facts.position, None);
    let phone = read("IMG_5195.HEIC").unwrap();
    assert_eq!(phone.format, Format::Heic);
    assert_eq!(phone.picture.is_some(), cfg!(feature = "heic"));
    let torn = read("corrupted.jpg").unwrap();
    assert!(torn.damaged && torn.picture.is_some());
    // Its metadata are damaged, not its picture.
    let odd = read("image01980.jpg").unwrap();
    assert!(odd.picture.is_some() && odd.facts == Facts::default());
}
