//! A visit that ended in vain: its ticket waits for another.

use super::{CauseKind, row};
use crate::{Result, id::RebookingId, visit, write::Tx};

/// Puts the ticket of a visit that ended without the work being done among those to be rebooked. Whoever waited for it
/// knows, or was not there.
///
/// # Errors
/// What the database says.
pub(crate) async fn wait_again(tx: &mut Tx, visit: &visit::row::Model, cause: CauseKind) -> Result<()> {
    let row = row::Model {
        id: RebookingId::new(tx.clock()),
        organization_id: visit.organization_id,
        staff_organization_id: visit.staff_organization_id,
        ticket_id: visit.ticket_id,
        visit_id: visit.id,
        cause,
        event_key: format!("visit:{}:ended", visit.id),
        planned_start: visit.planned_start,
        planned_end: visit.planned_end,
        window_start: visit.window_start,
        window_end: visit.window_end,
        since: tx.now(),
        resolved_at: None,
        resolved_visit_id: None,
    };
    tx.insert(&row).await
}
