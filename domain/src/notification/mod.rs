//! What people are told, and how it reaches them.
//!
//! One row for an event and a person, written with the event itself; the row is the queue of its delivery. Whatever the
//! number of processes, a row is in one pair of hands at a time, and a worker that dies with one leaves a lease that runs
//! out.

mod book;
mod deliver;
mod kind;
mod ladder;
mod list;
pub mod mass;
pub mod preference;
mod queue;
mod quiet;
mod receipt;
pub mod row;
pub mod rule;
mod tell;
pub mod words;

pub(crate) use self::tell::{
    booked, follow, hush, reassigned, registered, tell, tell_applicant, tell_desk, unassigned,
};
pub use self::{
    book::Book,
    deliver::{Done, deliver},
    kind::{Lane, NotificationKind},
    ladder::{Ladder, Rung, Step},
    list::{NotificationDetail, NotificationDocument, NotificationFilter, TryDocument, find, list},
    queue::{LEASE, Try, claim, forget_the_past, give_back, is_due, settle},
    quiet::QuietHours,
    receipt::{CallOf, LogCall, Receipt, ReceiptOf, SeenAs},
    row::NotificationState,
    tell::{News, Person},
};
