//! The queue under a clock that is moved by hand: whoever moves it runs what has become due.

use naryad_domain::{
    Error, Result, Time,
    db::Db,
    deadline, escalation,
    job::{self, ATTEMPTS, Failure},
};

use crate::{
    deadlines::{BATCH, fire_all},
    escalations::{self, climb_all},
    notifications,
    registry::Registry,
    worker::{LEASE, causes},
};

/// When the next job, the next clock of a term or the next rung of an alert is due, if there is one.
///
/// # Errors
/// The database cannot be read.
pub async fn next_due(db: &Db, registry: &Registry) -> Result<Option<Time>> {
    let reader = db.reader();
    let (job, clock) = (job::next_due(&reader).await?, deadline::next_due(&reader).await?);
    let rung = if registry.is_silent() { None } else { escalation::next_due(&reader).await? };
    Ok(job.into_iter().chain(clock).chain(rung).min())
}

/// Gives every alarm, runs every job and brings every message that is due, one after another, and returns how many. A job
/// that fails ends it.
///
/// # Errors
/// What a job has failed with; it stays in the queue.
pub async fn drain(db: &Db, registry: &Registry) -> Result<usize> {
    let mut ran = fire_all(db, BATCH).await?;
    loop {
        if !registry.is_silent() {
            ran += climb_all(db, escalations::BATCH).await?;
        }
        let due = job::due_organizations(db).await?;
        if due.is_empty() {
            let brought = match registry.channels() {
                Some(channels) => notifications::bring_due(db, channels).await?,
                None => 0,
            };
            if brought == 0 {
                return Ok(ran);
            }
            ran += brought;
        }
        for organization in due {
            let Some(claimed) = job::claim(db, organization, LEASE).await? else { continue };
            let handler = registry.find(&claimed.kind);
            let handler = handler.ok_or_else(|| Error::internal(format!("no job «{}»", claimed.kind)))?;
            if let Err(failure) = handler(db, &claimed).await {
                let why = causes(&failure);
                let _: Failure = job::fail(db, claimed.lease, claimed.attempt, ATTEMPTS, &why).await?;
                return Err(failure);
            }
            ran += 1;
        }
    }
}
