//! The state of an upload in the database.
//!
//! Each received slice is one object under (upload, offset, epoch). The offset moves by compare-and-set after the slice
//! is durable. Whoever starts to send, and whoever asks where to go on, raises the epoch: from then on what was being
//! sent before can no longer move the offset, and no two receivers ever write to one object.

use chrono::TimeDelta;
use sea_orm::{DeriveActiveEnum, EntityTrait as _, EnumIter, FromQueryResult, Value};
use uuid::Uuid;

use super::{
    add::length,
    early,
    row::{Entity, Model, PhotoState},
};
use crate::{
    Code, Error, Result, Scope, Time,
    blob::{Announced, Sha256Hash, Slice, UploadKey},
    catalogue::PhotoKind,
    db::Reader,
    id::{OrganizationId, PhotoId, UploadId},
    scope::Actor,
    write::{Act, LockRank, Tx},
};

/// An upload ends when it has made no progress for so many days; the photo is still expected then.
pub const UPLOAD_DAYS: i64 = 7;

/// Where an upload stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub(super) enum UploadState {
    /// Bytes may come.
    Open,
    /// The photo is received.
    Finished,
    /// The bytes were no photo.
    Refused,
    /// Expired, or ended by its owner.
    Ended,
}

/// An upload with what its photo was announced as.
#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub(super) struct Upload {
    pub(super) id: UploadId,
    pub(super) organization_id: OrganizationId,
    pub(super) photo_id: PhotoId,
    pub(super) length: i64,
    pub(super) received: i64,
    pub(super) epoch: i64,
    pub(super) state: UploadState,
    pub(super) expires_at: Time,
    pub(super) sha256: Sha256Hash,
    /// What its photo shows; absent until its owner has announced a photo of this content.
    pub(super) kind: Option<PhotoKind>,
    /// Where the photo belongs: a contractor's technician adds it to a ticket of another organization.
    pub(super) home: Option<OrganizationId>,
}

impl Upload {
    /// The name of its slices in the blob store.
    pub(super) fn key(&self) -> UploadKey {
        UploadKey { organization: self.organization_id, upload: self.id }
    }

    /// The content that was announced.
    pub(super) fn announced(&self) -> Result<Announced> {
        let organization = self.home.unwrap_or(self.organization_id);
        Ok(Announced { organization, sha256: self.sha256, bytes: unsigned(self.length)? })
    }

    /// Whether every byte is here and nobody has judged them yet.
    pub(super) fn is_full(&self) -> bool {
        self.state == UploadState::Open && self.received == self.length
    }

    /// Passes an upload that is finished, or open and not expired.
    ///
    /// # Errors
    /// `upload_gone`, or `not_a_photo` when the bytes were refused.
    pub(super) fn alive(self, now: Time) -> Result<Self> {
        match self.state {
            UploadState::Finished => Ok(self),
            UploadState::Open if self.expires_at > now => Ok(self),
            UploadState::Refused => Err(Error::new(Code::NotAPhoto, Code::NotAPhoto.title())),
            UploadState::Open | UploadState::Ended => {
                Err(Error::new(Code::UploadGone, Code::UploadGone.title()))
            }
        }
    }

    /// The answer to whoever sends from another offset.
    pub(super) fn elsewhere(&self) -> Error {
        let message = format!("the upload stands at {}", self.received);
        Error::new(Code::OffsetMismatch, message).with("offset", self.received)
    }
}

/// What every read of an [`Upload`] begins with. A photo of somebody else, or of other content, is not its photo.
const UPLOAD: &str =
    "SELECT u.id, u.organization_id, u.photo_id, u.length, u.received, u.epoch, u.state, u.expires_at, u.sha256, p.kind,
            p.organization_id AS home
     FROM upload u LEFT JOIN photo p
          ON p.id = u.photo_id AND p.added_by = u.owner_id AND p.sha256 = u.sha256 AND p.bytes = u.length";

