//! Alerts: what wants somebody's attention, until it is acknowledged. Terms give them, and whatever else goes wrong.

mod end;
mod follow;
pub mod row;
mod store;
#[cfg(test)]
mod tests;

pub use self::store::{Acknowledge, AlertDocument, AlertFilter, NewAlert, Raise, list, raise};
pub(crate) use self::{
    end::{end, end_of_house, stands},
    follow::follow,
};
