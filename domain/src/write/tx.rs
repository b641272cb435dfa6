//! The handle of a running write: the only place where rows change.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait,
    ExecResult, IdenStatic, Iterable, ModelTrait, PrimaryKeyToColumn, QueryFilter, Statement, Value,
};
use serde_json::Map;

use uuid::Uuid;

use super::{Act, Change, Collector, LockRank, Occurred, Row, Touch, Touched};
use crate::{
    Clock, Error, Result, Scope, Time,
    calendar::is_plausible,
    db::Reader,
    feed::{EntityKind, Poke},
    id::OrganizationId,
    job::NewJob,
};

/// The three times of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Times {
    /// By the clock of the device, if a device recorded it.
    pub device: Option<Time>,
    /// The best knowledge of the true time: what terms are judged by.
    pub corrected: Time,
    /// When the server took it in.
    pub server: Time,
}

/// Who does what, and when: the write as a whole, or an act inside it. Each part has events of its own in the journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) act: &'static str,
    pub(crate) scope: Scope,
    pub(crate) times: Times,
    /// The time comes from a phone's own record: what cannot be is set right instead of being refused.
    recorded: bool,
}

/// A running write.
#[derive(Debug)]
pub struct Tx {
    conn: DatabaseTransaction,
    clock: Arc<dyn Clock>,
    /// The first is the write itself.
    parts: Vec<Part>,
    /// The part that runs.
    part: usize,
    savepoints: u32,
    pub(super) locked: Option<LockRank>,
    /// Rows that are locked already: they can be asked for again at any time.
    pub(super) held: Vec<(&'static str, Uuid)>,
    pub(crate) log: Collector,
    /// Feeds that this write puts something into.
    pub(crate) fed: BTreeSet<Uuid>,
}

impl Times {
    fn of(occurred: Option<Occurred>, server: Time) -> Self {
        let corrected = occurred.map_or(server, |o| o.corrected.min(server));
        Self { device: occurred.map(|o| o.device), corrected, server }
    }
}

impl Tx {
    pub(super) fn begin(
        conn: DatabaseTransaction,
        scope: Scope,
        act: &'static str,
        occurred: Option<Occurred>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let times = Times::of(occurred, clock.now());
        let part = Part { act, scope, times, recorded: false };
        Self {
            conn,
            clock,
            parts: vec![part],
            part: 0,
            savepoints: 0,
            locked: None,
            held: Vec::new(),
            log: Collector::default(),
            fed: BTreeSet::new(),
        }
    }

    fn current(&self) -> &Part {
        &self.parts[self.part]
    }

    /// The parts of the write, in the order in which they began.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether an act inside the write runs.
    pub(super) fn is_inside(&self) -> bool {
        self.part > 0
    }

    pub(super) async fn commit(self) -> Result<(), sea_orm::DbErr> {
        self.conn.commit().await
    }

    pub(super) async fn rollback(self) {
        if let Err(error) = self.conn.rollback().await {
            // The connection is gone, and the transaction with it.
            tracing::debug!(%error, "rollback");
        }
    }

    /// Who acts.
    pub fn scope(&self) -> &Scope {
        &self.current().scope
    }

    /// The clock, for new identifiers.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The three times of the act.
    pub fn times(&self) -> Times {
        self.current().times
    }

    /// When the act took place, by the best knowledge.
    pub fn at(&self) -> Time {
        self.current().times.corrected
    }

    /// When the server took it in.
    pub fn now(&self) -> Time {
        self.current().times.server
    }

    /// What the journal calls this act.
    pub fn act(&self) -> &'static str {
        self.current().act
    }

    /// Says that the act cannot have taken place before this moment. Of a phone's own record, whose clock may be wrong,
    /// the time is set right: never before what it follows, never after the receipt.
    ///
    /// # Errors
    /// `invalid_field` naming `occurred_at` when a client said so by itself: he is told to mend it.
    pub(crate) fn follows(&mut self, occurred_at: Option<Time>, not_before: Time) -> Result<()> {
        let part = &mut self.parts[self.part];
        if part.recorded {
            part.times.corrected = part.times.corrected.max(not_before).min(part.times.server);
            return Ok(());
        }
        match occurred_at {
            Some(at) if !is_plausible(at) => Err(Error::field("occurred_at", "is not a plausible date")),
            Some(at) if at < not_before => Err(Error::field("occurred_at", "is before what it follows")),
            _ => Ok(()),
        }
    }

    /// Which engine it is.
    pub fn backend(&self) -> DbBackend {
        self.conn.get_database_backend()
    }

