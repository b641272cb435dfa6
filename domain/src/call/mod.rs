//! Calls that the desk made: to applicants, who may not answer (R103), and to executors (R32).

mod again;
mod list;
mod log;
pub mod row;
#[cfg(test)]
mod tests;

pub(crate) use self::again::follow;
pub use self::{
    again::{CALL_AGAIN_JOB, CallAgain},
    list::{CallDocument, list},
    log::{Log, LogCall},
    row::{CallOutcome, CallParty, CallsEnd},
};
