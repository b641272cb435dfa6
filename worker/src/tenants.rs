//! What is done tenant by tenant, a batch of each in turn, for as long as anything is due.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::BoxFuture;
use naryad_domain::{Result, Scope, db::Db, id::OrganizationId, write::Act};
use tokio::time::{MissedTickBehavior, interval};

/// How often it is looked for what is due, in real time.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the database is asked.
pub(crate) type Ask<T> = fn(&Db) -> BoxFuture<'_, Result<T>>;

/// Looks for what is due, for ever. `what` says what is not done when it fails.
pub(crate) async fn look<F: Future<Output = Result<usize>>>(what: &'static str, turn: impl Fn() -> F) {
    let mut looking = interval(LOOK_EVERY);
    looking.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looking.tick().await;
        if let Err(error) = turn().await {
            tracing::warn!(%error, cause = ?std::error::Error::source(&error), what, "it could not be looked for what is due");
        }
    }
}

/// Does everything that is due and says how much that was.
///
/// # Errors
/// The database cannot be read, or what an organization has failed with, once all others were looked after; what was done
/// stays done.
pub(crate) async fn in_turn<A: Act<Out = usize>>(
    db: &Db,
    what: &'static str,
    is_any_due: Ask<bool>,
    due_organizations: Ask<Vec<OrganizationId>>,
    batch: impl Fn() -> A,
) -> Result<usize> {
    let (mut all, mut failed) = (0, BTreeMap::new());
    while is_any_due(db).await? {
        let mut round = 0;
        for organization in due_organizations(db).await? {
            if failed.contains_key(&organization) {
                continue;
            }
            match db.write(Scope::system(organization), batch()).await {
                Ok(done) => round += done,
                Err(error) => {
                    let cause = std::error::Error::source(&error);
                    tracing::error!(%organization, %error, ?cause, what, "an organization is not looked after");
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
