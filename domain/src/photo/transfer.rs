//! Uploads from the first byte to the last: what a server of the tus protocol does, without HTTP.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256};

use super::{
    content::{Format, not_taken, takes},
    receive::{Receive, Received, Refuse},
    upload::{Advance, End, Restart, Resume, Start, Upload, UploadState, find, slices, unsigned},
};
use crate::{
    Code, Error, Result, Scope, Time,
    blob::{Assembled, Blobs, ByteStream, Sha256Hash, SignedPut, SliceStored, UploadKey},
    catalogue::PhotoKind,
    db::Db,
    id::{PhotoId, UploadId},
};

/// An upload that a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewUpload {
    /// The photo.
    pub photo: PhotoId,
    /// The hash it was, or will be, announced with.
    pub sha256: Sha256Hash,
    /// The number of bytes it was, or will be, announced with.
    pub length: u64,
}

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Which upload.
    pub upload: UploadId,
    /// Up to where the bytes are here and durable: send on from there.
    pub offset: u64,
    /// How many there are altogether.
    pub length: u64,
    /// When the upload ends if it makes no progress; `None` when the photo is received.
    pub expires_at: Option<Time>,
}

/// A request by which a client sends the bytes of an upload to the store itself.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct SignedUpload {
    /// Where to.
    pub url: String,
    /// `PUT`.
    pub method: String,
    /// Headers that must go along as they are: length and checksum are signed.
    pub headers: BTreeMap<String, String>,
    /// Until when it must begin.
    pub expires_at: DateTime<Utc>,
}

impl Progress {
    fn of(upload: &Upload) -> Result<Self> {
        let finished = upload.state == UploadState::Finished;
        Ok(Self {
            upload: upload.id,
            offset: unsigned(upload.received)?,
            length: unsigned(upload.length)?,
            expires_at: (!finished).then_some(upload.expires_at),
        })
    }

    /// Whether the photo is received.
    pub fn is_finished(&self) -> bool {
        self.expires_at.is_none()
    }
}

/// Takes uploads in: the database knows how far they are, the blob store has the bytes. Any node continues any upload.
#[derive(Clone, Debug)]
pub struct Transfers {
    db: Db,
    blobs: Arc<dyn Blobs>,
}

/// How often an object that the collector took away before it was known is published again.
const PUBLICATIONS: u32 = 3;

impl Transfers {
    /// Uploads of this database into this store.
    pub fn new(db: Db, blobs: Arc<dyn Blobs>) -> Self {
        Self { db, blobs }
    }

    /// The store of the bytes.
    pub fn blobs(&self) -> &Arc<dyn Blobs> {
        &self.blobs
    }

    /// The database.
    pub(super) fn db(&self) -> &Db {
        &self.db
    }

    /// Starts the upload of a photo; a technician's may begin before the photo is announced. The same again finds the
    /// same upload, however far it is: open, or finished. What an earlier connection was sending can no longer move the
    /// offset.
    ///
    /// # Errors
    /// `not_found` when the photo is somebody else's, or not announced by one who must announce it first;
    /// `invalid_field` when it was announced with another hash or length, `too_large`, `too_many_requests` when too many
    /// uploads wait for their photos, and as [`Transfers::resume`].
    pub async fn create(&self, scope: Scope, new: NewUpload) -> Result<Progress> {
        let start = Start { photo: new.photo, sha256: new.sha256, length: new.length };
        let started = self.db.write(scope, start).await?;
        if let Some(key) = started.expired {
            self.remove_slices(key).await;
        }
        self.judge_if_full(scope, started.upload).await
    }

    /// Tells how far an upload is. What an earlier connection was sending can no longer move the offset.
    ///
    /// # Errors
    /// `not_found` for everybody but the owner, `upload_gone` when it has expired or was ended, `not_a_photo` when the
    /// bytes were refused, `hash_mismatch` when all had come and were others than announced (it stands at 0 again).
    pub async fn resume(&self, scope: Scope, id: UploadId) -> Result<Progress> {
        let upload = self.db.write(scope, Resume { upload: id, offset: None }).await?;
        self.judge_if_full(scope, upload).await
    }

