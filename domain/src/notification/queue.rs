//! Taking messages that are due, and writing down what became of them.
//!
//! The queue is no business, and is written past the journal; what reached somebody stands in its own log.

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, FromQueryResult, Statement, Value};
use uuid::Uuid;

use super::{Lane, deliver::Done, row::Model};
use crate::{
    Result, Time,
    db::{Db, Reader, placeholders},
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

/// Gives back messages that were taken and not begun: they are due again at once.
///
/// # Errors
/// The database cannot be written; then their leases run out.
pub async fn give_back(db: &Db, messages: &[Model]) -> Result<()> {
    let now = db.clock().now();
    let all: Vec<Vec<Value>> =
        messages.iter().map(|message| vec![message.id.0.into(), message.lease.into(), now.into()]).collect();
    let transaction = job::begin(db).await?;
    let (head, tail) = (
        "UPDATE notification SET next_at = v.column3, lease = NULL FROM (",
        ") AS v WHERE notification.id = v.column1 AND notification.lease = v.column2
           AND notification.next_at IS NOT NULL",
    );
    in_portions(&transaction, db.backend(), head, tail, &all).await?;
    transaction.commit().await?;
    Ok(())
}

/// Writes down what became of some messages, in one commit. What somebody has answered meanwhile stands.
///
/// # Errors
/// The database cannot be written; then nothing is written, and the leases run out.
pub async fn settle(db: &Db, done: &[Done]) -> Result<()> {
    let transaction = job::begin(db).await?;
    let outcome = |one: &Done| {
        let after = &one.after;
        vec![
            one.before.id.0.into(),
            one.before.lease.into(),
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
        ]
    };
    let (head, tail) = (
        "UPDATE notification SET state = v.column3, ladder = v.column4, rung = v.column5, attempt = v.column6,
             next_at = v.column7, await_until = v.column8, reference = v.column9, title = v.column10,
             brief = v.column11, body = v.column12, last_error = v.column13, settled_at = v.column14, lease = NULL
         FROM (",
        ") AS v WHERE notification.id = v.column1 AND notification.lease = v.column2
           AND notification.state IN ('queued', 'sent')",
    );
    let outcomes: Vec<Vec<Value>> = done.iter().map(outcome).collect();
    in_portions(&transaction, db.backend(), head, tail, &outcomes).await?;
    let tried = |one: &Done| {
        let id = one.before.id.0;
        let row = move |tried: &Try| -> Vec<Value> {
            vec![
                tried.id.into(),
                id.into(),
                tried.rung.into(),
                tried.outcome.into(),
                tried.detail.clone().into(),
                tried.at.into(),
            ]
        };
        one.tries.iter().map(row).collect::<Vec<_>>()
    };
    let tries: Vec<Vec<Value>> = done.iter().flat_map(tried).collect();
    let head = "INSERT INTO notification_try (id, notification_id, rung, outcome, detail, tried_at) ";
    in_portions(&transaction, db.backend(), head, "", &tries).await?;
    transaction.commit().await?;
    Ok(())
}

/// Runs a statement over rows of values, a few at a time: always so many or one, so that few statements are prepared.
async fn in_portions(
    transaction: &DatabaseTransaction,
    backend: DbBackend,
    head: &str,
    tail: &str,
    rows: &[Vec<Value>],
) -> Result<()> {
    const PORTION: usize = 8;
    let (portions, rest) = rows.as_chunks::<PORTION>();
    let portions = portions.iter().map(<[Vec<Value>; PORTION]>::as_slice);
    for portion in portions.chain(rest.chunks(1)) {
        let mut values = Vec::new();
        let mut places = |row: &Vec<Value>| format!("({})", placeholders(row.iter().cloned(), &mut values));
        let places: Vec<String> = portion.iter().map(&mut places).collect();
        let sql = format!("{head}VALUES {}{tail}", places.join(", "));
        transaction.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    }
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
