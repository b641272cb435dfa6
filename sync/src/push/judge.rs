//! What a refusal of a use case means to the phone: its word is kept for a person to decide, it can never be done, or
//! the service itself is not well.

use naryad_domain::{Code, Error};

/// What a refusal comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The world went another way meanwhile: a person decides, with all evidence in hand.
    Held,
    /// Malformed, or never allowed: sending it again changes nothing.
    Refused,
}

/// Whether the service is not well: nothing is said about the act.
pub(super) fn is_infrastructure(error: &Error) -> bool {
    matches!(error.code(), Code::Unavailable | Code::OutcomeUnknown | Code::Internal)
}

/// Judges the refusal of an act on a ticket that is in sight of the technician's organization.
pub(super) fn verdict(code: Code) -> Verdict {
    match code {
        Code::Malformed
        | Code::InvalidField
        | Code::Forbidden
        | Code::TooLarge
        | Code::UnsupportedMedia
        | Code::NotAPhoto
        | Code::AlreadyExists
        | Code::MutationIdReused => Verdict::Refused,
        // All others say that something is not as the phone believed it: what was done was done.
        _ => Verdict::Held,
    }
}
