//! The documents that the phones hold, made for a page at once: a fixed number of statements for each kind, never one
//! for an entity.
//!
//! A document is a function of the rows alone, never of the clock: its version says whether it has changed.

mod calendar;
mod outcome;
mod place;
mod reference;
mod stock;
mod ticket;

use std::collections::BTreeMap;

use naryad_domain::{Result, Scope, db::Reader, feed::EntityKind};
use serde::Serialize;
use uuid::Uuid;

pub use self::{
    calendar::{PhoneCalendar, PhoneCalendarEntry},
    outcome::{PhoneMutation, PhoneOutcome},
    place::{PhoneContact, PhonePastTicket, PhonePremises},
    reference::{PhoneMaterial, PhoneRequestType, PhoneWork},
    stock::{PhoneBalance, PhoneVan},
    ticket::{PhoneTicket, PhoneVisit},
};

/// The documents of these entities of one kind, which stand live in `feed`: the feed of the scope's technician, or the
/// reference feed of an organization that he may read. At most 500. An entity that is gone, or out of the scope's sight,
/// has no document.
///
/// # Errors
/// The database cannot be read, or a row holds what it should not.
pub async fn load(
    reader: &Reader<'_>,
    scope: &Scope,
    feed: Uuid,
    kind: EntityKind,
    ids: &[Uuid],
) -> Result<BTreeMap<Uuid, PhoneDocument>> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    match kind {
        EntityKind::Ticket => ticket::load(reader, scope, ids).await,
        EntityKind::Premises => place::premises(reader, scope, ids).await,
        EntityKind::ResidentContact => place::contacts(reader, scope, ids).await,
        EntityKind::MyCalendar => calendar::load(reader, scope, feed, ids).await,
        EntityKind::VanStock => stock::load(reader, scope, ids).await,
        EntityKind::Outcome => outcome::load(reader, scope, ids).await,
        EntityKind::RequestType => reference::request_types(reader, feed, ids).await,
        EntityKind::Material => reference::materials(reader, feed, ids).await,
        EntityKind::Work => reference::works(reader, feed, ids).await,
    }
}

macro_rules! documents {
    ($($(#[doc = $doc:literal])+ $kind:ident($document:ident),)*) => {
        /// What stands in the `data` of a change, of the kind that its `entity` names.
        #[derive(Clone, Debug, Serialize)]
        #[serde(untagged)]
        pub enum PhoneDocument {
            $($(#[doc = $doc])+ $kind(Box<$document>),)*
        }

        $(impl From<$document> for PhoneDocument {
            fn from(document: $document) -> Self {
                Self::$kind(Box::new(document))
            }
        })*
    };
}

documents! {
    /// `ticket`
    Ticket(PhoneTicket),
    /// `premises`
    Premises(PhonePremises),
    /// `resident_contact`
    Contact(PhoneContact),
    /// `my_calendar`
    Calendar(PhoneCalendar),
    /// `van_stock`
    Van(PhoneVan),
    /// `outcome`
    Outcome(PhoneOutcome),
    /// `request_type`
    RequestType(PhoneRequestType),
    /// `material`
    Material(PhoneMaterial),
    /// `work`
    Work(PhoneWork),
}

/// Documents under their identifiers.
fn under_ids<T: Into<PhoneDocument>>(
    documents: impl IntoIterator<Item = (Uuid, T)>,
) -> BTreeMap<Uuid, PhoneDocument> {
    documents.into_iter().map(|(id, document)| (id, document.into())).collect()
}
