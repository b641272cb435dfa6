//! The calendar of the technicians: no double booking, by the database.
//!
//! The belt is the database: an exclusion constraint on PostgreSQL, triggers on SQLite. The braces: every writer first
//! locks the calendars of the technicians it books ([`Tx::lock_calendars`](crate::write::Tx::lock_calendars)), sorted.

mod book;
mod clear;
pub mod entry;
pub(crate) mod spans;

pub use self::book::{Span, between, is_plausible};
pub(crate) use self::book::{enter, free, keep, let_go, prolong, truncate};
pub(crate) use self::clear::{end_entry, free_member, give_up, of_absence, overlapping};
