//! An offer to a contractor that nobody answered in time ends.

use naryad_domain::{
    Error, Result, Scope,
    db::Db,
    handover::Expire,
    id::{HandoverId, TicketId},
    job::{Claimed, Completing},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Payload {
    handover: HandoverId,
    ticket: TicketId,
}

pub(crate) async fn run(db: &Db, job: &Claimed) -> Result<()> {
    let Payload { handover, ticket } = Payload::deserialize(&job.payload).map_err(Error::internal)?;
    let act = Completing { act: Expire { handover, ticket }, lease: job.lease };
    db.write(Scope::system(job.organization), act).await
}
