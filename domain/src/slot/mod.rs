//! Slots: times at which a ticket can be booked are searched, kept, booked and exchanged.
//!
//! One function lists and validates ([`Board::judge`](board::Board::judge)): what is listed can be booked, and whatever
//! books passes through it under the lock of the calendars.

mod best;
mod board;
mod booked;
mod displacement;
pub mod hold;
mod judge;
mod list;
mod moves;
mod need;
mod repair;
mod reschedule;
mod search;
mod swap;
mod words;

#[cfg(test)]
mod tests;

pub use self::{
    best::{AssignBest, FindBest},
    displacement::{
        ApplyDisplacement, Displace, DisplacementKind, DisplacementProposal, FindDisplacement, displacement,
    },
    moves::{Placement, PlannedMove, ProposedMove},
    repair::{
        ApplyRepair, FindRepair, LeftOver, Overrun, ProposedBooking, Repair, RepairBooking, RepairDone,
        RepairProposal, RepairedTicket, repair,
    },
    reschedule::{MoveCause, Reschedule, Stand},
    search::{SearchSlots, SlotDocument, SlotsFound, search},
    swap::{Swap, SwapVisits, SwapWhat},
    words::{ReasonCode, SlotReason},
};
pub(crate) use self::{
    judge::{Wanted, admit},
    need::need,
    reschedule::{Step, event_key, history, remember, reschedule, window_after},
};
