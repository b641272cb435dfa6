//! Alerts climb their ladders, tenant by tenant.

use std::{collections::BTreeMap, time::Duration};

use naryad_domain::{Result, Scope, db::Db, escalation};
use tokio::time::{MissedTickBehavior, interval};

/// How often the alerts are looked at, in real time.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Alerts told in one write: other writers wait for it on SQLite.
pub(crate) const BATCH: u16 = 20;

/// Looks for alerts whose next rung is due, for ever.
pub(crate) async fn run(db: &Db) {
    let mut looking = interval(LOOK_EVERY);
    looking.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looking.tick().await;
        if let Err(error) = climb_all(db, BATCH).await {
            tracing::warn!(%error, cause = ?std::error::Error::source(&error), "alerts could not be told");
        }
    }
}

/// Tells every rung that is due, a batch of each organization in turn, and says how many alerts were looked after.
///
/// # Errors
/// The database cannot be read, or what an organization has failed with, once all others were looked after; what was told
/// stays told.
pub(crate) async fn climb_all(db: &Db, batch: u16) -> Result<usize> {
    let (mut all, mut failed) = (0, BTreeMap::new());
    while escalation::is_any_due(db).await? {
        let mut round = 0;
        for organization in escalation::due_organizations(db).await? {
            if failed.contains_key(&organization) {
                continue;
            }
            match db.write(Scope::system(organization), escalation::Climb { limit: batch }).await {
                Ok(told) => round += told,
                Err(error) => {
                    let cause = std::error::Error::source(&error);
                    tracing::error!(%organization, %error, ?cause, "the alerts of an organization are not told");
                    failed.insert(organization, error);
                }
            }
        }
        all += round;
        // What is due and was not taken is in the hands of others.
        if round == 0 {
            break;
        }
    }
    failed.into_values().next().map_or(Ok(all), Err)
}
