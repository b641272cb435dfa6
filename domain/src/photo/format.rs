//! The format of a photo, told by its first bytes and by nothing else: names and announced media types lie.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A format in which photos are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PhotoFormat {
    /// JPEG (ISO/IEC 10918).
    Jpeg,
    /// PNG (ISO/IEC 15948).
    Png,
    /// WebP (RFC 9649).
    WebP,
    /// HEIF with HEVC pictures (ISO/IEC 23008-12), what iPhones send.
    Heic,
}

/// Brands of the `ftyp` box that announce a HEIF picture.
const HEIF_BRANDS: &[&[u8; 4]] = &[b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"];

/// Brands of AVIF. It is HEIF too, but with AV1 pictures, which nobody's phone here makes and no decoder here reads.
const AVIF_BRANDS: &[&[u8; 4]] = &[b"avif", b"avis"];

impl PhotoFormat {
    /// Tells the format by the magic bytes; `head` is the beginning of the file, 64 bytes of it are enough.
    /// `None` for everything that is not an accepted photo.
    pub fn detect(head: &[u8]) -> Option<Self> {
        if head.starts_with(b"\xff\xd8\xff") {
            Some(Self::Jpeg)
        } else if head.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
            Some(Self::WebP)
        } else if is_heif(head) {
            Some(Self::Heic)
        } else {
            None
        }
    }

    /// The registered media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
            Self::Heic => "image/heic",
        }
    }
}

/// A `ftyp` box: length, `ftyp`, major brand, minor version, compatible brands up to the length of the box.
/// The generic brands `mif1` and `msf1` may stand before AVIF pictures, so the compatible brands are heard as well.
fn is_heif(head: &[u8]) -> bool {
    let Some((length, [b'f', b't', b'y', b'p', after @ ..])) = head.split_first_chunk::<4>() else {
        return false;
    };
    let after_length = (u32::from_be_bytes(*length) as usize).saturating_sub(8);
    let content = after.get(..after_length).unwrap_or(after);
    let Some((major, content)) = content.split_first_chunk::<4>() else {
        return false;
    };
    let compatible = content.get(4..).unwrap_or_default();
    HEIF_BRANDS.contains(&major)
        && !compatible.chunks_exact(4).any(|brand| AVIF_BRANDS.iter().any(|avif| avif.as_slice() == brand))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::PhotoFormat::{self, Heic, Jpeg, Png, WebP};

    /// The box as it stands in a file: its length is computed.
    fn ftyp(brands: &[&[u8]]) -> Vec<u8> {
        let (major, compatible) = brands.split_first().expect("a major brand");
        let mut content = [b"ftyp", *major, &[0; 4]].concat();
        content.extend(compatible.concat());
        let length = u32::try_from(content.len() + 4).expect("short");
        // What follows the box must not be taken for brands of it.
        [&length.to_be_bytes(), content.as_slice(), b"\0\0\x0b\xafmeta\0\0\0\0avif"].concat()
    }

    #[test]
    fn real_heads_are_recognised() {
        let heads: &[(&[u8], PhotoFormat)] = &[
            (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x01\x00\x48\x00\x48", Jpeg),
            (b"\xff\xd8\xff\xe1\x2b\xfaExif\x00\x00II*\x00\x08\x00", Jpeg),
            (b"\xff\xd8\xff\xdb\x00\x43\x00", Jpeg),
            (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x05\x00", Png),
            (b"RIFF\x24\x1a\x00\x00WEBPVP8 \x18\x1a", WebP),
            (b"RIFF\x24\x1a\x00\x00WEBPVP8X\x0a\x00", WebP),
            (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00heicmif1\x00\x00\x0b\xafmeta", Heic),
        ];
        for (head, format) in heads {
            assert_eq!(PhotoFormat::detect(head), Some(*format), "{head:?}");
        }
    }

    #[test]
    fn every_heif_brand_is_accepted_and_avif_is_not() {
        for brand in [b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"] {
            assert_eq!(PhotoFormat::detect(&ftyp(&[brand, b"mif1", b"miaf"])), Some(Heic));
        }
        for brands in [
            [b"avif", b"mif1"],
            [b"avis", b"msf1"],
            [b"mif1", b"avif"],
            [b"msf1", b"avis"],
            [b"isom", b"mif1"],
        ] {
            let brands: Vec<&[u8]> = brands.iter().map(|brand| brand.as_slice()).collect();
            assert_eq!(PhotoFormat::detect(&ftyp(&brands)), None, "{brands:?}");
        }
    }

    #[test]
    fn what_only_looks_like_a_photo_is_refused() {
        let heads: &[&[u8]] = &[
            b"",
            b"\xff\xd8",
            b"\x89PNG",
            b"GIF89a",
            b"BM",
            b"%PDF-1.7",
            b"II*\x00",
            b"RIFF\x24\x1a\x00\x00WAVEfmt ",
            b"RIFF\x24\x1a",
            b"<svg xmlns=",
            b"photo.jpg",
            b"\x00\x00\x00\x18ftyp",
            b"\x00\x00\x00\x08ftypheic",
            b"\x00\x00\x00\x18ftypqt  \x00\x00\x00\x00heic",
            b"\x00\x00\x00\x18moovheic",
            b"\x00\xff\xd8\xff",
        ];
        for head in heads {
            assert_eq!(PhotoFormat::detect(head), None, "{head:?}");
        }
    }

    #[test]
    fn the_names_are_the_registered_media_types() {
        assert_eq!(
            [Jpeg, Png, WebP, Heic].map(PhotoFormat::media_type),
            ["image/jpeg", "image/png", "image/webp", "image/heic"]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(head in proptest::collection::vec(any::<u8>(), 0..80)) {
            PhotoFormat::detect(&head);
        }

        #[test]
        fn no_file_type_box_makes_it_panic(length: u32, rest in proptest::collection::vec(any::<u8>(), 0..60)) {
            let head = [&length.to_be_bytes(), b"ftyp".as_slice(), &rest].concat();
            PhotoFormat::detect(&head);
        }

        #[test]
        fn the_head_decides_alone(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
            let head = [b"\x89PNG\r\n\x1a\n".as_slice(), &tail].concat();
            prop_assert_eq!(PhotoFormat::detect(&head), Some(Png));
            prop_assert_eq!(PhotoFormat::detect(&head[..head.len().min(64)]), Some(Png));
        }
    }

    /// Reads the real photographs where `NARYAD_PHOTO_CORPUS` names their folder. The damaged ones are damaged behind
    /// their heads: by the magic bytes they are JPEG, and the decoder judges them later.
    #[test]
    fn the_corpus_is_what_its_names_say() {
        let Some(corpus) = std::env::var_os("NARYAD_PHOTO_CORPUS") else { return };
        let mut judged = Vec::new();
        for entry in std::fs::read_dir(corpus).expect("the corpus can be listed") {
            let path = entry.expect("an entry").path();
            let bytes = std::fs::read(&path).expect("a readable file");
            let expected = match path.extension().and_then(|extension| extension.to_str()) {
                Some("jpg") => Some(Jpeg),
                Some("HEIC") => Some(Heic),
                _ => None,
            };
            assert_eq!(PhotoFormat::detect(&bytes[..bytes.len().min(64)]), expected, "{}", path.display());
            judged.extend(expected);
        }
        assert!(judged.contains(&Jpeg) && judged.contains(&Heic), "the corpus holds both: {judged:?}");
    }
}
