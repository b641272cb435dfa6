//! The hours of a shift by the clock on the wall, and the rules a list of them must keep.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Error, Result,
    catalogue::{Day, DayTime},
};

const DAY: i64 = 24 * 60;
const WEEK: i64 = 7 * DAY;
/// How many groups of days a week may have.
const GROUPS: usize = 21;
/// How many windows a day may have.
const WINDOWS: usize = 10;
/// How many breaks, and how many reserves, a shift may have.
const PARTS: usize = 10;

/// A part of a shift, local time; in a shift that ends the next day a time before its begin is of that next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShiftPart {
    /// From.
    pub from: DayTime,
    /// To.
    pub to: DayTime,
}

/// A shift, or hours on call, local time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShiftWindow {
    /// When it begins.
    pub from: DayTime,
    /// When it ends.
    pub to: DayTime,
    /// It ends on the day after it begins: `20:00` to `08:00`.
    #[serde(default)]
    pub ends_next_day: bool,
    /// He is not at work and can be called to emergencies.
    #[serde(default)]
    pub on_call: bool,
    /// Breaks inside the shift; nothing is booked there.
    #[serde(default)]
    pub breaks: Vec<ShiftPart>,
    /// Parts of the shift that only emergencies may book.
    #[serde(default)]
    pub reserve: Vec<ShiftPart>,
}

/// The same shifts on some days of the week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WeekShifts {
    /// The days on which the shifts begin.
    #[schema(min_items = 1)]
    pub days: Vec<Day>,
    /// The shifts of each of these days.
    #[schema(min_items = 1)]
    pub windows: Vec<ShiftWindow>,
}

impl ShiftWindow {
    /// Begin and end in minutes since the midnight before it begins.
    pub(crate) fn minutes(&self) -> (i64, i64) {
        let end = i64::from(self.to.minutes()) + if self.ends_next_day { DAY } else { 0 };
        (i64::from(self.from.minutes()), end)
    }

    /// Begin and end of a part of it, in minutes since the same midnight.
    pub(crate) fn part(&self, part: ShiftPart) -> (i64, i64) {
        let (begin, _) = self.minutes();
        let from = i64::from(part.from.minutes());
        let from = if from < begin { from + DAY } else { from };
        let to = i64::from(part.to.minutes());
        (from, if to <= from { to + DAY } else { to })
    }

    fn check(&self, path: &str) -> Result<()> {
        let (begin, end) = self.minutes();
        if begin >= DAY {
            return Err(Error::field(format!("{path}.from"), "must be before 24:00"));
        }
        if end <= begin {
            return Err(Error::field(
                format!("{path}.to"),
                "must be after from; a shift over midnight says ends_next_day",
            ));
        }
        if end - begin > DAY {
            return Err(Error::field(format!("{path}.to"), "must be within 24 hours of from"));
        }
        for (name, parts) in [("breaks", &self.breaks), ("reserve", &self.reserve)] {
            if parts.len() > PARTS {
                return Err(Error::field(format!("{path}.{name}"), format!("must be at most {PARTS}")));
            }
            if self.on_call && !parts.is_empty() {
                return Err(Error::field(
                    format!("{path}.{name}"),
                    "belong to a shift, not to hours on call",
                ));
            }
            let mut taken = Vec::new();
            for (index, part) in parts.iter().enumerate() {
                let (from, to) = self.part(*part);
                if to > end {
                    return Err(Error::field(
                        format!("{path}.{name}[{index}]"),
                        "must lie within the shift, its end after its begin",
                    ));
                }
                taken.push((from, to));
            }
            if overlap(taken) {
                return Err(Error::field(format!("{path}.{name}"), "overlap each other"));
            }
        }
        Ok(())
    }
}

/// Whether two of the ranges share a minute.
fn overlap(mut ranges: Vec<(i64, i64)>) -> bool {
    ranges.sort_unstable();
    ranges.windows(2).any(|pair| pair[1].0 < pair[0].1)
}

/// Checks the windows of one day; `path` is where they stand in the request.
///
/// # Errors
/// `invalid_field` naming the window that is none, or the list in which two overlap.
pub fn check_windows(path: &str, windows: &[ShiftWindow]) -> Result<()> {
    if windows.len() > WINDOWS {
        return Err(Error::field(path, format!("must be at most {WINDOWS}")));
    }
    for (index, window) in windows.iter().enumerate() {
        window.check(&format!("{path}[{index}]"))?;
    }
    if overlap(windows.iter().map(ShiftWindow::minutes).collect()) {
        return Err(Error::field(path, "overlap each other"));
    }
    Ok(())
}

/// Checks a week: no two windows overlap, also not over midnight or from Sunday into Monday. A week may be empty: then
/// the shifts stand in the exceptions alone.
///
/// # Errors
/// As [`check_windows`].
pub fn check_week(path: &str, week: &[WeekShifts]) -> Result<()> {
    if week.len() > GROUPS {
        return Err(Error::field(path, format!("must be at most {GROUPS}")));
    }
    let mut taken = Vec::new();
    for (index, group) in week.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if group.days.is_empty() {
            return Err(Error::field(format!("{path}.days"), "must name a day"));
        }
        if group.windows.is_empty() {
            return Err(Error::field(format!("{path}.windows"), "must not be empty"));
        }
        check_windows(&format!("{path}.windows"), &group.windows)?;
        for day in &group.days {
            let midnight = *day as i64 * DAY;
            for window in &group.windows {
                let (begin, end) = window.minutes();
                let (begin, end) = (midnight + begin, midnight + end);
                taken.push((begin, end.min(WEEK)));
                if end > WEEK {
                    taken.push((0, end - WEEK));
                }
            }
        }
    }
    if overlap(taken) {
        return Err(Error::field(path, "overlap each other"));
    }
    Ok(())
}
