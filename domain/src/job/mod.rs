//! Background jobs: our own table, enqueued only by the write path, so nothing is done for what was rolled back.
//!
//! A job's payload holds identifiers only. Its effect and its completion are one commit ([`Completing`]); a worker that
//! is killed leaves a lease that runs out, and the job returns.

mod claim;
mod complete;
mod dead;
pub mod decision;
mod discreet;
mod list;
mod sweep;
#[cfg(test)]
mod tests;

use sea_orm::Value;
use uuid::Uuid;

pub use self::{
    claim::{Claimed, claim, due_organizations, next_due, release_key, return_expired},
    complete::{Completing, Failure, Nothing, fail, give_back},
    dead::{DeadJob, Discard, DiscardJob, Rerun, dead},
    discreet::{HIDDEN, discreet, shown},
    list::{JobDecision, JobDocument, JobFilter, JobState, JobSummary, find, list, owner},
    sweep::{DISCARDED_KEPT, DONE_KEPT, HOLDS_KEPT, KEYS_KEPT, SECRETS_KEPT, Swept, sweep},
};
pub(crate) use self::{
    claim::{begin, statement},
    complete::cause,
};
use crate::{
    Result, Time,
    id::{JobId, OrganizationId},
    write::Tx,
};

/// A job that failed so often is a dead letter.
pub const ATTEMPTS: i64 = 10;

/// A job to be enqueued.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    /// The tenant it works for.
    pub organization: OrganizationId,
    /// Which handler runs it.
    pub kind: &'static str,
    /// Identifiers only.
    pub payload: serde_json::Value,
    /// Not before this.
    pub run_at: Time,
    /// While a job with this key waits or runs, another with the same key is not added.
    pub dedup_key: Option<String>,
}

impl Tx {
    /// Inserts the collected jobs.
    pub(crate) async fn insert_jobs(&mut self) -> Result<()> {
        for job in std::mem::take(&mut self.log.jobs) {
            let values: [Value; 7] = [
                JobId::new(self.clock()).0.into(),
                job.organization.0.into(),
                job.kind.into(),
                job.payload.into(),
                Value::from(job.dedup_key),
                job.run_at.into(),
                self.now().into(),
            ];
            self.execute(
                "INSERT INTO job (id, organization_id, kind, payload, dedup_key, run_at, state, attempts, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, 'queued', 0, $7)
                 ON CONFLICT (dedup_key) WHERE dedup_key IS NOT NULL AND state IN ('queued', 'running') DO NOTHING",
                values,
            )
            .await?;
        }
        Ok(())
    }
}

/// A lease: whoever holds it, and only he, may complete the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// The token of this run.
    pub token: Uuid,
}
