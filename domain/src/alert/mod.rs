//! Alerts: what wants somebody's attention, until it is acknowledged. Terms give them, and whatever else goes wrong.

mod follow;
pub mod row;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use self::follow::follow;
pub use self::store::{Acknowledge, AlertDocument, AlertFilter, NewAlert, Raise, list, raise};
