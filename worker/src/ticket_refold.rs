//! Tickets are folded anew for the search after an address or a number of premises has changed: a batch a job, which
//! leaves the next one.

use naryad_domain::{
    Error, Result, Scope,
    db::Db,
    id::BuildingId,
    job::{Claimed, Completing},
    ticket::{Refold, RefoldKey},
};
use serde::Deserialize;

/// Tickets folded in one write: other writers wait for it on SQLite.
const BATCH: u16 = 50;

#[derive(Deserialize)]
struct Payload {
    building: BuildingId,
    #[serde(default)]
    after: Option<RefoldKey>,
}

pub(crate) async fn run(db: &Db, job: &Claimed) -> Result<()> {
    let Payload { building, after } = Payload::deserialize(&job.payload).map_err(Error::internal)?;
    let act = Completing { act: Refold { building, after, limit: BATCH }, lease: job.lease };
    db.write(Scope::system(job.organization), act).await
}