    /// Takes bytes in from `offset`. When the body breaks off, what came is kept, unless a checksum was announced that
    /// can no longer be verified. The last byte finishes the upload.
    ///
    /// It runs in a task of its own: a client that hangs up takes the body away, but tears nothing.
    ///
    /// # Errors
    /// `offset_mismatch` when the upload stands elsewhere or was taken up by somebody else meanwhile; `too_large` when
    /// the body goes beyond the announced length; `hash_mismatch` when the bytes do not have `checksum` (the offset has
    /// not moved), or all bytes together are not those announced (it stands at 0 again); and as [`Transfers::resume`].
    pub async fn append(
        &self,
        scope: Scope,
        id: UploadId,
        offset: u64,
        checksum: Option<Sha256Hash>,
        body: ByteStream,
    ) -> Result<Progress> {
        let this = self.clone();
        let task = async move {
            let upload = this.db.write(scope, Resume { upload: id, offset: Some(offset) }).await?;
            if upload.state == UploadState::Finished {
                return Progress::of(&upload);
            }
            let upload = this.take(scope, upload, checksum, body).await?;
            this.judge_if_full(scope, upload).await
        };
        self.db.0.writes.spawn(task).await.map_err(Error::internal)?
    }

    /// A request by which the client sends all bytes to the store itself, once; [`Transfers::arrived`] is to follow. What
    /// an earlier connection was sending can no longer move the offset.
    ///
    /// # Errors
    /// `offset_mismatch` when some bytes are here already; `unsupported_store` where clients cannot reach the store; and
    /// as [`Transfers::resume`].
    pub async fn sign(&self, scope: Scope, id: UploadId, lasts: Duration) -> Result<SignedUpload> {
        let upload = self.db.write(scope, Resume { upload: id, offset: Some(0) }).await?;
        let slice = upload.key().slice(0, unsigned(upload.epoch)?);
        let signed = self.blobs.sign_slice(&slice, &upload.announced()?, lasts).await?;
        let unsupported = || Error::new(Code::UnsupportedStore, Code::UnsupportedStore.title());
        let SignedPut { url, headers } = signed.ok_or_else(unsupported)?;
        let headers = headers.into_iter().collect();
        Ok(SignedUpload { url, method: "PUT".to_owned(), headers, expires_at: self.db.clock().now() + lasts })
    }

    /// The client has sent everything to the store itself: it is judged as if it had come through here.
    ///
    /// # Errors
    /// `offset_mismatch` when nothing has arrived, or the upload was taken up by somebody else meanwhile; and as
    /// [`Transfers::append`].
    pub async fn arrived(&self, scope: Scope, id: UploadId) -> Result<Progress> {
        let upload = find(&self.db.reader(), &scope, id).await?.alive(self.db.clock().now())?;
        if upload.state == UploadState::Finished {
            return Progress::of(&upload);
        }
        let slice = upload.key().slice(0, unsigned(upload.epoch)?);
        let bytes = upload.length;
        let stored = self.blobs.slice_length(&slice).await?;
        if upload.received != 0 || stored != Some(unsigned(bytes)?) {
            return Err(upload.elsewhere());
        }
        let upload = self.db.write(scope, Advance { upload, bytes }).await?;
        self.judge_if_full(scope, upload).await
    }

    /// Ends an upload before its time. A photo that is received stays so; one that is not stays expected.
    ///
    /// # Errors
    /// `not_found` for everybody but the owner, `upload_gone` when it was ended before.
    pub async fn end(&self, scope: Scope, id: UploadId) -> Result<()> {
        let key = self.db.write(scope, End { upload: id }).await?;
        self.remove_slices(key).await;
        Ok(())
    }

    /// Keeps a slice, and moves the offset when it is durable.
    async fn take(
        &self,
        scope: Scope,
        upload: Upload,
        checksum: Option<Sha256Hash>,
        body: ByteStream,
    ) -> Result<Upload> {
        let (offset, epoch) = (unsigned(upload.received)?, unsigned(upload.epoch)?);
        let slice = upload.key().slice(offset, epoch);
        let limit = unsigned(upload.length - upload.received)?;
        let (body, digest) = match checksum {
            Some(_) => {
                let (body, digest) = hashed(body);
                (body, Some(digest))
            }
            None => (body, None),
        };
        let SliceStored { bytes, complete } = self.blobs.put_slice(&slice, body, limit).await?;
        if let (Some(checksum), Some(digest)) = (checksum, digest)
            && (!complete || digest.await.ok() != Some(checksum))
        {
            let message = "the bytes do not have the checksum; the offset has not moved";
            return Err(Error::new(Code::HashMismatch, message).with("offset", offset));
        }
        if bytes == 0 {
            return Ok(upload);
        }
        let key = upload.key();
        let bytes = i64::try_from(bytes).map_err(Error::internal)?;
        let moved = self.db.write(scope, Advance { upload, bytes }).await;
        if moved.as_ref().is_err_and(|error| matches!(error.code(), Code::UploadGone | Code::NotAPhoto)) {
            // Its slices were removed before this one was written.
            self.remove_slices(key).await;
        }
        moved
    }

