//! When the terms of the catalogue end.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;
use crate::catalogue::{Amount, Clock, MonthDay, Season, Term, Unit};

const BERLIN: Tz = chrono_tz::Europe::Berlin;

fn due(start: DateTime<Utc>, term: &Term, clock: &Clock, zone: Tz) -> Option<DateTime<Utc>> {
    due_on(start, term, clock, zone, &ProductionDays::default())
}

fn due_on(
    start: DateTime<Utc>,
    term: &Term,
    clock: &Clock,
    zone: Tz,
    days: &ProductionDays,
) -> Option<DateTime<Utc>> {
    WorkCalendar::new(clock, zone, days).due_in_season(start, term)
}

/// A local time in a zone, the first of two.
fn at(text: &str, zone: Tz) -> DateTime<Utc> {
    let local: NaiveDateTime = text.parse().unwrap();
    zone.from_local_datetime(&local).earliest().unwrap().to_utc()
}

fn check(zone: Tz, clock: &str, rows: &[(&str, &str, &str)]) {
    let clock = Clock::parse(clock).unwrap();
    for (start, term, end) in rows {
        let found = due(at(start, zone), &Term::parse(term).unwrap(), &clock, zone);
        assert_eq!(found, Some(at(end, zone)), "{start} + {term}, got {found:?}");
    }
}

#[test]
fn round_the_clock() {
    check(
        chrono_tz::Europe::Moscow,
        "always",
        &[
            ("2026-11-20T22:30:00", "PT2H", "2026-11-21T00:30:00"),
            ("2026-11-20T22:30:00", "PT0M", "2026-11-20T22:30:00"),
            ("2026-11-20T22:30:15", "P3D", "2026-11-23T22:30:15"),
            ("2028-02-28T12:00:00", "P1D", "2028-02-29T12:00:00"),
        ],
    );
}

#[test]
fn a_blocked_chute_counts_only_by_day() {
    for zone in [chrono_tz::Europe::Moscow, chrono_tz::Asia::Kamchatka, chrono_tz::Asia::Yekaterinburg] {
        check(
            zone,
            "08:00-23:00",
            &[
                ("2026-11-20T22:30:00", "PT2H", "2026-11-21T09:30:00"),
                ("2026-11-20T10:00:00", "PT2H", "2026-11-20T12:00:00"),
                ("2026-11-20T21:00:00", "PT2H", "2026-11-20T23:00:00"),
                ("2026-11-20T21:00:01", "PT2H", "2026-11-21T08:00:01"),
                ("2026-11-20T23:00:00", "PT2H", "2026-11-21T10:00:00"),
                ("2026-11-20T03:00:00", "PT2H", "2026-11-20T10:00:00"),
                ("2026-11-20T03:00:00", "PT0M", "2026-11-20T08:00:00"),
                ("2026-11-20T20:00:00", "PT33H", "2026-11-22T23:00:00"),
                ("2026-11-20T23:30:00", "P1D", "2026-11-22T08:00:00"),
                ("2026-11-20T12:00:00", "P1D", "2026-11-21T12:00:00"),
            ],
        );
    }
}

#[test]
fn the_desk_has_opening_hours() {
    check(
        chrono_tz::Europe::Moscow,
        "Mo-Fr 10:00-19:00; Sa 11:00-18:00",
        &[
            ("2026-11-20T18:50:00", "PT30M", "2026-11-21T11:20:00"),
            ("2026-11-21T17:50:00", "PT30M", "2026-11-23T10:20:00"),
            ("2026-11-21T12:00:00", "P1D", "2026-11-23T12:00:00"),
            ("2026-11-20T18:30:00", "P1D", "2026-11-21T18:00:00"),
            ("2026-11-20T10:15:00", "P1D", "2026-11-21T11:00:00"),
            ("2026-11-22T12:00:00", "P1D", "2026-11-24T10:00:00"),
        ],
    );
    check(
        chrono_tz::Europe::Moscow,
        "Mo-Th 09:00-18:00; Fr 09:00-13:00; Fr 14:00-18:00",
        &[
            ("2026-11-19T13:30:00", "P1D", "2026-11-20T14:00:00"),
            ("2026-11-20T12:30:00", "PT1H", "2026-11-20T14:30:00"),
        ],
    );
}

#[test]
fn clocks_that_change_are_counted_in_real_time() {
    // Berlin goes forward at 02:00 on 29 March 2026 and back at 03:00 on 25 October 2026.
    check(
        BERLIN,
        "always",
        &[
            ("2026-03-28T12:00:00", "PT24H", "2026-03-29T13:00:00"),
            ("2026-03-28T12:00:00", "P1D", "2026-03-29T12:00:00"),
            ("2026-03-28T02:30:00", "P1D", "2026-03-29T03:00:00"),
            ("2026-10-24T02:30:00", "P1D", "2026-10-25T02:30:00"),
            ("2026-10-24T12:00:00", "PT24H", "2026-10-25T11:00:00"),
        ],
    );
    check(
        BERLIN,
        "01:00-05:00",
        &[
            ("2026-03-29T01:30:00", "PT2H", "2026-03-29T04:30:00"),
            ("2026-03-29T01:00:00", "PT4H", "2026-03-30T02:00:00"),
            ("2026-10-25T01:00:00", "PT4H", "2026-10-25T04:00:00"),
        ],
    );
    check(BERLIN, "02:30-04:00", &[("2026-03-29T01:00:00", "PT1H", "2026-03-29T04:00:00")]);
}

