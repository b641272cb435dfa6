//! The offers as both sides see them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::row::{Column, Entity, HandoverState, Model};
use crate::{
    Error, Result, Scope,
    auth::Role,
    db::Reader,
    id::{HandoverId, OrganizationId, TicketId},
    page::{Page, PageRequest},
    place::building,
    ticket,
};

/// Who sees the offers: the desks of both sides.
const READERS: &[Role] = &[Role::Dispatcher, Role::Manager, Role::Admin];

/// An offer of a ticket to a contractor, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HandoverDocument {
    /// Identifier.
    pub id: HandoverId,
    /// The ticket.
    pub ticket_id: TicketId,
    /// Its number.
    pub number: String,
    /// The address.
    pub address: String,
    /// An emergency.
    pub emergency: bool,
    /// The owner.
    pub organization_id: OrganizationId,
    /// The contractor.
    pub contractor_id: OrganizationId,
    /// Where it stands.
    pub state: HandoverState,
    /// When the contractor was asked.
    pub offered_at: DateTime<Utc>,
    /// Until when it can answer.
    pub answer_by: DateTime<Utc>,
    /// When it answered.
    pub answered_at: Option<DateTime<Utc>>,
    /// When it ended without the work being done.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it was declined.
    pub reason: Option<String>,
}

/// Which offers are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct HandoverFilter {
    /// Standing so.
    pub state: Option<HandoverState>,
    /// With this contractor.
    pub contractor_id: Option<OrganizationId>,
    /// Of this ticket.
    pub ticket_id: Option<TicketId>,
}

/// Offers made and received, newest first.
///
/// # Errors
/// `forbidden` for all but the desk; `invalid_field` for a cursor of another list.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &HandoverFilter,
    page: &PageRequest,
) -> Result<Page<HandoverDocument>> {
    scope.require(READERS)?;
    let after = page.after::<HandoverId>()?;
    let mut rows = Vec::new();
    // Each side walks an index of its own.
    for side in [Column::OrganizationId, Column::ContractorId] {
        let wanted = Condition::all()
            .add(side.eq(scope.organization()))
            .add_option(filter.state.map(|state| Column::State.eq(state)))
            .add_option(filter.contractor_id.map(|id| Column::ContractorId.eq(id)))
            .add_option(filter.ticket_id.map(|id| Column::TicketId.eq(id)))
            .add_option(after.map(|after| Column::Id.lt(after)));
        let query = Entity::find().filter(wanted).order_by_desc(Column::Id).limit(page.limit() as u64 + 1);
        rows.extend(query.all(reader).await?);
    }
    rows.sort_by_key(|row: &Model| std::cmp::Reverse(row.id));
    let cut = page.cut(rows, |row| row.id)?;
    Ok(Page { items: documents(reader, scope, cut.items).await?, next: cut.next })
}

async fn documents(reader: &Reader<'_>, scope: &Scope, rows: Vec<Model>) -> Result<Vec<HandoverDocument>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let tickets = ticket::row::Entity::find()
        .filter(ticket::row::Column::Id.is_in(rows.iter().map(|row| row.ticket_id)))
        .all(reader)
        .await?;
    let buildings = building::Entity::find()
        .filter(building::Column::Id.is_in(tickets.iter().map(|ticket| ticket.building_id)))
        .all(reader)
        .await?;
    let document = |row: Model| {
        let ticket = tickets.iter().find(|ticket| ticket.id == row.ticket_id);
        let ticket =
            ticket.ok_or_else(|| Error::internal(format!("handover {}, column ticket_id", row.id)))?;
        // What was passed on or taken back, the contractor sees no more: only that it had been asked.
        let gone = ticket.organization_id != scope.organization()
            && ticket.executor_organization_id != Some(scope.organization());
        let address = buildings.iter().find(|b| b.id == ticket.building_id).filter(|_| !gone);
        Ok(HandoverDocument {
            id: row.id,
            ticket_id: row.ticket_id,
            number: ticket.number.clone(),
            address: address.map(|building| building.address.clone()).unwrap_or_default(),
            emergency: ticket.emergency,
            organization_id: row.organization_id,
            contractor_id: row.contractor_id,
            state: row.state,
            offered_at: row.offered_at,
            answer_by: row.answer_by,
            answered_at: row.answered_at,
            ended_at: row.ended_at,
            reason: row.reason,
        })
    };
    rows.into_iter().map(document).collect()
}

/// One offer, for either side.
///
/// # Errors
/// `not_found` for everybody else.
pub async fn find(reader: &Reader<'_>, scope: &Scope, id: HandoverId) -> Result<HandoverDocument> {
    let ours = scope.organization();
    let sides = Condition::any().add(Column::OrganizationId.eq(ours)).add(Column::ContractorId.eq(ours));
    let row = Entity::find_by_id(id).filter(sides).one(reader).await?;
    let row = row.filter(|_| scope.is_desk()).ok_or_else(|| Error::not_found("handover"))?;
    documents(reader, scope, vec![row]).await?.pop().ok_or_else(|| Error::not_found("handover"))
}

/// The offer of each of these tickets to this contractor: the one that stands, else the one that ended last. In one
/// statement, for whom the tickets are in sight.
pub(crate) async fn last_of(
    reader: &Reader<'_>,
    contractor: OrganizationId,
    tickets: &[TicketId],
) -> Result<BTreeMap<TicketId, Model>> {
    let rows = Entity::find()
        .filter(Column::ContractorId.eq(contractor))
        .filter(Column::TicketId.is_in(tickets.iter().copied()))
        .all(reader)
        .await?;
    let mut last: BTreeMap<TicketId, Model> = BTreeMap::new();
    for row in rows {
        let key = |row: &Model| (row.ended_at.is_none(), row.ended_at, row.id);
        if last.get(&row.ticket_id).is_none_or(|known| key(known) < key(&row)) {
            last.insert(row.ticket_id, row);
        }
    }
    Ok(last)
}

/// The last offer of a ticket that the scope's desk may see: the owner's any, the contractor's its own.
pub(crate) async fn of_ticket(
    reader: &Reader<'_>,
    scope: &Scope,
    ticket: &ticket::row::Model,
) -> Result<Option<Model>> {
    if !scope.is_desk() && scope.technician().is_none() {
        return Ok(None);
    }
    let mut query = Entity::find().filter(Column::TicketId.eq(ticket.id));
    if ticket.organization_id != scope.organization() {
        query = query.filter(Column::ContractorId.eq(scope.organization()));
    }
    let rows = query.order_by_desc(Column::Id).limit(20).all(reader).await?;
    // The one that stands, else the one that ended last.
    Ok(rows.into_iter().max_by_key(|row| (row.ended_at.is_none(), row.ended_at, row.id)))
}