    /// Reads inside the transaction.
    pub fn reader(&self) -> Reader<'_> {
        Reader::inside(&self.conn)
    }

    /// Inserts a row.
    ///
    /// # Errors
    /// `already_exists` when its key stands already; what the database says otherwise.
    pub async fn insert<M: Row>(&mut self, row: &M) -> Result<()> {
        let active = row.clone().into_active_model().reset_all();
        M::Entity::insert(active).exec_without_returning(&self.conn).await?;
        self.note(None, Some(row))
    }

    /// Inserts many rows in one statement.
    ///
    /// # Errors
    /// As [`Tx::insert`]; none is inserted then.
    pub async fn insert_all<M: Row>(&mut self, rows: &[M]) -> Result<()> {
        // Well below the 999 values a statement may carry on an old engine, whatever the number of columns.
        for chunk in rows.chunks(40) {
            let active = chunk.iter().map(|row| row.clone().into_active_model().reset_all());
            M::Entity::insert_many(active).exec_without_returning(&self.conn).await?;
        }
        rows.iter().try_for_each(|row| self.note(None, Some(row)))
    }

    /// Writes the columns in which `after` differs from `before`. Nothing differs: nothing happens, and the journal
    /// stays silent.
    ///
    /// # Errors
    /// The row is gone, or the database refuses the values.
    pub async fn update<M: Row>(&mut self, before: &M, after: &M) -> Result<()> {
        type Columns<M> = <<M as ModelTrait>::Entity as EntityTrait>::Column;
        let mut active = before.clone().into_active_model();
        let mut changed = false;
        for column in Columns::<M>::iter() {
            let value = after.get(column);
            if before.get(column) != value {
                active.set(column, value);
                changed = true;
            }
        }
        if !changed {
            return Ok(());
        }
        let result = M::Entity::update_many().set(active).filter(by_key(before)).exec(&self.conn).await?;
        if result.rows_affected != 1 {
            return Err(Error::restart("the row is gone"));
        }
        self.note(Some(before), Some(after))
    }

    /// Deletes a row.
    ///
    /// # Errors
    /// The row is gone already, or something refers to it.
    pub async fn delete<M: Row>(&mut self, row: &M) -> Result<()> {
        let result = M::Entity::delete_many().filter(by_key(row)).exec(&self.conn).await?;
        if result.rows_affected != 1 {
            return Err(Error::restart("the row is gone"));
        }
        self.note(Some(row), None)
    }

    fn note<M: Row>(&mut self, before: Option<&M>, after: Option<&M>) -> Result<()> {
        let Some(row) = after.or(before) else { return Ok(()) };
        M::touch(before, after, &mut self.log.touched);
        let organization = row.organization();
        self.log.touched.add(organization, Touch::Watched(organization));
        let (before_map, after_map) = (columns(before)?, columns(after)?);
        let silent = M::TABLE.journaling.silent;
        let (before_map, after_map) = match (before_map, after_map) {
            (Some(mut old), Some(mut new)) => {
                old.retain(|column, value| {
                    new.get(column) != Some(value) && !silent.contains(&column.as_str())
                });
                new.retain(|column, _| old.contains_key(column));
                if new.is_empty() {
                    return Ok(());
                }
                (Some(old), Some(new))
            }
            (old, new) => {
                let shown = |map: Option<Map<String, serde_json::Value>>| {
                    map.map(|mut map| {
                        map.retain(|column, value| !value.is_null() && !silent.contains(&column.as_str()));
                        map
                    })
                };
                (shown(old), shown(new))
            }
        };
        self.log.changes.push(Change {
            part: self.part,
            table: M::TABLE,
            organization,
            subject: row.subject(),
            key: key_json(row),
            before: before_map,
            after: after_map,
        });
        Ok(())
    }

    /// Enqueues a job: it exists when, and only when, this write commits.
    pub fn enqueue(&mut self, job: NewJob) {
        self.log.jobs.push(job);
    }

    /// Says something to the phones that no row says.
    pub fn touch(&mut self, organization: OrganizationId, touch: Touch) {
        self.log.touched.add(organization, touch);
    }

    /// A statement on a table outside the journal (`UNJOURNALED` says why it is).
    ///
    /// # Errors
    /// What the database says.
    pub(crate) async fn execute(
        &self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<ExecResult> {
        let statement = Statement::from_sql_and_values(self.backend(), sql, values);
        Ok(self.conn.execute_raw(statement).await?)
    }

    /// A statement with RETURNING on a table outside the journal.
    pub(crate) async fn execute_returning<T: sea_orm::FromQueryResult>(
        &self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<T>> {
        let statement = Statement::from_sql_and_values(self.backend(), sql, values);
        Ok(T::find_by_statement(statement).all(&self.conn).await?)
    }

    /// Opens a savepoint. What is collected after it merges into the write when it is released.
    ///
    /// # Errors
    /// What the database says.
    pub async fn savepoint(&mut self) -> Result<Savepoint> {
        self.savepoints += 1;
        let savepoint = Savepoint {
            name: self.savepoints,
            mark: self.log.mark(),
            locked: self.locked,
            held: self.held.len(),
        };
        self.conn.execute_unprepared(&format!("SAVEPOINT s{}", savepoint.name)).await?;
        Ok(savepoint)
    }

    /// Keeps what was done since the savepoint.
    ///
    /// # Errors
    /// What the database says.
    pub async fn release(&mut self, savepoint: Savepoint) -> Result<()> {
        self.conn.execute_unprepared(&format!("RELEASE SAVEPOINT s{}", savepoint.name)).await?;
        Ok(())
    }

    /// Undoes what was done since the savepoint, and forgets what was collected for it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn roll_back_to(&mut self, savepoint: Savepoint) -> Result<()> {
        self.conn.execute_unprepared(&format!("ROLLBACK TO SAVEPOINT s{}", savepoint.name)).await?;
        self.conn.execute_unprepared(&format!("RELEASE SAVEPOINT s{}", savepoint.name)).await?;
        self.log.forget_after(savepoint.mark);
        // Rolling back to a savepoint gives up the locks taken after it.
        self.locked = savepoint.locked;
        self.held.truncate(savepoint.held);
        Ok(())
    }

    /// Runs an act inside this write, as somebody's and at its own time: with its own events in the journal, all or
    /// nothing of it, and without ending the write when it is refused.
    ///
    /// # Errors
    /// What ends the whole write: the database failed, or it must start again.
    pub async fn attempt<A: Act>(
        &mut self,
        scope: Scope,
        occurred: Option<Occurred>,
        act: &A,
    ) -> Result<Attempt<A::Out>> {
        let savepoint = self.savepoint().await?;
        let outer = self.part;
        let times = Times::of(occurred, self.now());
        self.parts.push(Part { act: A::NAME, scope, times, recorded: occurred.is_some() });
        self.part = self.parts.len() - 1;
        let outcome = act.run(self).await;
        self.part = outer;
        match outcome {
            Ok(out) => {
                self.release(savepoint).await?;
                Ok(Attempt::Done(out))
            }
            Err(error) if error.ends_the_write() => Err(error),
            Err(error) => {
                self.roll_back_to(savepoint).await?;
                if error.is_out_of_order() {
                    tracing::debug!(act = A::NAME, causes = ?error, "needs a write of its own");
                    return Ok(Attempt::OutOfOrder);
                }
                Ok(Attempt::Refused(error))
            }
        }
    }

    /// Whether this write changes the document of an entity.
    pub fn changes(&self, kind: EntityKind, id: Uuid) -> bool {
        self.log.touched.iter().any(
            |(_, touch)| matches!(touch, Touch::Document(k, i) | Touch::New(k, i) if (*k, *i) == (kind, id)),
        )
    }

    pub(super) fn pokes(&self) -> Vec<Poke> {
        let mut watched: BTreeMap<OrganizationId, Poke> = BTreeMap::new();
        for (organization, touch) in &self.log.touched.0 {
            if let Touch::Watched(watcher) = touch {
                watched.entry(*watcher).or_insert_with(|| Poke::new(*watcher));
            }
            let poke = watched.entry(*organization).or_insert_with(|| Poke::new(*organization));
            poke.add(touch);
        }
        let own = self.parts[0].scope.organization();
        if !self.fed.is_empty() {
            let feeds = self.fed.clone();
            let poke = watched.entry(own).or_insert_with(|| Poke::new(own));
            poke.join(Poke { feeds, ..Poke::new(own) });
        }
        watched.into_values().collect()
    }
}

