//! The calendar of the technicians: no double booking, by the database.

pub mod entry;
