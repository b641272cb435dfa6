//! The journal: one hash chain per subject, appended to by the write path and never edited.
//!
//! Personal values and free text stand in the chain only as salted commitments; the values and salts live in an erasable
//! side table, so that erasing a person leaves every proof intact.

mod append;
mod history;
mod verify;

use sha2::{Digest, Sha256};
use uuid::Uuid;

pub(crate) use self::append::append;
pub use self::{
    history::{Entry, head, history, since},
    verify::{Finding, Report, verify},
};
use crate::{Result, id::OrganizationId};

macro_rules! subjects {
    ($($variant:ident $name:literal,)*) => {
        /// What a chain is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum SubjectKind { $(#[doc = $name] $variant,)* }

        impl SubjectKind {
            /// The stable name, as it stands in the hashed bytes.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The kind of a stored name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

subjects! {
    Ticket "ticket",
    Technician "technician",
    User "user",
    Organization "organization",
    Building "building",
    Premises "premises",
    Resident "resident",
    RequestType "request_type",
    Material "material",
    Work "work",
    StockPlace "stock_place",
    Device "device",
}

/// A chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// What it is about.
    pub kind: SubjectKind,
    /// Which one.
    pub id: Uuid,
}

impl Subject {
    /// The chain of a thing.
    pub fn new(kind: SubjectKind, id: impl Into<Uuid>) -> Self {
        Self { kind, id: id.into() }
    }
}

/// What stands before the first event of a chain.
pub(crate) const GENESIS: [u8; 32] = [0; 32];

/// SHA-256 over length-prefixed parts: no two lists of parts have the same input.
fn hash_parts(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The hash of an event: domain tag, organization, subject, seq, previous hash, canonical bytes.
pub(crate) fn event_hash(
    organization: OrganizationId,
    subject: Subject,
    seq: i64,
    prev: &[u8],
    bytes: &[u8],
) -> [u8; 32] {
    hash_parts(&[
        b"naryad.event.v1",
        organization.0.as_bytes(),
        subject.kind.name().as_bytes(),
        subject.id.as_bytes(),
        &seq.to_be_bytes(),
        prev,
        bytes,
    ])
}

/// The commitment to a personal value: domain tag, salt, subject, seq, path, canonical value.
pub(crate) fn commitment(
    salt: &[u8],
    subject: Subject,
    seq: i64,
    path: &str,
    value: &serde_json::Value,
) -> Result<[u8; 32]> {
    Ok(hash_parts(&[
        b"naryad.value.v1",
        salt,
        subject.kind.name().as_bytes(),
        subject.id.as_bytes(),
        &seq.to_be_bytes(),
        path.as_bytes(),
        &canonical(value)?,
    ]))
}

/// Canonical JSON (RFC 8785).
pub(crate) fn canonical(value: &serde_json::Value) -> Result<Vec<u8>> {
    serde_json_canonicalizer::to_vec(value).map_err(crate::Error::internal)
}
