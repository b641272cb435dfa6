//! A completed ticket that nobody objected to is closed when the term of acceptance has passed.

use naryad_domain::{
    Error, Result, Scope,
    db::Db,
    id::TicketId,
    job::{Claimed, Completing},
    ticket::AutoClose,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Payload {
    ticket: TicketId,
    return_count: i64,
}

pub(crate) async fn run(db: &Db, job: &Claimed) -> Result<()> {
    let Payload { ticket, return_count } = Payload::deserialize(&job.payload).map_err(Error::internal)?;
    let act = Completing { act: AutoClose { ticket, return_count }, lease: job.lease };
    db.write(Scope::system(job.organization), act).await
}
