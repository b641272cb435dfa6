//! Which content a kind of evidence takes.

pub use naryad_picture::Format;

use crate::{Code, Error, catalogue::PhotoKind};

/// Whether a kind of evidence may be of this format.
pub fn takes(kind: PhotoKind, format: Format) -> bool {
    match kind {
        PhotoKind::Voice => format.is_sound(),
        PhotoKind::Act | PhotoKind::Document | PhotoKind::Other => {
            format.is_picture() || format == Format::Pdf
        }
        PhotoKind::Before
        | PhotoKind::After
        | PhotoKind::Reading
        | PhotoKind::NoAccess
        | PhotoKind::SignatureResident
        | PhotoKind::SignatureCrew => format.is_picture(),
    }
}

/// The refusal of content that the kind does not take.
pub(super) fn not_taken(kind: PhotoKind) -> Error {
    Error::new(Code::NotAPhoto, Code::NotAPhoto.title()).with("kind", kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_is_for_voice_notes_and_nothing_else_is() {
        use sea_orm::Iterable as _;
        for kind in PhotoKind::iter() {
            for format in Format::ALL {
                let taken = takes(kind, format);
                match format {
                    _ if format.is_sound() => assert_eq!(taken, kind == PhotoKind::Voice),
                    Format::Pdf => assert_eq!(
                        taken,
                        matches!(kind, PhotoKind::Act | PhotoKind::Document | PhotoKind::Other)
                    ),
                    _ => assert_eq!(taken, kind != PhotoKind::Voice),
                }
            }
        }
    }
}