    /// Judges the bytes when all are here and their photo is announced. Every request that meets a full upload does it,
    /// so that none stays unjudged because a node died between the last byte and the judgement.
    pub(super) async fn judge_if_full(&self, scope: Scope, mut upload: Upload) -> Result<Progress> {
        if upload.is_full() && upload.kind.is_none() {
            // It may have been announced while the last bytes came.
            upload = find(&self.db.reader(), &scope, upload.id).await?;
        }
        let Some(kind) = upload.kind.filter(|_| upload.is_full()) else { return Progress::of(&upload) };
        for _ in 0..PUBLICATIONS {
            if let Some(finished) = self.judge(scope, &upload, kind).await? {
                return Progress::of(&finished);
            }
        }
        Err(Error::new(Code::Unavailable, Code::Unavailable.title()))
    }

    /// `None`: the published object was collected before it was known.
    async fn judge(&self, scope: Scope, upload: &Upload, kind: PhotoKind) -> Result<Option<Upload>> {
        let slices = slices(&self.db.reader(), upload.id).await?;
        let accept = |head: &[u8]| Format::detect(head).is_some_and(|format| takes(kind, format));
        let assembled = self.blobs.assemble(&upload.key(), &slices, &upload.announced()?, &accept).await?;
        let id = upload.id;
        match assembled {
            Assembled::Published { head, .. } => {
                let format = Format::detect(&head)
                    .ok_or_else(|| Error::internal(format!("upload {id}: the accepted head is no photo")))?;
                let receive = Receive { upload: id, format, blobs: Arc::clone(&self.blobs) };
                match self.db.write(scope, receive).await? {
                    Received::Vanished => Ok(None),
                    Received::Finished(finished) => {
                        self.remove_slices(upload.key()).await;
                        Ok(Some(finished))
                    }
                }
            }
            Assembled::Refused { .. } => {
                self.db.write(scope, Refuse { upload: id }).await?;
                self.remove_slices(upload.key()).await;
                Err(not_taken(kind))
            }
            Assembled::Mismatch { .. } | Assembled::Torn { .. } => {
                let now = self.db.write(scope, Restart { upload: upload.clone() }).await?;
                if now.state == UploadState::Finished {
                    return Ok(Some(now));
                }
                Err(Error::new(Code::HashMismatch, Code::HashMismatch.title()).with("offset", now.received))
            }
        }
    }

    /// Removes slices nobody needs any more. What cannot be removed now is garbage for [`super::sweep_slices`].
    pub(super) async fn remove_slices(&self, key: UploadKey) {
        if let Err(error) = self.blobs.remove_slices(&key).await {
            tracing::warn!(upload = %key.upload, %error, "slices of an ended upload were not removed");
        }
    }
}

/// Hashes a body on its way. The hash comes when the body has come to its end; from one that broke off it never comes.
fn hashed(body: ByteStream) -> (ByteStream, tokio::sync::oneshot::Receiver<Sha256Hash>) {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let stream = futures_util::stream::unfold(
        (body, Sha256::new(), Some(sender)),
        |(mut body, mut hasher, sender)| async move {
            let Some(chunk) = body.next().await else {
                // Nobody waits for the hash of a body that was refused for another reason.
                let _ = sender?.send(Sha256Hash(hasher.finalize().into()));
                return None;
            };
            if let Ok(bytes) = &chunk {
                hasher.update(bytes);
            }
            let sender = sender.filter(|_| chunk.is_ok());
            Some((chunk, (body, hasher, sender)))
        },
    );
    (Box::pin(stream), receiver)
}
