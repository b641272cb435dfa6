//! Buildings and premises.

pub mod building;
pub mod premises;
