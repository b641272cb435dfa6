//! Dead letters: visible, re-runnable, and discarded when nobody will run them again.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    decision::{JobVerdict, carry_out},
    discreet::discreet,
    list::{JobDocument, JobState, KEEPERS, find},
};
use crate::{
    Code, Error, Result, Scope,
    db::Reader,
    id::JobId,
    text::Text,
    write::{Act, LockRank, Tx},
};

/// A job that failed as often as it may.
#[derive(Clone, Debug, FromQueryResult, serde::Serialize, ToSchema)]
pub struct DeadJob {
    /// The job.
    pub id: JobId,
    /// Which handler it is for.
    pub kind: String,
    /// Runs so far.
    pub attempts: i64,
    /// Why the last one failed.
    pub last_error: Option<String>,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
    /// When it was laid among the dead.
    pub finished_at: Option<DateTime<Utc>>,
}

/// The dead letters of the organization, newest first, at most 200.
///
/// # Errors
/// `forbidden` for all but managers and administrators.
pub async fn dead(reader: &Reader<'_>, scope: &Scope) -> Result<Vec<DeadJob>> {
    scope.require(KEEPERS)?;
    let mut dead: Vec<DeadJob> = reader
        .all(
            "SELECT id, kind, attempts, last_error, created_at, finished_at FROM job
             WHERE organization_id = $1 AND state = 'dead' AND discarded_at IS NULL
             ORDER BY finished_at DESC, id LIMIT 200",
            [scope.organization().0.into()],
        )
        .await?;
    for job in &mut dead {
        job.last_error = job.last_error.as_deref().map(discreet);
    }
    Ok(dead)
}

/// Puts a dead letter back into the queue with a fresh count of attempts.
#[derive(Clone, Copy, Debug)]
pub struct Rerun {
    /// The job.
    pub job: JobId,
}

impl Act for Rerun {
    const NAME: &'static str = "job.rerun";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.scope().require(KEEPERS)?;
        tx.rank(LockRank::Job)?;
        require_alone(tx, self.job).await?;
        let sql = "UPDATE job SET state = 'queued', attempts = 0, run_at = $3, finished_at = NULL
                   WHERE id = $1 AND organization_id = $2 AND state = 'dead' AND discarded_at IS NULL
                   RETURNING id, kind";
        if carry_out(tx, sql, self.job, JobVerdict::Rerun, None).await? {
            return Ok(());
        }
        let job = find(&tx.reader(), tx.scope(), self.job).await?;
        Err(not_dead(job.state))
    }
}

/// Of jobs with one key one waits or runs at a time: while another does, a dead one is not needed.
async fn require_alone(tx: &Tx, job: JobId) -> Result<()> {
    #[derive(FromQueryResult)]
    struct Other {
        id: JobId,
    }
    let sql = "SELECT o.id FROM job d JOIN job o ON o.dedup_key = d.dedup_key
               WHERE d.id = $1 AND d.organization_id = $2 AND d.state = 'dead' AND d.discarded_at IS NULL
                 AND o.organization_id = $2 AND o.state IN ('queued', 'running')";
    let values = [job.0.into(), tx.scope().organization().0.into()];
    match tx.reader().one::<Other>(sql, values).await? {
        Some(other) => Err(Error::new(Code::JobWaits, Code::JobWaits.title()).with("job", other.id)),
        None => Ok(()),
    }
}

fn not_dead(state: JobState) -> Error {
    Error::new(Code::JobNotDead, Code::JobNotDead.title()).with("state", state.name())
}

/// Why a dead letter is discarded.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DiscardJob {
    /// Why nobody will run it again; it is kept with the job and in the journal.
    pub reason: Option<Text<500>>,
}

/// Takes a dead letter from the list: nobody will run it again. A second time changes nothing.
#[derive(Clone, Debug)]
pub struct Discard {
    /// The job.
    pub job: JobId,
    /// Why.
    pub args: DiscardJob,
}

impl Act for Discard {
    const NAME: &'static str = "job.discard";
    type Out = JobDocument;

    async fn run(&self, tx: &mut Tx) -> Result<JobDocument> {
        tx.scope().require(KEEPERS)?;
        tx.rank(LockRank::Job)?;
        let sql = "UPDATE job SET discarded_at = $3
                   WHERE id = $1 AND organization_id = $2 AND state = 'dead' AND discarded_at IS NULL
                   RETURNING id, kind";
        let reason = self.args.reason.as_deref().map(str::to_owned);
        let discarded = carry_out(tx, sql, self.job, JobVerdict::Discard, reason).await?;
        let job = find(&tx.reader(), tx.scope(), self.job).await?;
        if discarded || job.state == JobState::Discarded { Ok(job) } else { Err(not_dead(job.state)) }
    }
}
