//! The row of the incarnation, and what happens when it is renewed.

use chrono::TimeDelta;
use sea_orm::{DbBackend, FromQueryResult};
use uuid::{NoContext, Timestamp, Uuid};

use super::Beacon;
use crate::{
    Clock, Error, Result, Time,
    alert::{self, NewAlert},
    db::Reader,
    id::{OrganizationId, new_uuid},
    write::{Act, LockRank, Tx},
};

/// What an organization is told when the database it lives in was restored.
const ALERT: &str = "database_restored";

/// A beat renews the incarnation this long after the last time at the earliest. Two installations that share one store of
/// photos by mistake find each other ahead by turns; their phones are not to begin anew every minute for it.
const RENEWED_AGAIN: TimeDelta = TimeDelta::hours(1);

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    beat: i64,
    begun_at: Time,
}

const ROW: &str = "SELECT id, beat, begun_at FROM incarnation WHERE one = 1";

/// The incarnation of the database, as cursors name it; nil for a database that nobody has served yet.
///
/// # Errors
/// The database cannot be read.
pub async fn current(reader: &Reader<'_>) -> Result<Uuid> {
    Ok(reader.one::<Row>(ROW, []).await?.map_or(Uuid::nil(), |row| row.id))
}

/// Gives the database another incarnation: all cursors are void, and every organization is alerted.
#[derive(Clone, Copy, Debug)]
pub struct Renew {
    /// Why, for the log.
    pub why: &'static str,
    /// Only the incarnation that was seen is renewed: of many who see at once that it cannot be, one renews it. Absent:
    /// whichever stands.
    pub seen: Option<Uuid>,
}

impl Act for Renew {
    const NAME: &'static str = "incarnation.renew";
    type Out = Beacon;

    async fn run(&self, tx: &mut Tx) -> Result<Beacon> {
        let (row, _) = seize(tx).await?;
        if self.seen.is_some_and(|seen| seen != row.id) {
            return Ok(Beacon { incarnation: row.id, beat: row.beat });
        }
        let renewed = renew(tx, &row, row.id, self.why).await?;
        Ok(Beacon { incarnation: renewed, beat: row.beat })
    }
}

/// Compares the database with what was told to the store of photos, makes the row where there is none, and renews it
/// where the database is behind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settle {
    /// What stands in the store, read before this act began: a beat is told after it was committed, so that the database
    /// is behind only if it has lost what it had committed.
    pub(super) told: Option<Beacon>,
    /// Whether the beat is raised.
    pub(super) beats: bool,
}

/// What comparing came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) life: Beacon,
    pub(super) found: Found,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The database goes on with its life, or has begun its first.
    Well,
    /// It was behind, and has another incarnation now.
    Renewed,
    /// It is behind, and was renewed only a while ago: nothing was done.
    Again,
}

impl Act for Settle {
    const NAME: &'static str = "incarnation.settle";
    type Out = Settled;

    async fn run(&self, tx: &mut Tx) -> Result<Settled> {
        let (row, fresh) = seize(tx).await?;
        let mut life = Beacon { incarnation: row.id, beat: row.beat };
        let ahead = self.told.filter(|told| fresh || told.is_ahead_of(&life));
        let found = match ahead {
            None => Found::Well,
            Some(_) if self.beats && !fresh && tx.now() < row.begun_at + RENEWED_AGAIN => Found::Again,
            Some(told) => {
                let why = "it is behind what it had told to the store of photos";
                life.incarnation = renew(tx, &row, row.id.max(told.incarnation), why).await?;
                Found::Renewed
            }
        };
        // A life that is behind and cannot be renewed yet does not catch up with what it had told.
        if self.beats && found != Found::Again {
            tx.execute("UPDATE incarnation SET beat = beat + 1 WHERE one = 1", []).await?;
            life.beat += 1;
        }
        Ok(Settled { life, found })
    }
}

/// Locks the row, making it if there is none, and says whether it was made. Of several nodes that start at once one makes
/// or renews it, and the others find it so.
async fn seize(tx: &mut Tx) -> Result<(Row, bool)> {
    let made = tx
        .execute(
            "INSERT INTO incarnation (one, id, beat, begun_at) VALUES (1, $1, 0, $2) ON CONFLICT (one) DO NOTHING",
            [new_uuid(tx.clock()).into(), tx.now().into()],
        )
        .await?;
    // On SQLite the one writer holds everything already.
    let lock = if tx.backend() == DbBackend::Postgres { "FOR NO KEY UPDATE" } else { "" };
    let row = tx.reader().one::<Row>(&format!("{ROW} {lock}"), []).await?;
    let row = row.ok_or_else(|| Error::restart("the incarnation is gone"))?;
    Ok((row, made.rows_affected() == 1))
}

async fn renew(tx: &mut Tx, row: &Row, after: Uuid, why: &'static str) -> Result<Uuid> {
    #[derive(FromQueryResult)]
    struct Organization {
        id: OrganizationId,
    }
    let id = later(tx.clock(), after);
    tx.execute("UPDATE incarnation SET id = $1, begun_at = $2 WHERE one = 1", [id.into(), tx.now().into()])
        .await?;
    let all = tx.reader().all::<Organization>("SELECT id FROM organization ORDER BY id", []).await?;
    tx.lock_rows(LockRank::Tickets, "organization", "id", all.iter().map(|one| one.id.0)).await?;
    for Organization { id: organization } in &all {
        alert::raise(tx, NewAlert { kind: ALERT, organization: *organization, executor: None, ticket: None })
            .await?;
    }
    if !all.is_empty() {
        tracing::warn!(before = %row.id, now = %id, why, "the database was restored: phones begin anew and send again");
    }
    Ok(id)
}

/// A fresh identifier that is later than `after`, even where the clock has gone back.
fn later(clock: &dyn Clock, after: Uuid) -> Uuid {
    let fresh = new_uuid(clock);
    if fresh > after {
        return fresh;
    }
    let (seconds, nanos) = after.get_timestamp().map_or((0, 0), |time| time.to_unix());
    let millis = seconds * 1_000 + u64::from(nanos) / 1_000_000 + 1;
    let nanos = u32::try_from(millis % 1_000).unwrap_or(0) * 1_000_000;
    Uuid::new_v7(Timestamp::from_unix(NoContext, millis / 1_000, nanos))
}
