//! Messages on their way: each lane has workers of its own, so that a notice to fifty thousand does not stand before a call
//! to one.

use std::{sync::Arc, time::Duration};

use naryad_domain::{
    Result,
    channel::Channels,
    db::Db,
    notification::{self, Book, Done, Lane},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::worker::causes;

/// Messages at once, a lane.
const AT_ONCE: usize = 32;
/// So many outcomes are written down in one commit at most.
const OUTCOMES: usize = 64;
/// Messages become due without anybody saying so: each lane is looked at this often, in real time.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Whatever comes of the outcomes of a message that was sent must be written down: so often it is tried.
const WRITES: u32 = 5;

/// Brings the messages of all lanes until `stop`, and waits for those on their way.
pub(crate) async fn run(db: &Db, channels: &Arc<Channels>, grace: Duration, stop: &CancellationToken) {
    let lane = |lane, pause| Carrier::new(db, channels, lane, Duration::from_millis(pause));
    let (mut urgent, mut normal, mut bulk) =
        (lane(Lane::Urgent, 10), lane(Lane::Normal, 50), lane(Lane::Bulk, 250));
    tokio::join!(urgent.go(grace, stop), normal.go(grace, stop), bulk.go(grace, stop));
}

/// Brings everything that is due, one after another, and returns how many there were.
///
/// # Errors
/// The database cannot be read or written.
pub(crate) async fn bring_due(db: &Db, channels: &Channels) -> Result<usize> {
    let mut brought = 0;
    for lane in [Lane::Urgent, Lane::Normal, Lane::Bulk] {
        while notification::is_due(&db.reader(), lane, db.clock().now()).await? {
            let taken = notification::claim(db, lane, AT_ONCE).await?;
            let book = Book::of(&db.reader(), &taken).await?;
            let mut done = Vec::with_capacity(taken.len());
            for message in taken {
                done.push(notification::deliver(db, channels, &book, message).await);
            }
            notification::settle(db, &done).await?;
            brought += done.len();
        }
    }
    Ok(brought)
}

struct Carrier {
    db: Db,
    channels: Arc<Channels>,
    lane: Lane,
    /// Between two looks at the lane, however much is written meanwhile.
    pause: Duration,
    running: JoinSet<Done>,
}

impl Carrier {
    fn new(db: &Db, channels: &Arc<Channels>, lane: Lane, pause: Duration) -> Self {
        Self { db: db.clone(), channels: Arc::clone(channels), lane, pause, running: JoinSet::new() }
    }

    async fn go(&mut self, grace: Duration, stop: &CancellationToken) {
        let mut pokes = self.db.pokes().subscribe_own();
        let mut looked = Instant::now();
        while !stop.is_cancelled() {
            let room = AT_ONCE - self.running.len();
            // More is known to wait, or may wait.
            let mut more = false;
            if room >= AT_ONCE / 2 {
                looked = Instant::now();
                match self.take(room).await {
                    Ok(taken) => more = taken == room,
                    Err(error) => {
                        tracing::warn!(error = causes(&error), lane = ?self.lane, "no message could be taken");
                    }
                }
            }
            tokio::select! {
                biased;
                Some(ended) = self.running.join_next(), if !self.running.is_empty() => {
                    self.write_down(ended).await;
                }
                () = stop.cancelled() => {}
                _ = timeout(LOOK_EVERY, pokes.recv()), if !more => {
                    sleep_until(looked + self.pause).await;
                    while pokes.try_recv().is_ok() {}
                }
            }
        }
        let ending = async {
            while let Some(ended) = self.running.join_next().await {
                self.write_down(ended).await;
            }
        };
        if timeout(grace, ending).await.is_err() {
            tracing::warn!(lane = ?self.lane, "messages on their way are left to their leases");
        }
    }

    async fn take(&mut self, room: usize) -> Result<usize> {
        if !notification::is_due(&self.db.reader(), self.lane, self.db.clock().now()).await? {
            return Ok(0);
        }
        let taken = notification::claim(&self.db, self.lane, room).await?;
        let book = Arc::new(Book::of(&self.db.reader(), &taken).await?);
        let count = taken.len();
        for message in taken {
            let (db, channels, book) = (self.db.clone(), Arc::clone(&self.channels), Arc::clone(&book));
            self.running.spawn(async move { notification::deliver(&db, &channels, &book, message).await });
        }
        Ok(count)
    }

    /// Writes down what has ended, as much as has: one commit for all.
    async fn write_down(&mut self, first: Result<Done, tokio::task::JoinError>) {
        let mut ended = vec![first];
        while ended.len() < OUTCOMES
            && let Some(next) = self.running.try_join_next()
        {
            ended.push(next);
        }
        let mut done = Vec::with_capacity(ended.len());
        for outcome in ended {
            match outcome {
                Ok(outcome) => done.push(outcome),
                // Its lease runs out, and it counts as an attempt.
                Err(panic) => tracing::error!(%panic, "a message could not be brought on its way"),
            }
        }
        for outcome in &done {
            if let Some((rung, outcome)) = outcome.last() {
                metrics::counter!("naryad_notifications_total", "rung" => rung, "outcome" => outcome)
                    .increment(1);
            }
        }
        for attempt in 1..=WRITES {
            match notification::settle(&self.db, &done).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(
                        error = causes(&error),
                        attempt,
                        "what became of messages could not be written down"
                    );
                    tokio::time::sleep(Duration::from_millis(100) * attempt).await;
                }
            }
        }
    }
}
