//! Clocks of terms: what must happen by when, by law or by contract.
//!
//! A ticket has a clock for each thing that is awaited of it, opened with it by the policy in force ([`policy`]) and moved
//! by the hook that stands where a ticket is saved, and by a second one where its visits change. A clock warns at parts of
//! its term: the worker gives the alarm ([`Fire`]), and what it gives is an [alert](crate::alert). A changed policy or calendar counts open clocks anew
//! ([`Recalculate`]).

pub mod board;
mod clock;
mod document;
mod edit;
mod fire;
mod follow;
mod kind;
mod open;
pub mod policy;
mod recalculate;
pub mod report;
pub mod row;
mod take_back;
#[cfg(test)]
mod tests;
mod why;

pub use self::{
    document::{DeadlineDocument, get, list_of_ticket},
    edit::{Edit, EditDeadline},
    fire::{Fire, due_organizations, is_any_due, next_due},
    kind::{Basis, DeadlineKind, DeadlineState, DeadlineSubject},
    open::{Ending, NewClock, close, open},
    recalculate::Recalculate,
    why::{Reason, Why},
};
pub(crate) use self::{
    follow::{follow, promised},
    open::{begin, term},
};
use crate::{
    Result, Time,
    id::{DeadlineId, OrganizationId},
    job::NewJob,
    write::Tx,
};

/// The kind of the job that counts open clocks anew after a policy or a calendar has changed.
pub const RECALCULATE_JOB: &str = "deadline_recalculate";

/// The job that counts the open clocks of an organization anew. `change` names what has changed: the same change is not
/// followed twice at once.
pub(crate) fn recalculate_job(organization: OrganizationId, now: Time, change: &str) -> NewJob {
    NewJob {
        organization,
        kind: RECALCULATE_JOB,
        payload: serde_json::json!({}),
        run_at: now,
        dedup_key: Some(format!("{RECALCULATE_JOB}:{organization}:{change}")),
    }
}

/// Somebody took notice of an alert that stands: the clock does not repeat its last step. The caller holds its lock.
pub(crate) async fn acknowledged(tx: &mut Tx, deadline: DeadlineId, percent: i64) -> Result<()> {
    use sea_orm::EntityTrait;
    let Some(before) = row::Entity::find_by_id(deadline).one(&tx.reader()).await? else { return Ok(()) };
    if before.told != percent || !before.state.is_open() {
        return Ok(());
    }
    let days = open::Calendars::default().of_clock(&tx.reader(), &before).await?;
    let mut versions = policy::Versions::default();
    let rules = versions.of(&tx.reader(), before.policy_id, before.policy_version).await?;
    let mut after = before.clone();
    clock::Gear::of(&before, &days, rules)?.acknowledge(&mut after);
    open::write(tx, &before, after).await
}
