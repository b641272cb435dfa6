//! Clocks that are due give alarm, tenant by tenant.

use std::{collections::BTreeMap, time::Duration};

use naryad_domain::{Result, Scope, db::Db, deadline};
use tokio::time::{MissedTickBehavior, interval};

/// How often the clocks are looked at, in real time.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Alarms given in one write: other writers wait for it on SQLite.
pub(crate) const BATCH: u16 = 50;

/// Looks for clocks that are due, for ever.
pub(crate) async fn run(db: &Db) {
    let mut looking = interval(LOOK_EVERY);
    looking.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looking.tick().await;
        if let Err(error) = fire_all(db, BATCH).await {
            tracing::warn!(%error, cause = ?std::error::Error::source(&error), "the clocks could not be looked after");
        }
    }
}

/// Gives every alarm that is due, a batch of each organization in turn, and says how many clocks were looked after.
///
/// # Errors
/// The database cannot be read, or what an organization has failed with, once all others were looked after; what was
/// given stays given.
pub async fn fire_all(db: &Db, batch: u16) -> Result<usize> {
    let (mut all, mut failed) = (0, BTreeMap::new());
    while deadline::is_any_due(db).await? {
        let mut round = 0;
        for organization in deadline::due_organizations(db).await? {
            if failed.contains_key(&organization) {
                continue;
            }
            match db.write(Scope::system(organization), deadline::Fire { limit: batch }).await {
                Ok(given) => round += given,
                Err(error) => {
                    let cause = std::error::Error::source(&error);
                    tracing::error!(%organization, %error, ?cause, "the clocks of an organization give no alarm");
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