/// A number of bytes, as the blob store counts them.
pub(super) fn unsigned(bytes: i64) -> Result<u64> {
    u64::try_from(bytes).map_err(Error::internal)
}

/// An upload of the scope: its owner's alone, or for a job any of the organization. The owner needs no sight of the
/// ticket any more: what was announced while he had it may arrive after it was given to somebody else.
///
/// # Errors
/// `not_found` for everybody else.
pub(super) async fn find(reader: &Reader<'_>, scope: &Scope, id: UploadId) -> Result<Upload> {
    let (whose, owner) = match scope.actor() {
        Actor::System => ("organization_id", scope.organization().0),
        Actor::Staff { .. } | Actor::Resident { .. } | Actor::Link { .. } => ("owner_id", scope.actor_id()),
    };
    let sql = format!("{UPLOAD} WHERE u.id = $1 AND u.{whose} = $2");
    reader.one(&sql, [id.0.into(), owner.into()]).await?.ok_or_else(|| Error::not_found("upload"))
}

/// Uploads of an organization that have all their bytes and an announced photo, and no judgement yet: the bytes came
/// before the photo, or the node died that took the last one.
pub(super) async fn unjudged(reader: &Reader<'_>, scope: &Scope, limit: u32) -> Result<Vec<Upload>> {
    let sql = format!(
        "{UPLOAD} WHERE u.organization_id = $1 AND u.state = 'open' AND u.received = u.length AND p.id IS NOT NULL
         ORDER BY u.photo_id LIMIT $2"
    );
    reader.all(&sql, [scope.organization().0.into(), i64::from(limit).into()]).await
}

/// Uploads of an organization that have made no progress for too long, the oldest first.
pub(super) async fn expired(
    reader: &Reader<'_>,
    scope: &Scope,
    now: Time,
    limit: u32,
) -> Result<Vec<Upload>> {
    let sql = format!(
        "{UPLOAD} WHERE u.organization_id = $1 AND u.state = 'open' AND u.expires_at <= $2
         ORDER BY u.expires_at, u.id LIMIT $3"
    );
    let values: [Value; 3] = [scope.organization().0.into(), now.into(), i64::from(limit).into()];
    reader.all(&sql, values).await
}

/// Locks an upload and reads it.
pub(super) async fn hold(tx: &mut Tx, id: UploadId) -> Result<Upload> {
    tx.lock_uploads([id]).await?;
    find(&tx.reader(), tx.scope(), id).await
}

/// The slices that make up what was received, in the order of their offsets.
pub(super) async fn slices(reader: &Reader<'_>, upload: UploadId) -> Result<Vec<Slice>> {
    #[derive(FromQueryResult)]
    struct Row {
        start: i64,
        epoch: i64,
        length: i64,
    }
    let sql = "SELECT start, epoch, length FROM upload_slice WHERE upload_id = $1 ORDER BY start";
    let rows = reader.all::<Row>(sql, [upload.0.into()]).await?;
    let slice = |row: Row| {
        Ok(Slice { offset: unsigned(row.start)?, epoch: unsigned(row.epoch)?, bytes: unsigned(row.length)? })
    };
    rows.into_iter().map(slice).collect()
}

/// Ends an upload in this state, whatever it was in before.
pub(super) async fn settle(tx: &Tx, id: UploadId, state: UploadState) -> Result<()> {
    use sea_orm::ActiveEnum as _;
    tx.execute("UPDATE upload SET state = $2 WHERE id = $1", [id.0.into(), state.to_value().into()]).await?;
    tx.execute("DELETE FROM upload_slice WHERE upload_id = $1", [id.0.into()]).await?;
    Ok(())
}

/// Starts the upload of a photo, or finds the one that stands and raises its epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) photo: PhotoId,
    pub(super) sha256: Sha256Hash,
    pub(super) length: u64,
}

/// What a start found or made. The slices of `expired` are garbage now.
pub(super) struct Started {
    pub(super) upload: Upload,
    pub(super) expired: Option<UploadKey>,
}

impl Act for Start {
    const NAME: &'static str = "upload.start";
    type Out = Started;

