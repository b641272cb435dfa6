//! Alarms: each step of each clock once, whoever looks and however often.
//!
//! What fires and the move of `next_fire_at` are one commit, under the lock of the ticket, or of the clock where it has
//! none; SQLite has one writer at a time. That the version and the number of alarms are as they were read is asked once
//! more as the move is written, and a unique index holds the alert. Looking costs what is due.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, Value};
use uuid::Uuid;

use super::{
    clock::{Alarm, Gear},
    open::Calendars,
    policy::Versions,
    row::{Column, Entity, Model},
};
use crate::{
    Error, Result, Time, alert,
    db::{Db, Reader},
    id::{AlertId, DeadlineId, OrganizationId, TicketId},
    write::{Act, LockRank, Tx},
};

/// When a clock that cannot be read is looked at again.
const AGAIN: TimeDelta = TimeDelta::minutes(15);

/// Whether any clock wants attention. One look into an index.
///
/// # Errors
/// The database cannot be read.
pub async fn is_any_due(db: &Db) -> Result<bool> {
    #[derive(FromQueryResult)]
    struct Due {
        #[expect(dead_code, reason = "only its presence counts")]
        id: DeadlineId,
    }
    let sql = "SELECT id FROM deadline WHERE next_fire_at <= $1 ORDER BY next_fire_at LIMIT 1";
    Ok(db.reader().one::<Due>(sql, [db.clock().now().into()]).await?.is_some())
}

/// When the next clock wants attention. One look into an index.
///
/// # Errors
/// The database cannot be read.
pub async fn next_due(reader: &Reader<'_>) -> Result<Option<Time>> {
    #[derive(FromQueryResult)]
    struct Next {
        at: Time,
    }
    let sql = "SELECT next_fire_at AS at FROM deadline WHERE next_fire_at IS NOT NULL ORDER BY next_fire_at LIMIT 1";
    Ok(reader.one::<Next>(sql, []).await?.map(|next| next.at))
}

/// The organizations whose clocks want attention: they are served in turn.
///
/// # Errors
/// The database cannot be read.
pub async fn due_organizations(db: &Db) -> Result<Vec<OrganizationId>> {
    #[derive(FromQueryResult)]
    struct Due {
        id: OrganizationId,
    }
    let due = db
        .reader()
        .all::<Due>(
            "SELECT o.id FROM organization o WHERE EXISTS
                 (SELECT 1 FROM deadline d WHERE d.organization_id = o.id AND d.next_fire_at <= $1)
             ORDER BY o.id",
            [db.clock().now().into()],
        )
        .await?;
    Ok(due.into_iter().map(|due| due.id).collect())
}

/// Gives the alarms of an organization that are due, at most so many. Gives back how many clocks were looked after:
/// none, when nothing is due or others are at it.
#[derive(Clone, Copy, Debug)]
pub struct Fire {
    /// At most.
    pub limit: u16,
}

#[derive(FromQueryResult)]
struct Candidate {
    id: DeadlineId,
    ticket_id: Option<TicketId>,
}

impl Act for Fire {
    const NAME: &'static str = "deadline.fire";
    type Out = usize;

    async fn run(&self, tx: &mut Tx) -> Result<usize> {
        let due = self.take(tx).await?;
        let now = tx.now();
        let mut memo = Memo::default();
        let (mut alerts, mut moved) = (Vec::new(), Vec::with_capacity(due.len()));
        for clock in &due {
            let mut next = clock.clone();
            let alarm = match memo.fire(&tx.reader(), &mut next, now).await {
                Err(error) if error.is_of_a_row() => {
                    let cause = std::error::Error::source(&error);
                    tracing::error!(deadline = %clock.id, ?cause, "a clock cannot be read and gives no alarm");
                    next.next_fire_at = Some(now + AGAIN);
                    None
                }
                alarm => alarm?,
            };
            if let Some(alarm) = alarm {
                alerts.push(alert::row::Model {
                    id: AlertId::new(tx.clock()),
                    organization_id: clock.organization_id,
                    executor_organization_id: clock.executor_organization_id,
                    deadline_id: Some(clock.id),
                    ticket_id: clock.ticket_id,
                    kind: clock.kind.name().to_owned(),
                    basis: Some(clock.basis),
                    step: alarm.step,
                    percent: alarm.percent,
                    round: alarm.round,
                    fired_at: now,
                    due_at: clock.due_at,
                    acknowledged_at: None,
                    acknowledged_by: None,
                    taken_back_at: None,
                    ended_at: None,
                    version: 1,
                    rung: 0,
                    climb_at: Some(now),
                });
            }
            moved.push((clock.fired, next));
        }
        shift(tx, &moved).await?;
        tx.insert_all(&alerts).await?;
        Ok(due.len())
    }
}

