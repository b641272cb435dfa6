//! Open clocks are counted anew when a policy or a calendar has changed: in batches, each of which leaves the next one as
//! a job, so that a worker that is killed goes on where the last batch ended.

use chrono_tz::Tz;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter};

use super::{
    DeadlineKind, DeadlineState, DeadlineSubject, RECALCULATE_JOB,
    clock::Gear,
    follow::{awaits, promise_of, set_target},
    open::{Ground, Wanted, of_ticket, pauses, planned_term, wanted, write},
    row::Model,
};
use crate::{
    Error, Result,
    catalogue::Clock,
    id::TicketId,
    job::NewJob,
    place::{Zone, building},
    ticket::{self, Kind, Status, row::Model as Ticket},
    write::{Act, Tx},
};

/// Counts the open clocks of the next tickets anew, and leaves a job for those after them.
#[derive(Clone, Copy, Debug)]
pub struct Recalculate {
    /// The last ticket that was counted.
    pub after: Option<TicketId>,
    /// Tickets that never had a clock are looked at too.
    pub backfill: bool,
    /// How many tickets at once.
    pub limit: u16,
}

impl Act for Recalculate {
    const NAME: &'static str = "deadline.recalculate";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let tickets = self.next(tx).await?;
        tx.lock_tickets(tickets.iter().copied()).await?;
        let rows = ticket::row::Entity::find()
            .filter(ticket::row::Column::Id.is_in(tickets.iter().copied()))
            .all(&tx.reader())
            .await?;
        for row in rows {
            recalculate(tx, &row).await?;
        }
        if tickets.len() == usize::from(self.limit) {
            tx.enqueue(NewJob {
                organization: tx.scope().organization(),
                kind: RECALCULATE_JOB,
                payload: serde_json::json!({ "after": tickets.last(), "backfill": self.backfill }),
                run_at: tx.now(),
                dedup_key: None,
            });
        }
        Ok(())
    }
}

impl Recalculate {
    /// Tickets with open clocks, in the order of their ids.
    async fn next(&self, tx: &Tx) -> Result<Vec<TicketId>> {
        #[derive(FromQueryResult)]
        struct Next {
            id: TicketId,
        }
        let sql = if self.backfill {
            "SELECT id FROM ticket WHERE organization_id = $1 AND id > $2
                 AND status IN ('registered', 'planned', 'in_progress', 'on_hold') ORDER BY id LIMIT $3"
        } else {
            "SELECT DISTINCT ticket_id AS id FROM deadline WHERE organization_id = $1 AND ticket_id > $2
                 AND state IN ('running', 'paused') ORDER BY ticket_id LIMIT $3"
        };
        let after = self.after.map_or(uuid::Uuid::nil(), |ticket| ticket.0);
        let values = [tx.scope().organization().0.into(), after.into(), i64::from(self.limit).into()];
        Ok(tx.reader().all::<Next>(sql, values).await?.into_iter().map(|next| next.id).collect())
    }
}

/// Counts the open clocks of a ticket by the policy and the calendar in force. Old and new end stand in its journal.
async fn recalculate(tx: &mut Tx, ticket: &Ticket) -> Result<()> {
    if ticket.status >= Status::Completed {
        return Ok(());
    }
    let kind = Kind::of(&tx.reader(), ticket).await?;
    let building = building::Entity::find_by_id(ticket.building_id).one(&tx.reader()).await?;
    let building =
        building.ok_or_else(|| Error::internal(format!("ticket {}, column building_id", ticket.id)))?;
    let zone = Zone::stored(&building.zone, building.id)?.tz();
    let ground = Ground::of(&tx.reader(), ticket, &kind.rules).await?;
    let promise =
        if kind.rules.clock == Clock::Slot { promise_of(&tx.reader(), ticket.id).await? } else { None };
    let mut clocks = of_ticket(&tx.reader(), ticket.id).await?;
    clocks.retain(|clock| clock.subject_kind == DeadlineSubject::Ticket);
    let wanted = wanted(ticket, &kind.rules, &ground.policy, zone);
    for clock in &mut clocks {
        if !clock.state.is_open() || clock.edited {
            continue;
        }
        let still = wanted.iter().find(|wanted| wanted.kind == clock.kind && wanted.basis == clock.basis);
        let mut next = clock.clone();
        match still {
            Some(wanted) => ground.recount(&mut next, wanted, promise, tx.now())?,
            None => {
                next.state = DeadlineState::Cancelled;
                next.next_fire_at = None;
            }
        }
        write(tx, clock, next.clone()).await?;
        *clock = next;
    }
    for wanted in &wanted {
        let stands = clocks.iter().any(|clock| clock.kind == wanted.kind && clock.basis == wanted.basis);
        if stands || !awaits(wanted.kind, ticket) {
            continue;
        }
        let clock = ground.late_start(tx, ticket, wanted, zone, promise)?;
        // Nobody was asked to tell, or to assign, in a time that has passed.
        let asked = !matches!(wanted.kind, DeadlineKind::Inform | DeadlineKind::Assign);
        if asked || clock.due_at.is_some_and(|due| due > tx.now()) {
            tx.insert(&clock).await?;
            clocks.push(clock);
        }
    }
    let Some(due) = planned_term(&clocks).filter(|due| *due != ticket.planned_term) else { return Ok(()) };
    let after =
        Ticket { planned_term: due, version: ticket.version + 1, updated_at: tx.now(), ..ticket.clone() };
    tx.update(ticket, &after).await
}

impl Ground {
    /// Counts an open clock anew.
    fn recount(
        &self,
        clock: &mut Model,
        wanted: &Wanted,
        promise: Option<crate::Time>,
        now: crate::Time,
    ) -> Result<()> {
        let before = clock.clone();
        clock.policy_id = self.policy.id;
        clock.policy_version = self.policy.number;
        clock.calendar_version = self.days.version;
        clock.clock = serde_json::to_value(&wanted.clock).map_err(Error::internal)?;
        set_target(clock, wanted.amount);
        clock.pauses = pauses(wanted.basis, &wanted.clock, &self.policy);
        let at_once = wanted.amount.amount() == 0 && wanted.clock != Clock::Slot;
        clock.grace_s = if at_once { i64::from(self.policy.rules.grace_minutes) * 60 } else { 0 };
        let gear = Gear::of(clock, &self.days, &self.policy.rules)?;
        if clock.started_from == wanted.from || wanted.clock == Clock::Slot {
            gear.count(clock, promise)?;
        } else {
            gear.restart(clock, wanted.from)?;
        }
        if *clock != before {
            gear.arm(clock, now);
        }
        Ok(())
    }

    /// A clock of a ticket that was registered without it.
    fn late_start(
        &self,
        tx: &Tx,
        ticket: &Ticket,
        wanted: &Wanted,
        zone: Tz,
        promise: Option<crate::Time>,
    ) -> Result<Model> {
        let mut clock = self.open(tx, ticket, wanted, zone, promise)?;
        if ticket.status == Status::OnHold {
            Gear::of(&clock, &self.days, &self.policy.rules)?.pause(&mut clock, tx.now());
        }
        Ok(clock)
    }
}
