//! Visits: a crew at a time, with its work on site.

pub mod assignee;
pub mod row;
mod status;
mod store;

pub(crate) use self::store::{of_ticket, save};
pub use self::{
    status::{VisitMove, VisitStatus, Window, WindowKind, check},
    store::{Visit, ticket_of},
};
