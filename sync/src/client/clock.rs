//! The clocks of a phone: one that people set, and one that only runs.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// What a phone knows of the time. Comes from outside, so that tests and simulators move it.
pub trait DeviceClock: Send + Sync + std::fmt::Debug {
    /// The clock that people set: it may be wrong, and may jump.
    fn now(&self) -> DateTime<Utc>;

    /// Another one after every start of the phone.
    fn boot_id(&self) -> Uuid;

    /// Milliseconds since the phone was started, sleep included (`elapsedRealtime` on Android, `mach_continuous_time` on
    /// iOS; a browser has none that outlives the page: give each page a `boot_id` of its own).
    fn mono_ms(&self) -> i64;
}
