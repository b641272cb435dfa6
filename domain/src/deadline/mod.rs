//! Clocks of terms: what must happen by when, by law or by contract.

pub mod board;
mod kind;
pub mod policy;
pub mod report;
pub mod row;
mod why;

use crate::{Time, id::OrganizationId, job::NewJob};

pub use self::{
    kind::{Basis, DeadlineKind, DeadlineState, DeadlineSubject},
    why::{Reason, Why},
};

/// The kind of the job that counts open clocks anew after a policy or a calendar has changed.
pub const RECALCULATE_JOB: &str = "deadline_recalculate";

/// The job that counts the open clocks of an organization anew. `change` names what has changed: the same change is not
/// followed twice at once.
pub(crate) fn recalculate_job(organization: OrganizationId, now: Time, change: &str) -> NewJob {
    NewJob {
        organization,
        kind: RECALCULATE_JOB,
        payload: serde_json::json!({}),
        run_at: now,
        dedup_key: Some(format!("{RECALCULATE_JOB}:{organization}:{change}")),
    }
}
