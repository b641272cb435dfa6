//! Shifts: weekly templates in local time with dated exceptions, absences, and the roster they come to.

pub mod absence;
mod date;
pub mod exception;
mod hours;
mod roster;
pub mod template;

pub use self::{
    absence::AbsenceKind,
    date::{LocalDate, NotADate},
    exception::ExceptionKind,
    hours::{ShiftPart, ShiftWindow, WeekShifts, check_week, check_windows},
    roster::{Roster, rosters},
};
