//! Load: a company at work, many clients at once, and a server that is killed under them.

mod storm;
mod town;

pub use storm::{Storm, Survived};
pub use town::Town;
