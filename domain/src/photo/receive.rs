//! The end of an upload: the photo is received, or refused.

use std::sync::Arc;

use sea_orm::EntityTrait as _;

use super::{
    content::Format,
    examine,
    row::{Entity, Model, PhotoState},
    stored::{self, Stored},
    upload::{self, Upload, UploadState},
};
use crate::{
    Error, Result,
    blob::Blobs,
    id::UploadId,
    write::{Act, LockRank, Tx},
};

/// Why a photo is refused whose bytes are of no accepted format.
pub(super) const NOT_A_PHOTO: &str = "not_a_photo";

/// Takes hold of the upload and of its photo, in the lock order of the house.
async fn hold(tx: &mut Tx, id: UploadId) -> Result<(Upload, Model)> {
    let gone = || Error::internal(format!("upload {id} has no photo"));
    // Neither of what is read here, photo and ticket of an upload, ever changes.
    let photo = upload::find(&tx.reader(), tx.scope(), id).await?.photo_id;
    let ticket = Entity::find_by_id(photo).one(&tx.reader()).await?.ok_or_else(gone)?.ticket_id;
    tx.lock_tickets([ticket]).await?;
    tx.lock_rows(LockRank::Uploads, "photo", "id", [photo.0]).await?;
    let upload = upload::hold(tx, id).await?;
    let photo = Entity::find_by_id(photo).one(&tx.reader()).await?.ok_or_else(gone)?;
    Ok((upload, photo))
}

/// The object is published: the photo is received, in one commit with the row of its content.
#[derive(Clone, Debug)]
pub(super) struct Receive {
    pub(super) upload: UploadId,
    pub(super) format: Format,
    pub(super) blobs: Arc<dyn Blobs>,
}

/// What came of receiving.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Received {
    /// The upload is finished: by this write, or by another node that was faster.
    Finished(Upload),
    /// The object was collected as an orphan before its row stood: it must be published again.
    Vanished,
}

impl Act for Receive {
    const NAME: &'static str = "photo.receive";
    type Out = Received;

    async fn run(&self, tx: &mut Tx) -> Result<Received> {
        let (upload, photo) = hold(tx, self.upload).await?;
        if upload.state != UploadState::Open {
            return Ok(Received::Finished(upload.alive(tx.now())?));
        }
        let media_type = self.format.media_type().to_owned();
        let content = Stored { bytes: photo.bytes, media_type: media_type.clone() };
        let fresh = stored::keep(tx, photo.organization_id, photo.sha256, content).await?;
        // The row is held: either the object stays from here on, or it had been collected before the row stood.
        if !self.blobs.exists(photo.organization_id, &photo.sha256).await? {
            if fresh {
                stored::forget(tx, photo.organization_id, photo.sha256).await?;
            }
            return Ok(Received::Vanished);
        }
        if photo.state == PhotoState::Expected {
            let mut received = photo.clone();
            examine::received(tx, &mut received, &media_type);
            tx.update(&photo, &received).await?;
        }
        upload::settle(tx, upload.id, UploadState::Finished).await?;
        Ok(Received::Finished(Upload { state: UploadState::Finished, ..upload }))
    }
}

/// The bytes are those announced, and no photo: they are never served.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refuse {
    pub(super) upload: UploadId,
}

impl Act for Refuse {
    const NAME: &'static str = "photo.refuse";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let (upload, photo) = hold(tx, self.upload).await?;
        if upload.state != UploadState::Open {
            return Ok(());
        }
        if photo.state == PhotoState::Expected {
            let mut refused = photo.clone();
            refused.state = PhotoState::Refused;
            refused.refused_reason = Some(NOT_A_PHOTO.to_owned());
            tx.update(&photo, &refused).await?;
        }
        upload::settle(tx, upload.id, UploadState::Refused).await
    }
}
