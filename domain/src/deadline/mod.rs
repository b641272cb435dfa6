//! Clocks of terms: what must happen by when, by law or by contract.

mod kind;
pub mod policy;
pub mod row;

pub use self::kind::{Basis, DeadlineKind, DeadlineState, DeadlineSubject};

/// The kind of the job that counts open clocks anew after a policy or a calendar has changed.
pub const RECALCULATE_JOB: &str = "deadline_recalculate";
