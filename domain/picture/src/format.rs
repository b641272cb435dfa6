//! The format of a file, told by its first bytes and by nothing else: names and announced media types lie.

/// A format in which evidence is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JPEG (ISO/IEC 10918).
    Jpeg,
    /// PNG (ISO/IEC 15948).
    Png,
    /// WebP (RFC 9649).
    WebP,
    /// HEIF with HEVC pictures (ISO/IEC 23008-12), what iPhones send.
    Heic,
    /// PDF (ISO 32000).
    Pdf,
    /// Ogg, with Opus or Vorbis in it (RFC 7845).
    Ogg,
    /// MPEG-4 audio (ISO/IEC 14496-14), what phones record: `.m4a`, `.3gp`.
    Mp4Audio,
    /// MPEG audio, layer III.
    Mp3,
    /// AAC in ADTS frames.
    Aac,
    /// Wave.
    Wav,
    /// Matroska for the web, what browsers record.
    WebM,
    /// Adaptive multi-rate speech (RFC 4867).
    Amr,
}

/// Brands of the `ftyp` box under which phones record sound.
const SOUND_BRANDS: &[&[u8; 4]] =
    &[b"M4A ", b"M4B ", b"mp41", b"mp42", b"isom", b"iso2", b"3gp4", b"3gp5", b"3gp6", b"dash"];

/// Brands of the `ftyp` box that announce a HEIF picture.
const HEIF_BRANDS: &[&[u8; 4]] = &[b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"];

/// Brands of AVIF. It is HEIF too, but with AV1 pictures, which nobody's phone here makes and no decoder here reads.
const AVIF_BRANDS: &[&[u8; 4]] = &[b"avif", b"avis"];

impl Format {
    /// Tells the format by the magic bytes; `head` is the beginning of the file, 64 bytes of it are enough.
    /// `None` for everything that is not accepted.
    pub fn detect(head: &[u8]) -> Option<Self> {
        if head.starts_with(b"\xff\xd8\xff") {
            Some(Self::Jpeg)
        } else if head.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
            Some(Self::WebP)
        } else if is_heif(head) {
            Some(Self::Heic)
        } else if head.starts_with(b"%PDF-") {
            Some(Self::Pdf)
        } else {
            Self::detect_sound(head)
        }
    }

    fn detect_sound(head: &[u8]) -> Option<Self> {
        if head.starts_with(b"OggS\0") {
            Some(Self::Ogg)
        } else if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WAVE") {
            Some(Self::Wav)
        } else if head.starts_with(b"\x1a\x45\xdf\xa3") {
            Some(Self::WebM)
        } else if head.starts_with(b"#!AMR\n") || head.starts_with(b"#!AMR-WB\n") {
            Some(Self::Amr)
        } else if head.starts_with(b"ID3")
            || matches!(head, [0xff, 0xfa | 0xfb | 0xf2 | 0xf3 | 0xe2 | 0xe3, ..])
        {
            Some(Self::Mp3)
        } else if matches!(head, [0xff, 0xf0 | 0xf1 | 0xf8 | 0xf9, ..]) {
            Some(Self::Aac)
        } else {
            is_mp4_sound(head).then_some(Self::Mp4Audio)
        }
    }

    /// Whether it is a picture.
    pub fn is_picture(self) -> bool {
        matches!(self, Self::Jpeg | Self::Png | Self::WebP | Self::Heic)
    }

    /// Whether it is sound.
    pub fn is_sound(self) -> bool {
        !self.is_picture() && self != Self::Pdf
    }

    /// The usual extension of a name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::WebP => "webp",
            Self::Heic => "heic",
            Self::Pdf => "pdf",
            Self::Ogg => "ogg",
            Self::Mp4Audio => "m4a",
            Self::Mp3 => "mp3",
            Self::Aac => "aac",
            Self::Wav => "wav",
            Self::WebM => "webm",
            Self::Amr => "amr",
        }
    }

    /// The format of a media type that [`Format::media_type`] gave.
    pub fn of_media_type(media_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.media_type() == media_type)
    }

    /// Every format.
    pub const ALL: [Self; 12] = [
        Self::Jpeg,
        Self::Png,
        Self::WebP,
        Self::Heic,
        Self::Pdf,
        Self::Ogg,
        Self::Mp4Audio,
        Self::Mp3,
        Self::Aac,
        Self::Wav,
        Self::WebM,
        Self::Amr,
    ];

    /// The registered media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
            Self::Heic => "image/heic",
            Self::Pdf => "application/pdf",
            Self::Ogg => "audio/ogg",
            Self::Mp4Audio => "audio/mp4",
            Self::Mp3 => "audio/mpeg",
            Self::Aac => "audio/aac",
            Self::Wav => "audio/wav",
            Self::WebM => "audio/webm",
            Self::Amr => "audio/amr",
        }
    }
}

/// The brands of a `ftyp` box: length, `ftyp`, major brand, minor version, compatible brands up to the length of the box.
fn brands(head: &[u8]) -> Option<(&[u8; 4], &[u8])> {
    let (length, [b'f', b't', b'y', b'p', after @ ..]) = head.split_first_chunk::<4>()? else { return None };
    let after_length = (u32::from_be_bytes(*length) as usize).saturating_sub(8);
    let content = after.get(..after_length).unwrap_or(after);
    let (major, content) = content.split_first_chunk::<4>()?;
    Some((major, content.get(4..).unwrap_or_default()))
}

