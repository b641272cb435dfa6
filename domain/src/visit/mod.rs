//! Visits: a crew at a time, with its work on site.

pub mod assignee;
pub mod row;
mod status;

pub use self::status::{VisitMove, VisitStatus, Window, WindowKind, check};
