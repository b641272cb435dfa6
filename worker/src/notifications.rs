//! Messages on their way: each lane has workers of its own, so that a notice to fifty thousand does not stand before a call
//! to one.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
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

/// Those who bring the messages of the lanes.
pub(crate) struct Carriers(Vec<Carrier>);

impl Carriers {
    /// One for each lane, where there is a way to people at all.
    pub(crate) fn new(db: &Db, channels: Option<&Arc<Channels>>) -> Self {
        let carrier =
            |channels, (lane, pause)| Carrier::new(db, channels, lane, Duration::from_millis(pause));
        let lanes = [(Lane::Urgent, 10), (Lane::Normal, 50), (Lane::Bulk, 250)];
        Self(channels.map_or_else(Vec::new, |channels| lanes.map(|lane| carrier(channels, lane)).into()))
    }

    /// Brings messages until `stop`; those on their way go on until [`Carriers::finish`].
    pub(crate) async fn go(&mut self, stop: &CancellationToken) {
        join_all(self.0.iter_mut().map(|carrier| carrier.go(stop))).await;
    }

    /// Waits for the messages on their way; what does not end in time is left to its lease.
    pub(crate) async fn finish(&mut self, grace: Duration) {
        join_all(self.0.iter_mut().map(|carrier| carrier.finish(grace))).await;
    }
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
            // What is due and was not taken is in the hands of others.
            if taken.is_empty() {
                break;
            }
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

    async fn go(&mut self, stop: &CancellationToken) {
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
    }

    async fn finish(&mut self, grace: Duration) {
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
