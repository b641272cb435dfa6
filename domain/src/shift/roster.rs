//! When technicians work: templates, exceptions and zones turned into spans of real time.

use std::collections::BTreeMap;

use chrono::{Datelike, TimeDelta};
use chrono_tz::Tz;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::{ExceptionKind, LocalDate, ShiftWindow, WeekShifts, exception, template};
use crate::{
    Result, Time,
    calendar::{
        Span,
        spans::{holds, intersect, merge, subtract},
    },
    catalogue::Day,
    db::Reader,
    id::TechnicianId,
};

/// The longest shift in real time: where the clocks go back in a shift of 24 hours by the wall, it ends an hour earlier
/// on the wall.
const LONGEST: TimeDelta = TimeDelta::hours(24);

/// When a technician works in a range of time. Absences, breaks of a day and bookings stand in the calendar, not here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// A schedule is kept for him: a template of his has begun before the range ends. Where none is kept, times are not
    /// judged by shifts.
    pub kept: bool,
    /// Working time, breaks taken out, merged, sorted; may cross midnight.
    pub open: Vec<Span>,
    /// Parts of `open` that only emergencies may book.
    pub reserve: Vec<Span>,
    /// Outside shifts; emergencies may be booked here.
    pub on_call: Vec<Span>,
}

impl Roster {
    /// Whether a booking of the span is within his times: in a shift, for an emergency also on call, and across from the
    /// one into the other. The reserve is not asked for: it steers new bookings, and takes nobody's time away.
    pub fn covers(&self, span: Span, emergency: bool) -> bool {
        let within = || match emergency {
            true => holds(&merge(self.open.iter().chain(&self.on_call).copied().collect()), span),
            false => holds(&self.open, span),
        };
        !self.kept || within()
    }
}

/// A template, read.
#[derive(Clone, Debug)]
pub(crate) struct Weekly {
    pub(crate) zone: Tz,
    pub(crate) row: template::Model,
    pub(crate) week: Vec<WeekShifts>,
}

/// An exception, read.
#[derive(Clone, Debug)]
pub(crate) struct Dated {
    pub(crate) zone: Tz,
    pub(crate) row: exception::Model,
    pub(crate) windows: Vec<ShiftWindow>,
}

/// The templates and the exceptions of one technician.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schedule {
    pub(crate) templates: Vec<Weekly>,
    pub(crate) exceptions: Vec<Dated>,
}

impl Weekly {
    pub(crate) fn read(row: template::Model) -> Result<Self> {
        Ok(Self { zone: row.tz()?, week: row.shifts()?, row })
    }
}

impl Dated {
    pub(crate) fn read(row: exception::Model) -> Result<Self> {
        Ok(Self { zone: row.tz()?, windows: row.hours()?, row })
    }
}

/// What the windows of some days come to, before they are put in order.
#[derive(Default)]
struct Sum {
    work: Vec<Span>,
    breaks: Vec<Span>,
    reserve: Vec<Span>,
    on_call: Vec<Span>,
}

impl Sum {
    /// Adds a window that begins on a date.
    fn add(&mut self, window: &ShiftWindow, date: LocalDate, zone: Tz, range: Span) {
        let span = real(window, date, zone);
        if span.end <= range.start || range.end <= span.start {
            return;
        }
        if window.on_call {
            self.on_call.push(span);
            return;
        }
        self.work.push(span);
        for (parts, list) in [(&window.breaks, &mut self.breaks), (&window.reserve, &mut self.reserve)] {
            for part in parts {
                let (from, to) = window.part(*part);
                let part = Span { start: date.at(from, zone), end: date.at(to, zone).min(span.end) };
                list.push(part);
            }
        }
    }
}

/// When a window that begins on a date is, in real time.
pub(crate) fn real(window: &ShiftWindow, date: LocalDate, zone: Tz) -> Span {
    let (from, to) = window.minutes();
    let start = date.at(from, zone);
    Span { start, end: date.at(to, zone).min(start + LONGEST) }
}

