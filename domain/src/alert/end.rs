//! Alerts that no clock gave end with what they told of.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::row::{Column, Entity, Model};
use crate::{Result, id::TicketId, write::Tx};

/// What the alerts of these kinds told of is over: those that nobody took notice of end. The caller holds the ticket.
///
/// # Errors
/// The database cannot be written.
pub(crate) async fn end(tx: &mut Tx, ticket: TicketId, kinds: &[&str]) -> Result<()> {
    let standing = Entity::find()
        .filter(Column::TicketId.eq(ticket))
        .filter(Column::DeadlineId.is_null())
        .filter(Column::Kind.is_in(kinds.iter().copied()))
        .filter(Column::AcknowledgedAt.is_null())
        .filter(Column::EndedAt.is_null())
        .all(&tx.reader())
        .await?;
    for before in standing {
        let after = Model { ended_at: Some(tx.now()), version: before.version + 1, ..before.clone() };
        tx.update(&before, &after).await?;
    }
    Ok(())
}
