//! The offline protocol without HTTP: what phones pull, what they push, and what people decide of it.
//!
//! [`client`] is the other side: the reference client, without a line of the server.

pub mod client;
pub mod document;
mod feed;
mod phone;
pub mod pull;
pub mod push;
pub mod review;

pub use self::{
    feed::{Change, Op, read},
    phone::Phone,
};
