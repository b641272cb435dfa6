//! The clock port: the only place of the workspace that reads the wall clock.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// An instant in UTC; every stored instant is truncated to microseconds.
pub type Time = DateTime<Utc>;

/// Tells the time. Everything that needs "now" takes it from here.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The present, in UTC, truncated to microseconds.
    fn now(&self) -> Time;
}

/// The clock of this machine, shifted to follow the clock of the database where there is one.
#[derive(Debug, Default)]
pub struct SystemClock {
    drift_us: AtomicI64,
}

impl SystemClock {
    /// Follows a reference: `reference` is what the database's clock showed at the moment `seen` of this machine.
    /// Returns how far this machine is ahead (negative: behind).
    pub fn follow(&self, reference: Time, seen: Time) -> TimeDelta {
        let drift = seen - reference;
        self.drift_us.store(drift.num_microseconds().unwrap_or(0), Ordering::Relaxed);
        drift
    }

    /// The present by this machine alone, before any shift.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the port that everything else takes its time from"
    )]
    pub fn machine_now(&self) -> Time {
        Utc::now().trunc_subsecs(6)
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Time {
        self.machine_now() - TimeDelta::microseconds(self.drift_us.load(Ordering::Relaxed))
    }
}

/// A clock that is set by hand; clones share the time.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Mutex<Time>>);

impl ManualClock {
    /// A clock standing at `now`.
    pub fn at(now: Time) -> Self {
        Self(Arc::new(Mutex::new(now.trunc_subsecs(6))))
    }

    /// Moves the clock to `now`.
    pub fn set(&self, now: Time) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now.trunc_subsecs(6);
    }

    /// Moves the clock by `delta`.
    pub fn advance(&self, delta: TimeDelta) {
        let now = self.now() + delta;
        self.set(now);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock that shows what stands in a file (RFC 3339), so that a process under test can be moved through time.
#[derive(Debug)]
pub struct FileClock {
    path: PathBuf,
    last: Mutex<Time>,
}

impl FileClock {
    /// A clock on `path`.
    ///
    /// # Errors
    /// The file cannot be read, or does not hold an RFC 3339 instant.
    pub fn open(path: PathBuf) -> std::io::Result<Self> {
        let last = read_instant(&path)?;
        Ok(Self { path, last: Mutex::new(last) })
    }
}

fn read_instant(path: &std::path::Path) -> std::io::Result<Time> {
    let text = std::fs::read_to_string(path)?;
    let time = DateTime::parse_from_rfc3339(text.trim()).map_err(std::io::Error::other)?;
    Ok(time.with_timezone(&Utc).trunc_subsecs(6))
}

impl Clock for FileClock {
    fn now(&self) -> Time {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // A file caught half-written keeps the last time that could be read.
        if let Ok(now) = read_instant(&self.path) {
            *last = now;
        }
        *last
    }
}
