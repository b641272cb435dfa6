//! When a term of the catalogue ends.

use chrono::{
    DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc, Weekday,
};
use chrono_tz::{GapInfo, Tz};

use super::{
    amount::Unit,
    hours::{Clock, DayTime},
    term::Term,
};

/// Hours so rare that a term does not end within 40 years are hours in which it never ends.
const HORIZON_DAYS: usize = 40 * 366;

/// When a term that starts at `start` ends; working days are Monday to Friday. See [`due_on`].
pub fn due(start: DateTime<Utc>, term: &Term, clock: &Clock, zone: Tz) -> Option<DateTime<Utc>> {
    due_on(start, term, clock, zone, &|date| !matches!(date.weekday(), Weekday::Sat | Weekday::Sun))
}

/// When a term that starts at `start` ends, with the working days of a production calendar.
///
/// The season is that of the local date of `start`. Seconds count in real time, inside the hours of the clock only; a
/// term that ends as the hours end, ends then. Days end at the same local time so many open days later (the day of the
/// start is not counted, by article 191 of the Civil Code); a start outside the hours counts as a start when they open,
/// an end outside them is moved to their nearest time on that day, earlier only where the day has closed. A local time
/// that the change of clocks leaves out becomes the first one after it; of two equal ones the first is meant.
///
/// `None`: the clock is [`Clock::Slot`], or the hours are so few that the term does not end within 40 years, or `start`
/// is not within the years 1 to 9000.
pub fn due_on(
    start: DateTime<Utc>,
    term: &Term,
    clock: &Clock,
    zone: Tz,
    is_working_day: &dyn Fn(NaiveDate) -> bool,
) -> Option<DateTime<Utc>> {
    if !(1..=9_000).contains(&start.year()) {
        return None;
    }
    let date = start.with_timezone(&zone).date_naive();
    let amount = term.on(date);
    match (amount.unit(), clock) {
        (_, Clock::Slot) => None,
        (Unit::Seconds, Clock::Always) => {
            start.checked_add_signed(TimeDelta::seconds(amount.amount().into()))
        }
        (Unit::Seconds, clock) => {
            add_seconds(start, TimeDelta::seconds(amount.amount().into()), zone, |date| clock.windows(date))
        }
        (Unit::Days, clock) => add_days(start, amount.amount(), zone, |date| clock.windows(date)),
        (Unit::WorkingDays, clock) => add_days(start, amount.amount(), zone, |date| {
            if is_working_day(date) { clock.windows(date) } else { Vec::new() }
        }),
    }
}

type Windows = Vec<(DayTime, DayTime)>;

fn add_seconds(
    start: DateTime<Utc>,
    mut left: TimeDelta,
    zone: Tz,
    windows: impl Fn(NaiveDate) -> Windows,
) -> Option<DateTime<Utc>> {
    // From the day before: where clocks go back at midnight, its last hour comes twice.
    let first = start.with_timezone(&zone).date_naive().pred_opt()?;
    for date in first.iter_days().take(HORIZON_DAYS) {
        for (from, to) in windows(date) {
            let begin = instant(local(date, from)?, zone)?.max(start);
            let worked = instant(local(date, to)?, zone)? - begin;
            if worked <= TimeDelta::zero() {
                continue;
            }
            if left <= worked {
                return Some(begin + left);
            }
            left -= worked;
        }
    }
    None
}

fn add_days(
    start: DateTime<Utc>,
    count: u32,
    zone: Tz,
    windows: impl Fn(NaiveDate) -> Windows,
) -> Option<DateTime<Utc>> {
    let wall = wall(start, zone)?;
    // The start, moved to when the hours are open.
    let mut open = wall.date().iter_days().take(HORIZON_DAYS).filter_map(|date| {
        let windows = windows(date);
        let since = if date == wall.date() { wall.time() } else { NaiveTime::MIN };
        let (from, _) =
            windows.iter().find(|(_, to)| local(date, *to).is_some_and(|to| date.and_time(since) < to))?;
        Some((date, local(date, *from)?.time().max(since)))
    });
    let (date, time) = open.next()?;
    let end = match count.checked_sub(1) {
        None => date,
        Some(skipped) => date
            .checked_add_days(Days::new(1))?
            .iter_days()
            .take(HORIZON_DAYS)
            .filter(|date| !windows(*date).is_empty())
            .nth(skipped as usize)?,
    };
    let wanted = end.and_time(time);
    let open = windows(end);
    let landed = match open.iter().find(|(_, to)| local(end, *to).is_some_and(|to| wanted < to)) {
        Some((from, _)) => wanted.max(local(end, *from)?),
        None => local(end, open.last()?.1)?,
    };
    Some(instant(landed, zone)?.max(start))
}

