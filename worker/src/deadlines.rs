//! Clocks that are due give alarm.

use naryad_domain::{
    Result,
    db::Db,
    deadline::{Fire, due_organizations, is_any_due},
};

use crate::tenants;

/// Alarms given in one write: other writers wait for it on SQLite.
pub(crate) const BATCH: u16 = 50;

/// Looks for clocks that are due, for ever.
pub(crate) async fn run(db: &Db) {
    tenants::look("clocks give alarm", || fire_all(db, BATCH)).await;
}

/// Gives every alarm that is due, and says how many clocks were looked after.
///
/// # Errors
/// The database cannot be read, or what an organization has failed with, once all others were looked after; what was
/// given stays given.
pub async fn fire_all(db: &Db, batch: u16) -> Result<usize> {
    let fire = || Fire { limit: batch };
    tenants::in_turn(
        db,
        "clocks give alarm",
        |db| Box::pin(is_any_due(db)),
        |db| Box::pin(due_organizations(db)),
        fire,
    )
    .await
}
