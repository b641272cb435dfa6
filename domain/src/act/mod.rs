//! The act of completed work: works, materials, cost, both signatures, «Претензий к качеству не имею», as PDF.

mod make;
mod paper;
pub mod row;
mod words;

#[cfg(test)]
mod tests;

pub use self::{
    make::{ActDocument, latest, make},
    words::roubles,
};
