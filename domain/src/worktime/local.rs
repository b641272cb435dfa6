//! Local times and the instants at which the clocks of a zone show them.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone};
use chrono_tz::{GapInfo, Tz};

use crate::Time;

/// A minute of a date; the last is midnight of the next.
pub(super) fn local(date: NaiveDate, minute: u16) -> Option<NaiveDateTime> {
    date.and_time(NaiveTime::MIN).checked_add_signed(TimeDelta::minutes(minute.into()))
}

/// The first instant at which the clocks of the zone show `local` or later.
pub(super) fn instant(local: NaiveDateTime, zone: Tz) -> Option<Time> {
    let found = match zone.from_local_datetime(&local).earliest() {
        Some(found) => found,
        None => GapInfo::new(&local, &zone)?.end?,
    };
    Some(found.to_utc())
}

/// The latest time that the clocks of the zone have shown by `at`: while an hour comes a second time, it is the end of
/// that hour. So a later start never has an earlier time.
pub(super) fn wall(at: Time, zone: Tz) -> Option<NaiveDateTime> {
    let shown = at.with_timezone(&zone).naive_local();
    let chrono::LocalResult::Ambiguous(first, second) = zone.from_local_datetime(&shown) else {
        return Some(shown);
    };
    if at < second.to_utc() {
        return Some(shown);
    }
    let before = first.offset().fix();
    let (mut low, mut high) = (first.timestamp(), second.timestamp());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let instant = DateTime::from_timestamp(middle, 0)?;
        if zone.offset_from_utc_datetime(&instant.naive_utc()).fix() == before {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(DateTime::from_timestamp(high, 0)?.with_timezone(&before).naive_local())
}
