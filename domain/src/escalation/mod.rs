//! Who is told of an alert, and who is told next when nobody takes notice.
//!
//! An alert has a ladder: dispatchers, after five minutes the master, then the manager, then the director, or as the
//! organization has decided ([`EscalationRules`]). Who the master is at an hour stands on a list ([`on_call`]). Where nobody
//! stands there the managers are told, so that an alarm is never addressed to nobody.

mod accident;
mod climb;
mod duty;
pub mod on_call;
pub mod on_call_row;
pub mod row;
mod rules;
pub mod store;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use self::accident::{follow, raise};
pub use self::{
    accident::Declare,
    climb::{Climb, due_organizations, forget_the_past, is_any_due, next_due},
    duty::Duty,
    rules::{EscalationRules, OfKind, Rung, Step},
};

/// The alert of a large accident (R86).
pub(crate) const ACCIDENT: &str = "accident";