/// A time of day on a date; `24:00` is midnight of the next.
fn local(date: NaiveDate, time: DayTime) -> Option<NaiveDateTime> {
    date.and_time(NaiveTime::MIN).checked_add_signed(TimeDelta::minutes(time.minutes().into()))
}

/// The first instant at which the clocks of the zone show `local` or later.
fn instant(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    let found = match zone.from_local_datetime(&local).earliest() {
        Some(found) => found,
        None => GapInfo::new(&local, &zone)?.end?,
    };
    Some(found.to_utc())
}

/// The latest time that the clocks of the zone have shown by `at`: while an hour comes a second time, it is the end of
/// that hour. So a later start never has an earlier time.
fn wall(at: DateTime<Utc>, zone: Tz) -> Option<NaiveDateTime> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalogue::amount::Amount;

    const BERLIN: Tz = chrono_tz::Europe::Berlin;

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
        let holidays = |date: NaiveDate| {
            let new_year = date.month() == 1 && date.day() <= 8;
            !new_year && !matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
        };
        assert_eq!(
            due_on(start, &term, &Clock::Always, zone, &holidays),
            Some(at("2027-01-18T12:00:00", zone))
        );
        assert_eq!(due_on(start, &term, &Clock::Always, zone, &|_| false), None);
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
        assert_eq!(
            due(at("2026-11-20T12:00:00", zone), &Term::parse("PT8000H").unwrap(), &minute, zone),
            None
        );
    }

    fn zones() -> impl Strategy<Value = Tz> {
        prop::sample::select(vec![
            chrono_tz::Europe::Moscow,
            chrono_tz::Europe::Kaliningrad,
            chrono_tz::Asia::Kamchatka,
            BERLIN,
            chrono_tz::America::Havana,
            chrono_tz::America::Sao_Paulo,
            chrono_tz::Australia::Lord_Howe,
            chrono_tz::Pacific::Apia,
        ])
    }

    fn clocks() -> impl Strategy<Value = Clock> {
        prop::sample::select(vec![
            "always",
            "08:00-23:00",
            "00:00-03:00",
            "01:30-02:30",
            "23:00-24:00",
            "Mo-Fr 09:00-18:00; Sa 11:00-18:00",
            "Su 00:30-02:15; Su 02:45-23:30; We 02:00-03:00",
        ])
        .prop_map(|text| Clock::parse(text).unwrap())
    }

    fn amounts() -> impl Strategy<Value = Amount> {
        prop_oneof![
            (0u32..400_000).prop_map(|n| Amount::new(n, Unit::Seconds).unwrap()),
            (0u32..15).prop_map(|n| Amount::new(n, Unit::Days).unwrap()),
            (0u32..15).prop_map(|n| Amount::new(n, Unit::WorkingDays).unwrap()),
        ]
    }

    /// From 2011, when Samoa left out a day and Russia changed its zones, to 2027; half of them near a change of clocks.
    fn starts() -> impl Strategy<Value = i64> {
        let changes = prop::sample::select(vec![
            1_325_239_200i64,
            1_414_270_800,
            1_774_746_000,
            1_792_890_000,
            1_793_509_200,
            1_519_441_200,
            1_541_300_400,
        ]);
        prop_oneof![1_300_000_000i64..1_820_000_000, (changes, -100_000i64..100_000).prop_map(|(t, d)| t + d)]
    }

    fn instant_of(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
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
            zone in zones(), clock in clocks(), amount in amounts(), summer in amounts(), start in starts(),
        ) {
            let season = super::super::term::Season {
                from: super::super::term::MonthDay::parse("04-01").unwrap(),
                to: super::super::term::MonthDay::parse("10-31").unwrap(),
                amount: summer,
            };
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
}
