//! Streams: the outgoing queue of one installation of the app, numbered by the phone from 1 without a gap.
//!
//! A stream belongs to one person for ever. Its delivery key permits to push it and to upload what it announces, and
//! nothing else: a phone that changed hands still delivers its queue under its owner's name.

mod key;
mod list;
mod mutation;
mod register;
mod report;
mod store;

pub use self::{
    key::DeliveryKey,
    list::{PhoneDocument, PhoneFilter, SentFilter, SentMutation, phones, sent},
    mutation::{KEPT_DAYS, Mutation, MutationStatus, answered, keep, known, last_about, of_review},
    register::{DeliveryDocument, RegisterStream},
    report::{MISSED_HOURS, Seen, Waiting, advance, miss_phones},
    store::{Stream, by_key, find, hold},
};
pub(crate) use self::{mutation::forget, register::register};
