//! Feeds of the phones: who has what, at which version, kept by the write path in the same commit as the change.
//!
//! Each technician has a feed, each organization a small reference feed. At the end of a write, for each touched entity:
//! who should have it now, who has it; lock the heads of both, sorted; read both again; put, remove, advance. The heads
//! are locked until commit, so the order of `seq` is the order of commits and a reader misses nothing.

mod expiry;
mod flush;
mod forget;
mod holders;
mod poke;
mod verify;

use sha2::{Digest, Sha256};
use uuid::Uuid;

pub(crate) use self::{
    expiry::enqueue_expiries,
    flush::{Heads, flush},
};
pub use self::{
    expiry::{Expire, JOB as EXPIRE_JOB},
    forget::{TOMBSTONE_DAYS, forget},
    holders::{HORIZON_DAYS, OPEN_TICKET, OPEN_VISIT, WORKED_VISIT},
    poke::{Poke, PokeHub},
    verify::{Finding, Report, verify},
};

macro_rules! entities {
    ($($variant:ident $name:literal $holders:literal, $document:literal;)*) => {
        /// What a phone can hold.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EntityKind { $(#[doc = $document] $variant,)* }

        impl EntityKind {
            /// Every kind, in the order of the documentation.
            pub const ALL: &[EntityKind] = &[$(EntityKind::$variant),*];

            /// The stable name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The kind of a stored name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }

            /// Who has it, for the documentation.
            pub fn holders(self) -> &'static str {
                match self { $(Self::$variant => $holders,)* }
            }

            /// What its document holds, for the documentation.
            pub fn document(self) -> &'static str {
                match self { $(Self::$variant => $document,)* }
            }
        }
    };
}

entities! {
    Ticket "ticket" "assignees of its open visits, and of visits ended within the horizon",
        "state, type and demands, window, description, own visits, evidence, comments for the crew";
    Premises "premises" "whoever has a ticket there",
        "address, entrance, floor, access notes";
    ResidentContact "resident_contact" "whoever has an open ticket of that person",
        "name, phones";
    MyCalendar "my_calendar" "the technician",
        "his calendar entries";
    VanStock "van_stock" "the technician",
        "what lies in his van";
    Outcome "outcome" "the technician whose work was held",
        "what became of it, and the dispatcher's word";
    RequestType "request_type" "reference feed of the organization",
        "the current version";
    Material "material" "reference feed of the organization",
        "the current version";
    Work "work" "reference feed of the organization",
        "the current version";
}

impl EntityKind {
    /// The table and key of the row that carries the version of the document.
    pub(crate) fn root(self) -> (&'static str, &'static str) {
        match self {
            Self::Ticket => ("ticket", "id"),
            Self::Premises => ("premises", "id"),
            Self::ResidentContact => ("resident", "id"),
            Self::MyCalendar => ("technician_calendar", "technician_id"),
            Self::VanStock => ("stock_place", "id"),
            Self::Outcome => ("review", "id"),
            Self::RequestType => ("request_type", "id"),
            Self::Material => ("material", "id"),
            Self::Work => ("work", "id"),
        }
    }
}

/// What one live document adds to the digest of its feed.
pub fn digest_of(entity: EntityKind, id: Uuid, doc_version: i64) -> i64 {
    let mut hasher = Sha256::new();
    hasher.update(entity.name().as_bytes());
    hasher.update([0]);
    hasher.update(id.as_bytes());
    hasher.update(doc_version.to_be_bytes());
    let hash: [u8; 32] = hasher.finalize().into();
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    i64::from_be_bytes(first)
}
