//! Tickets: registered, moved by the move table, closed with evidence.

pub mod comment;
pub mod moves;
pub mod row;
mod status;

pub use self::{
    moves::Move,
    status::{Executor, ExecutorKind, Source, Status},
};
