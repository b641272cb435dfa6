//! The offline protocol without HTTP.
//!
//! What stands today is the phone's side of a feed: the model that folds changes into what the phone holds, which every
//! test of the write path is measured against; and the documents of what it holds. Pull and push build on them.

pub mod document;
mod feed;
mod phone;

pub use self::{
    feed::{Change, Op, read},
    phone::Phone,
};
