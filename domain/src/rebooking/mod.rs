//! Bookings that lost their time and wait for another, and the people who are to be told.

mod confirm;
mod displace;
pub mod notice;
pub mod row;
mod vain;

pub use self::{confirm::Displaced, displace::CauseKind, notice::NoticeKind};
pub(crate) use self::{
    confirm::require_confirmed,
    displace::{Cause, displace, put_back, resolve},
    vain::wait_again,
};
