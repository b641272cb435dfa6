//! Bookings that lost their time and wait for another, and the people who are to be told.

mod called_off;
mod confirm;
mod displace;
mod list;
pub mod row;
mod vain;
mod withdraw;

pub(crate) use self::{
    called_off::called_off,
    confirm::require_confirmed,
    displace::{Cause, displace, resolve},
    vain::wait_again,
    withdraw::withdraw,
};
pub use self::{
    confirm::Displaced,
    displace::CauseKind,
    list::{RebookingDocument, RebookingFilter, list},
};
