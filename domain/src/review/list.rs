//! The inbox of what waits for a decision.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::row::{Column, Entity, Model, ReviewState};
use crate::{
    Error, Result, Scope,
    auth::Role,
    db::Reader,
    id::{OrganizationId, ReviewId, TechnicianId, TicketId},
    page::{Page, PageRequest},
};

/// Work that waits for a decision, or waited.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReviewDocument {
    /// Identifier.
    pub id: ReviewId,
    /// Whose ticket it is about.
    pub organization_id: OrganizationId,
    /// Whose technician recorded it.
    pub staff_organization_id: OrganizationId,
    /// Who recorded it.
    pub technician_id: TechnicianId,
    /// The ticket it is about.
    pub ticket_id: Option<TicketId>,
    /// What became of it.
    pub state: ReviewState,
    /// Why the first of it was held: a code of the list of errors.
    pub code: String,
    /// How many acts wait in it.
    pub held: i64,
    /// The word to the technician.
    pub word: Option<String>,
    /// Since when it waits.
    pub opened_at: DateTime<Utc>,
    /// When the phone had last asked what is new before that, to a minute.
    pub known_at: Option<DateTime<Utc>>,
    /// When somebody decided.
    pub decided_at: Option<DateTime<Utc>>,
    /// Who.
    pub decided_by: Option<Uuid>,
}

impl From<Model> for ReviewDocument {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            organization_id: row.organization_id,
            staff_organization_id: row.staff_organization_id,
            technician_id: row.technician_id,
            ticket_id: row.ticket_id,
            state: row.state,
            code: row.code,
            held: row.held,
            word: row.word,
            opened_at: row.opened_at,
            known_at: row.known_at,
            decided_at: row.decided_at,
            decided_by: row.decided_by,
        }
    }
}

/// Which reviews are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ReviewFilter {
    /// Only those in this state.
    pub state: Option<ReviewState>,
    /// Only those of a technician.
    pub technician_id: Option<TechnicianId>,
    /// Only those about a ticket.
    pub ticket_id: Option<TicketId>,
}

fn visible(scope: &Scope) -> Condition {
    let organization = scope.organization();
    Condition::any()
        .add(Column::OrganizationId.eq(organization))
        .add(Column::StaffOrganizationId.eq(organization))
}

/// The row of a review in sight.
pub(super) async fn row(reader: &Reader<'_>, scope: &Scope, id: ReviewId) -> Result<Model> {
    let found = Entity::find_by_id(id).filter(visible(scope)).one(reader).await?;
    found.ok_or_else(|| Error::not_found("review"))
}

/// A review; for the desk of the technician, and of the owner of the ticket.
///
/// # Errors
/// `not_found` out of sight, `forbidden` for everybody else.
pub async fn find(reader: &Reader<'_>, scope: &Scope, id: ReviewId) -> Result<ReviewDocument> {
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    row(reader, scope, id).await.map(ReviewDocument::from)
}

/// The key of a page.
#[derive(Serialize, Deserialize)]
struct ById(ReviewId);

/// Reviews, newest first; for the desks.
///
/// # Errors
/// `forbidden` for everybody else; `invalid_field` for a cursor of another list.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &ReviewFilter,
    page: &PageRequest,
) -> Result<Page<ReviewDocument>> {
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    let after = page.after::<ById>()?;
    let conditions = Condition::all()
        .add(visible(scope))
        .add_option(filter.state.map(|state| Column::State.eq(state)))
        .add_option(filter.technician_id.map(|technician| Column::TechnicianId.eq(technician)))
        .add_option(filter.ticket_id.map(|ticket| Column::TicketId.eq(ticket)))
        .add_option(after.map(|ById(after)| Column::Id.lt(after)));
    let rows = Entity::find()
        .filter(conditions)
        .order_by_desc(Column::Id)
        .limit(page.limit() as u64 + 1)
        .all(reader)
        .await?;
    page.cut(rows.into_iter().map(ReviewDocument::from).collect(), |review| ById(review.id))
}
