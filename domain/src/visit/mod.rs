//! Visits: a crew at a time, with its work on site.

mod acts;
pub mod assignee;
mod checklist;
mod offer;
mod overrun;
pub mod row;
mod status;
mod store;
mod wish;

pub(crate) use self::{
    acts::crew_rows,
    checklist::checked_on,
    overrun::await_end,
    store::{of_ticket, save, save_with_crew},
};
pub use self::{
    acts::{Cancel, CancelVisit, EnRoute, EndVisit, MoveTo, MoveVisit, NoAccess, Start, Unfinished},
    checklist::{Confirm, ConfirmChecklist, checked},
    offer::{Absent, Choose, ChooseTime, ConfirmTime, NotAtHome, OfferedTime, OfferedTimes, offers},
    overrun::{OVERRUN_JOB, Overrun},
    status::{VisitMove, VisitStatus, Window, WindowKind, check},
    store::{Visit, of_tickets, ticket_of},
    wish::{Wish, WishMove},
};
