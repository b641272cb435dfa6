//! Dead letters: visible, and re-runnable.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use crate::{
    Error, Result, Scope,
    auth::Role,
    db::Reader,
    id::JobId,
    write::{Act, Tx},
};

/// A job that failed as often as it may.
#[derive(Clone, Debug, FromQueryResult, serde::Serialize, utoipa::ToSchema)]
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
    scope.require(&[Role::Manager, Role::Admin])?;
    reader
        .all(
            "SELECT id, kind, attempts, last_error, created_at, finished_at FROM job
             WHERE organization_id = $1 AND state = 'dead' ORDER BY finished_at DESC, id LIMIT 200",
            [scope.organization().0.into()],
        )
        .await
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
        tx.scope().require(&[Role::Manager, Role::Admin])?;
        let revived = tx
            .execute(
                "UPDATE job SET state = 'queued', attempts = 0, run_at = $3, finished_at = NULL
                 WHERE id = $1 AND organization_id = $2 AND state = 'dead'",
                [self.job.0.into(), tx.scope().organization().0.into(), tx.now().into()],
            )
            .await?;
        if revived.rows_affected() == 1 { Ok(()) } else { Err(Error::not_found("dead job")) }
    }
}
