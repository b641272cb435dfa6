//! What an act would take away is shown first, and done when the same is confirmed.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::withdraw::is_needed;
use crate::{
    Code, Error, Result,
    id::{TechnicianId, TicketId, VisitId},
    ticket,
    visit::{Visit, Window},
};

/// A booking that an act would take the time of.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Displaced {
    /// The visit.
    pub visit_id: VisitId,
    /// Its version.
    pub visit_version: i64,
    /// Its ticket.
    pub ticket_id: TicketId,
    /// Number of the ticket.
    pub number: String,
    /// An emergency.
    pub emergency: bool,
    /// Planned begin of the work.
    pub planned_start: DateTime<Utc>,
    /// Planned end of the work.
    pub planned_end: DateTime<Utc>,
    /// What the resident expects.
    pub window: Window,
    /// The crew, lead first.
    pub technicians: Vec<TechnicianId>,
    /// The visit keeps its time: the lead and the others come without the member who cannot.
    pub crew_stays: bool,
}

impl Displaced {
    /// What is shown of a visit.
    ///
    /// # Errors
    /// The row of the visit is not a visit.
    pub(crate) fn of(ticket: &ticket::row::Model, visit: &Visit) -> Result<Self> {
        Ok(Self {
            visit_id: visit.row.id,
            visit_version: visit.row.version,
            ticket_id: ticket.id,
            number: ticket.number.clone(),
            emergency: ticket.emergency,
            planned_start: visit.row.planned_start,
            planned_end: visit.row.planned_end,
            window: visit.row.window()?,
            technicians: visit.crew.iter().map(|member| member.technician_id).collect(),
            crew_stays: false,
        })
    }

    /// The same where one of the crew cannot come.
    ///
    /// # Errors
    /// As [`Displaced::of`].
    pub(crate) fn without(
        ticket: &ticket::row::Model,
        visit: &Visit,
        technician: TechnicianId,
    ) -> Result<Self> {
        Ok(Self { crew_stays: !is_needed(visit, technician), ..Self::of(ticket, visit)? })
    }
}

/// The fingerprint of a list: another booking, or another version of one, is another list.
fn fingerprint(displaced: &[Displaced]) -> Result<String> {
    let bytes = serde_json::to_vec(displaced).map_err(Error::internal)?;
    Ok(hex::encode(&Sha256::digest(bytes)[..16]))
}

/// Passes an act that displaces nothing, and one whose list is the confirmed one.
///
/// # Errors
/// `displaces_bookings` with the list and what confirms it.
pub(crate) fn require_confirmed(displaced: &[Displaced], confirm: Option<&str>) -> Result<()> {
    if displaced.is_empty() {
        return Ok(());
    }
    let expected = fingerprint(displaced)?;
    if confirm == Some(expected.as_str()) {
        return Ok(());
    }
    Err(Error::new(
        Code::DisplacesBookings,
        format!("{} booked visits would lose their time", displaced.len()),
    )
    .with("displaces", displaced)
    .with("confirm", expected))
}
