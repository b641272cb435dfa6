//! Work time: the hours in which a term counts, in a time zone, on the days of a production calendar.
//!
//! A [`WorkCalendar`] is compiled to prefix sums of the open time, so that adding work to a moment and measuring the
//! work between two are binary searches, each the inverse of the other, whatever the zone does to its clocks.

mod calendar;
mod days;
mod local;
#[cfg(test)]
mod tests;

pub use self::{
    calendar::WorkCalendar,
    days::{DayKind, ProductionDays},
};
use crate::{Result, db::Reader, id::OrganizationId};

/// The production calendar by which an organization counts its working days.
///
/// # Errors
/// The database cannot be read.
pub async fn production_days(_reader: &Reader<'_>, _organization: OrganizationId) -> Result<ProductionDays> {
    Ok(ProductionDays::default())
}
