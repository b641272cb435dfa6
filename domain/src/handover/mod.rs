//! Works passed to contractors: who may be asked, the offer and its answer, and how well they do.

pub mod acts;
mod follow;
pub mod link;
pub mod link_row;
mod list;
mod quality;
pub mod row;
#[cfg(test)]
mod tests;

pub use self::{
    acts::{Accept, Decline, EXPIRE_JOB, Expire},
    list::{HandoverDocument, HandoverFilter, find, list},
    quality::{Quality, QualityRange, quality},
    row::HandoverState,
};
pub(crate) use self::{
    follow::{follow, require_accepted, require_link},
    list::{last_of, of_ticket},
};
