//! Alerts: what wants somebody's attention, until it is acknowledged. Terms give them, and whatever else goes wrong.

pub mod row;
mod store;

pub use self::store::{Acknowledge, AlertDocument, AlertFilter, NewAlert, list, raise};
