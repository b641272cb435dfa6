//! Visits: a crew at a time, with its work on site.

mod acts;
pub mod assignee;
pub mod row;
mod status;
mod store;

pub use self::{
    acts::{Cancel, CancelVisit, EnRoute, EndVisit, MoveTo, MoveVisit, NoAccess, Start, Unfinished},
    status::{VisitMove, VisitStatus, Window, WindowKind, check},
    store::{Visit, ticket_of},
};
pub(crate) use self::{
    acts::{change_crew, crew_rows},
    store::{of_ticket, save},
};
