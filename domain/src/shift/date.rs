//! Dates of the calendar on the wall: they belong to no instant before a zone is named.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Days, MappedLocalTime, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use sea_orm::DeriveValueType;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::ToSchema;

use crate::{Error, Result, Time};

/// A local date, `2026-03-02`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeriveValueType, ToSchema)]
#[sea_orm(value_type = "String")]
#[schema(value_type = String, format = Date, example = "2026-03-02")]
pub struct LocalDate(NaiveDate);

/// The text is no date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no date from 2000-01-01 to 2099-12-31")]
pub struct NotADate(String);

impl LocalDate {
    /// The date on the wall of a zone.
    pub fn of(at: Time, zone: Tz) -> Self {
        Self(at.with_timezone(&zone).date_naive())
    }

    /// The date by itself.
    pub fn naive(self) -> NaiveDate {
        self.0
    }

    /// Some days later, or earlier.
    #[must_use]
    pub fn plus(self, days: i64) -> Self {
        let moved = match u64::try_from(days) {
            Ok(days) => self.0.checked_add_days(Days::new(days)),
            Err(_) => self.0.checked_sub_days(Days::new(days.unsigned_abs())),
        };
        Self(moved.unwrap_or(self.0))
    }

    /// Days from another date to this one.
    pub fn days_since(self, other: Self) -> i64 {
        self.0.signed_duration_since(other.0).num_days()
    }

    /// When the clock of the zone first shows so many minutes after the midnight that begins this date.
    pub fn at(self, minutes: i64, zone: Tz) -> Time {
        first_at(self.0.and_time(chrono::NaiveTime::MIN) + TimeDelta::minutes(minutes), zone)
    }
}

/// The first instant at which the clock of the zone shows this time or a later one: of a time that comes twice the
/// earlier, for a time that is left out the end of the gap. So the order of local times is never turned round.
fn first_at(local: NaiveDateTime, zone: Tz) -> Time {
    // No zone has ever left out more than a day and a bit.
    const LONGEST_GAP: i64 = 26 * 60;
    for skipped in 0..LONGEST_GAP {
        match zone.from_local_datetime(&(local + TimeDelta::minutes(skipped))) {
            MappedLocalTime::Single(at) => return at.to_utc(),
            MappedLocalTime::Ambiguous(earlier, _) => return earlier.to_utc(),
            MappedLocalTime::None => {}
        }
    }
    DateTime::<Utc>::from_naive_utc_and_offset(local, Utc)
}

impl FromStr for LocalDate {
    type Err = NotADate;
    fn from_str(text: &str) -> Result<Self, NotADate> {
        use chrono::Datelike;
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        // One spelling only: dates are compared as text in the database.
        date.filter(|date| (2000..2100).contains(&date.year()) && date.to_string() == text)
            .map(Self)
            .ok_or_else(|| NotADate(text.to_owned()))
    }
}

impl fmt::Display for LocalDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for LocalDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LocalDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl From<NotADate> for Error {
    fn from(fault: NotADate) -> Self {
        Self::internal(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(date: &str, minutes: i64, zone: &str) -> String {
        date.parse::<LocalDate>().unwrap().at(minutes, zone.parse().unwrap()).to_rfc3339()
    }

    #[test]
    fn a_time_that_comes_twice_is_the_earlier_and_a_missing_one_the_end_of_the_gap() {
        assert_eq!(at("2026-03-02", 9 * 60, "Europe/Moscow"), "2026-03-02T06:00:00+00:00");
        assert_eq!(at("2026-10-25", 150, "Europe/Berlin"), "2026-10-25T00:30:00+00:00");
        assert_eq!(at("2026-03-29", 150, "Europe/Berlin"), "2026-03-29T01:00:00+00:00");
        assert_eq!(at("2026-03-29", 180, "Europe/Berlin"), "2026-03-29T01:00:00+00:00");
        // Samoa slept through a whole day.
        assert_eq!(at("2011-12-30", 0, "Pacific/Apia"), "2011-12-30T10:00:00+00:00");
        assert_eq!(at("2011-12-31", 0, "Pacific/Apia"), "2011-12-30T10:00:00+00:00");
    }

    #[test]
    fn a_date_has_one_spelling() {
        for wrong in
            ["", "2026-3-2", "2026-02-30", "1999-12-31", "2100-01-01", "+2026-03-02", "2026-03-02T00:00"]
        {
            assert!(wrong.parse::<LocalDate>().is_err(), "{wrong}");
        }
        let date: LocalDate = "2026-02-28".parse().unwrap();
        assert_eq!(date.plus(1).to_string(), "2026-03-01");
        assert_eq!(date.plus(1).plus(-1), date);
    }
}
