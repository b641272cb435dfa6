//! Works that cost money: the price list of works, the estimate that the resident agrees to before the work, what was
//! done, what it comes to, and what was paid (R39).

pub mod estimate;
pub mod line;
pub mod payment;
mod total;
mod version;
pub mod work;

#[cfg(test)]
mod tests;

pub(crate) use self::{total::total_minor, version::note_version};
pub use self::{
    total::{TicketTotal, WorkLineDocument, of_ticket, works_of},
    version::{PriceVersion, versions},
};
