//! A visit that has not ended at its planned end alarms.

use naryad_domain::{
    Error, Result, Scope, Time,
    db::Db,
    id::{TicketId, VisitId},
    job::{Claimed, Completing},
    visit::Overrun,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Payload {
    visit: VisitId,
    ticket: TicketId,
    #[serde(default)]
    end: Option<Time>,
}

pub(crate) async fn run(db: &Db, job: &Claimed) -> Result<()> {
    let Payload { visit, ticket, end } = Payload::deserialize(&job.payload).map_err(Error::internal)?;
    let act = Completing { act: Overrun { visit, ticket, end }, lease: job.lease };
    db.write(Scope::system(job.organization), act).await
}