/// What came of an act inside a write.
#[derive(Debug)]
pub enum Attempt<Out> {
    /// It is done, when the write commits.
    Done(Out),
    /// It was refused; nothing of it stands.
    Refused(Error),
    /// It needs a lock that comes before one which an earlier act has taken: it must be done in a write of its own.
    OutOfOrder,
}

/// An open savepoint.
#[derive(Debug)]
#[must_use = "a savepoint is released or rolled back to"]
pub struct Savepoint {
    name: u32,
    mark: super::collector::Mark,
    locked: Option<LockRank>,
    held: usize,
}

fn by_key<M: Row>(row: &M) -> Condition {
    let mut condition = Condition::all();
    for key in <<M as ModelTrait>::Entity as EntityTrait>::PrimaryKey::iter() {
        let column = key.into_column();
        condition = condition.add(column.eq(row.get(column)));
    }
    condition
}

fn columns<M: Row>(row: Option<&M>) -> Result<Option<Map<String, serde_json::Value>>> {
    let Some(row) = row else { return Ok(None) };
    match serde_json::to_value(row).map_err(Error::internal)? {
        serde_json::Value::Object(map) => Ok(Some(map)),
        _ => Err(Error::internal("a row is not an object")),
    }
}

/// The key of a row as the journal tells it. A personal part of it stands among the columns, under its commitment.
fn key_json<M: Row>(row: &M) -> serde_json::Value {
    let personal = M::TABLE.journaling.personal;
    let parts: Vec<String> = <<M as ModelTrait>::Entity as EntityTrait>::PrimaryKey::iter()
        .map(PrimaryKeyToColumn::into_column)
        .filter(|column| !personal.contains(&column.as_str()))
        .map(|column| match row.get(column) {
            Value::Uuid(Some(id)) => id.to_string(),
            other => other.to_string(),
        })
        .collect();
    serde_json::Value::String(parts.join("/"))
}

impl Touched {
    /// The touches in the order in which they were made.
    pub fn iter(&self) -> impl Iterator<Item = &(OrganizationId, Touch)> {
        self.0.iter()
    }
}
