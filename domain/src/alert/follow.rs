//! Alerts of a ticket follow whoever executes it.

use std::collections::BTreeSet;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::row::{Column, Entity, Model};
use crate::{
    Result,
    id::{DeadlineId, OrganizationId, TicketId},
    write::Tx,
};

/// The ticket has another executor: he sees the alerts of its `clocks`, and who executed it before sees them no more.
/// What was told of an offer concerns nobody but the contractor who was asked, while he is.
///
/// # Errors
/// The database cannot be written.
pub(crate) async fn follow(
    tx: &mut Tx,
    ticket: TicketId,
    executor: Option<OrganizationId>,
    clocks: &BTreeSet<DeadlineId>,
) -> Result<()> {
    let told = Entity::find()
        .filter(Column::TicketId.eq(ticket))
        .filter(Column::DeadlineId.is_not_null())
        .all(&tx.reader())
        .await?;
    for before in told {
        let stands = before.deadline_id.is_some_and(|clock| clocks.contains(&clock));
        let executor =
            executor.filter(|executor| stands || before.executor_organization_id == Some(*executor));
        if executor == before.executor_organization_id {
            continue;
        }
        let after =
            Model { executor_organization_id: executor, version: before.version + 1, ..before.clone() };
        tx.update(&before, &after).await?;
    }
    Ok(())
}
