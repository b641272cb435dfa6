//! The clock of a story: a file from which the processes under test take their time.

use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

/// The instant at which every story begins: a Monday morning, 09:00 in Moscow.
pub const BEGINNING: &str = "2026-03-02T06:00:00Z";

/// A clock that is moved by hand. Every process of the house sees the new time with its next look; clones are the same
/// clock.
#[derive(Debug, Clone)]
pub struct HandClock {
    path: PathBuf,
}

impl HandClock {
    /// A clock in `dir`, standing at [`BEGINNING`].
    pub fn new(dir: &Path) -> Self {
        let clock = Self { path: dir.join("clock") };
        clock.set(parse(BEGINNING));
        clock
    }

    /// The file, for `NARYAD_CLOCK_FILE`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the clock shows.
    pub fn now(&self) -> DateTime<Utc> {
        parse(std::fs::read_to_string(&self.path).expect("the clock file is readable").trim())
    }

    /// Moves the clock to `instant`, forwards or backwards.
    pub fn set(&self, instant: DateTime<Utc>) {
        // Renamed into place: a process never sees half an instant.
        let fresh = self.path.with_extension("next");
        std::fs::write(&fresh, instant.to_rfc3339_opts(SecondsFormat::Micros, true))
            .expect("the clock file is writable");
        std::fs::rename(&fresh, &self.path).expect("the clock file is replaceable");
    }

    /// Moves the clock to an RFC 3339 instant.
    pub fn set_to(&self, instant: &str) {
        self.set(parse(instant));
    }

    /// Moves the clock by `delta` and says what it shows now.
    pub fn advance(&self, delta: TimeDelta) -> DateTime<Utc> {
        let now = self.now() + delta;
        self.set(now);
        now
    }

    /// Moves the clock by minutes and says what it shows now.
    pub fn advance_minutes(&self, minutes: i64) -> DateTime<Utc> {
        self.advance(TimeDelta::minutes(minutes))
    }

    /// An instant some minutes from now, as RFC 3339, for request bodies.
    pub fn in_minutes(&self, minutes: i64) -> String {
        (self.now() + TimeDelta::minutes(minutes)).to_rfc3339_opts(SecondsFormat::Secs, true)
    }
}

fn parse(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text)
        .unwrap_or_else(|error| panic!("`{text}` is not RFC 3339: {error}"))
        .to_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_moves_by_hand() {
        let dir = tempfile::tempdir().unwrap();
        let clock = HandClock::new(dir.path());
        assert_eq!(clock.now(), parse(BEGINNING));
        clock.advance_minutes(31);
        assert_eq!(clock.in_minutes(0), "2026-03-02T06:31:00Z");
        clock.set_to("2027-01-01T00:00:00+03:00");
        assert_eq!(clock.now(), parse("2026-12-31T21:00:00Z"));
    }
}
