//! The slow model: it looks at the clocks of the zone minute by minute.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike, Weekday};
use chrono_tz::Tz;

use super::*;
use crate::catalogue::{Clock, Unit};

/// Zones change their clocks at whole minutes and windows begin at whole minutes: a minute is worked or it is not.
struct Model {
    /// The first minute, in minutes since 1970.
    first: i64,
    open: Vec<bool>,
}

type Named = BTreeMap<NaiveDate, DayKind>;

fn works(named: &Named, date: NaiveDate) -> bool {
    match named.get(&date) {
        Some(DayKind::Off) => false,
        Some(_) => true,
        None => date.weekday().num_days_from_monday() < 5,
    }
}

/// How many minutes of hours there are on a date, minute by minute.
fn minutes(clock: &Clock, named: &Named, date: NaiveDate) -> Vec<bool> {
    let of = |date| {
        let mut day = vec![false; 24 * 60];
        for (from, to) in clock.windows(date) {
            day[usize::from(from.minutes())..usize::from(to.minutes())].fill(true);
        }
        day
    };
    let mut day = of(date);
    if !matches!(clock, Clock::Weekly { .. }) {
        return day;
    }
    let Some(kind) = named.get(&date) else { return day };
    if *kind == DayKind::Off {
        return vec![false; 24 * 60];
    }
    if !day.contains(&true) {
        match date.weekday() {
            Weekday::Sat => day = of(date.pred_opt().unwrap()),
            Weekday::Sun => day = of(date.succ_opt().unwrap()),
            _ => {}
        }
    }
    if *kind == DayKind::Short {
        for open in day.iter_mut().rev().filter(|open| **open).take(60) {
            *open = false;
        }
    }
    day
}

impl Model {
    fn new(clock: &Clock, zone: Tz, named: &Named, unit: Unit, from: i64, days: i64) -> Self {
        // Far enough back that the latest time the clocks have shown is known.
        let begin = from.div_euclid(60) - 3 * 1_440;
        let mut latest: Option<NaiveDateTime> = None;
        let mut day: Option<(NaiveDate, Vec<bool>)> = None;
        let open = (begin..begin + (days + 6) * 1_440)
            .map(|minute| {
                let shown = instant_of(minute * 60).with_timezone(&zone).naive_local();
                let wall = latest.map_or(shown, |latest| latest.max(shown));
                latest = Some(wall);
                let date = wall.date();
                if day.as_ref().is_none_or(|(known, _)| *known != date) {
                    let hours = minutes(clock, named, date);
                    let closed = unit == Unit::WorkingDays && !works(named, date);
                    day = Some((date, if closed { vec![false; 24 * 60] } else { hours }));
                }
                // While an hour comes again, its last minute stands still.
                day.as_ref().unwrap().1[(wall.hour() * 60 + wall.minute()) as usize]
            })
            .collect();
        Self { first: begin, open }
    }

    fn work_between(&self, from: i64, to: i64) -> i64 {
        let mut sum = 0;
        for minute in from.div_euclid(60)..=to.div_euclid(60) {
            if self.open[(minute - self.first) as usize] {
                sum += ((minute + 1) * 60).min(to) - (minute * 60).max(from);
            }
        }
        sum
    }

    fn add_work(&self, start: i64, mut seconds: i64) -> Option<i64> {
        for minute in start.div_euclid(60)..self.first + self.open.len() as i64 {
            if self.open[(minute - self.first) as usize] {
                let begin = (minute * 60).max(start);
                let there = (minute + 1) * 60 - begin;
                if seconds <= there {
                    return Some(begin + seconds);
                }
                seconds -= there;
            }
        }
        None
    }
}

prop_compose! {
    /// A few named days around a moment.
    fn named_days()(days in prop::collection::btree_map(0i64..60, 0u8..3, 0..12)) -> BTreeMap<i64, DayKind> {
        let kind = |n| [DayKind::Off, DayKind::Short, DayKind::Working][usize::from(n)];
        days.into_iter().map(|(day, n)| (day, kind(n))).collect()
    }
}

fn units() -> impl Strategy<Value = Unit> {
    prop_oneof![3 => Just(Unit::Seconds), 1 => Just(Unit::WorkingDays)]
}

const DAYS: i64 = 50;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn compiled_calendars_agree_with_the_slow_model(
        zone in zones(), clock in clocks(), unit in units(), named in named_days(), start in starts(),
        length in 0..DAYS * 86_400, seconds in 1i64..200_000, later in 0..10i64 * 86_400,
    ) {
        let day = instant_of(start).with_timezone(&zone).date_naive() - chrono::TimeDelta::days(5);
        let named: Named = named.into_iter().map(|(n, kind)| (day + chrono::TimeDelta::days(n), kind)).collect();
        let model = Model::new(&clock, zone, &named, unit, start, DAYS + 11);
        let days = ProductionDays::new(1, named);
        let calendar = WorkCalendar::counting(unit, &clock, zone, &days);
        let (from, to) = (instant_of(start), instant_of(start + length));
        prop_assert_eq!(calendar.work_between(from, to), model.work_between(start, start + length));
        // Asked again from elsewhere, what is compiled already is extended and stays right.
        let second = start + later;
        if let Some(end) = model.add_work(second, seconds) {
            prop_assert_eq!(calendar.add_work(instant_of(second), seconds), Some(instant_of(end)));
            let fresh = WorkCalendar::counting(unit, &clock, zone, &days);
            prop_assert_eq!(fresh.add_work(instant_of(second), seconds), Some(instant_of(end)));
        }
    }

    #[test]
    fn adding_work_and_measuring_it_are_inverse(
        zone in zones(), clock in clocks(), unit in units(), named in named_days(), start in starts(),
        micros in 0i64..1_000_000, seconds in -400_000i64..400_000,
    ) {
        let from = instant_of(start) + chrono::TimeDelta::microseconds(micros);
        let day = from.with_timezone(&zone).date_naive() - chrono::TimeDelta::days(30);
        let days = ProductionDays::new(1, named.into_iter().map(|(n, kind)| (day + chrono::TimeDelta::days(n), kind)));
        let calendar = WorkCalendar::counting(unit, &clock, zone, &days);
        let end = calendar.add_work(from, seconds).unwrap();
        if seconds >= 0 {
            prop_assert_eq!(calendar.work_between(from, end), seconds);
            // The end is the first moment by which so much has passed.
            let before = end - chrono::TimeDelta::microseconds(1);
            prop_assert!(seconds == 0 || calendar.work_between(from, before) == seconds - 1);
        } else {
            prop_assert_eq!(calendar.work_between(end, from), -seconds);
        }
        // Work measured in parts is the whole.
        if seconds > 1 {
            let middle = calendar.add_work(from, seconds / 2).unwrap();
            prop_assert_eq!(calendar.add_work(middle, seconds - seconds / 2), Some(end));
        }
    }
}
