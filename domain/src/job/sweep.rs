//! Deletes what has served its time, in small batches: a long transaction would make every writer on SQLite wait.

use chrono::TimeDelta;
use sea_orm::FromQueryResult;

use super::claim::statement;
use crate::{Result, Time, db::Db};

/// How long the answer under an idempotency key is kept.
pub const KEYS_KEPT: TimeDelta = TimeDelta::hours(48);
/// How long a finished job is kept.
pub const DONE_KEPT: TimeDelta = TimeDelta::days(7);
/// How long a dead letter is kept after it was discarded.
pub const DISCARDED_KEPT: TimeDelta = TimeDelta::days(30);
/// How long one-time codes and refresh tokens are kept after they have expired.
pub const SECRETS_KEPT: TimeDelta = TimeDelta::days(30);

/// How long a time that was kept for a dispatcher is told from one that never was.
pub const HOLDS_KEPT: TimeDelta = TimeDelta::days(2);

const BATCH: usize = 500;

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Answers under idempotency keys.
    pub keys: u64,
    /// Finished jobs, and dead letters that were discarded.
    pub jobs: u64,
    /// One-time codes.
    pub codes: u64,
    /// Refresh tokens.
    pub tokens: u64,
    /// Times that were kept.
    pub holds: u64,
}

/// Deletes idempotent answers, finished jobs, expired one-time codes, refresh tokens and kept times that are older than they
/// are kept.
///
/// # Errors
/// The database cannot be written; what was deleted until then stays deleted.
pub async fn sweep(db: &Db) -> Result<Swept> {
    let now = db.clock().now();
    let keys = "DELETE FROM idempotency_key WHERE (organization_id, actor_id, route, key) IN
                    (SELECT organization_id, actor_id, route, key FROM idempotency_key
                     WHERE created_at < $1 ORDER BY created_at LIMIT $2)
                RETURNING CAST(1 AS BIGINT) AS gone";
    let jobs = "DELETE FROM job WHERE id IN
                    (SELECT id FROM job WHERE state = 'done' AND finished_at < $1 ORDER BY finished_at LIMIT $2)
                RETURNING CAST(1 AS BIGINT) AS gone";
    let discarded = "DELETE FROM job WHERE id IN
                         (SELECT id FROM job WHERE discarded_at < $1 ORDER BY discarded_at LIMIT $2)
                     RETURNING CAST(1 AS BIGINT) AS gone";
    let codes =
        "DELETE FROM one_time_code WHERE id IN (SELECT id FROM one_time_code WHERE expires_at < $1 LIMIT $2)
                 RETURNING CAST(1 AS BIGINT) AS gone";
    let tokens = "DELETE FROM refresh_token WHERE hash IN
                      (SELECT hash FROM refresh_token WHERE expires_at < $1 LIMIT $2)
                  RETURNING CAST(1 AS BIGINT) AS gone";
    let holds = "DELETE FROM slot_hold WHERE id IN (SELECT id FROM slot_hold WHERE hold_until < $1 LIMIT $2)
                 RETURNING CAST(1 AS BIGINT) AS gone";
    Ok(Swept {
        keys: in_batches(db, keys, now - KEYS_KEPT).await?,
        jobs: in_batches(db, jobs, now - DONE_KEPT).await?
            + in_batches(db, discarded, now - DISCARDED_KEPT).await?,
        codes: in_batches(db, codes, now - SECRETS_KEPT).await?,
        tokens: in_batches(db, tokens, now - SECRETS_KEPT).await?,
        holds: in_batches(db, holds, now - HOLDS_KEPT).await?,
    })
}

async fn in_batches(db: &Db, sql: &str, before: Time) -> Result<u64> {
    #[derive(FromQueryResult)]
    struct Gone {
        #[expect(dead_code, reason = "only counted")]
        gone: i64,
    }
    let mut deleted = 0;
    loop {
        let values = vec![before.into(), i64::try_from(BATCH).unwrap_or(i64::MAX).into()];
        let gone = statement::<Gone>(db, sql, values).await?.len();
        deleted += gone as u64;
        if gone < BATCH {
            return Ok(deleted);
        }
    }
}
