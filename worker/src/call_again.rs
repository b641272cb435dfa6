//! An applicant who did not answer is to be called again.

use naryad_domain::{
    Error, Result, Scope,
    call::CallAgain,
    db::Db,
    id::{CallId, TicketId},
    job::{Claimed, Completing},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Payload {
    call: CallId,
    ticket: TicketId,
}

pub(crate) async fn run(db: &Db, job: &Claimed) -> Result<()> {
    let Payload { call, ticket } = Payload::deserialize(&job.payload).map_err(Error::internal)?;
    let act = Completing { act: CallAgain { call, ticket }, lease: job.lease };
    db.write(Scope::system(job.organization), act).await
}
