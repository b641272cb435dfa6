//! Buildings and premises.

pub mod building;
pub mod position;
pub mod premises;
pub mod zone;

pub use position::Position;
pub use zone::Zone;

#[cfg(test)]
mod tests;
