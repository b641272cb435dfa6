//! What people are told, and how it reaches them.
//!
//! One row for an event and a person, written with the event itself; the row is the queue of its delivery. Whatever the
//! number of processes, a row is in one pair of hands at a time, and a worker that dies with one leaves a lease that runs
//! out.

mod kind;
pub mod row;
mod tell;

pub(crate) use self::tell::{booked, follow, joined, registered, tell, tell_applicant, tell_desk};
pub use self::{
    kind::{Lane, NotificationKind},
    row::NotificationState,
    tell::{News, Person},
};
