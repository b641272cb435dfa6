//! When a task runs again, and what a row says at a moment. Nothing here reads or writes.

use chrono::TimeDelta;

use super::{LEASE, Periodic};
use crate::Time;

/// A task that fails is tried again soon, but not at once: this long after the first time, or as often as it runs anyway.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(10);
/// A task that goes on failing rests no longer than this, or than it rests anyway.
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(10);

/// How long a task rests after `failures` in a row, the last one a moment ago: twice as long each time. Zero failures: its
/// interval.
pub fn pause(every: TimeDelta, failures: i64) -> TimeDelta {
    if failures <= 0 {
        return every;
    }
    let doubled = 1_i32 << (failures - 1).min(20);
    (every.min(FIRST_PAUSE) * doubled).min(every.max(LONGEST_PAUSE))
}

/// When a task runs again that was planned for `planned` and ended at `now`. After a success it keeps its beat: the next
/// multiple of the interval, and none of those that were missed. After a failure it rests.
pub fn next_at(planned: Time, now: Time, every: TimeDelta, failures: i64) -> Time {
    if failures > 0 {
        return now + pause(every, failures);
    }
    let every = every.num_microseconds().unwrap_or(i64::MAX).max(1);
    let since = (now - planned).num_microseconds().unwrap_or(0);
    now + TimeDelta::microseconds(every - since.rem_euclid(every))
}

/// What the row of a task says at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// It is not due yet.
    NotYet,
    /// It is due and nobody has it.
    Due,
    /// Somebody has it.
    Held,
    /// Somebody had it whose lease cannot be one that is being renewed.
    Lapsed,
    /// It waits longer than it ever does: the clock was ahead when it was planned.
    TooFar,
}

impl Look {
    /// What the row says at `now`.
    pub fn at(now: Time, row: &Periodic) -> Self {
        match row.owner_until {
            Some(until) if until < now || until > now + LEASE => Self::Lapsed,
            Some(_) => Self::Held,
            None if row.next_at <= now => Self::Due,
            None if row.next_at > now + pause(row.every(), row.failures) => Self::TooFar,
            None => Self::NotYet,
        }
    }
}
