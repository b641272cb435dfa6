//! Materials: the price list, and what was used.

pub mod price;
pub mod store;
pub mod usage;