#[test]
fn the_hour_that_comes_twice_does_not_turn_terms_round() {
    let term = Term::parse("P1D").unwrap();
    let fold = at("2026-10-25T02:00:00", BERLIN);
    let mut last = None;
    for minutes in 0..=180 {
        let end = due(fold + TimeDelta::minutes(minutes), &term, &Clock::Always, BERLIN);
        assert!(end >= last, "{minutes}");
        last = end;
    }
    assert_eq!(
        due(fold + TimeDelta::minutes(90), &term, &Clock::Always, BERLIN),
        Some(at("2026-10-26T03:00:00", BERLIN))
    );
}

#[test]
fn the_season_is_that_of_the_local_date() {
    let glass = Term::parse("P1D; 04-01..10-31=P3D").unwrap();
    let start = "2026-03-31T20:30:00Z".parse().unwrap();
    let end = |zone| due(start, &glass, &Clock::Always, zone).unwrap().to_rfc3339();
    assert_eq!(end(chrono_tz::Europe::Moscow), "2026-04-01T20:30:00+00:00");
    assert_eq!(end(chrono_tz::Asia::Yekaterinburg), "2026-04-03T20:30:00+00:00");
}

#[test]
fn working_days_follow_the_calendar() {
    let zone = chrono_tz::Europe::Moscow;
    let term = Term::from(Amount::new(10, Unit::WorkingDays).unwrap());
    let start = at("2026-12-25T12:00:00", zone);
    assert_eq!(due(start, &term, &Clock::Always, zone), Some(at("2027-01-08T12:00:00", zone)));
    let off = |date| (date, DayKind::Off);
    let first = NaiveDate::from_ymd_opt(2027, 1, 1).unwrap();
    let holidays = ProductionDays::new(1, first.iter_days().take(8).map(off));
    let never = ProductionDays::new(1, first.iter_days().take(50 * 366).map(off));
    assert_eq!(due_on(start, &term, &Clock::Always, zone, &holidays), Some(at("2027-01-18T12:00:00", zone)));
    assert_eq!(due_on(start, &term, &Clock::Always, zone, &never), None);
    let one = Term::from(Amount::new(1, Unit::WorkingDays).unwrap());
    let saturday = at("2026-11-21T15:00:00", zone);
    assert_eq!(due(saturday, &one, &Clock::Always, zone), Some(at("2026-11-24T00:00:00", zone)));
}

#[test]
fn a_slot_has_no_clock_and_extremes_have_no_end() {
    let zone = chrono_tz::Europe::Moscow;
    let term = Term::parse("P1D").unwrap();
    assert_eq!(due(at("2026-11-20T12:00:00", zone), &term, &Clock::Slot, zone), None);
    for start in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        assert_eq!(due(start, &term, &Clock::Always, zone), None);
    }
    let minute = Clock::parse("Mo 08:00-08:01").unwrap();
    assert_eq!(due(at("2026-11-20T12:00:00", zone), &Term::parse("PT8000H").unwrap(), &minute, zone), None);
}

prop_compose! {
    fn summer()(amount in amounts()) -> Season {
        let day = |text| MonthDay::parse(text).unwrap();
        Season { from: day("04-01"), to: day("10-31"), amount }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_later_start_never_ends_earlier(
        zone in zones(), clock in clocks(), amount in amounts(), start in starts(), later in 0i64..200_000,
    ) {
        let term = Term::from(amount);
        let (one, two) = (instant_of(start), instant_of(start + later));
        let (first, second) = (due(one, &term, &clock, zone).unwrap(), due(two, &term, &clock, zone).unwrap());
        prop_assert!(first <= second, "{} -> {}, {} -> {}", one, first, two, second);
    }

    #[test]
    fn a_term_never_ends_before_it_starts(
        zone in zones(), clock in clocks(), amount in amounts(), season in summer(), start in starts(),
    ) {
        let term = Term::new(amount, vec![season]).unwrap();
        let start = instant_of(start);
        prop_assert!(due(start, &term, &clock, zone).unwrap() >= start);
    }

    #[test]
    fn seconds_inside_the_hours_add_up(
        zone in zones(), clock in clocks(), start in starts(), one in 1u32..100_000, two in 1u32..100_000,
    ) {
        let add = |start, seconds| due(start, &Amount::new(seconds, Unit::Seconds).unwrap().into(), &clock, zone);
        let start = instant_of(start);
        prop_assert_eq!(add(add(start, one).unwrap(), two), add(start, one + two));
    }
}
