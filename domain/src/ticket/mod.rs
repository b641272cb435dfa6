//! Tickets: registered, moved by the move table, closed with evidence.

mod booking;
mod bundle;
pub mod comment;
mod crew;
mod desk;
mod document;
mod evidence;
mod fields;
mod find;
mod follow_up;
mod inform;
mod kind;
mod list;
pub mod moves;
mod number;
mod outcome;
mod refold;
mod register;
pub mod returned;
pub mod row;
mod say;
mod standing;
mod status;

pub(crate) use self::{
    booking::{Booking, check_crew, check_window, require_staff_side, require_technicians, settle},
    crew::Held,
    desk::author,
    document::shows_applicant,
    evidence::{evidence_found, evidence_lost},
    find::{save, visible},
    inform::informed,
    kind::Kind,
    outcome::cancel_held,
    refold::refold_job,
    returned::returned_at,
};
pub use self::{
    booking::{CREW_LIMIT, ChooseExecutor, Plan, PlanVisit, SetExecutor, Unplan},
    bundle::{Bundle, bundles},
    desk::{At, Comment, Edit, EditTicket, Localize, Resume, WriteComment},
    document::{
        AccessNotice, CommentDocument, CrewMember, HandoverBrief, RequestTypeBrief, TicketDocument,
        VisitDocument, crew_of, document, visit_document,
    },
    fields::{Fill, FillFields},
    find::{find, hold, require_journal_reader},
    follow_up::{FollowUp, FollowUpTicket, number_of},
    inform::{Inform, InformApplicant, Informed},
    list::{Statuses, TicketFilter, TicketLine, list},
    moves::Move,
    outcome::{AUTO_CLOSE_JOB, Accept, AutoClose, Cancel, Complete, CompleteTicket, Hold, HoldTicket, Why},
    refold::{REFOLD_JOB, Refold, RefoldKey},
    register::{Register, RegisterTicket, WishedRange},
    returned::{Return, ReturnDocument, ReturnTicket},
    standing::{Standing, take_in_hand, tickets_of_visits},
    status::{Executor, ExecutorKind, InformedHow, Source, Status},
};

#[cfg(test)]
mod tests;
