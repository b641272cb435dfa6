//! What runs every so often: one row a task, with one owner at a time among all processes.
//!
//! A process takes a task that is due by comparing and setting its row, holds it by a lease that it renews while the task
//! runs, and ends its turn with the token it got. An owner that dies is replaced when its lease has run out; one that was
//! thought dead ends nothing. A failure is kept with the row and makes the task rest, and no other.
//!
//! What a clock says against the row (a lease that ran out, a time too far away) is only acted on when the row has also
//! stood still for a while by the machine's own count of seconds: a clock that jumps neither takes a task from an owner who
//! is alive nor makes it wait for the time it came from.

mod rule;
mod store;
#[cfg(test)]
mod tests;

pub use self::{
    rule::{Look, next_at, pause},
    store::{Periodic, Turn, announce, due, end, give_back, renew, set_right, standing, table, take},
};

use chrono::TimeDelta;

/// How long a task belongs to the process that took it, or renewed it last.
pub const LEASE: TimeDelta = TimeDelta::seconds(60);
