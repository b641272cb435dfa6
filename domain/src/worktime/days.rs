//! Which days are worked.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{Datelike, NaiveDate, TimeDelta, Weekday};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::catalogue::Clock;

/// What a production calendar says of a day that differs from its week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DayKind {
    /// Nobody works: a public holiday, or a day off moved here.
    Off,
    /// Worked, one hour less.
    Short,
    /// Worked in full: a day off that was moved away.
    Working,
}

/// The days of a production calendar; the days that it does not name are worked from Monday to Friday.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProductionDays {
    /// Rises whenever the days of the organization may read differently; 0 where nothing was ever imported.
    pub version: i64,
    named: Arc<BTreeMap<NaiveDate, DayKind>>,
}

/// By how much a short day is shorter: article 95 of the Labour Code takes an hour from the day before a public holiday.
const SHORTER: u16 = 60;

impl ProductionDays {
    /// The days that differ from their week.
    pub fn new(version: i64, named: impl IntoIterator<Item = (NaiveDate, DayKind)>) -> Self {
        Self { version, named: Arc::new(named.into_iter().collect()) }
    }

    /// What the calendar says of a day, if it names it.
    pub fn named(&self, date: NaiveDate) -> Option<DayKind> {
        self.named.get(&date).copied()
    }

    /// Whether the day is worked.
    pub fn is_working(&self, date: NaiveDate) -> bool {
        match self.named(date) {
            Some(kind) => kind != DayKind::Off,
            None => !matches!(date.weekday(), Weekday::Sat | Weekday::Sun),
        }
    }

    /// The open windows of a clock on a date, in minutes of the day, in their order; none for [`Clock::Slot`].
    ///
    /// Opening hours of a week are those of people at work, so they follow the days that the calendar names: closed on a
    /// day off, an hour shorter at the end of a short day (article 95 of the Labour Code), and open on a Saturday or
    /// Sunday that is worked: where they have no hours of their own for it, with those of the Friday before or the Monday
    /// after. A weekend that the calendar does not name keeps the hours the clock has for it. Round the clock and daily
    /// windows are those of a service that never has a day off, and stay as they are.
    pub(super) fn windows(&self, clock: &Clock, date: NaiveDate) -> Vec<(u16, u16)> {
        let of =
            |date| clock.windows(date).into_iter().map(|(from, to)| (from.minutes(), to.minutes())).collect();
        let named = self.named(date).filter(|_| matches!(clock, Clock::Weekly { .. }));
        let Some(kind) = named else { return of(date) };
        if kind == DayKind::Off {
            return Vec::new();
        }
        let mut open: Vec<_> = of(date);
        if open.is_empty() {
            open = match date.weekday() {
                Weekday::Sat => of(date - TimeDelta::days(1)),
                Weekday::Sun => of(date + TimeDelta::days(1)),
                _ => open,
            };
        }
        if kind == DayKind::Short {
            let mut less = SHORTER;
            while let Some((from, to)) = open.pop() {
                if to - from > less {
                    open.push((from, to - less));
                    break;
                }
                less -= to - from;
            }
        }
        open
    }
}
