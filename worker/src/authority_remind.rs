//! A notice to the local authority that was not sent is reminded of.

use naryad_domain::{
    Error, Result, Scope,
    authority::Remind,
    db::Db,
    id::TicketId,
    job::{Claimed, Completing},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Payload {
    ticket: TicketId,
}

pub(crate) async fn run(db: &Db, job: &Claimed) -> Result<()> {
    let Payload { ticket } = Payload::deserialize(&job.payload).map_err(Error::internal)?;
    db.write(Scope::system(job.organization), Completing { act: Remind { ticket }, lease: job.lease }).await
}
