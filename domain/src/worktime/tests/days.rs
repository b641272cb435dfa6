//! What the days of a production calendar do to the hours of a clock.

use chrono::{NaiveDate, NaiveDateTime, TimeZone};

use super::*;
use crate::{
    Time,
    catalogue::{Amount, Clock, Unit},
};

const MOSCOW: chrono_tz::Tz = chrono_tz::Europe::Moscow;

fn at(text: &str) -> Time {
    let local: NaiveDateTime = text.parse().unwrap();
    MOSCOW.from_local_datetime(&local).earliest().unwrap().to_utc()
}

/// Some days of 2026: Thursday 30 April is short, 1 May and Monday 11 May are off, Saturday 2 May is worked.
fn spring() -> ProductionDays {
    let day = |text: &str, kind| (text.parse::<NaiveDate>().unwrap(), kind);
    ProductionDays::new(
        7,
        [
            day("2026-04-30", DayKind::Short),
            day("2026-05-01", DayKind::Off),
            day("2026-05-02", DayKind::Working),
            day("2026-05-08", DayKind::Short),
            day("2026-05-09", DayKind::Off),
            day("2026-05-11", DayKind::Off),
        ],
    )
}

fn calendar(clock: &str) -> WorkCalendar {
    WorkCalendar::new(&Clock::parse(clock).unwrap(), MOSCOW, &spring())
}

#[test]
fn opening_hours_follow_the_production_calendar() {
    let desk = calendar("Mo-Fr 09:00-18:00");
    for (from, seconds, end) in [
        // The short day ends at 17:00, the holiday is skipped, the worked Saturday has the hours of Friday.
        ("2026-04-30T16:30:00", 3_600, "2026-05-02T09:30:00"),
        ("2026-04-30T16:30:00", 1_800, "2026-04-30T17:00:00"),
        ("2026-05-02T17:00:00", 7_200, "2026-05-04T10:00:00"),
        ("2026-05-08T16:00:00", 7_200, "2026-05-12T10:00:00"),
    ] {
        assert_eq!(desk.add_work(at(from), seconds), Some(at(end)), "{from}");
        assert_eq!(desk.work_between(at(from), at(end)), seconds, "{from}");
    }
    assert_eq!(desk.version(), 7);
}

#[test]
fn a_saturday_of_its_own_keeps_its_hours_unless_it_is_a_holiday() {
    let desk = calendar("Mo-Fr 10:00-19:00; Sa 11:00-16:00");
    let hours = |from: &str, to: &str| desk.work_between(at(from), at(to)) / 3_600;
    assert_eq!(hours("2026-05-16T00:00:00", "2026-05-17T00:00:00"), 5);
    assert_eq!(hours("2026-05-02T00:00:00", "2026-05-03T00:00:00"), 5);
    assert_eq!(hours("2026-05-09T00:00:00", "2026-05-10T00:00:00"), 0);
}

#[test]
fn a_short_day_loses_its_hour_at_the_end_even_over_a_pause() {
    let desk = calendar("Mo-Fr 09:00-13:00; Mo-Fr 14:00-14:45");
    assert_eq!(desk.work_between(at("2026-04-30T00:00:00"), at("2026-05-01T00:00:00")), (4 * 60 - 15) * 60);
    assert_eq!(desk.add_work(at("2026-04-30T12:45:00"), 60), Some(at("2026-05-02T09:01:00")));
}

#[test]
fn round_the_clock_and_daily_windows_have_no_days_off() {
    for clock in ["always", "08:00-23:00"] {
        let calendar = calendar(clock);
        let end = calendar.add_work(at("2026-05-01T10:00:00"), 7_200);
        assert_eq!(end, Some(at("2026-05-01T12:00:00")), "{clock}");
    }
}

#[test]
fn a_pause_over_a_weekend_takes_nothing_from_a_term_in_working_days() {
    let ten = Amount::new(10, Unit::WorkingDays).unwrap();
    let calendar = WorkCalendar::counting(Unit::WorkingDays, &Clock::Always, MOSCOW, &spring());
    let start = at("2026-05-13T12:00:00");
    let due = calendar.due(start, ten).unwrap();
    assert_eq!(due, at("2026-05-27T12:00:00"));
    let total = calendar.work_between(start, due);
    assert_eq!(total, 10 * 86_400);
    let consumed = calendar.work_between(start, at("2026-05-15T18:00:00"));
    // Paused on Friday evening; resumed on Sunday it is as resumed when Monday begins.
    let monday = calendar.add_work(at("2026-05-18T00:00:00"), total - consumed);
    assert_eq!(calendar.add_work(at("2026-05-17T12:00:00"), total - consumed), monday);
    assert_eq!(monday, Some(at("2026-05-27T18:00:00")));
}

#[test]
fn work_is_counted_backwards_too() {
    let desk = calendar("Mo-Fr 09:00-18:00");
    assert_eq!(desk.add_work(at("2026-05-13T10:00:00"), -7_200), Some(at("2026-05-12T17:00:00")));
    assert_eq!(desk.add_work(at("2026-05-13T10:00:00"), -3_600), Some(at("2026-05-12T18:00:00")));
    assert_eq!(calendar("always").add_work(at("2026-05-13T10:00:00"), -60), Some(at("2026-05-13T09:59:00")));
}

#[test]
fn what_never_ends_has_no_end_and_costs_little() {
    let minute = calendar("Mo 08:00-08:01");
    assert_eq!(minute.add_work(at("2026-05-13T10:00:00"), 10_000_000), None);
    assert_eq!(minute.add_work(at("2026-05-13T10:00:00"), i64::MAX), None);
    assert_eq!(minute.add_work(at("2026-05-13T10:00:00"), i64::MIN), None);
    assert_eq!(calendar("slot").add_work(at("2026-05-13T10:00:00"), 1), None);
    assert_eq!(calendar("slot").work_between(at("2026-05-13T10:00:00"), at("2026-05-14T10:00:00")), 0);
    assert_eq!(calendar("08:00-23:00").work_between(Time::MIN_UTC, at("2026-05-14T10:00:00")), 0);
    assert_eq!(minute.work_between(at("2026-05-14T10:00:00"), at("2026-05-13T10:00:00")), 0);
}
