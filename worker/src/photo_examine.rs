//! A received picture is looked at: previews, facts, doubts.

use std::sync::Arc;

use futures_util::TryStreamExt;
use naryad_domain::{
    Error, Result, Scope,
    blob::{BlobKey, BlobRead, Blobs},
    db::Db,
    id::PhotoId,
    job::{Claimed, Completing, Nothing},
    photo::{Examine, MAX_PHOTO_BYTES, to_examine},
};
use serde::Deserialize;
use tokio::sync::Semaphore;

/// Pictures decoded at once in this process: each may take half a gibibyte.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

#[derive(Deserialize)]
struct Payload {
    photo: PhotoId,
}

pub(crate) async fn run(db: &Db, blobs: &Arc<dyn Blobs>, job: &Claimed) -> Result<()> {
    let Payload { photo } = Payload::deserialize(&job.payload).map_err(Error::internal)?;
    let scope = Scope::system(job.organization);
    let Some(photo) = to_examine(&db.reader(), &scope, photo).await? else {
        return db.write(scope, Completing { act: Nothing, lease: job.lease }).await;
    };
    let key = BlobKey { organization: photo.organization_id, sha256: photo.sha256 };
    let permit = AT_ONCE.acquire().await.map_err(Error::internal)?;
    let bytes = read(&**blobs, key).await?;
    // The permit goes along: a handler that is given up leaves the decoder running, and it counts until it has ended.
    let seen = tokio::task::spawn_blocking(move || {
        let seen = naryad_picture::examine(&bytes);
        drop(permit);
        seen
    });
    let seen = seen.await.map_err(Error::internal)?;
    let act = Examine::publish(Arc::clone(blobs), &photo, seen).await?;
    db.write(scope, Completing { act, lease: job.lease }).await
}

/// The whole object: it was verified when it was published, and is no longer than a photo may be.
async fn read(blobs: &dyn Blobs, key: BlobKey) -> Result<Vec<u8>> {
    let BlobKey { organization, sha256 } = key;
    let missing = || Error::internal(format!("the store has no object {key}"));
    let BlobRead { len, stream, .. } = blobs.read(organization, &sha256, None).await?.ok_or_else(missing)?;
    if len > MAX_PHOTO_BYTES {
        return Err(Error::internal(format!("the object {key} has {len} bytes")));
    }
    let capacity = usize::try_from(len).map_err(Error::internal)?;
    let bytes = stream
        .try_fold(Vec::with_capacity(capacity), |mut bytes, chunk| async move {
            bytes.extend_from_slice(&chunk);
            Ok(bytes)
        })
        .await;
    bytes.map_err(|cause| naryad_domain::blob::BlobError::during("reading a picture")(cause).into())
}
