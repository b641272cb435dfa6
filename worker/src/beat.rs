//! Once a minute the database raises its beat and tells it to the store of photos: so a restore is noticed.

use std::time::Duration;

use naryad_domain::{db::Db, incarnation};
use tokio::time::{MissedTickBehavior, interval};

use crate::{registry::Registry, worker::causes};

const EVERY: Duration = Duration::from_secs(60);

/// Beats until it is dropped; where there is no store of photos there is nobody to tell it to.
pub(crate) async fn run(db: &Db, registry: &Registry) {
    let Some(transfers) = registry.transfers() else { return std::future::pending().await };
    let mut beating = interval(EVERY);
    beating.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beating.tick().await;
        if let Err(error) = incarnation::beat(db, &**transfers.blobs()).await {
            tracing::warn!(error = causes(&error), "the beat could not be told");
        }
    }
}
