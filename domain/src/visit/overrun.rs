//! A visit that has not ended at its planned end: it takes no more of the calendar, it alarms.

use sea_orm::EntityTrait;

use super::{VisitStatus, row};
use crate::{
    Result, Time,
    alert::{self, NewAlert},
    id::{TicketId, VisitId},
    job::NewJob,
    ticket,
    write::{Act, Tx},
};

/// The kind of the job that looks at the planned end whether a visit has ended.
pub const OVERRUN_JOB: &str = "visit_overrun";

/// A visit is booked, moved, or begun late: when it is to end, somebody looks.
pub(crate) fn await_end(tx: &mut Tx, visit: &row::Model, end: Time) {
    tx.enqueue(NewJob {
        organization: visit.organization_id,
        kind: OVERRUN_JOB,
        payload: serde_json::json!({ "visit": visit.id, "ticket": visit.ticket_id, "end": end }),
        run_at: end,
        dedup_key: Some(format!("{OVERRUN_JOB}:{}:{}", visit.id, end.timestamp())),
    });
}

/// Alarms the desk that runs the visit when it has not ended in time: `visit_overrun` when it is under way, for what
/// waits behind it may come late; `visit_missed` when it was never begun. The repair of the day proposes what to do. A
/// visit that ended or moved meanwhile is left alone.
#[derive(Clone, Copy, Debug)]
pub struct Overrun {
    /// The visit.
    pub visit: VisitId,
    /// Its ticket.
    pub ticket: TicketId,
    /// The end that the look was made for; unknown of jobs made before it was told.
    pub end: Option<Time>,
}

impl Overrun {
    /// Until when the visit has time: whoever began after the planned end has as long as was planned.
    fn end(visit: &row::Model) -> Time {
        let length = visit.planned_end - visit.planned_start;
        let begun_late = visit.started_at.filter(|at| *at >= visit.planned_end);
        begun_late.map_or(visit.planned_end, |at| at + length)
    }
}

impl Act for Overrun {
    const NAME: &'static str = "visit.overrun";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let ticket = ticket::hold(tx, self.ticket).await?;
        let Some(visit) = row::Entity::find_by_id(self.visit).one(&tx.reader()).await? else { return Ok(()) };
        let end = Self::end(&visit);
        // A visit that was moved to an earlier time has been looked at then.
        let moved_earlier = self.end.is_some_and(|made_for| end < made_for);
        if !visit.status.is_open() || tx.now() < end || moved_earlier {
            return Ok(());
        }
        let kind = if visit.status == VisitStatus::Planned { "visit_missed" } else { "visit_overrun" };
        let organization = visit.staff_organization_id;
        alert::raise(tx, NewAlert { kind, organization, executor: None, ticket: Some(ticket.id) }).await
    }
}
