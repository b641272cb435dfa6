//! Takes hold of the tickets that a phone's acts are about, all at once, and says how each stands to their technician.

use std::collections::BTreeMap;

use sea_orm::{FromQueryResult, Value};
use uuid::Uuid;

use crate::{
    Error, Result,
    db::placeholders,
    feed::{OPEN_VISIT, WORKED_VISIT},
    id::{OrganizationId, TechnicianId, TicketId},
    write::Tx,
};

/// How a ticket stands to a technician.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whose ticket it is.
    pub owner: OrganizationId,
    /// The version of its document.
    pub doc_version: i64,
    /// He is in the crew of a visit that is to come or under way.
    pub in_hand: bool,
    /// He was in the crew of a visit that ended with a man at the door.
    pub was_there: bool,
}

#[derive(FromQueryResult)]
struct Row {
    id: TicketId,
    organization_id: OrganizationId,
    doc_version: i64,
    in_hand: i64,
    was_there: i64,
}

/// Locks those of the tickets that the technician's organization owns or executes, after the calendars of their crews
/// and his own. What is not named in the answer is out of sight.
///
/// # Errors
/// The database cannot be read; the write starts again when a crew has changed in between.
pub async fn take_in_hand(
    tx: &mut Tx,
    technician: TechnicianId,
    tickets: &[TicketId],
) -> Result<BTreeMap<TicketId, Standing>> {
    let before = crews(tx, tickets).await?;
    tx.lock_calendars(before.iter().copied().chain([technician])).await?;
    let sight = standings(tx, technician, tickets).await?;
    tx.lock_tickets(sight.keys().copied()).await?;
    if crews(tx, tickets).await?.iter().any(|crew| !before.contains(crew)) {
        return Err(Error::restart("a crew changed while the calendars were being locked"));
    }
    standings(tx, technician, tickets).await
}

async fn crews(tx: &Tx, tickets: &[TicketId]) -> Result<Vec<TechnicianId>> {
    #[derive(FromQueryResult)]
    struct Member {
        technician_id: TechnicianId,
    }
    let mut values: Vec<Value> = Vec::new();
    let list = placeholders(tickets.iter().map(|id| id.0), &mut values);
    let sql = format!(
        "SELECT DISTINCT a.technician_id FROM visit_assignee a JOIN visit v ON v.id = a.visit_id
         WHERE a.ticket_id IN ({list}) AND v.status IN ({OPEN_VISIT})"
    );
    let rows = tx.reader().all::<Member>(&sql, values).await?;
    Ok(rows.into_iter().map(|row| row.technician_id).collect())
}

async fn standings(
    tx: &Tx,
    technician: TechnicianId,
    tickets: &[TicketId],
) -> Result<BTreeMap<TicketId, Standing>> {
    let mut values: Vec<Value> = vec![tx.scope().organization().0.into(), technician.0.into()];
    let list = placeholders(tickets.iter().map(|id| id.0), &mut values);
    let his = |states: &str| {
        format!(
            "(SELECT COUNT(*) FROM visit_assignee a JOIN visit v ON v.id = a.visit_id
              WHERE a.ticket_id = t.id AND a.technician_id = $2 AND v.status IN ({states}))"
        )
    };
    let sql = format!(
        "SELECT t.id, t.organization_id, t.doc_version, {} AS in_hand, {} AS was_there FROM ticket t
         WHERE t.id IN ({list}) AND (t.organization_id = $1 OR t.executor_organization_id = $1)",
        his(OPEN_VISIT),
        his(WORKED_VISIT)
    );
    let rows = tx.reader().all::<Row>(&sql, values).await?;
    let standing = |row: Row| {
        let standing = Standing {
            owner: row.organization_id,
            doc_version: row.doc_version,
            in_hand: row.in_hand > 0,
            was_there: row.was_there > 0,
        };
        (row.id, standing)
    };
    Ok(rows.into_iter().map(standing).collect())
}

/// Which ticket each of these visits is of.
///
/// # Errors
/// The database cannot be read.
pub async fn tickets_of_visits(tx: &Tx, visits: &[Uuid]) -> Result<BTreeMap<Uuid, TicketId>> {
    #[derive(FromQueryResult)]
    struct Visit {
        id: Uuid,
        ticket_id: TicketId,
    }
    let mut values: Vec<Value> = Vec::new();
    let list = placeholders(visits.iter().copied(), &mut values);
    let rows = tx
        .reader()
        .all::<Visit>(&format!("SELECT id, ticket_id FROM visit WHERE id IN ({list})"), values)
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.ticket_id)).collect())
}
