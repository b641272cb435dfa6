//! A ticket leaves the phones when the horizon after the end of its last visit has passed.

use chrono::TimeDelta;

use super::{EntityKind, HORIZON_DAYS};
use crate::{
    Result,
    id::TicketId,
    job::NewJob,
    write::{Act, Touch, Tx},
};

/// The kind of the job that lets a ticket go.
pub const JOB: &str = "feed_expire";

/// Enqueues, for each visit that ended in this write, the job that lets its ticket go.
pub(crate) fn enqueue_expiries(tx: &mut Tx) {
    let ended: Vec<NewJob> = tx
        .log
        .touched
        .iter()
        .filter_map(|(organization, touch)| match touch {
            Touch::Ended { ticket, visit, at } => Some(NewJob {
                organization: *organization,
                kind: JOB,
                payload: serde_json::json!({ "ticket": ticket }),
                run_at: *at + TimeDelta::days(HORIZON_DAYS),
                dedup_key: Some(format!("{JOB}:{visit}")),
            }),
            _ => None,
        })
        .collect();
    for job in ended {
        tx.enqueue(job);
    }
}

/// Looks again at who should have a ticket.
#[derive(Clone, Copy, Debug)]
pub struct Expire {
    /// The ticket.
    pub ticket: TicketId,
}

impl Act for Expire {
    const NAME: &'static str = "feed.expire";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let organization = tx.scope().organization();
        tx.touch(organization, Touch::Reach(EntityKind::Ticket, self.ticket.0));
        Ok(())
    }
}
