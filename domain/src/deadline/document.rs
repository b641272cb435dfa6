//! A clock as its reader sees it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Basis, DeadlineKind, DeadlineState, DeadlineSubject, edit, open::of_ticket, row::Model};
use crate::{
    Result, Scope,
    auth::Role,
    catalogue::Amount,
    db::Reader,
    id::{BuildingId, DeadlineId, OrganizationId, RequestTypeId, TicketId},
    ticket,
};

/// A clock of a term.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DeadlineDocument {
    /// Identifier.
    pub id: DeadlineId,
    /// The organization that answers for it.
    pub organization_id: OrganizationId,
    /// Who executes, if it is somebody else.
    pub executor_organization_id: Option<OrganizationId>,
    /// What it stands on.
    pub subject_kind: DeadlineSubject,
    /// Its ticket.
    pub ticket_id: Option<TicketId>,
    /// The building of the ticket.
    pub building_id: Option<BuildingId>,
    /// The kind of work of the ticket.
    pub request_type_id: Option<RequestTypeId>,
    /// What is awaited.
    pub kind: DeadlineKind,
    /// By what right.
    pub basis: Basis,
    /// Where it stands.
    pub state: DeadlineState,
    /// From when it counts.
    pub started_from: DateTime<Utc>,
    /// Its length.
    pub target: Amount,
    /// When it ends; null while it stands still, or while no window is promised.
    pub due_at: Option<DateTime<Utc>>,
    /// When what was awaited came.
    pub met_at: Option<DateTime<Utc>>,
    /// By how many seconds it was late.
    pub late_s: Option<i64>,
    /// Changed by hand.
    pub edited: bool,
    /// Why.
    pub edit_reason: Option<String>,
    /// The version of the policy it runs by; 0: the defaults.
    pub policy_version: i64,
    /// The version of the production calendar it counts by.
    pub calendar_version: i64,
    /// For `If-Match`.
    pub version: i64,
}

impl DeadlineDocument {
    /// The document of a row.
    ///
    /// # Errors
    /// `internal` naming the row that cannot be one.
    pub fn of(row: Model) -> Result<Self> {
        Ok(Self {
            target: row.target()?,
            id: row.id,
            organization_id: row.organization_id,
            executor_organization_id: row.executor_organization_id,
            subject_kind: row.subject_kind,
            ticket_id: row.ticket_id,
            building_id: row.building_id,
            request_type_id: row.request_type_id,
            kind: row.kind,
            basis: row.basis,
            state: row.state,
            started_from: row.started_from,
            due_at: row.due_at,
            met_at: row.met_at,
            late_s: row.late_s,
            edited: row.edited,
            edit_reason: row.edit_reason,
            policy_version: row.policy_version,
            calendar_version: row.calendar_version,
            version: row.version,
        })
    }
}

/// A clock; for the desk of whoever answers for it or executes.
///
/// # Errors
/// `forbidden` for everybody else, `not_found` when it is out of sight.
pub async fn get(reader: &Reader<'_>, scope: &Scope, id: DeadlineId) -> Result<DeadlineDocument> {
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    DeadlineDocument::of(edit::find(reader, scope, id).await?)
}

/// The clocks of a ticket, oldest first; for the desk.
///
/// # Errors
/// `forbidden` for everybody else, `not_found` when the ticket is out of sight.
pub async fn list_of_ticket(
    reader: &Reader<'_>,
    scope: &Scope,
    ticket: TicketId,
) -> Result<Vec<DeadlineDocument>> {
    let ticket = ticket::find(reader, scope, ticket).await?;
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    of_ticket(reader, ticket.id).await?.into_iter().map(DeadlineDocument::of).collect()
}
