//! A ticket leaves the phones when the horizon after the end of its last visit has passed.

use naryad_domain::{
    Error, Result, Scope,
    db::Db,
    feed::Expire,
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
    let act = Completing { act: Expire { ticket }, lease: job.lease };
    db.write(Scope::system(job.organization), act).await
}
