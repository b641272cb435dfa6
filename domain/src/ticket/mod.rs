//! Tickets: registered, moved by the move table, closed with evidence.

pub mod comment;
mod crew;
mod find;
pub mod moves;
mod number;
pub mod row;
mod status;

pub(crate) use self::crew::Held;
pub use self::{
    find::{find, hold},
    moves::Move,
    status::{Executor, ExecutorKind, Source, Status},
};
