//! A calendar of work, compiled.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta};
use chrono_tz::Tz;

use super::{
    days::ProductionDays,
    local::{instant, local, wall},
};
use crate::{
    Time,
    catalogue::{Amount, Clock, Term, Unit},
};

/// Hours so rare that a term does not end within 40 years are hours in which it never ends.
const HORIZON_DAYS: u32 = 40 * 366;

/// How many days are compiled when none were; each time it does not suffice, twice as many.
const FIRST_DAYS: u32 = 32;

/// Moments outside these years are not counted from.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9_000;

/// The hours of a clock in a time zone, on the days of a production calendar.
///
/// Time counts as it passes, inside the hours only. Hours begin at the first instant at which the clocks of the zone show
/// their beginning or later, and end likewise: what the change of clocks leaves out is not worked, an hour that comes
/// twice is worked once it has begun.
#[derive(Debug)]
pub struct WorkCalendar {
    clock: Clock,
    zone: Tz,
    days: ProductionDays,
    only_working_days: bool,
    compiled: Mutex<Compiled>,
}

/// Open time from one moment to another, in microseconds since 1970, and how much of it there was before.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    begin: i64,
    end: i64,
    before: i64,
}

/// The open time of the days from `first` up to `until`, the latter not included.
#[derive(Debug, Default)]
struct Compiled {
    range: Option<(NaiveDate, NaiveDate)>,
    stretches: Vec<Stretch>,
}

impl WorkCalendar {
    /// The hours of a clock as they are. For the pauses of a term in working days, see [`WorkCalendar::counting`].
    pub fn new(clock: &Clock, zone: Tz, days: &ProductionDays) -> Self {
        Self {
            clock: clock.clone(),
            zone,
            days: days.clone(),
            only_working_days: false,
            compiled: Mutex::default(),
        }
    }

    /// The hours in which a term of this unit passes: one in working days passes on working days only, so that a pause
    /// over a weekend takes nothing from it.
    pub fn counting(unit: Unit, clock: &Clock, zone: Tz, days: &ProductionDays) -> Self {
        Self { only_working_days: unit == Unit::WorkingDays, ..Self::new(clock, zone, days) }
    }

    /// The version of the production calendar in it.
    pub fn version(&self) -> i64 {
        self.days.version
    }

    /// When a term with its seasons ends; the season is that of the local date of `start`. See [`WorkCalendar::due`].
    pub fn due_in_season(&self, start: Time, term: &Term) -> Option<Time> {
        self.due(start, self.amount(start, term)?)
    }

    /// The length of a term for what starts at `start`, by its local date; `None` outside the years 1 to 9000.
    pub fn amount(&self, start: Time, term: &Term) -> Option<Amount> {
        Some(term.on(self.date(start)?))
    }

    /// When a term that starts at `start` ends.
    ///
    /// Seconds count in real time, inside the hours of the clock only; a term that ends as the hours end, ends then. Days
    /// end at the same local time so many open days later (the day of the start is not counted, by article 191 of the
    /// Civil Code); a start outside the hours counts as a start when they open, an end outside them is moved to their
    /// nearest time on that day, earlier only where the day has closed. A local time that the change of clocks leaves out
    /// becomes the first one after it; of two equal ones the first is meant.
    ///
    /// `None`: the clock is [`Clock::Slot`], or the hours are so few that the term does not end within 40 years, or
    /// `start` is not within the years 1 to 9000.
    pub fn due(&self, start: Time, amount: Amount) -> Option<Time> {
        let count = amount.amount();
        match amount.unit() {
            Unit::Seconds => self.add_work(start, count.into()),
            Unit::Days => self.add_days(start, count, self.only_working_days),
            Unit::WorkingDays => self.add_days(start, count, true),
        }
    }

    /// The moment by which so many seconds of work have passed since `start`; with none to pass, the first open moment
    /// from `start` on. A negative count goes back: to the moment from which `start` is so much work away, the earliest
    /// one where the hours were closed.
    ///
    /// `None` as for [`WorkCalendar::due`].
    pub fn add_work(&self, start: Time, seconds: i64) -> Option<Time> {
        let date = self.date(start)?;
        if self.is_continuous() {
            return start.checked_add_signed(TimeDelta::try_seconds(seconds)?);
        }
        if self.clock == Clock::Slot {
            return None;
        }
        let (start, work) = (start.timestamp_micros(), seconds.checked_mul(1_000_000)?);
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reach = FIRST_DAYS;
        loop {
            let (back, ahead) = if work < 0 { (reach, 2) } else { (2, reach) };
            compiled.cover(self, back_by(date, back), date.checked_add_days(Days::new(ahead.into()))?)?;
            if let Some(found) = compiled.add(start, work) {
                let found = DateTime::from_timestamp_micros(found)?;
                let days = (self.date(found)? - date).num_days().unsigned_abs();
                return (days <= HORIZON_DAYS.into()).then_some(found);
            }
            if reach == HORIZON_DAYS {
                return None;
            }
            reach = reach.saturating_mul(2).min(HORIZON_DAYS);
        }
    }

