//! Bookings in calendars elsewhere (RFC 5545): a feed for each technician, a file for each visit of a resident.

mod feed;
pub mod link;
pub mod row;
mod writer;

pub use self::{
    feed::{VISIT_LINK_KEPT, VisitLink, open, visit_link},
    link::{CalendarLinkDocument, CreateCalendarLink, NewCalendarLink},
};
