//! Bytes that come before their photo is announced: a technician's phone sends them whenever it has a network, in any
//! order with its queue.

use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

use super::{row::Model, sweep, transfer::Transfers, upload};
use crate::{
    Code, Error, Result, Scope,
    id::{OrganizationId, PhotoId, UploadId},
    job::NewJob,
    write::Tx,
};

/// So many open uploads of one person may wait for their photos.
pub const EARLY_UPLOADS: i64 = 100;

/// The kind of the job that looks at an upload whose photo was announced after it.
pub const JUDGE_JOB: &str = "upload_judge";

/// What the job is to look at.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct JudgeJob {
    /// The upload.
    pub upload: UploadId,
}

/// Passes a technician's upload of a photo that nobody has announced.
///
/// # Errors
/// `not_found` for everybody else, `too_many_requests` when [`EARLY_UPLOADS`] of his wait already.
pub(super) async fn admit(tx: &Tx, photo: PhotoId) -> Result<()> {
    #[derive(FromQueryResult)]
    struct Waiting {
        count: i64,
    }
    let Some(technician) = tx.scope().technician() else { return Err(Error::not_found("photo")) };
    PhotoId::from_client(photo.0, "photo_id")?;
    let sql = "SELECT COUNT(*) AS count FROM upload u
               WHERE u.owner_id = $1 AND u.state = 'open' AND NOT EXISTS (SELECT 1 FROM photo p WHERE p.id = u.photo_id)";
    let waiting = tx.reader().one::<Waiting>(sql, [technician.0.into()]).await?;
    if waiting.is_some_and(|waiting| waiting.count >= EARLY_UPLOADS) {
        let message =
            format!("the bytes of {EARLY_UPLOADS} photos wait for their announcements: send those first");
        return Err(Error::new(Code::TooManyRequests, message).with("retry_after", 60));
    }
    Ok(())
}

/// A photo is announced: if its bytes began to come before, somebody looks whether they are all here. A start that is not
/// committed yet is not seen: then the last byte, the next request or the sweep judges.
pub(super) async fn follow(tx: &mut Tx, photo: &Model) -> Result<()> {
    #[derive(FromQueryResult)]
    struct Standing {
        id: UploadId,
        organization_id: OrganizationId,
    }
    let sql =
        "SELECT id, organization_id FROM upload WHERE photo_id = $1 AND owner_id = $2 AND state = 'open'";
    let values = [photo.id.0.into(), photo.added_by.into()];
    if let Some(standing) = tx.reader().one::<Standing>(sql, values).await? {
        tx.enqueue(NewJob {
            organization: standing.organization_id,
            kind: JUDGE_JOB,
            payload: serde_json::to_value(JudgeJob { upload: standing.id }).map_err(Error::internal)?,
            run_at: tx.now(),
            dedup_key: Some(format!("{JUDGE_JOB}:{}", standing.id)),
        });
    }
    Ok(())
}

/// Judges an upload whose photo was announced after its bytes began to come. One that is not full is left alone: its last
/// byte judges it.
///
/// # Errors
/// Database or blob store do not answer.
pub async fn judge_early(transfers: &Transfers, scope: Scope, job: JudgeJob) -> Result<()> {
    match upload::find(&transfers.db().reader(), &scope, job.upload).await {
        Ok(upload) => sweep::judge(transfers, scope, upload).await,
        Err(error) if error.code() == Code::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