    /// How many whole seconds of work there are from one moment up to another; 0 where the second is not later, or is not
    /// within the years 1 to 9000.
    pub fn work_between(&self, from: Time, to: Time) -> i64 {
        if to <= from {
            return 0;
        }
        if self.is_continuous() {
            return (to - from).num_seconds();
        }
        self.measure(from, to).unwrap_or(0) / 1_000_000
    }

    fn measure(&self, from: Time, to: Time) -> Option<i64> {
        let (first, last) = (self.date(from)?, self.date(to)?);
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        compiled.cover(self, back_by(first, 2), last.checked_add_days(Days::new(2))?)?;
        Some(compiled.worked(to.timestamp_micros()) - compiled.worked(from.timestamp_micros()))
    }

    fn is_continuous(&self) -> bool {
        self.clock == Clock::Always && !self.only_working_days
    }

    fn date(&self, at: Time) -> Option<NaiveDate> {
        YEARS.contains(&at.year()).then(|| at.with_timezone(&self.zone).date_naive())
    }

    fn windows(&self, date: NaiveDate, only_working_days: bool) -> Vec<(u16, u16)> {
        if only_working_days && !self.days.is_working(date) {
            return Vec::new();
        }
        self.days.windows(&self.clock, date)
    }

    fn add_days(&self, start: Time, count: u32, only_working_days: bool) -> Option<Time> {
        self.date(start)?;
        let windows = |date| self.windows(date, only_working_days);
        let wall = wall(start, self.zone)?;
        // The start, moved to when the hours are open.
        let mut open = wall.date().iter_days().take(HORIZON_DAYS as usize).filter_map(|date| {
            let windows = windows(date);
            let since = if date == wall.date() { wall.time() } else { NaiveTime::MIN };
            let (from, _) = windows
                .iter()
                .find(|(_, to)| local(date, *to).is_some_and(|to| date.and_time(since) < to))?;
            Some((date, local(date, *from)?.time().max(since)))
        });
        let (date, time) = open.next()?;
        let end = match count.checked_sub(1) {
            None => date,
            Some(skipped) => date
                .checked_add_days(Days::new(1))?
                .iter_days()
                .take(HORIZON_DAYS as usize)
                .filter(|date| !windows(*date).is_empty())
                .nth(skipped as usize)?,
        };
        let wanted = end.and_time(time);
        let open = windows(end);
        let landed = match open.iter().find(|(_, to)| local(end, *to).is_some_and(|to| wanted < to)) {
            Some((from, _)) => wanted.max(local(end, *from)?),
            None => local(end, open.last()?.1)?,
        };
        Some(instant(landed, self.zone)?.max(start))
    }
}

/// So many days earlier, or the first day there is.
fn back_by(date: NaiveDate, days: u32) -> NaiveDate {
    date.checked_sub_days(Days::new(days.into())).unwrap_or(NaiveDate::MIN)
}

impl Compiled {
    /// Compiles what is missing of the days from `first` up to `until`.
    fn cover(&mut self, calendar: &WorkCalendar, first: NaiveDate, until: NaiveDate) -> Option<()> {
        let (from, to) = *self.range.get_or_insert((first, first));
        if first < from {
            let mut earlier = stretches(calendar, first, from)?;
            earlier.append(&mut self.stretches);
            self.stretches = earlier;
        }
        if to < until {
            self.stretches.extend(stretches(calendar, to, until)?);
        }
        if first < from || to < until {
            self.range = Some((from.min(first), to.max(until)));
            let mut before = 0;
            for stretch in &mut self.stretches {
                stretch.before = before;
                before += stretch.end - stretch.begin;
            }
        }
        Some(())
    }

    /// The open time from the beginning of what is compiled up to a moment.
    fn worked(&self, at: i64) -> i64 {
        let next = self.stretches.partition_point(|stretch| stretch.begin <= at);
        match next.checked_sub(1) {
            None => 0,
            Some(index) => {
                let stretch = self.stretches[index];
                stretch.before + at.min(stretch.end) - stretch.begin
            }
        }
    }

    /// The moment so much open time away from another, if it is within what is compiled.
    fn add(&self, start: i64, work: i64) -> Option<i64> {
        if work == 0 {
            let open = self.stretches.partition_point(|stretch| stretch.end <= start);
            return self.stretches.get(open).map(|stretch| stretch.begin.max(start));
        }
        let target = self.worked(start).checked_add(work).filter(|target| *target > 0)?;
        let index =
            self.stretches.partition_point(|stretch| stretch.before + (stretch.end - stretch.begin) < target);
        self.stretches.get(index).map(|stretch| stretch.begin + (target - stretch.before))
    }
}

fn stretches(calendar: &WorkCalendar, first: NaiveDate, until: NaiveDate) -> Option<Vec<Stretch>> {
    let mut found = Vec::new();
    for date in first.iter_days().take_while(|date| *date < until) {
        for (from, to) in calendar.windows(date, calendar.only_working_days) {
            let begin = instant(local(date, from)?, calendar.zone)?.timestamp_micros();
            let end = instant(local(date, to)?, calendar.zone)?.timestamp_micros();
            if begin < end {
                found.push(Stretch { begin, end, before: 0 });
            }
        }
    }
    Some(found)
}
