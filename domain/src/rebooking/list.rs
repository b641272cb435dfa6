//! The list «to be rebooked».

use chrono::{DateTime, Utc};
use sea_orm::{FromQueryResult, Value};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::CauseKind;
use crate::{
    Result, Scope,
    auth::Role,
    db::{Reader, Where},
    feed::OPEN_TICKET,
    id::{BuildingId, PremisesId, RebookingId, TicketId, VisitId},
    page::{Page, PageRequest},
};

/// A booking that lost its time.
#[derive(Clone, Debug, FromQueryResult, Serialize, ToSchema)]
pub struct RebookingDocument {
    /// Identifier.
    pub id: RebookingId,
    /// The ticket that waits for a new time.
    pub ticket_id: TicketId,
    /// Its number.
    pub number: String,
    /// An emergency.
    pub emergency: bool,
    /// The building.
    pub building_id: BuildingId,
    /// Its address.
    pub address: String,
    /// The premises, if it is not the building as a whole.
    pub premises_id: Option<PremisesId>,
    /// Number of the premises.
    pub premises_number: Option<String>,
    /// Who is called about the new time.
    pub applicant_name: Option<String>,
    /// His phone.
    pub applicant_phone: Option<String>,
    /// The planned term of the ticket.
    pub planned_term: Option<DateTime<Utc>>,
    /// The visit that lost its time.
    pub visit_id: VisitId,
    /// Why.
    pub cause: CauseKind,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When the work was planned to begin.
    pub planned_start: DateTime<Utc>,
    /// When it was planned to end.
    pub planned_end: DateTime<Utc>,
    /// Begin of the window the resident was told.
    pub window_start: Option<DateTime<Utc>>,
    /// End of it.
    pub window_end: Option<DateTime<Utc>>,
    /// When the ticket was booked again.
    pub resolved_at: Option<DateTime<Utc>>,
    /// By which visit.
    pub resolved_visit_id: Option<VisitId>,
}

/// Which of them are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct RebookingFilter {
    /// False, as when absent: those whose tickets still wait. True: those that were booked again.
    pub resolved: Option<bool>,
    /// Only those of this ticket.
    pub ticket_id: Option<TicketId>,
    /// Only those of this building.
    pub building_id: Option<BuildingId>,
    /// Only those of this cause.
    pub cause: Option<CauseKind>,
}

/// Bookings that lost their time, by when they were to begin, of the tickets the organization owns or executes. A ticket that is over
/// waits no more.
///
/// # Errors
/// `forbidden` for all but the dispatcher's desk; `invalid_field` for a cursor of another list.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &RebookingFilter,
    page: &PageRequest,
) -> Result<Page<RebookingDocument>> {
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    let organization: Value = scope.organization().0.into();
    let mut wanted = Where::new(
        "r.organization_id = ? OR (r.staff_organization_id = ? AND t.executor_organization_id = ?)",
        [organization.clone(), organization.clone(), organization],
    );
    if filter.resolved.unwrap_or(false) {
        wanted.and("r.resolved_at IS NOT NULL", []);
    } else {
        wanted.and(&format!("r.resolved_at IS NULL AND t.status IN ({OPEN_TICKET})"), []);
    }
    if let Some(ticket) = filter.ticket_id {
        wanted.and("r.ticket_id = ?", [ticket.0.into()]);
    }
    if let Some(building) = filter.building_id {
        wanted.and("t.building_id = ?", [building.0.into()]);
    }
    if let Some(cause) = filter.cause {
        wanted.and("r.cause = ?", [cause.into()]);
    }
    if let Some((start, id)) = page.after::<(DateTime<Utc>, RebookingId)>()? {
        wanted.and(
            "r.planned_start > ? OR (r.planned_start = ? AND r.id > ?)",
            [start.into(), start.into(), id.0.into()],
        );
    }
    let sql = format!(
        "SELECT r.id, r.ticket_id, t.number, t.emergency, t.building_id, b.address, t.premises_id,
             p.number AS premises_number, t.applicant_name, t.applicant_phone, t.planned_term, r.visit_id, r.cause,
             r.since, r.planned_start, r.planned_end, r.window_start, r.window_end, r.resolved_at, r.resolved_visit_id
         FROM rebooking r JOIN ticket t ON t.id = r.ticket_id JOIN building b ON b.id = t.building_id
         LEFT JOIN premises p ON p.id = t.premises_id
         WHERE {wanted} ORDER BY r.planned_start, r.id LIMIT {}",
        page.limit() + 1
    );
    let rows = reader.all::<RebookingDocument>(&sql, wanted.values).await?;
    page.cut(rows, |row| (row.planned_start, row.id))
}