    async fn run(&self, tx: &mut Tx) -> Result<Started> {
        let length = length(self.length)?;
        let photo = self.announced(tx, length).await?;
        #[derive(FromQueryResult)]
        struct Standing {
            id: UploadId,
        }
        let standing = "SELECT id FROM upload WHERE photo_id = $1 AND owner_id = $2 AND state <> 'ended'";
        let whose = [self.photo.0.into(), tx.scope().actor_id().into()];
        let mut expired = None;
        if let Some(Standing { id }) = tx.reader().one(standing, whose).await? {
            let upload = hold(tx, id).await?;
            let key = upload.key();
            // What came before the photo was announced as something else is of no use.
            let same = upload.sha256 == self.sha256 && upload.length == length;
            match if same {
                upload.alive(tx.now())
            } else {
                Err(Error::new(Code::UploadGone, "other content"))
            } {
                Ok(upload) => return Ok(Started { upload: raise(tx, upload).await?, expired }),
                Err(error) if error.code() != Code::UploadGone => return Err(error),
                Err(_) => {
                    settle(tx, id, UploadState::Ended).await?;
                    expired = Some(key);
                }
            }
        }
        if photo.is_none() {
            early::admit(tx, self.photo).await?;
        }
        // A photo that rests on content kept before has all its bytes.
        let (state, received) = match photo.as_ref().map(|photo| photo.state) {
            None | Some(PhotoState::Expected) => (UploadState::Open, 0),
            Some(PhotoState::Received) => (UploadState::Finished, length),
            Some(PhotoState::Refused) => return Err(Error::new(Code::NotAPhoto, Code::NotAPhoto.title())),
        };
        let home = photo.as_ref().map(|photo| photo.organization_id);
        let upload = Upload {
            id: UploadId::new(tx.clock()),
            organization_id: home.unwrap_or(tx.scope().organization()),
            photo_id: self.photo,
            length,
            received,
            epoch: 1,
            state,
            expires_at: tx.now() + TimeDelta::days(UPLOAD_DAYS),
            sha256: self.sha256,
            kind: photo.map(|photo| photo.kind),
            home,
        };
        insert(tx, &upload).await?;
        Ok(Started { upload, expired })
    }
}

impl Start {
    /// The photo that was announced with this content, locked, so that two starts come one after another; none when it
    /// is not announced yet.
    async fn announced(&self, tx: &mut Tx, length: i64) -> Result<Option<Model>> {
        tx.lock_rows(LockRank::Uploads, "photo", "id", [self.photo.0]).await?;
        let Some(photo) = Entity::find_by_id(self.photo).one(&tx.reader()).await? else { return Ok(None) };
        if photo.added_by != tx.scope().actor_id() {
            return Err(Error::not_found("photo"));
        }
        if photo.sha256 != self.sha256 {
            return Err(Error::field("sha256", "the photo was announced with another SHA-256"));
        }
        if photo.bytes != length {
            return Err(Error::field("bytes", "the photo was announced with another length"));
        }
        Ok(Some(photo))
    }
}

async fn insert(tx: &Tx, upload: &Upload) -> Result<()> {
    use sea_orm::ActiveEnum as _;
    let values: [Value; 11] = [
        upload.id.0.into(),
        upload.organization_id.0.into(),
        upload.photo_id.0.into(),
        tx.scope().actor_id().into(),
        upload.sha256.into(),
        upload.length.into(),
        upload.received.into(),
        upload.epoch.into(),
        upload.state.to_value().into(),
        upload.expires_at.into(),
        tx.now().into(),
    ];
    let inserted = tx
        .execute(
            "INSERT INTO upload
                 (id, organization_id, photo_id, owner_id, sha256, length, received, epoch, state, expires_at, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (photo_id, owner_id) WHERE state <> 'ended' DO NOTHING",
            values,
        )
        .await?;
    match inserted.rows_affected() {
        0 => Err(Error::restart("the same upload was started meanwhile")),
        _ => Ok(()),
    }
}

async fn raise(tx: &Tx, upload: Upload) -> Result<Upload> {
    if upload.state != UploadState::Open {
        return Ok(upload);
    }
    tx.execute("UPDATE upload SET epoch = epoch + 1 WHERE id = $1", [upload.id.0.into()]).await?;
    Ok(Upload { epoch: upload.epoch + 1, ..upload })
}

/// Somebody wants to go on: whatever was being sent before can no longer move the offset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resume {
    pub(super) upload: UploadId,
    /// From where he is about to send; absent when he only asks.
    pub(super) offset: Option<u64>,
}

