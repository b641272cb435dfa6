//! Messages on their way: each lane has workers of its own, so that a notice to fifty thousand does not stand before a call
//! to one.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures_util::future::join_all;
use naryad_domain::{
    Result,
    channel::Channels,
    db::Db,
    notification::{self, Book, Done, Lane, row::Model as Message},
};
use tokio::{
    task::{JoinError, JoinSet},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::worker::causes;

/// Messages at once, a lane.
const AT_ONCE: usize = 32;
/// Messages taken at once: the next portion is read while one is on its way.
const PORTION: usize = 64;
/// So many a lane have gone at most of which nothing is written down.
const UNWRITTEN: usize = 64;
/// What was taken and could not be begun for so long is given back: a third of its lease.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
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

/// A message that was taken and not begun.
struct Ready {
    message: Message,
    book: Arc<Book>,
    taken: Instant,
}

/// Takes, brings and writes down at once: while some messages are on their way, the next are read, and what became of those
/// before is written in one commit after another.
struct Carrier {
    db: Db,
    channels: Arc<Channels>,
    lane: Lane,
    /// Between two looks at the lane, however much is written meanwhile.
    pause: Duration,
    taking: JoinSet<Result<Vec<Ready>>>,
    waiting: VecDeque<Ready>,
    running: JoinSet<Done>,
    done: Vec<Done>,
    writing: JoinSet<()>,
    /// How many outcomes the commit has that is being written.
    written: usize,
}

impl Carrier {
    fn new(db: &Db, channels: &Arc<Channels>, lane: Lane, pause: Duration) -> Self {
        Self {
            db: db.clone(),
            channels: Arc::clone(channels),
            lane,
            pause,
            taking: JoinSet::new(),
            waiting: VecDeque::new(),
            running: JoinSet::new(),
            done: Vec::new(),
            writing: JoinSet::new(),
            written: 0,
        }
    }

    async fn go(&mut self, stop: &CancellationToken) {
        let mut pokes = self.db.pokes().subscribe_own();
        let mut looked = Instant::now();
        let (mut look, mut poked) = (true, false);
        while !stop.is_cancelled() {
            if look && self.taking.is_empty() && self.waiting.len() < AT_ONCE {
                (look, poked, looked) = (false, false, Instant::now());
                while pokes.try_recv().is_ok() {}
                self.taking.spawn(take(self.db.clone(), self.lane));
            }
            self.begin().await;
            self.write_down();
            let next = looked + if poked { self.pause } else { LOOK_EVERY };
            tokio::select! {
                biased;
                Some(ended) = self.running.join_next() => self.ended(ended),
                Some(_) = self.writing.join_next() => self.written = 0,
                // More is known to wait where a portion was full.
                Some(taken) = self.taking.join_next() => look |= self.taken(taken) == PORTION,
                () = stop.cancelled() => {}
                _ = pokes.recv(), if !poked => poked = true,
                () = sleep_until(next), if !look && self.taking.is_empty() => look = true,
            }
        }
    }

    /// Waits for the messages on their way, and gives back those that were not begun.
    async fn finish(&mut self, grace: Duration) {
        let ending = async {
            while let Some(taken) = self.taking.join_next().await {
                self.taken(taken);
            }
            let waiting: Vec<Message> = self.waiting.drain(..).map(|ready| ready.message).collect();
            self.give_back(&waiting).await;
            while let Some(ended) = self.running.join_next().await {
                self.ended(ended);
            }
            while self.writing.join_next().await.is_some() || !self.done.is_empty() {
                self.write_down();
            }
        };
        if timeout(grace, ending).await.is_err() {
            tracing::warn!(lane = ?self.lane, "messages on their way are left to their leases");
        }
    }

    /// Takes in a portion and says how large it was.
    fn taken(&mut self, taken: Result<Result<Vec<Ready>>, JoinError>) -> usize {
        match taken {
            Ok(Ok(portion)) => {
                let count = portion.len();
                self.waiting.extend(portion);
                count
            }
            Ok(Err(error)) => {
                tracing::warn!(error = causes(&error), lane = ?self.lane, "no message could be taken");
                0
            }
            Err(panic) => {
                tracing::error!(%panic, lane = ?self.lane, "no message could be taken");
                0
            }
        }
    }

    /// Begins as many as may be on their way. What has waited for long is given back: its lease would run out on the way.
    async fn begin(&mut self) {
        let mut late = Vec::new();
        while self.running.len() < AT_ONCE
            && self.running.len() + self.done.len() + self.written < UNWRITTEN
            && let Some(Ready { message, book, taken }) = self.waiting.pop_front()
        {
            if taken.elapsed() > LONGEST_WAIT {
                late.push(message);
                continue;
            }
            let (db, channels) = (self.db.clone(), Arc::clone(&self.channels));
            self.running.spawn(async move { notification::deliver(&db, &channels, &book, message).await });
        }
        if !late.is_empty() {
            self.give_back(&late).await;
        }
    }

    async fn give_back(&self, messages: &[Message]) {
        if let Err(error) = notification::give_back(&self.db, messages).await {
            tracing::warn!(error = causes(&error), "messages return when their leases have run out");
        }
    }

    fn ended(&mut self, first: Result<Done, JoinError>) {
        let mut next = Some(first);
        while let Some(ended) = next {
            match ended {
                Ok(done) => {
                    if let Some((rung, outcome)) = done.last() {
                        metrics::counter!("naryad_notifications_total", "rung" => rung, "outcome" => outcome)
                            .increment(1);
                    }
                    self.done.push(done);
                }
                // Its lease runs out, and it counts as an attempt.
                Err(panic) => tracing::error!(%panic, "a message could not be brought on its way"),
            }
            next = self.running.try_join_next();
        }
    }

    /// Writes down what has ended since the commit before.
    fn write_down(&mut self) {
        if self.done.is_empty() || !self.writing.is_empty() {
            return;
        }
        let (db, done) = (self.db.clone(), std::mem::take(&mut self.done));
        self.written = done.len();
        self.writing.spawn(async move { settle(&db, &done).await });
    }
}

/// Takes the next portion of a lane, with what is to be known of its people.
async fn take(db: Db, lane: Lane) -> Result<Vec<Ready>> {
    if !notification::is_due(&db.reader(), lane, db.clock().now()).await? {
        return Ok(Vec::new());
    }
    let taken = Instant::now();
    let messages = notification::claim(&db, lane, PORTION).await?;
    let book = Arc::new(Book::of(&db.reader(), &messages).await?);
    let ready = |message| Ready { message, book: Arc::clone(&book), taken };
    Ok(messages.into_iter().map(ready).collect())
}

async fn settle(db: &Db, done: &[Done]) {
    for attempt in 1..=WRITES {
        match notification::settle(db, done).await {
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
