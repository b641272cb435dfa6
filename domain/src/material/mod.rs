//! Materials: the price list, and what was used.

pub mod price;
pub mod quantity;
pub mod store;
pub mod usage;

pub use self::quantity::Quantity;
