//! What the local authority is told of damage to water, sewage and heating (R24): its nature and the planned term, drafted
//! with the ticket and sent by the desk.

mod document;
mod draft;
pub mod row;
mod send;
#[cfg(test)]
mod tests;

pub(crate) use self::draft::{UNSENT, draft};
pub use self::{
    document::{AuthorityNoticeDocument, get},
    draft::{REMIND_JOB, Remind},
    send::{Edit, EditAuthorityNotice, Send},
};
