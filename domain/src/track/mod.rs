//! Links by which the applicant follows one ticket without signing in: number, term, who comes and when; another time,
//! «меня нет дома», the photos of the result, acceptance.
//!
//! The token is random and only its hash is kept: a link can be revoked, and whoever reads the database cannot make one.
//! Unknown, expired and revoked links look the same.

mod document;
mod link;
pub mod row;

#[cfg(test)]
mod tests;

pub use self::{
    document::{TrackDocument, TrackPhoto, TrackVisit, document},
    link::{Create, NewTrackLink, Revoke, TrackLinkDocument, list, open},
};
