//! What uploads leave behind when nobody goes on with them.

use std::collections::BTreeSet;

use sea_orm::{FromQueryResult, Value};

use super::{
    transfer::Transfers,
    upload::{Upload, expired, unjudged},
};
use crate::{
    Code, Result, Scope,
    blob::UploadKey,
    db::{Db, placeholders},
    id::{OrganizationId, UploadId},
    write::{Act, Tx},
};

/// What a sweep has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Uploads that were ended.
    pub ended: usize,
    /// Uploads that had all their bytes and were judged instead.
    pub judged: usize,
    /// Whether there may be more: call again.
    pub more: bool,
}

#[derive(FromQueryResult)]
struct Id {
    id: UploadId,
}

/// Organizations that have uploads to be swept, for the worker to go through.
///
/// # Errors
/// The database cannot be read.
pub async fn organizations_to_sweep(db: &Db) -> Result<Vec<OrganizationId>> {
    #[derive(FromQueryResult)]
    struct Due {
        id: OrganizationId,
    }
    let sql = "SELECT organization_id AS id FROM upload WHERE state = 'open' AND expires_at <= $1
               UNION
               SELECT u.organization_id FROM upload u JOIN photo p ON p.id = u.photo_id
               WHERE u.state = 'open' AND u.received = u.length
               ORDER BY 1";
    let due = db.reader().all::<Due>(sql, [db.clock().now().into()]).await?;
    Ok(due.into_iter().map(|due| due.id).collect())
}

/// Judges uploads of an organization that have all their bytes and were not judged, then ends those that have made no
/// progress for [`UPLOAD_DAYS`](super::UPLOAD_DAYS) days and removes their slices, at most `limit` of each. The photos
/// stay expected.
///
/// # Errors
/// `forbidden` for everybody but a job; database or blob store do not answer.
pub async fn sweep_uploads(transfers: &Transfers, scope: Scope, limit: u32) -> Result<Swept> {
    scope.require(&[])?;
    let db = transfers.db();
    let mut swept = Swept::default();
    for upload in unjudged(&db.reader(), &scope, limit).await? {
        judge(transfers, scope, upload).await?;
        swept.judged += 1;
    }
    if swept.judged >= limit as usize {
        return Ok(Swept { more: true, ..swept });
    }
    let dead = expired(&db.reader(), &scope, db.clock().now(), limit).await?;
    swept.more = dead.len() >= limit as usize;
    if dead.is_empty() {
        return Ok(swept);
    }
    let uploads: BTreeSet<UploadId> = dead.iter().map(|upload| upload.id).collect();
    let ended = db.write(scope, Expire { uploads }).await?;
    for upload in dead.iter().filter(|upload| ended.contains(&upload.id)) {
        transfers.remove_slices(upload.key()).await;
    }
    swept.ended = ended.len();
    Ok(swept)
}

/// Judges an upload. Wrong bytes and no photo are judgements too; what was restarted ends with a later sweep.
pub(super) async fn judge(transfers: &Transfers, scope: Scope, upload: Upload) -> Result<()> {
    match transfers.judge_if_full(scope, upload).await {
        Err(error) if !matches!(error.code(), Code::HashMismatch | Code::NotAPhoto | Code::UploadGone) => {
            Err(error)
        }
        _ => Ok(()),
    }
}

/// Ends those that are still open and expired.
#[derive(Clone, Debug)]
struct Expire {
    uploads: BTreeSet<UploadId>,
}

impl Act for Expire {
    const NAME: &'static str = "upload.expire";
    type Out = BTreeSet<UploadId>;

    async fn run(&self, tx: &mut Tx) -> Result<BTreeSet<UploadId>> {
        tx.lock_uploads(self.uploads.iter().copied()).await?;
        let mut values: Vec<Value> = vec![tx.scope().organization().0.into(), tx.now().into()];
        let list = placeholders(self.uploads.iter().map(|id| id.0), &mut values);
        let sql = format!(
            "UPDATE upload SET state = 'ended'
             WHERE organization_id = $1 AND state = 'open' AND expires_at <= $2 AND id IN ({list}) RETURNING id"
        );
        let ended = tx.execute_returning::<Id>(&sql, values).await?;
        let ended: BTreeSet<UploadId> = ended.into_iter().map(|row| row.id).collect();
        let mut values: Vec<Value> = Vec::new();
        let list = placeholders(ended.iter().map(|id| id.0), &mut values);
        tx.execute(&format!("DELETE FROM upload_slice WHERE upload_id IN ({list})"), values).await?;
        Ok(ended)
    }
}

/// Removes slices whose upload is not open any more: what a killed node left, what came after the end. Goes through at
/// most `limit` uploads that have slices, those behind `after`; returns the last one, or `None` at the end of the store.
/// Whose they are is in the names; nothing of them is read.
///
/// # Errors
/// Database or blob store do not answer.
pub async fn sweep_slices(
    transfers: &Transfers,
    after: Option<UploadKey>,
    limit: usize,
) -> Result<Option<UploadKey>> {
    let page = transfers.blobs().list_uploads(after.as_ref(), limit).await?;
    let mut values: Vec<Value> = Vec::new();
    let list = placeholders(page.iter().map(|key| key.upload.0), &mut values);
    // The row of an upload stands before its first slice, so a slice without an open upload has no use.
    let sql = format!("SELECT id FROM upload WHERE state = 'open' AND id IN ({list})");
    let open = transfers.db().reader().all::<Id>(&sql, values).await?;
    let open: BTreeSet<UploadId> = open.into_iter().map(|row| row.id).collect();
    for key in page.iter().filter(|key| !open.contains(&key.upload)) {
        transfers.remove_slices(*key).await;
    }
    Ok(page.last().copied())
}
