//! The bytes of a photo, for those who may see them.

use std::ops::Range;

use sea_orm::EntityTrait as _;

use super::{
    content::Format,
    preview::{self, Size},
    row::{Entity, Model, PhotoState, PreviewState},
};
use crate::{
    Code, Error, Result, Scope,
    blob::{BlobKey, BlobRead, Blobs},
    db::Reader,
    id::PhotoId,
    ticket,
};

/// Content that may be shown: where it is kept, and as what.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// Where the bytes are.
    pub key: BlobKey,
    /// How many there are.
    pub bytes: u64,
    /// What they are, by themselves.
    pub media_type: String,
    /// Under which name they are saved: one of ours, never one that somebody sent.
    pub name: String,
}

impl Content {
    /// Content under a name of ours; the extension follows the media type.
    pub fn new(key: BlobKey, bytes: i64, media_type: &str, name: &str) -> Self {
        let extension = Format::of_media_type(media_type).map_or("bin", Format::extension);
        Self {
            key,
            bytes: bytes.unsigned_abs(),
            media_type: media_type.to_owned(),
            name: format!("{name}.{extension}"),
        }
    }

    /// Pictures and sound are shown in place; a document is saved: what it may contain is not for a browser to run.
    pub fn disposition(&self) -> String {
        let how = if self.media_type == Format::Pdf.media_type() { "attachment" } else { "inline" };
        format!("{how}; filename=\"{}\"", self.name)
    }
}

/// A received photo in a size that the scope may see. A resident sees the previews of all photos of his tickets; of the
/// originals only his own: those of the crew tell, in their EXIF data, where the crew has been.
///
/// # Errors
/// `not_found` when the photo or its ticket is out of sight, the bytes are not here or were refused (`state` tells), or
/// there is no preview; `preview_pending` while it is being made; `forbidden` for a resident.
pub async fn find(reader: &Reader<'_>, scope: &Scope, id: PhotoId, size: Size) -> Result<Content> {
    let photo = Entity::find_by_id(id).one(reader).await?.ok_or_else(|| Error::not_found("photo"))?;
    match ticket::find(reader, scope, photo.ticket_id).await {
        Ok(_) => {}
        Err(error) if error.code() == Code::NotFound => return Err(Error::not_found("photo")),
        Err(error) => return Err(error),
    }
    let media_type = match (photo.state, &photo.media_type) {
        (PhotoState::Received, Some(media_type)) => media_type,
        (PhotoState::Received, None) => {
            return Err(Error::internal(format!("photo {id}, column media_type")));
        }
        (state, _) => return Err(Error::new(Code::NotFound, "the photo has no bytes").with("state", state)),
    };
    let Model { organization_id: organization, sha256, bytes, preview, added_by, .. } = photo;
    let Some(side) = size.side() else {
        let own = !scope.is_resident() || scope.actor_id() == added_by;
        // An act or a document tells nothing of where it was made. What the crew has spoken is for the house.
        let paper = Format::of_media_type(media_type) == Some(Format::Pdf);
        if !own && !paper {
            return Err(Error::new(Code::Forbidden, "originals are for staff and for those who took them"));
        }
        return Ok(Content::new(BlobKey { organization, sha256 }, bytes, media_type, &id.to_string()));
    };
    match preview {
        PreviewState::Pending => Err(Error::new(Code::PreviewPending, Code::PreviewPending.title())),
        PreviewState::None => {
            Err(Error::new(Code::NotFound, "the photo has no preview").with("preview", preview))
        }
        PreviewState::Ready => {
            let missing = || Error::internal(format!("photo {id} has no preview of {side}"));
            let made = preview::find(reader, id, side).await?.ok_or_else(missing)?;
            let key = BlobKey { organization, sha256: made.sha256 };
            Ok(Content::new(key, made.bytes, Format::Jpeg.media_type(), &format!("{id}-{side}")))
        }
    }
}

/// Opens the bytes, or the part of them in `range` (the end exclusive).
///
/// # Errors
/// `unavailable` when the blob store does not answer, `internal` when it has lost the object.
pub async fn open(blobs: &dyn Blobs, content: &Content, range: Option<Range<u64>>) -> Result<BlobRead> {
    let BlobKey { organization, sha256 } = content.key;
    let read = blobs.read(organization, &sha256, range).await?;
    read.ok_or_else(|| Error::internal(format!("{}: the store has no object {}", content.name, content.key)))
}
