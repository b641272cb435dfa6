//! The bytes of a photo, for those who may see them.

use std::ops::Range;

use sea_orm::EntityTrait as _;

use super::row::{Entity, Model, PhotoState};
use crate::{
    Code, Error, Result, Scope,
    blob::{BlobRead, Blobs},
    db::Reader,
    id::PhotoId,
    ticket,
};

/// A photo whose bytes are here.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenPhoto {
    /// The row.
    pub photo: Model,
    /// What the bytes are.
    pub media_type: String,
}

/// A received photo whose original the scope may read. A resident reads the originals of his own photos only: those of
/// the crew tell, in their EXIF data, where the crew has been.
///
/// # Errors
/// `not_found` when the photo or its ticket is out of sight, or the bytes are not here or were refused (`state` tells);
/// `forbidden` for a resident.
pub async fn find(reader: &Reader<'_>, scope: &Scope, id: PhotoId) -> Result<OpenPhoto> {
    let photo = Entity::find_by_id(id).one(reader).await?.ok_or_else(|| Error::not_found("photo"))?;
    match ticket::find(reader, scope, photo.ticket_id).await {
        Ok(_) => {}
        Err(error) if error.code() == Code::NotFound => return Err(Error::not_found("photo")),
        Err(error) => return Err(error),
    }
    if scope.resident_id().is_some_and(|resident| resident.0 != photo.added_by) {
        return Err(Error::new(Code::Forbidden, "originals are for staff and for those who took them"));
    }
    let media_type = match (photo.state, &photo.media_type) {
        (PhotoState::Received, Some(media_type)) => media_type.clone(),
        (PhotoState::Received, None) => {
            return Err(Error::internal(format!("photo {id}, column media_type")));
        }
        (state, _) => return Err(Error::new(Code::NotFound, "the photo has no bytes").with("state", state)),
    };
    Ok(OpenPhoto { photo, media_type })
}

/// Opens the bytes, or the part of them in `range` (the end exclusive).
///
/// # Errors
/// `unavailable` when the blob store does not answer, `internal` when it has lost the object.
pub async fn open(blobs: &dyn Blobs, photo: &OpenPhoto, range: Option<Range<u64>>) -> Result<BlobRead> {
    let Model { id, organization_id, sha256, .. } = &photo.photo;
    let read = blobs.read(*organization_id, sha256, range).await?;
    read.ok_or_else(|| {
        Error::internal(format!("photo {id}: the store has no object {organization_id}/{sha256}"))
    })
}
