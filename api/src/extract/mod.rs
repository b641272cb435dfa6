//! What a handler takes: each extractor either gives what it names or answers the documented problem.

mod body;
mod caller;
mod headers;
mod language;
mod path;
mod query;
mod sender;

pub(crate) use self::body::{from_text, from_value};
pub use self::{
    body::{Json, JsonOrXml},
    caller::Caller,
    headers::{Idempotency, IfMatch},
    language::Language,
    path::PathId,
    query::{PageQuery, Query},
    sender::Sender,
};
