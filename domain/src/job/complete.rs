//! Ending a job: done together with its effect, failed and tried again, dead, or given back.

use chrono::TimeDelta;
use rand::RngExt;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{Lease, claim::statement, discreet::discreet};
use crate::{
    Error, Result,
    db::Db,
    write::{Act, LockRank, Occurred, Tx},
};

/// An act that completes a job: effect and completion are one commit. A worker whose lease has run out changes nothing.
#[derive(Debug)]
pub struct Completing<A> {
    /// What the job does.
    pub act: A,
    /// Whose job it is.
    pub lease: Lease,
}

impl<A: Act> Act for Completing<A> {
    const NAME: &'static str = A::NAME;
    type Out = A::Out;

    fn occurred(&self) -> Option<Occurred> {
        self.act.occurred()
    }

    async fn run(&self, tx: &mut Tx) -> Result<A::Out> {
        let out = self.act.run(tx).await?;
        tx.rank(LockRank::Job)?;
        let done = tx
            .execute(
                "UPDATE job SET state = 'done', lease = NULL, lease_until = NULL, finished_at = $3
                 WHERE id = $1 AND lease = $2 AND state = 'running'",
                [self.lease.job.0.into(), self.lease.token.into(), tx.now().into()],
            )
            .await?;
        if done.rows_affected() == 1 {
            Ok(out)
        } else {
            Err(Error::internal("the lease of the job has run out"))
        }
    }
}

/// Nothing was left to do.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Act for Nothing {
    const NAME: &'static str = "job.nothing";
    type Out = ();

    async fn run(&self, _: &mut Tx) -> Result<()> {
        Ok(())
    }
}

/// What became of a job that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It is tried again.
    Again,
    /// It is a dead letter: visible, and re-runnable by hand.
    Dead,
}

#[derive(FromQueryResult)]
struct Touched {
    #[expect(dead_code, reason = "only counted")]
    id: Uuid,
}

/// Puts a failed job back with a growing pause and jitter, or lays it among the dead after the last attempt.
///
/// # Errors
/// The database cannot be written.
pub async fn fail(db: &Db, lease: Lease, attempt: i64, attempts: i64, why: &str) -> Result<Failure> {
    let now = db.clock().now();
    let why = cause(why);
    if attempt >= attempts {
        let sql = "UPDATE job SET state = 'dead', lease = NULL, lease_until = NULL, last_error = $3, finished_at = $4
                   WHERE id = $1 AND lease = $2 AND state = 'running' RETURNING id";
        let values = vec![lease.job.0.into(), lease.token.into(), why.into(), now.into()];
        statement::<Touched>(db, sql, values).await?;
        return Ok(Failure::Dead);
    }
    let sql =
        "UPDATE job SET state = 'queued', lease = NULL, lease_until = NULL, last_error = $3, run_at = $4
               WHERE id = $1 AND lease = $2 AND state = 'running' RETURNING id";
    let values = vec![lease.job.0.into(), lease.token.into(), why.into(), (now + pause(attempt)).into()];
    statement::<Touched>(db, sql, values).await?;
    Ok(Failure::Again)
}

/// How long a job rests after its run number `attempt` failed: 10 s, 20 s, 40 s ... at most an hour, each with up to half of
/// itself on top.
pub(super) fn pause(attempt: i64) -> TimeDelta {
    let base = 10_i64.saturating_mul(1_i64 << attempt.clamp(1, 10).saturating_sub(1)).min(3600);
    TimeDelta::seconds(base + rand::rng().random_range(0..=base / 2))
}

/// Why a run failed, as it is kept.
pub(crate) fn cause(why: &str) -> String {
    discreet(&why.chars().take(2000).collect::<String>())
}

/// Gives a job back untouched: the worker is stopping.
///
/// # Errors
/// The database cannot be written.
pub async fn give_back(db: &Db, lease: Lease) -> Result<()> {
    let sql = "UPDATE job SET state = 'queued', attempts = attempts - 1, lease = NULL, lease_until = NULL
               WHERE id = $1 AND lease = $2 AND state = 'running' RETURNING id";
    statement::<Touched>(db, sql, vec![lease.job.0.into(), lease.token.into()]).await?;
    Ok(())
}
