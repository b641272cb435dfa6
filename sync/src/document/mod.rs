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

use naryad_domain::{Error, Result, Scope, db::Reader, feed::EntityKind};
use serde::Serialize;
use serde_json::Value;
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
) -> Result<BTreeMap<Uuid, Value>> {
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

/// Documents under their identifiers, as they go over the wire.
fn wire<T: Serialize>(documents: impl IntoIterator<Item = (Uuid, T)>) -> Result<BTreeMap<Uuid, Value>> {
    documents
        .into_iter()
        .map(|(id, document)| Ok((id, serde_json::to_value(document).map_err(Error::internal)?)))
        .collect()
}
