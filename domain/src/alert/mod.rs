//! Alerts: what wants somebody's attention, until it is acknowledged.

pub mod row;
