//! The business of Naryad, without HTTP: entities beside their rules, use cases, ports and the one write path.
//!
//! A request goes one way: a use case (an [`Act`](write::Act)) runs inside the write path, changes rows only through
//! [`Tx`](write::Tx), and the write path appends the journal, enqueues the jobs and feeds the phones.

pub mod act;
pub mod alert;
pub mod auth;
pub mod authority;
pub mod blob;
pub mod calendar;
pub mod call;
pub mod catalogue;
pub mod channel;
pub mod clock;
pub mod db;
pub mod deadline;
pub mod error;
pub mod escalation;
pub mod feed;
pub mod handover;
pub mod ical;
pub mod id;
pub mod incarnation;
pub mod job;
pub mod journal;
pub mod material;
pub mod notification;
pub mod page;
pub mod paid;
pub mod people;
pub mod periodic;
pub mod photo;
pub mod place;
pub mod privacy;
pub mod push;
pub mod rebooking;
pub mod review;
pub mod scope;
pub mod shift;
pub mod slot;
pub mod stock;
pub mod stream;
pub mod survey;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod text;
pub mod ticket;
pub mod track;
pub mod visit;
pub mod worktime;
pub mod write;

pub use clock::{Clock, Time};
pub use error::{Code, Error, Result};
pub use scope::Scope;
