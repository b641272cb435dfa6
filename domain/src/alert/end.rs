//! Alerts that no clock gave end with what they told of.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, Select};

use super::row::{Column, Entity, Model};
use crate::{
    Result,
    id::{OrganizationId, TicketId},
    write::Tx,
};

/// What the alerts of these kinds told of is over: those that nobody took notice of end. The caller holds the ticket.
///
/// # Errors
/// The database cannot be written.
pub(crate) async fn end(tx: &mut Tx, ticket: TicketId, kinds: &[&str]) -> Result<()> {
    end_all(tx, Condition::all().add(Column::TicketId.eq(ticket)), kinds).await
}

/// The same of what stands on no ticket.
///
/// # Errors
/// What the database says.
pub(crate) async fn end_of_house(tx: &mut Tx, organization: OrganizationId, kinds: &[&str]) -> Result<()> {
    end_all(tx, of_house(organization), kinds).await
}

/// Whether an alert of a kind that stands on no ticket wants attention.
///
/// # Errors
/// What the database says.
pub(crate) async fn stands(tx: &Tx, organization: OrganizationId, kind: &str) -> Result<bool> {
    Ok(standing(of_house(organization), &[kind]).one(&tx.reader()).await?.is_some())
}

fn of_house(organization: OrganizationId) -> Condition {
    Condition::all().add(Column::OrganizationId.eq(organization)).add(Column::TicketId.is_null())
}

fn standing(which: Condition, kinds: &[&str]) -> Select<Entity> {
    Entity::find()
        .filter(which)
        .filter(Column::DeadlineId.is_null())
        .filter(Column::Kind.is_in(kinds.iter().copied()))
        .filter(Column::AcknowledgedAt.is_null())
        .filter(Column::EndedAt.is_null())
}

async fn end_all(tx: &mut Tx, which: Condition, kinds: &[&str]) -> Result<()> {
    for before in standing(which, kinds).all(&tx.reader()).await? {
        let after = Model { ended_at: Some(tx.now()), version: before.version + 1, ..before.clone() };
        tx.update(&before, &after).await?;
    }
    Ok(())
}
