//! The one write path.
//!
//! Every change is an [`Act`] run by [`Db::write`]: it owns the transaction, the retries of the whole closure, the lock
//! order, the idempotency of the answer, and the collector from which the journal, the jobs and the feeds of the phones
//! are written once, at the end, in the same commit. No use case can forget them, because none of them is its job.

mod collector;
mod idempotency;
mod lock;
mod row;
#[cfg(test)]
mod tests;
mod tx;

use std::{future::Future, time::Duration};

use rand::RngExt;
use sea_orm::{DbBackend, SqliteTransactionMode, TransactionOptions, TransactionTrait};

pub(crate) use self::{
    collector::{Change, Collector},
    tx::Part,
};
pub use self::{
    collector::{FeedOwner, Told, Touch, Touched},
    idempotency::{IdempotencyKey, Reply},
    lock::LockRank,
    row::{Journaling, Row, TABLES, Table, UNJOURNALED},
    tx::{Attempt, Savepoint, Times, Tx},
};
use crate::{
    Code, Error, Result, Scope, Time,
    db::{Db, Fault, fault},
    feed, journal,
};

/// A use case that changes something. It may run more than once (a deadlock, a lost race): it keeps nothing outside
/// `tx`.
pub trait Act: Send + Sync + 'static {
    /// What stands in the journal: `ticket.plan`.
    const NAME: &'static str;

    /// What the caller gets.
    type Out: Send + Sync + 'static;

    /// Does it.
    fn run(&self, tx: &mut Tx) -> impl Future<Output = Result<Self::Out>> + Send;

    /// When it happened, if the client says so (work without a network).
    fn occurred(&self) -> Option<Occurred> {
        None
    }
}

/// When an act happened by the device that recorded it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurred {
    /// What the device's clock showed.
    pub device: Time,
    /// The best knowledge of the true time; later than the receipt it is cut to the receipt.
    pub corrected: Time,
}

/// Makes the answer of an act, inside its transaction: it sees what the act did, its journal and its versions.
pub trait Render<Out>: Send + Sync + 'static {
    /// Makes the answer.
    fn render(&self, tx: &Tx, out: &Out) -> impl Future<Output = Result<Reply>> + Send;
}

/// The renderer of an act whose answer nobody waits for.
struct Nothing;

impl<Out: Sync> Render<Out> for Nothing {
    async fn render(&self, _: &Tx, _: &Out) -> Result<Reply> {
        Ok(Reply::default())
    }
}

/// How often a closure is tried before the caller is told to come again.
const ATTEMPTS: u32 = 12;