impl Act for Resume {
    const NAME: &'static str = "upload.resume";
    type Out = Upload;

    async fn run(&self, tx: &mut Tx) -> Result<Upload> {
        let upload = hold(tx, self.upload).await?.alive(tx.now())?;
        if self.offset.is_some_and(|offset| i64::try_from(offset) != Ok(upload.received)) {
            return Err(upload.elsewhere());
        }
        raise(tx, upload).await
    }
}

/// A slice is durable: the offset moves, unless somebody went on in the meantime.
#[derive(Clone, Debug)]
pub(super) struct Advance {
    /// The upload as it was when the slice began to come.
    pub(super) upload: Upload,
    pub(super) bytes: i64,
}

impl Act for Advance {
    const NAME: &'static str = "upload.advance";
    type Out = Upload;

    async fn run(&self, tx: &mut Tx) -> Result<Upload> {
        tx.rank(LockRank::Uploads)?;
        let Upload { id, received, epoch, .. } = self.upload;
        let after = received + self.bytes;
        let expires_at = tx.now() + TimeDelta::days(UPLOAD_DAYS);
        let moved = tx
            .execute(
                "UPDATE upload SET received = $4, expires_at = $5
                 WHERE id = $1 AND epoch = $2 AND received = $3 AND state = 'open'",
                [id.0.into(), epoch.into(), received.into(), after.into(), expires_at.into()],
            )
            .await?;
        if moved.rows_affected() != 1 {
            return Err(find(&tx.reader(), tx.scope(), id).await?.alive(tx.now())?.elsewhere());
        }
        tx.execute(
            "INSERT INTO upload_slice (upload_id, start, epoch, length) VALUES ($1, $2, $3, $4)",
            [id.0.into(), received.into(), epoch.into(), self.bytes.into()],
        )
        .await?;
        Ok(Upload { received: after, expires_at, ..self.upload.clone() })
    }
}

/// The bytes are not those announced: the upload stands at 0 again.
#[derive(Clone, Debug)]
pub(super) struct Restart {
    /// The upload as it was judged.
    pub(super) upload: Upload,
}

impl Act for Restart {
    const NAME: &'static str = "upload.restart";
    /// The upload as it stands now: finished, if another node came to another judgement first.
    type Out = Upload;

    async fn run(&self, tx: &mut Tx) -> Result<Upload> {
        let upload = hold(tx, self.upload.id).await?;
        if !upload.is_full() || upload.epoch != self.upload.epoch {
            return upload.alive(tx.now());
        }
        let id: Uuid = upload.id.0;
        tx.execute("UPDATE upload SET received = 0, epoch = epoch + 1 WHERE id = $1", [id.into()]).await?;
        tx.execute("DELETE FROM upload_slice WHERE upload_id = $1", [id.into()]).await?;
        Ok(Upload { received: 0, epoch: upload.epoch + 1, ..upload })
    }
}

/// The owner wants no more of it. The photo stays what it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) upload: UploadId,
}

impl Act for End {
    const NAME: &'static str = "upload.end";
    type Out = UploadKey;

    async fn run(&self, tx: &mut Tx) -> Result<UploadKey> {
        let upload = hold(tx, self.upload).await?;
        if upload.state == UploadState::Ended {
            return Err(Error::new(Code::UploadGone, Code::UploadGone.title()));
        }
        settle(tx, upload.id, UploadState::Ended).await?;
        Ok(upload.key())
    }
}
