//! The clocks of open tickets are counted anew after a policy, a calendar or a zone has changed: a batch a job, which
//! leaves the next one.

use naryad_domain::{
    Error, Result, Scope,
    db::Db,
    deadline::Recalculate,
    id::TicketId,
    job::{Claimed, Completing},
};
use serde::Deserialize;

/// Tickets counted in one write: other writers wait for it on SQLite.
const BATCH: u16 = 25;

#[derive(Deserialize)]
struct Payload {
    #[serde(default)]
    after: Option<TicketId>,
}

pub(crate) async fn run(db: &Db, job: &Claimed) -> Result<()> {
    let Payload { after } = Payload::deserialize(&job.payload).map_err(Error::internal)?;
    let act = Completing { act: Recalculate { after, limit: BATCH }, lease: job.lease };
    db.write(Scope::system(job.organization), act).await
}