fn names(compatible: &[u8], brands: &[&[u8; 4]]) -> bool {
    compatible.chunks_exact(4).any(|brand| brands.iter().any(|known| known.as_slice() == brand))
}

/// The generic brands `mif1` and `msf1` may stand before AVIF pictures, so the compatible brands are heard as well.
fn is_heif(head: &[u8]) -> bool {
    brands(head)
        .is_some_and(|(major, compatible)| HEIF_BRANDS.contains(&major) && !names(compatible, AVIF_BRANDS))
}

/// Sound in MPEG-4: not where a picture is announced as well.
fn is_mp4_sound(head: &[u8]) -> bool {
    brands(head).is_some_and(|(major, compatible)| {
        SOUND_BRANDS.contains(&major) && !names(compatible, HEIF_BRANDS) && !names(compatible, AVIF_BRANDS)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Format::{self, Heic, Jpeg, Png, WebP};

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
        let heads: &[(&[u8], Format)] = &[
            (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x01\x00\x48\x00\x48", Jpeg),
            (b"\xff\xd8\xff\xe1\x2b\xfaExif\x00\x00II*\x00\x08\x00", Jpeg),
            (b"\xff\xd8\xff\xdb\x00\x43\x00", Jpeg),
            (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x05\x00", Png),
            (b"RIFF\x24\x1a\x00\x00WEBPVP8 \x18\x1a", WebP),
            (b"RIFF\x24\x1a\x00\x00WEBPVP8X\x0a\x00", WebP),
            (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00heicmif1\x00\x00\x0b\xafmeta", Heic),
        ];
        for (head, format) in heads {
            assert_eq!(Format::detect(head), Some(*format), "{head:?}");
        }
    }

    #[test]
    fn every_heif_brand_is_accepted_and_avif_is_not() {
        for brand in [b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"] {
            assert_eq!(Format::detect(&ftyp(&[brand, b"mif1", b"miaf"])), Some(Heic));
        }
        for brands in [
            [b"avif", b"mif1"],
            [b"avis", b"msf1"],
            [b"mif1", b"avif"],
            [b"msf1", b"avis"],
            [b"isom", b"mif1"],
        ] {
            let brands: Vec<&[u8]> = brands.iter().map(|brand| brand.as_slice()).collect();
            assert_eq!(Format::detect(&ftyp(&brands)), None, "{brands:?}");
        }
    }

    #[test]
    fn documents_and_sound_are_told_from_pictures() {
        let heads: &[(&[u8], Format)] = &[
            (b"%PDF-1.7\n", Format::Pdf),
            (b"OggS\0\x02\0\0", Format::Ogg),
            (b"\0\0\0\x1cftypM4A \0\0\0\0", Format::Mp4Audio),
            (b"\0\0\0\x18ftyp3gp4\0\0\0\0", Format::Mp4Audio),
            (b"ID3\x04\0", Format::Mp3),
            (b"\xff\xfb\x90\x64", Format::Mp3),
            (b"\xff\xf1\x50\x80", Format::Aac),
            (b"RIFF\x24\x1a\0\0WAVEfmt ", Format::Wav),
            (b"\x1a\x45\xdf\xa3\x9f", Format::WebM),
            (b"#!AMR\n\x3c", Format::Amr),
        ];
        for (head, format) in heads {
            assert_eq!(Format::detect(head), Some(*format), "{head:?}");
            assert!(!format.is_picture() && format.is_sound() == (*format != Format::Pdf));
        }
        for format in Format::ALL {
            assert_eq!(Format::of_media_type(format.media_type()), Some(format));
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
            b"II*\x00",
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
            assert_eq!(Format::detect(head), None, "{head:?}");
        }
    }

    #[test]
    fn the_names_are_the_registered_media_types() {
        assert_eq!(
            [Jpeg, Png, WebP, Heic].map(Format::media_type),
            ["image/jpeg", "image/png", "image/webp", "image/heic"]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(head in proptest::collection::vec(any::<u8>(), 0..80)) {
            Format::detect(&head);
        }

        #[test]
        fn no_file_type_box_makes_it_panic(length: u32, rest in proptest::collection::vec(any::<u8>(), 0..60)) {
            let head = [&length.to_be_bytes(), b"ftyp".as_slice(), &rest].concat();
            Format::detect(&head);
        }

        #[test]
        fn the_head_decides_alone(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
            let head = [b"\x89PNG\r\n\x1a\n".as_slice(), &tail].concat();
            prop_assert_eq!(Format::detect(&head), Some(Png));
            prop_assert_eq!(Format::detect(&head[..head.len().min(64)]), Some(Png));
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
            assert_eq!(Format::detect(&bytes[..bytes.len().min(64)]), expected, "{}", path.display());
            judged.extend(expected);
        }
        assert!(judged.contains(&Jpeg) && judged.contains(&Heic), "the corpus holds both: {judged:?}");
    }
}
