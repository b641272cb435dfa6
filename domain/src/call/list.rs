//! The calls about a ticket as the desk sees them.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::Serialize;
use utoipa::ToSchema;

use super::row::{CallOutcome, CallParty, CallsEnd, Column, Entity, Model};
use crate::{
    Result, Scope,
    auth::Role,
    db::Reader,
    id::{CallId, TicketId},
    ticket,
};

/// Who calls, and sees who was called.
pub(super) const DESK: &[Role] = &[Role::Dispatcher, Role::Manager, Role::Admin];

/// A call about a ticket.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallDocument {
    /// Identifier.
    pub id: CallId,
    /// The ticket.
    pub ticket_id: TicketId,
    /// Who was called.
    pub party: CallParty,
    /// How it went.
    pub outcome: CallOutcome,
    /// The number; for the owner of the ticket, and for whose desk called while the applicant's number is shown to it.
    pub phone: Option<String>,
    /// What was said.
    pub note: Option<String>,
    /// Who called.
    pub called_by: uuid::Uuid,
    /// When.
    pub called_at: DateTime<Utc>,
    /// Which call in a row without an answer it was; 0 for others.
    pub unanswered: i64,
    /// When to call again, until somebody has.
    pub next_at: Option<DateTime<Utc>>,
    /// What the calls in vain ended in.
    pub ended: Option<CallsEnd>,
}

impl CallDocument {
    /// The call as the scope sees it, to which the applicant's number is shown or is not.
    pub(super) fn of(row: Model, scope: &Scope, shown: bool) -> Self {
        let ours = scope.organization();
        let sees = row.organization_id == ours || row.desk_organization_id == ours;
        let numbered = sees && (shown || row.party == CallParty::Executor);
        Self {
            id: row.id,
            ticket_id: row.ticket_id,
            party: row.party,
            outcome: row.outcome,
            phone: row.phone.filter(|_| numbered),
            note: row.note.filter(|_| sees),
            called_by: row.called_by,
            called_at: row.called_at,
            unanswered: row.unanswered,
            next_at: row.next_at,
            ended: row.ended,
        }
    }
}

/// The calls about a ticket, oldest first.
///
/// # Errors
/// `not_found` when the ticket is out of sight, `forbidden` for all but the desk.
pub async fn list(reader: &Reader<'_>, scope: &Scope, ticket: TicketId) -> Result<Vec<CallDocument>> {
    let ticket = ticket::find(reader, scope, ticket).await?;
    scope.require(DESK)?;
    let calls = Entity::find()
        .filter(Column::TicketId.eq(ticket.id))
        .order_by_asc(Column::CalledAt)
        .order_by_asc(Column::Id);
    let shown = ticket::shows_applicant(reader, scope, &ticket).await?;
    Ok(calls.all(reader).await?.into_iter().map(|row| CallDocument::of(row, scope, shown)).collect())
}
