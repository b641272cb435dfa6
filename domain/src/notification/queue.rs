//! Taking messages that are due, and writing down what became of them.
//!
//! The queue is no business, and is written past the journal; what reached somebody stands in its own log.

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement, Value};
use uuid::Uuid;

use super::{Lane, deliver::Done, row::Model};
use crate::{
    Result, Time,
    db::{Db, Reader},
    id::new_uuid,
    job,
};

/// How long a message belongs to the worker that took it: longer than any provider is waited for.
pub const LEASE: TimeDelta = TimeDelta::seconds(60);

/// Takes the messages of a lane that are due longest, at most so many. Two workers never take the same one; what a worker
/// that died had taken is due again when its lease has run out, and counts as an attempt.
///
/// # Errors
/// The database cannot be written.
pub async fn claim(db: &Db, lane: Lane, limit: usize) -> Result<Vec<Model>> {
    let now = db.clock().now();
    let (one_of, end) = match db.backend() {
        DbBackend::Postgres => ("= ANY(ARRAY(", "FOR UPDATE SKIP LOCKED))"),
        _ => ("IN (", ")"),
    };
    let sql = format!(
        "UPDATE notification SET lease = $1, next_at = $2,
             attempt = attempt + CASE WHEN lease IS NULL THEN 0 ELSE 1 END
         WHERE id {one_of}SELECT id FROM notification WHERE lane = $3 AND next_at <= $4
             ORDER BY next_at LIMIT $5 {end} RETURNING *"
    );
    let until: Time = now + LEASE;
    let values: Vec<Value> = vec![
        new_uuid(&**db.clock()).into(),
        until.into(),
        lane.into(),
        now.into(),
        i64::try_from(limit).unwrap_or(i64::MAX).into(),
    ];
    let mut taken = job::statement::<Model>(db, &sql, values).await?;
    taken.sort_by_key(|message| message.id);
    Ok(taken)
}

/// Whether a message of a lane is due. One look into an index.
///
/// # Errors
/// The database cannot be read.
pub async fn is_due(reader: &Reader<'_>, lane: Lane, now: Time) -> Result<bool> {
    #[derive(FromQueryResult)]
    struct Due {
        #[expect(dead_code, reason = "only its presence counts")]
        id: Uuid,
    }
    let sql = "SELECT id FROM notification WHERE lane = $1 AND next_at <= $2 ORDER BY next_at LIMIT 1";
    Ok(reader.one::<Due>(sql, [lane.into(), now.into()]).await?.is_some())
}

/// What waits and happened before `then` is not said any more: for a past that was not lived with an open door. Returns how
/// many there were.
///
/// # Errors
/// The database cannot be written.
pub async fn forget_the_past(db: &Db, then: Time) -> Result<usize> {
    #[derive(FromQueryResult)]
    struct Forgotten {
        #[expect(dead_code, reason = "only counted")]
        id: Uuid,
    }
    let sql = "UPDATE notification SET state = 'superseded', next_at = NULL, lease = NULL, settled_at = $2
               WHERE next_at IS NOT NULL AND created_at < $1 RETURNING id";
    let forgotten = job::statement::<Forgotten>(db, sql, vec![then.into(), db.clock().now().into()]).await?;
    Ok(forgotten.len())
}

/// Writes down what became of some messages, in one commit. What somebody has answered meanwhile stands.
///
/// # Errors
/// The database cannot be written; then nothing is written, and the leases run out.
pub async fn settle(db: &Db, done: &[Done]) -> Result<()> {
    let transaction = job::begin(db).await?;
    let backend = db.backend();
    let run = async |sql: &str, values: Vec<Value>| {
        transaction.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await
    };
    for one in done {
        let Model { id, lease, .. } = &one.before;
        let after = &one.after;
        let sql = "UPDATE notification SET state = $3, ladder = $4, rung = $5, attempt = $6, next_at = $7,
                       await_until = $8, reference = $9, title = $10, brief = $11, body = $12, last_error = $13,
                       settled_at = $14, lease = NULL
                   WHERE id = $1 AND lease = $2 AND state IN ('queued', 'sent')";
        let values: Vec<Value> = vec![
            id.0.into(),
            (*lease).into(),
            after.state.into(),
            after.ladder.clone().into(),
            after.rung.into(),
            after.attempt.into(),
            after.next_at.into(),
            after.await_until.into(),
            after.reference.clone().into(),
            after.title.clone().into(),
            after.brief.clone().into(),
            after.body.clone().into(),
            after.last_error.clone().into(),
            after.settled_at.into(),
        ];
        run(sql, values).await?;
        for tried in &one.tries {
            let sql = "INSERT INTO notification_try (id, notification_id, rung, outcome, detail, tried_at)
                       VALUES ($1, $2, $3, $4, $5, $6)";
            let values: Vec<Value> = vec![
                tried.id.into(),
                id.0.into(),
                tried.rung.into(),
                tried.outcome.into(),
                tried.detail.clone().into(),
                tried.at.into(),
            ];
            run(sql, values).await?;
        }
    }
    transaction.commit().await?;
    Ok(())
}

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    /// Identifier, rises with time.
    pub(super) id: Uuid,
    /// The way.
    pub(super) rung: &'static str,
    /// What came of it, a stable word.
    pub(super) outcome: &'static str,
    /// What the provider said, without anybody's data.
    pub(super) detail: Option<String>,
    /// When.
    pub(super) at: Time,
}
