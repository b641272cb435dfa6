//! The small pictures of a photo.

use sea_orm::FromQueryResult;

use crate::{Result, blob::Sha256Hash, db::Reader, id::PhotoId};

/// Which of the pictures of a photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// The very bytes that were sent.
    Original,
    /// Upright, at most 1280 px, without metadata.
    Large,
    /// Upright, at most 320 px, without metadata.
    Small,
}

impl Size {
    /// The longest side in pixels; none for the original.
    pub(super) fn side(self) -> Option<u32> {
        match self {
            Self::Original => None,
            Self::Large => Some(naryad_picture::LARGE),
            Self::Small => Some(naryad_picture::SMALL),
        }
    }
}

#[derive(FromQueryResult)]
pub(super) struct Preview {
    pub(super) sha256: Sha256Hash,
    pub(super) bytes: i64,
}

/// The preview of a photo with this longest side. The caller has seen the photo through its scope.
pub(super) async fn find(reader: &Reader<'_>, photo: PhotoId, side: u32) -> Result<Option<Preview>> {
    let sql = "SELECT sha256, bytes FROM photo_preview WHERE photo_id = $1 AND side = $2";
    reader.one(sql, [photo.0.into(), i64::from(side).into()]).await
}