/// What is read for alarms, each once.
#[derive(Default)]
struct Memo {
    versions: Versions,
    calendars: Calendars,
}

impl Memo {
    async fn fire(&mut self, reader: &Reader<'_>, clock: &mut Model, now: Time) -> Result<Option<Alarm>> {
        let days = self.calendars.of_clock(reader, clock).await?;
        let rules = self.versions.of(reader, clock.policy_id, clock.policy_version).await?;
        Ok(Gear::of(clock, &days, rules)?.fire(clock, now))
    }
}

impl Fire {
    /// Clocks that are due, held: those of a ticket by its lock, which everybody takes who moves them. On PostgreSQL what
    /// another worker holds is left to him.
    async fn take(&self, tx: &mut Tx) -> Result<Vec<Model>> {
        let organization = tx.scope().organization();
        let shared = tx.backend() == DbBackend::Postgres;
        // More than are wanted, because others may hold the first of them.
        let wider = if shared { i64::from(self.limit) * 8 } else { self.limit.into() };
        let found: Vec<Candidate> = tx
            .reader()
            .all(
                "SELECT id, ticket_id FROM deadline WHERE organization_id = $1 AND next_fire_at <= $2
                 ORDER BY next_fire_at LIMIT $3",
                [organization.0.into(), tx.now().into(), wider.into()],
            )
            .await?;
        let tickets: BTreeSet<Uuid> =
            found.iter().filter_map(|clock| clock.ticket_id).map(|id| id.0).collect();
        let loose: BTreeSet<Uuid> =
            found.iter().filter(|clock| clock.ticket_id.is_none()).map(|clock| clock.id.0).collect();
        let (tickets, loose) = if shared {
            let tickets = tx.lock_free(LockRank::Tickets, "ticket", tickets, self.limit).await?;
            (tickets, tx.lock_free(LockRank::Deadlines, "deadline", loose, self.limit).await?)
        } else {
            (tickets, loose)
        };
        let ids: Vec<DeadlineId> = found
            .iter()
            .filter(|clock| match clock.ticket_id {
                Some(ticket) => tickets.contains(&ticket.0),
                None => loose.contains(&clock.id.0),
            })
            .map(|clock| clock.id)
            .collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        // Read under the locks: what another has looked after meanwhile is due no more.
        Ok(Entity::find()
            .filter(Column::Id.is_in(ids))
            .filter(Column::NextFireAt.lte(tx.now()))
            .order_by_asc(Column::Id)
            .all(&tx.reader())
            .await?)
    }
}

/// Moves the clocks on, which nobody else has moved. Only columns that the journal does not tell change here: what it
/// tells of is the alert. The version stays as it is: whoever edits the term has not missed anything.
async fn shift(tx: &Tx, moved: &[(i64, Model)]) -> Result<()> {
    // Seven values a clock; an old engine takes 999 a statement.
    for chunk in moved.chunks(100) {
        let mut values: Vec<Value> = Vec::with_capacity(chunk.len() * 7);
        let mut rows = Vec::with_capacity(chunk.len());
        let (uuid, time, int) = match tx.backend() {
            DbBackend::Postgres => ("::uuid", "::timestamptz", "::bigint"),
            _ => ("", "", ""),
        };
        for (given, clock) in chunk {
            let n = values.len();
            rows.push(format!(
                "(${}{uuid}, ${}{int}, ${}{int}, ${}{int}, ${}{int}, ${}{time}, ${}{int})",
                n + 1,
                n + 2,
                n + 3,
                n + 4,
                n + 5,
                n + 6,
                n + 7
            ));
            values.extend([
                clock.id.0.into(),
                clock.version.into(),
                clock.told.into(),
                clock.fired.into(),
                clock.repeats.into(),
                Value::from(clock.next_fire_at),
                (*given).into(),
            ]);
        }
        let sql = format!(
            "WITH moved (id, version, told, fired, repeats, next_fire_at, given) AS (VALUES {})
             UPDATE deadline SET told = moved.told, fired = moved.fired,
                 repeats = moved.repeats, next_fire_at = moved.next_fire_at
             FROM moved WHERE deadline.id = moved.id AND deadline.version = moved.version
                 AND deadline.fired = moved.given",
            rows.join(", ")
        );
        if tx.execute(&sql, values).await?.rows_affected() != chunk.len() as u64 {
            return Err(Error::restart("a clock was moved by another"));
        }
    }
    Ok(())
}
