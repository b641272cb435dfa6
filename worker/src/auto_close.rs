//! Closes a completed ticket to which nobody objected in the term of the organization.

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
    let Payload { ticket, return_count } =
        serde_json::from_value(job.payload.clone()).map_err(Error::internal)?;
    let act = Completing { act: AutoClose { ticket, return_count }, lease: job.lease };
    db.write(Scope::system(job.organization), act).await
}
