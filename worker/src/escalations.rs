//! Alerts climb their ladders.

use naryad_domain::{
    Result,
    db::Db,
    escalation::{Climb, due_organizations, is_any_due},
};

use crate::tenants;

/// Alerts told in one write: other writers wait for it on SQLite.
pub(crate) const BATCH: u16 = 20;

/// Looks for alerts whose next rung is due, for ever.
pub(crate) async fn run(db: &Db) {
    tenants::look("alerts are told", || climb_all(db, BATCH)).await;
}

/// Tells every rung that is due, and says how many alerts were looked after.
///
/// # Errors
/// As [`tenants::in_turn`].
pub(crate) async fn climb_all(db: &Db, batch: u16) -> Result<usize> {
    let climb = || Climb { limit: batch };
    tenants::in_turn(
        db,
        "alerts are told",
        |db| Box::pin(is_any_due(db)),
        |db| Box::pin(due_organizations(db)),
        climb,
    )
    .await
}