/// The closure must start again: what it had read has changed, or it must name a lock earlier.
#[derive(Debug, thiserror::Error)]
#[error("the write must start again: {0}")]
pub(crate) struct Restart(pub(crate) &'static str);

/// An act inside a write asked for a lock too late.
#[derive(Debug, thiserror::Error)]
#[error("an act inside a write asks for {0:?} after a later lock")]
struct OutOfOrder(LockRank);

impl Error {
    /// Starts the whole closure again, because what was read before the locks is no longer so.
    #[must_use]
    pub fn restart(why: &'static str) -> Self {
        Self::new(Code::Unavailable, Code::Unavailable.title()).caused_by(Restart(why))
    }

    fn out_of_order(rank: LockRank) -> Self {
        Self::internal(OutOfOrder(rank))
    }

    fn is_out_of_order(&self) -> bool {
        std::error::Error::source(self).is_some_and(<dyn std::error::Error>::is::<OutOfOrder>)
    }

    /// Whether no act inside a write can go on after it.
    fn ends_the_write(&self) -> bool {
        self.wants_retry() || matches!(self.database_fault(), Some(Fault::Lost | Fault::Other))
    }

    /// Whether a stored row is not what it should be, while the database itself is well.
    pub(crate) fn is_of_a_row(&self) -> bool {
        self.code() == Code::Internal && self.database_fault().is_none()
    }

    fn database_fault(&self) -> Option<Fault> {
        std::error::Error::source(self)?.downcast_ref::<sea_orm::DbErr>().map(fault)
    }

    fn wants_retry(&self) -> bool {
        std::error::Error::source(self).is_some_and(<dyn std::error::Error>::is::<Restart>)
            || self.database_fault() == Some(Fault::Retry)
    }
}

impl Db {
    /// Runs an act and commits it.
    ///
    /// # Errors
    /// What the act refuses; `unavailable` when the database cannot be reached or is too busy; `outcome_unknown` when
    /// the connection broke inside COMMIT.
    pub async fn write<A: Act>(&self, scope: Scope, act: A) -> Result<A::Out> {
        match self.spawn(scope, act, None, Nothing).await? {
            Outcome::Done(out, _) => Ok(out),
            // Without a key nothing can be replayed.
            Outcome::Replayed(_) => Err(Error::internal("a write without a key was replayed")),
        }
    }

    /// Runs an act, commits it together with its rendered answer, and returns that answer. The same key again returns
    /// the stored bytes without running the act.
    ///
    /// # Errors
    /// As [`Db::write`]; `idempotency_mismatch` when the key was used with another request.
    pub async fn write_reply<A: Act>(
        &self,
        scope: Scope,
        act: A,
        key: Option<IdempotencyKey>,
        render: impl Render<A::Out>,
    ) -> Result<Reply> {
        match self.spawn(scope, act, key, render).await? {
            Outcome::Done(_, reply) | Outcome::Replayed(reply) => Ok(reply),
        }
    }

    /// Runs the write in a task of its own: a client that hangs up cannot tear it, and shutdown waits for it.
    async fn spawn<A: Act, R: Render<A::Out>>(
        &self,
        scope: Scope,
        act: A,
        key: Option<IdempotencyKey>,
        render: R,
    ) -> Result<Outcome<A::Out>> {
        if self.0.writes.is_closed() {
            return Err(Error::new(Code::Unavailable, "the service is shutting down"));
        }
        let db = self.clone();
        let task = async move { db.attempts(scope, &act, key.as_ref(), &render).await };
        match self.0.writes.spawn(task).await {
            Ok(outcome) => outcome,
            Err(panic) => Err(Error::internal(panic)),
        }
    }

    async fn attempts<A: Act, R: Render<A::Out>>(
        &self,
        scope: Scope,
        act: &A,
        key: Option<&IdempotencyKey>,
        render: &R,
    ) -> Result<Outcome<A::Out>> {
        let mut heads = feed::Heads::default();
        let mut attempt = 1;
        loop {
            let failure = match self.attempt(scope, act, key, render, &mut heads).await {
                Ok(outcome) => return Ok(outcome),
                Err(failure) => failure,
            };
            if !failure.wants_retry() || attempt == ATTEMPTS {
                return Err(failure);
            }
            tracing::debug!(act = A::NAME, attempt, %failure, "the write starts again");
            let pause = rand::rng().random_range(0..(2_u64 << attempt.min(6)));
            tokio::time::sleep(Duration::from_millis(pause)).await;
            attempt += 1;
        }
    }

    async fn attempt<A: Act, R: Render<A::Out>>(
        &self,
        scope: Scope,
        act: &A,
        key: Option<&IdempotencyKey>,
        render: &R,
        heads: &mut feed::Heads,
    ) -> Result<Outcome<A::Out>> {
        let options = TransactionOptions {
            sqlite_transaction_mode: match self.backend() {
                DbBackend::Sqlite => Some(SqliteTransactionMode::Immediate),
                _ => None,
            },
            ..Default::default()
        };
        let transaction = match self.0.writer.begin_with_options(options).await {
            Ok(transaction) => transaction,
            Err(error) => return Err(self.judge(error.into())),
        };
        let mut tx = Tx::begin(transaction, scope, A::NAME, act.occurred(), self.0.clock.clone());
        match run(&mut tx, act, key, render, heads).await {
            Ok(Outcome::Replayed(reply)) => {
                tx.rollback().await;
                Ok(Outcome::Replayed(reply))
            }
            Ok(done) => {
                let pokes = tx.pokes();
                self.commit(tx).await?;
                self.0.pokes.send(pokes);
                Ok(done)
            }
            Err(failure) => {
                // The suspicion comes first, so that the connection is not put back for use.
                let failure = self.judge(failure);
                tx.rollback().await;
                Err(failure)
            }
        }
    }

    /// After a database error that is neither a constraint nor a clean retry, the connection is not used again.
    fn judge(&self, failure: Error) -> Error {
        if matches!(failure.database_fault(), Some(Fault::Lost | Fault::Other)) {
            self.0.suspects.mark();
        }
        failure
    }

    async fn commit(&self, tx: Tx) -> Result<()> {
        let Err(error) = tx.commit().await else { return Ok(()) };
        match fault(&error) {
            // The database answered: it did not commit.
            Fault::Retry
            | Fault::Unique(_)
            | Fault::ForeignKey
            | Fault::Check(_)
            | Fault::Value
            | Fault::Overlap => Err(error.into()),
            Fault::Lost | Fault::Other => {
                self.0.suspects.mark();
                Err(Error::new(Code::OutcomeUnknown, Code::OutcomeUnknown.title()).caused_by(error))
            }
        }
    }
}

enum Outcome<Out> {
    Done(Out, Reply),
    Replayed(Reply),
}

async fn run<A: Act, R: Render<A::Out>>(
    tx: &mut Tx,
    act: &A,
    key: Option<&IdempotencyKey>,
    render: &R,
    heads: &mut feed::Heads,
) -> Result<Outcome<A::Out>> {
    if let Some(key) = key
        && let Some(reply) = idempotency::claim(tx, key).await?
    {
        return Ok(Outcome::Replayed(reply));
    }
    let out = act.run(tx).await?;
    tx.finish(heads).await?;
    let reply = render.render(tx, &out).await?;
    if let Some(key) = key {
        idempotency::keep(tx, key, &reply).await?;
    }
    Ok(Outcome::Done(out, reply))
}

impl Tx {
    /// Writes, once, what follows from the changes: versions and feeds of the phones, journal, jobs.
    async fn finish(&mut self, heads: &mut feed::Heads) -> Result<()> {
        journal::append(self).await?;
        feed::enqueue_expiries(self);
        self.insert_jobs().await?;
        feed::flush(self, heads).await
    }
}
