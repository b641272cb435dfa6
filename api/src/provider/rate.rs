//! How often a service is asked: never more often than so many times in any second.

use std::{collections::VecDeque, pin::pin, time::Duration};

use chrono::TimeDelta;
use futures_util::future::{Either, select};
use naryad_domain::channel::SendError;
use tokio::{sync::Mutex, time::Instant};

const SECOND: Duration = Duration::from_secs(1);
/// Nobody waits longer for a turn.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// Who waited in vain comes again after this.
const LATER: TimeDelta = TimeDelta::seconds(5);

/// A stopwatch. It measures and waits for real, unlike the clock of the house, which tells when things happen.
#[async_trait::async_trait]
pub(super) trait Stopwatch: Send + Sync + std::fmt::Debug {
    /// What it shows.
    fn shows(&self) -> Duration;

    /// Waits until it shows that.
    async fn until(&self, then: Duration);
}

/// The stopwatch of the runtime.
#[derive(Debug)]
pub(super) struct Running(Instant);

impl Running {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }
}

#[async_trait::async_trait]
impl Stopwatch for Running {
    fn shows(&self) -> Duration {
        self.0.elapsed()
    }

    async fn until(&self, then: Duration) {
        tokio::time::sleep_until(self.0 + then).await;
    }
}

/// Gives turns.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: usize,
    stopwatch: Box<dyn Stopwatch>,
    /// The turns of the last second, oldest first. Whoever holds it is the next; the others stand in a line.
    given: Mutex<VecDeque<Duration>>,
}

impl Rate {
    /// 0 a second counts as 1.
    pub(super) fn new(per_second: u32, stopwatch: Box<dyn Stopwatch>) -> Self {
        let per_second = usize::try_from(per_second.max(1)).unwrap_or(usize::MAX);
        Self { per_second, stopwatch, given: Mutex::default() }
    }

    /// Waits for a turn. Who goes away while waiting has taken none.
    ///
    /// # Errors
    /// `Busy`: too many stand before.
    pub(super) async fn turn(&self) -> Result<(), SendError> {
        let end = self.stopwatch.shows().saturating_add(PATIENCE);
        match select(pin!(self.next()), self.stopwatch.until(end)).await {
            Either::Left(((), _)) => Ok(()),
            Either::Right(((), _)) => Err(SendError::Busy { retry_after: Some(LATER) }),
        }
    }

    async fn next(&self) {
        let mut given = self.given.lock().await;
        loop {
            let now = self.stopwatch.shows();
            while given.front().is_some_and(|turn| *turn + SECOND <= now) {
                given.pop_front();
            }
            match given.front() {
                Some(oldest) if given.len() >= self.per_second => {
                    let free = *oldest + SECOND;
                    self.stopwatch.until(free).await;
                }
                _ => return given.push_back(now),
            }
        }
    }
}
