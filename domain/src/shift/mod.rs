//! Shifts: weekly templates in local time with dated exceptions, absences, and the roster they come to.

pub mod absence;
mod away;
mod date;
mod dated;
mod departure;
mod duty;
pub mod exception;
mod hours;
mod roster;
mod settle;
pub mod template;
mod weekly;

pub use self::{
    absence::AbsenceKind,
    away::{
        AbsenceDocument, AbsenceFilter, CancelAbsence, ChangeAbsence, PatchAbsence, Record, RecordAbsence,
        get_absence, list_absences,
    },
    date::{LocalDate, NotADate},
    dated::{
        ChangeException, CreateException, CreateShiftException, PatchShiftException, RemoveException,
        ShiftExceptionDocument, ShiftExceptionFilter, get_exception, list_exceptions,
    },
    duty::{
        Duty, OnDuty, OnDutyDocument, OnDutyFilter, RosterAbsence, RosterDocument, RosterFilter, RosterSpan,
        on_duty, roster,
    },
    exception::ExceptionKind,
    hours::{ShiftPart, ShiftWindow, WeekShifts, check_week, check_windows},
    roster::{Roster, rosters},
    weekly::{Change, Create, CreateShift, PatchShift, Remove, ShiftDocument, ShiftFilter, get, list},
};

pub(crate) use self::departure::Departure;

#[cfg(test)]
mod tests;
