//! What a write has touched, remembered until its end.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::row::Table;
use crate::{Time, feed::EntityKind, id::OrganizationId, job::NewJob, journal::Subject};

/// A changed row, as the journal will tell it.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// Which part of the write made it: its place among [`Tx::parts`](super::Tx::parts).
    pub(crate) part: usize,
    pub(crate) table: &'static Table,
    pub(crate) organization: OrganizationId,
    pub(crate) subject: Subject,
    pub(crate) key: Value,
    /// The changed columns before; absent when the row is new.
    pub(crate) before: Option<Map<String, Value>>,
    /// The changed columns after; absent when the row is gone.
    pub(crate) after: Option<Map<String, Value>>,
}

/// What a changed row means to the phones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touch {
    /// The document of the entity reads differently now.
    Document(EntityKind, Uuid),
    /// The entity is new with this write: its document stands at version 1.
    New(EntityKind, Uuid),
    /// Who has the entity may have changed; its document has not.
    Reach(EntityKind, Uuid),
    /// The technician's feed starts: everything he should have is put.
    FeedOpened(Uuid),
    /// The technician's feed ends: it is dropped as a whole.
    FeedDropped(Uuid),
    /// A feed that has never existed comes into being.
    FeedCreated(Uuid, FeedOwner),
    /// The entity leaves the phones when the horizon after this end has passed.
    Ended {
        /// What leaves.
        entity: (EntityKind, Uuid),
        /// What has ended: the visit of a ticket, or the entity itself.
        by: Uuid,
        /// When it ended.
        at: Time,
    },
    /// What documents of other things tell of it has changed.
    Told(Told, Uuid),
    /// Somebody who watches this organization's stream should look again.
    Watched(OrganizationId),
    /// Something of this name changed that is on no phone: boards look again.
    Topic(&'static str),
}

/// What is told in documents of other things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// The address of a building: in its premises and tickets.
    Building,
    /// The name of a member of staff: in the tickets of his crews.
    Person,
    /// The name of a material: in the places where it lies.
    Material,
}

/// Whose feed it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedOwner {
    /// A technician's.
    Technician,
    /// An organization's reference feed.
    Reference,
}

/// Collects touches while a row says what it means.
#[derive(Debug, Default)]
pub struct Touched(pub(crate) Vec<(OrganizationId, Touch)>);

impl Touched {
    /// Adds a touch on behalf of the organization that owns the row.
    pub fn add(&mut self, organization: OrganizationId, touch: Touch) {
        self.0.push((organization, touch));
    }
}

/// Logs that only grow, so that a savepoint is three lengths.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    pub(crate) changes: Vec<Change>,
    pub(crate) touched: Touched,
    pub(crate) jobs: Vec<NewJob>,
}

/// Where the logs stood.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    changes: usize,
    touched: usize,
    jobs: usize,
}

impl Collector {
    pub(crate) fn mark(&self) -> Mark {
        Mark { changes: self.changes.len(), touched: self.touched.0.len(), jobs: self.jobs.len() }
    }

    /// Forgets what was collected after the mark: the savepoint was rolled back.
    pub(crate) fn forget_after(&mut self, mark: Mark) {
        self.changes.truncate(mark.changes);
        self.touched.0.truncate(mark.touched);
        self.jobs.truncate(mark.jobs);
    }
}
