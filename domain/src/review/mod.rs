//! Reviews: work that a phone recorded and that could not simply be applied, because the ticket had gone another way
//! meanwhile. It is kept whole, with its photos and materials, until somebody at the desk decides.

mod keep;
mod list;
pub mod row;

pub use self::{
    keep::{HoldWork, Settle, take},
    list::{ReviewDocument, ReviewFilter, find, list},
    row::ReviewState,
};
