//! Personal data: who has read whose, and their erasure on request.

mod erase;
pub mod erasure;
mod reads;

#[cfg(test)]
mod tests;

pub use self::{
    erase::{ErasePreview, Erased, erase, preview},
    erasure::Ground,
    reads::{Keep, PersonalRead, ReadDocument, ReadSubject, list_reads, sweep_reads},
};
