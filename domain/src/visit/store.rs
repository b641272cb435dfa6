//! Visits with their crews.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::{VisitStatus, acts::crew_rows, assignee, row};
use crate::{
    Error, Result, Scope,
    db::Reader,
    deadline,
    id::{TechnicianId, TicketId, VisitId},
    notification, ticket,
    write::Tx,
};

/// A visit and its crew, lead first.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// The row.
    pub row: row::Model,
    /// The crew.
    pub crew: Vec<assignee::Model>,
}

impl Visit {
    /// The crew, lead first.
    pub fn technicians(&self) -> Vec<TechnicianId> {
        self.crew.iter().map(|member| member.technician_id).collect()
    }

    /// Whether the technician is of the crew.
    pub fn has(&self, technician: TechnicianId) -> bool {
        self.crew.iter().any(|member| member.technician_id == technician)
    }
}

/// The visits of a ticket, oldest first. The caller has seen the ticket through its scope.
pub(crate) async fn of_ticket(reader: &Reader<'_>, ticket: TicketId) -> Result<Vec<Visit>> {
    Ok(of_tickets(reader, &[ticket]).await?.remove(&ticket).unwrap_or_default())
}

/// The visits of each of these tickets, oldest first, in two statements. The caller has seen the tickets through its
/// scope.
///
/// # Errors
/// The database cannot be read.
pub async fn of_tickets(reader: &Reader<'_>, tickets: &[TicketId]) -> Result<BTreeMap<TicketId, Vec<Visit>>> {
    let rows = row::Entity::find()
        .filter(row::Column::TicketId.is_in(tickets.iter().copied()))
        .order_by_asc(row::Column::Id)
        .all(reader)
        .await?;
    if rows.is_empty() {
        return Ok(BTreeMap::new());
    }
    let members = assignee::Entity::find()
        .filter(assignee::Column::TicketId.is_in(tickets.iter().copied()))
        .order_by_desc(assignee::Column::Lead)
        .order_by_asc(assignee::Column::TechnicianId)
        .all(reader)
        .await?;
    let mut crews: BTreeMap<VisitId, Vec<assignee::Model>> = BTreeMap::new();
    for member in members {
        crews.entry(member.visit_id).or_default().push(member);
    }
    let mut visits: BTreeMap<TicketId, Vec<Visit>> = BTreeMap::new();
    for row in rows {
        let crew = crews.remove(&row.id).unwrap_or_default();
        visits.entry(row.ticket_id).or_default().push(Visit { row, crew });
    }
    Ok(visits)
}

/// The ticket of a visit that the scope can see.
///
/// # Errors
/// `not_found` when the visit does not exist or its ticket is out of sight.
pub async fn ticket_of(reader: &Reader<'_>, scope: &Scope, visit: VisitId) -> Result<TicketId> {
    let row = row::Entity::find_by_id(visit).one(reader).await?.ok_or_else(|| Error::not_found("visit"))?;
    match ticket::find(reader, scope, row.ticket_id).await {
        Ok(ticket) => Ok(ticket.id),
        Err(error) if error.code() == crate::Code::NotFound => Err(Error::not_found("visit")),
        Err(error) => Err(error),
    }
}

/// Writes the visit with its next version and the moment of the change.
pub(crate) async fn save(tx: &mut Tx, before: &row::Model, after: row::Model) -> Result<()> {
    if *before != after {
        if after.status == VisitStatus::Cancelled {
            notification::unassigned(tx, before).await?;
        }
        write(tx, before, after).await?;
    }
    Ok(())
}

/// Writes the visit and its crew, lead first, with the next version: another crew is another version. Whoever stays is
/// not touched.
pub(crate) async fn save_with_crew(
    tx: &mut Tx,
    before: &Visit,
    after: row::Model,
    technicians: &[TechnicianId],
) -> Result<Visit> {
    let crew = crew_rows(&after, technicians);
    for member in before.crew.iter().filter(|member| !crew.contains(member)) {
        tx.delete(member).await?;
    }
    let new: Vec<assignee::Model> =
        crew.iter().filter(|member| !before.crew.contains(member)).cloned().collect();
    tx.insert_all(&new).await?;
    let same = new.is_empty() && crew.len() == before.crew.len();
    let row = if same && before.row == after { after } else { write(tx, &before.row, after).await? };
    let known = before.technicians();
    let time = |visit: &row::Model| (visit.planned_start, visit.planned_end);
    let moved = time(&before.row) != time(&row);
    let told: Vec<TechnicianId> =
        technicians.iter().copied().filter(|one| moved || !known.contains(one)).collect();
    notification::reassigned(tx, &row, moved, &told).await?;
    Ok(Visit { row, crew })
}

async fn write(tx: &mut Tx, before: &row::Model, mut after: row::Model) -> Result<row::Model> {
    after.version = before.version + 1;
    after.changed_at = Some(tx.now());
    tx.update(before, &after).await?;
    if before.window_end != after.window_end || before.window_kind != after.window_kind {
        deadline::promised(tx, after.ticket_id).await?;
    }
    Ok(after)
}
