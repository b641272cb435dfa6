//! The rows of the tasks. Each change is one statement that says what it has seen.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{FromQueryResult, Value};
use serde::Serialize;
use uuid::Uuid;

use super::{LEASE, next_at, pause};
use crate::{
    Result, Time,
    db::{Db, Reader},
    id::new_uuid,
    job::{cause, statement},
};

/// A task and its last turn.
#[derive(Clone, Debug, PartialEq, FromQueryResult, Serialize)]
pub struct Periodic {
    /// Its name.
    pub name: String,
    /// How often it runs, in seconds.
    pub every_s: i64,
    /// When it runs next, or, while it runs, when it was to run.
    pub next_at: DateTime<Utc>,
    /// The token of the turn, while somebody has it.
    pub owner: Option<Uuid>,
    /// How long its owner has it without renewing.
    pub owner_until: Option<DateTime<Utc>>,
    /// The process that has it, or had it last.
    pub worker: Option<String>,
    /// When its last turn began.
    pub last_started: Option<DateTime<Utc>>,
    /// When its last turn that came to an end did.
    pub last_finished: Option<DateTime<Utc>>,
    /// Why that turn failed, if it did.
    pub last_error: Option<String>,
    /// How many turns have begun.
    pub runs: i64,
    /// How many turns have failed in a row.
    pub failures: i64,
    /// Grows with each change of the row.
    #[serde(skip)]
    pub pulse: i64,
}

impl Periodic {
    /// How often it runs.
    pub fn every(&self) -> TimeDelta {
        TimeDelta::try_seconds(self.every_s).unwrap_or(TimeDelta::MAX)
    }
}

const COLUMNS: &str = "name, every_s, next_at, owner, owner_until, worker, last_started, last_finished, last_error, runs, \
                       failures, pulse";

/// Says that a task exists and how often it runs. A new one is due at once.
///
/// # Errors
/// The database cannot be written.
pub async fn announce(db: &Db, name: &str, every: TimeDelta) -> Result<()> {
    let sql =
        "INSERT INTO periodic (name, every_s, next_at, runs, failures, pulse) VALUES ($1, $2, $3, 0, 0, 1)
               ON CONFLICT (name) DO UPDATE SET every_s = excluded.every_s, pulse = periodic.pulse + 1
               WHERE periodic.every_s <> excluded.every_s RETURNING name";
    change(db, sql, vec![name.into(), every.num_seconds().max(1).into(), db.clock().now().into()]).await?;
    Ok(())
}

/// The tasks that are due, whoever has them. Costs as much as there are.
///
/// # Errors
/// The database cannot be read.
pub async fn due(db: &Db) -> Result<Vec<Periodic>> {
    let sql = format!("SELECT {COLUMNS} FROM periodic WHERE next_at <= $1 ORDER BY next_at, name");
    db.reader().all(&sql, [db.clock().now().into()]).await
}

/// All tasks, by name. For the command line, and for those of which the clock says what cannot be.
///
/// # Errors
/// The database cannot be read.
pub async fn table(reader: &Reader<'_>) -> Result<Vec<Periodic>> {
    reader.all(&format!("SELECT {COLUMNS} FROM periodic ORDER BY name"), []).await
}

/// The task as it stands.
///
/// # Errors
/// The database cannot be read.
pub async fn standing(reader: &Reader<'_>, name: &str) -> Result<Option<Periodic>> {
    reader.one(&format!("SELECT {COLUMNS} FROM periodic WHERE name = $1"), [name.into()]).await
}

/// A turn of a task: whoever holds it, and only he, may renew it and end it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The task.
    pub name: String,
    /// The token of this turn.
    pub token: Uuid,
    /// When the task was to run.
    pub planned: Time,
    /// When the turn began.
    pub began: Time,
    every: TimeDelta,
    failures: i64,
}

/// Takes a task as it was seen. Of all who have seen the same, one gets it.
///
/// # Errors
/// The database cannot be written.
pub async fn take(db: &Db, seen: &Periodic, worker: &str) -> Result<Option<Turn>> {
    let (began, token) = (db.clock().now(), new_uuid(&**db.clock()));
    let sql =
        "UPDATE periodic SET owner = $3, owner_until = $4, worker = $5, last_started = $6, runs = runs + 1,
                   pulse = pulse + 1
               WHERE name = $1 AND pulse = $2 RETURNING name";
    let values = vec![
        seen.name.as_str().into(),
        seen.pulse.into(),
        token.into(),
        (began + LEASE).into(),
        worker.into(),
        began.into(),
    ];
    let taken = change(db, sql, values).await?;
    Ok(taken.then(|| Turn {
        name: seen.name.clone(),
        token,
        planned: seen.next_at,
        began,
        every: seen.every(),
        failures: seen.failures,
    }))
}

/// Renews a turn. False: it is somebody else's, or nobody's.
///
/// # Errors
/// The database cannot be written.
pub async fn renew(db: &Db, turn: &Turn) -> Result<bool> {
    let sql = "UPDATE periodic SET owner_until = $3, pulse = pulse + 1 WHERE name = $1 AND owner = $2 RETURNING name";
    let until = db.clock().now() + LEASE;
    change(db, sql, vec![turn.name.as_str().into(), turn.token.into(), until.into()]).await
}

/// Ends a turn with its outcome and says when the task runs next. False: the turn was somebody else's already, and nothing
/// was changed.
///
/// # Errors
/// The database cannot be written.
pub async fn end(db: &Db, turn: &Turn, failed: Option<&str>) -> Result<bool> {
    let now = db.clock().now();
    let failures = if failed.is_some() { turn.failures.saturating_add(1) } else { 0 };
    let sql = "UPDATE periodic SET owner = NULL, owner_until = NULL, next_at = $3, last_finished = $4, last_error = $5,
                   failures = $6, pulse = pulse + 1
               WHERE name = $1 AND owner = $2 RETURNING name";
    let values = vec![
        turn.name.as_str().into(),
        turn.token.into(),
        next_at(turn.planned, now, turn.every, failures).into(),
        now.into(),
        Value::from(failed.map(cause)),
        failures.into(),
    ];
    change(db, sql, values).await
}

/// Gives a turn back: the process is stopping, and another may take the task at once.
///
/// # Errors
/// The database cannot be written.
pub async fn give_back(db: &Db, turn: &Turn) -> Result<bool> {
    let sql = "UPDATE periodic SET owner = NULL, owner_until = NULL, pulse = pulse + 1
               WHERE name = $1 AND owner = $2 RETURNING name";
    change(db, sql, vec![turn.name.as_str().into(), turn.token.into()]).await
}

/// Plans a task anew that was seen to wait longer than it ever does.
///
/// # Errors
/// The database cannot be written.
pub async fn set_right(db: &Db, seen: &Periodic) -> Result<bool> {
    let sql = "UPDATE periodic SET next_at = $3, pulse = pulse + 1
               WHERE name = $1 AND pulse = $2 AND owner IS NULL RETURNING name";
    let next = db.clock().now() + pause(seen.every(), seen.failures);
    change(db, sql, vec![seen.name.as_str().into(), seen.pulse.into(), next.into()]).await
}

async fn change(db: &Db, sql: &str, values: Vec<Value>) -> Result<bool> {
    #[derive(FromQueryResult)]
    struct Changed {
        #[expect(dead_code, reason = "only counted")]
        name: String,
    }
    Ok(!statement::<Changed>(db, sql, values).await?.is_empty())
}
