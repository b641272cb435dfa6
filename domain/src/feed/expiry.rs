//! What has ended leaves the phones when the horizon has passed: a ticket after its last visit, an outcome after the
//! decision.

use chrono::TimeDelta;
use uuid::Uuid;

use super::{EntityKind, HORIZON_DAYS};
use crate::{
    Result,
    job::NewJob,
    write::{Act, Touch, Tx},
};

/// The kind of the job that lets something go.
pub const JOB: &str = "feed_expire";

/// Enqueues, for whatever ended in this write, the job that lets it go.
pub(crate) fn enqueue_expiries(tx: &mut Tx) {
    let ended: Vec<NewJob> = tx
        .log
        .touched
        .iter()
        .filter_map(|(organization, touch)| match touch {
            Touch::Ended { entity: (kind, id), by, at } => Some(NewJob {
                organization: *organization,
                kind: JOB,
                payload: serde_json::json!({ "entity": kind.name(), "id": id }),
                run_at: *at + TimeDelta::days(HORIZON_DAYS),
                dedup_key: Some(format!("{JOB}:{by}")),
            }),
            _ => None,
        })
        .collect();
    for job in ended {
        tx.enqueue(job);
    }
}

/// Looks again at who should have an entity.
#[derive(Clone, Copy, Debug)]
pub struct Expire {
    /// What it is.
    pub entity: EntityKind,
    /// Which one.
    pub id: Uuid,
}

impl Act for Expire {
    const NAME: &'static str = "feed.expire";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let organization = tx.scope().organization();
        tx.touch(organization, Touch::Reach(self.entity, self.id));
        Ok(())
    }
}
