//! The one lock order of the house. Two writes that need the same rows ask for them in the same order, so neither can
//! wait for the other in a circle.

use std::collections::BTreeSet;

use sea_orm::{DbBackend, FromQueryResult, Value};
use uuid::Uuid;

use super::Tx;
use crate::{
    Error, Result,
    db::placeholders,
    id::{DeadlineId, TechnicianId, TicketId, UploadId},
};

/// What may be locked, in the order in which it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockRank {
    /// The idempotency key, or the stream of a phone.
    Stream,
    /// Calendars of technicians, sorted.
    Calendars,
    /// Tickets, sorted; other journaled subjects stand here too.
    Tickets,
    /// Clocks of terms that stand on no ticket, sorted; those of a ticket are guarded by its lock.
    Deadlines,
    /// Uploads and blobs.
    Uploads,
    /// Balances of stock.
    Stock,
    /// The counter of ticket numbers.
    Counter,
    /// The lease of the job that is being completed.
    Job,
    /// Heads of feeds, sorted.
    Heads,
}

impl Tx {
    /// Notes that a lock of this rank is about to be taken.
    ///
    /// # Errors
    /// `internal` when a later rank has been locked already: a use case asks in the wrong order.
    pub(crate) fn rank(&mut self, rank: LockRank) -> Result<()> {
        if self.locked <= Some(rank) {
            self.locked = Some(rank);
            return Ok(());
        }
        // Of acts inside one write each keeps the order by itself. On SQLite the one writer holds everything already.
        match (self.is_inside(), self.backend()) {
            (true, DbBackend::Sqlite) => Ok(()),
            (true, _) => Err(Error::out_of_order(rank)),
            (false, _) => {
                let message = format!("lock order: {rank:?} after {:?} in {}", self.locked, self.act());
                Err(Error::internal(message))
            }
        }
    }

    /// Locks rows of a table by id, sorted. On SQLite the one writer holds everything already.
    pub(crate) async fn lock_rows(
        &mut self,
        rank: LockRank,
        table: &'static str,
        key: &str,
        ids: impl IntoIterator<Item = Uuid>,
    ) -> Result<()> {
        let mut ids: Vec<Uuid> = ids.into_iter().collect();
        let asked = ids.len();
        ids.retain(|id| !self.held.contains(&(table, *id)));
        // An act inside a write may find that there is nothing left to lock; by itself it shows its order even so.
        if ids.is_empty() && (asked > 0 || self.is_inside()) {
            return Ok(());
        }
        self.rank(rank)?;
        if ids.is_empty() {
            return Ok(());
        }
        ids.sort_unstable();
        ids.dedup();
        self.held.extend(ids.iter().map(|id| (table, *id)));
        if self.backend() == DbBackend::Sqlite {
            return Ok(());
        }
        let mut values: Vec<Value> = Vec::new();
        let list = placeholders(ids, &mut values);
        let sql =
            format!("SELECT {key} FROM {table} WHERE {key} IN ({list}) ORDER BY {key} FOR NO KEY UPDATE");
        self.execute(&sql, values).await?;
        Ok(())
    }

    /// Locks the calendars of technicians: shift edits and bookings of a technician come one after another.
    ///
    /// # Errors
    /// The database refused, or locks were asked for out of order.
    pub async fn lock_calendars(
        &mut self,
        technicians: impl IntoIterator<Item = TechnicianId>,
    ) -> Result<()> {
        let ids = technicians.into_iter().map(|id| id.0);
        self.lock_rows(LockRank::Calendars, "technician_calendar", "technician_id", ids).await
    }

    /// Locks tickets: acts on one ticket come one after another, and so do the links of its chain.
    ///
    /// # Errors
    /// As [`Tx::lock_calendars`].
    pub async fn lock_tickets(&mut self, tickets: impl IntoIterator<Item = TicketId>) -> Result<()> {
        self.lock_rows(LockRank::Tickets, "ticket", "id", tickets.into_iter().map(|id| id.0)).await
    }

    /// Locks clocks of terms.
    ///
    /// # Errors
    /// As [`Tx::lock_calendars`].
    pub async fn lock_deadlines(&mut self, deadlines: impl IntoIterator<Item = DeadlineId>) -> Result<()> {
        self.lock_rows(LockRank::Deadlines, "deadline", "id", deadlines.into_iter().map(|id| id.0)).await
    }

    /// Locks uploads.
    ///
    /// # Errors
    /// As [`Tx::lock_calendars`].
    pub async fn lock_uploads(&mut self, uploads: impl IntoIterator<Item = UploadId>) -> Result<()> {
        self.lock_rows(LockRank::Uploads, "upload", "id", uploads.into_iter().map(|id| id.0)).await
    }

    /// Locks those of the rows that nobody holds, at most so many, and says which: what others hold is left to them.
    /// PostgreSQL only; on SQLite the one writer holds everything already.
    pub(crate) async fn lock_free(
        &mut self,
        rank: LockRank,
        table: &'static str,
        ids: BTreeSet<Uuid>,
        limit: u16,
    ) -> Result<BTreeSet<Uuid>> {
        #[derive(FromQueryResult)]
        struct Locked {
            id: Uuid,
        }
        self.rank(rank)?;
        if ids.is_empty() {
            return Ok(BTreeSet::new());
        }
        let mut values: Vec<Value> = vec![i64::from(limit).into()];
        let list = placeholders(ids, &mut values);
        let sql = format!(
            "SELECT id FROM {table} WHERE id IN ({list}) ORDER BY id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED"
        );
        let locked = self.reader().all::<Locked>(&sql, values).await?;
        Ok(locked.into_iter().map(|row| row.id).collect())
    }

    /// Locks one row of a plain subject (building, user, request type...) so that its version can be compared.
    ///
    /// # Errors
    /// As [`Tx::lock_calendars`].
    pub(crate) async fn lock_subject(&mut self, table: &'static str, id: Uuid) -> Result<()> {
        self.lock_rows(LockRank::Tickets, table, "id", [id]).await
    }
}