impl Schedule {
    /// The times of work within a range.
    pub(crate) fn roster(&self, range: Span) -> Roster {
        let mut sum = Sum::default();
        for template in &self.templates {
            for date in dates(range, template.zone) {
                if !template.row.is_valid_on(date) || self.takes_away(date) {
                    continue;
                }
                let day = Day::from(date.naive().weekday());
                for group in template.week.iter().filter(|group| group.days.contains(&day)) {
                    for window in &group.windows {
                        sum.add(window, date, template.zone, range);
                    }
                }
            }
        }
        for exception in &self.exceptions {
            for window in &exception.windows {
                sum.add(window, exception.row.on_date, exception.zone, range);
            }
        }
        let range = [range];
        // A break of one shift does not interrupt another that overlaps it, by an exception: it interrupts both.
        let open = intersect(&subtract(&merge(sum.work), &merge(sum.breaks)), &range);
        Roster {
            kept: self.begins().is_some_and(|begin| begin < range[0].end),
            reserve: intersect(&open, &merge(sum.reserve)),
            on_call: intersect(&subtract(&merge(sum.on_call), &open), &range),
            open,
        }
    }

    /// When the first template begins.
    fn begins(&self) -> Option<Time> {
        self.templates.iter().map(|template| template.row.valid_from.at(0, template.zone)).min()
    }

    /// Whether an exception takes the template's shifts of the date away.
    fn takes_away(&self, date: LocalDate) -> bool {
        self.exceptions.iter().any(|e| e.row.on_date == date && e.row.kind != ExceptionKind::Added)
    }
}

/// The dates whose shifts can reach into the range: a shift begins up to two days before it ends.
fn dates(range: Span, zone: Tz) -> impl Iterator<Item = LocalDate> {
    let (first, last) = (LocalDate::of(range.start, zone).plus(-2), LocalDate::of(range.end, zone));
    (0..=last.days_since(first)).map(move |days| first.plus(days))
}

/// The schedules of technicians as far as they matter to a range: two statements, whatever the number of technicians.
///
/// # Errors
/// The database cannot be read, or a row cannot be.
pub(crate) async fn schedules(
    reader: &Reader<'_>,
    technicians: &[TechnicianId],
    range: Span,
) -> Result<BTreeMap<TechnicianId, Schedule>> {
    let mut found: BTreeMap<TechnicianId, Schedule> =
        technicians.iter().map(|technician| (*technician, Schedule::default())).collect();
    if technicians.is_empty() {
        return Ok(found);
    }
    let templates = template::Entity::find()
        .filter(template::Column::TechnicianId.is_in(technicians.iter().copied()))
        .order_by_asc(template::Column::ValidFrom)
        .all(reader)
        .await?;
    for row in templates {
        found.entry(row.technician_id).or_default().templates.push(Weekly::read(row)?);
    }
    // Local dates of any zone: a day and a bit on either side, and the length of a shift.
    let (first, last) =
        (LocalDate::of(range.start, Tz::UTC).plus(-3), LocalDate::of(range.end, Tz::UTC).plus(2));
    let exceptions = exception::Entity::find()
        .filter(exception::Column::TechnicianId.is_in(technicians.iter().copied()))
        .filter(exception::Column::OnDate.between(first, last))
        .order_by_asc(exception::Column::OnDate)
        .all(reader)
        .await?;
    for row in exceptions {
        found.entry(row.technician_id).or_default().exceptions.push(Dated::read(row)?);
    }
    Ok(found)
}

/// When technicians work within a range. Each that was asked for has an answer; an unknown one has no schedule.
///
/// # Errors
/// As the database says.
pub async fn rosters(
    reader: &Reader<'_>,
    technicians: &[TechnicianId],
    range: Span,
) -> Result<BTreeMap<TechnicianId, Roster>> {
    let schedules = schedules(reader, technicians, range).await?;
    Ok(schedules.into_iter().map(|(technician, schedule)| (technician, schedule.roster(range))).collect())
}
