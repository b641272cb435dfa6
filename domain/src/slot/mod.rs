//! Slots: times at which a ticket can be booked are searched, kept, booked and exchanged.
//!
//! One function lists and validates ([`Board::judge`](board::Board::judge)): what is listed can be booked, and whatever
//! books passes through it under the lock of the calendars.

mod best;
mod board;
pub mod hold;
mod judge;
mod list;
mod need;
mod reschedule;
mod roster_stub;
mod search;
mod spans;
mod swap;
mod told;
mod words;

pub(crate) use self::{
    judge::{Wanted, admit},
    need::need,
    reschedule::{Step, event_key, history, reschedule, window_after},
};
pub use self::{
    best::{AssignBest, FindBest},
    swap::{Swap, SwapVisits, SwapWhat},
    reschedule::{MoveCause, Reschedule, Stand},
    search::{SearchSlots, SlotDocument, SlotsFound, search},
    words::{ReasonCode, SlotReason},
};
