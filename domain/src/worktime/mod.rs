//! Work time: the hours in which a term counts, in a time zone, on the days of a production calendar.
//!
//! A [`WorkCalendar`] is compiled to prefix sums of the open time, so that adding work to a moment and measuring the
//! work between two are binary searches, each the inverse of the other, whatever the zone does to its clocks.

mod calendar;
mod check;
mod days;
mod local;
pub mod row;
pub mod store;
#[cfg(test)]
mod tests;
pub mod xml;

pub use self::{
    calendar::WorkCalendar,
    days::{DayKind, ProductionDays},
    store::{NamedDay, Region, production_days},
};
