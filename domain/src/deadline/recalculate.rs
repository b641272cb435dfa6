//! Open clocks are counted anew when a policy or a calendar has changed: in batches, each of which leaves the next one as
//! a job, so that a worker that is killed goes on where the last batch ended.

use chrono_tz::Tz;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter};

use super::{
    DeadlineKind, DeadlineState, DeadlineSubject, RECALCULATE_JOB,
    clock::Gear,
    follow::{awaits, promise_of, set_target},
    open::{Calendars, Ground, Wanted, of_ticket, pauses, planned_term, wanted, write},
    policy::Versions,
    row::Model,
};
use crate::{
    Error, Result, Time,
    catalogue::Clock,
    id::TicketId,
    job::NewJob,
    place::{Zone, building},
    ticket::{self, Kind, Status, row::Model as Ticket},
    write::{Act, Tx},
};

/// Counts the clocks of the next open tickets anew, and leaves a job for those after them.
#[derive(Clone, Copy, Debug)]
pub struct Recalculate {
    /// The last ticket that was counted.
    pub after: Option<TicketId>,
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
        let mut memo = Memo::default();
        for row in rows {
            let savepoint = tx.savepoint().await?;
            match memo.recalculate(tx, &row).await {
                Ok(()) => tx.release(savepoint).await?,
                // The others of the batch are counted all the same.
                Err(error) if error.is_of_a_row() => {
                    tx.roll_back_to(savepoint).await?;
                    let cause = std::error::Error::source(&error);
                    tracing::error!(ticket = %row.id, ?cause, "the clocks of a ticket cannot be counted anew");
                }
                Err(error) => return Err(error),
            }
        }
        if tickets.len() == usize::from(self.limit) {
            tx.enqueue(NewJob {
                organization: tx.scope().organization(),
                kind: RECALCULATE_JOB,
                payload: serde_json::json!({ "after": tickets.last() }),
                run_at: tx.now(),
                dedup_key: None,
            });
        }
        Ok(())
    }
}

impl Recalculate {
    /// Open tickets in the order of their ids: a policy may want a clock that a ticket never had.
    async fn next(&self, tx: &Tx) -> Result<Vec<TicketId>> {
        #[derive(FromQueryResult)]
        struct Next {
            id: TicketId,
        }
        let sql = "SELECT id FROM ticket WHERE organization_id = $1 AND id > $2
                       AND status IN ('registered', 'planned', 'in_progress', 'on_hold') ORDER BY id LIMIT $3";
        let after = self.after.map_or(uuid::Uuid::nil(), |ticket| ticket.0);
        let values = [tx.scope().organization().0.into(), after.into(), i64::from(self.limit).into()];
        Ok(tx.reader().all::<Next>(sql, values).await?.into_iter().map(|next| next.id).collect())
    }
}

/// What is read while tickets are counted, each once.
#[derive(Default)]
struct Memo {
    versions: Versions,
    calendars: Calendars,
}

impl Memo {
    /// Counts the clocks of a ticket by the policy and the calendar in force. Old and new end stand in its journal.
    async fn recalculate(&mut self, tx: &mut Tx, ticket: &Ticket) -> Result<()> {
        if ticket.status >= Status::Completed {
            return Ok(());
        }
        let kind = Kind::of(&tx.reader(), ticket).await?;
        let building = building::Entity::find_by_id(ticket.building_id).one(&tx.reader()).await?;
        let building =
            building.ok_or_else(|| Error::internal(format!("ticket {}, column building_id", ticket.id)))?;
        let zone = Zone::stored(&building.zone, building.id)?.tz();
        let ground = Ground::of(&tx.reader(), ticket, &kind.rules, &mut self.calendars).await?;
        let promise =
            if kind.rules.clock == Clock::Slot { promise_of(&tx.reader(), ticket.id).await? } else { None };
        let mut clocks = of_ticket(&tx.reader(), ticket.id).await?;
        clocks.retain(|clock| clock.subject_kind == DeadlineSubject::Ticket);
        let wanted = wanted(ticket, &kind.rules, &ground.policy, zone);
        for clock in &mut clocks {
            let still = wanted.iter().find(|wanted| wanted.kind == clock.kind && wanted.basis == clock.basis);
            let mut next = clock.clone();
            match still {
                _ if clock.state.is_open() && clock.edited => self.edited(tx, &mut next, zone).await?,
                Some(wanted) if clock.state.is_open() => {
                    ground.recount(&mut next, wanted, zone, promise, tx.now())?;
                }
                // What was late before nobody counted it any more stays missed.
                None if clock.state.is_open() => {
                    let days = self.calendars.of_clock(&tx.reader(), clock).await?;
                    let rules = self.versions.of(&tx.reader(), clock.policy_id, clock.policy_version).await?;
                    Gear::of(&next, &days, rules)?.end(&mut next, tx.now());
                }
                Some(wanted) if is_switched_off(clock) && awaits(clock.kind, ticket) => {
                    let on_hold = ticket.status == Status::OnHold;
                    Gear::of(&next, &ground.days, &ground.policy.rules)?.revive(&mut next, tx.now(), on_hold);
                    ground.recount(&mut next, wanted, zone, promise, tx.now())?;
                    if !is_asked(&next, tx.now()) {
                        continue;
                    }
                }
                _ => continue,
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
            if is_asked(&clock, tx.now()) {
                tx.insert(&clock).await?;
                clocks.push(clock);
            }
        }
        let Some(due) = planned_term(&clocks).filter(|due| *due != ticket.planned_term) else {
            return Ok(());
        };
        let after =
            Ticket { planned_term: due, version: ticket.version + 1, updated_at: tx.now(), ..ticket.clone() };
        tx.update(ticket, &after).await
    }

    /// A clock that was changed by hand keeps its length and its policy; the calendar and the zone are those in force.
    async fn edited(&mut self, tx: &Tx, clock: &mut Model, zone: Tz) -> Result<()> {
        let before = clock.clone();
        let days = self.calendars.of_clock(&tx.reader(), clock).await?;
        let rules = self.versions.of(&tx.reader(), clock.policy_id, clock.policy_version).await?;
        clock.calendar_version = days.version;
        clock.zone = zone.name().to_owned();
        let gear = Gear::of(clock, &days, rules)?;
        gear.count(clock, None)?;
        if *clock != before {
            gear.arm(clock, tx.now());
        }
        Ok(())
    }
}

/// Whether a clock was ended by a policy, not by what happened to its ticket.
fn is_switched_off(clock: &Model) -> bool {
    matches!(clock.state, DeadlineState::Cancelled | DeadlineState::Missed) && clock.met_at.is_none()
}

/// Nobody was asked to tell, or to assign, in a time that has passed.
fn is_asked(clock: &Model, now: Time) -> bool {
    let asked = !matches!(clock.kind, DeadlineKind::Inform | DeadlineKind::Assign);
    asked || clock.due_at.is_some_and(|due| due > now)
}

impl Ground {
    /// Counts a clock anew.
    fn recount(
        &self,
        clock: &mut Model,
        wanted: &Wanted,
        zone: Tz,
        promise: Option<Time>,
        now: Time,
    ) -> Result<()> {
        let before = clock.clone();
        clock.policy_id = self.policy.id;
        clock.policy_version = self.policy.number;
        clock.calendar_version = self.days.version;
        clock.clock = serde_json::to_value(&wanted.clock).map_err(Error::internal)?;
        clock.zone = zone.name().to_owned();
        set_target(clock, wanted.amount);
        clock.pauses = pauses(wanted.basis, &wanted.clock, &self.policy);
        clock.grace_s = self.policy.rules.grace_s(wanted.amount, &wanted.clock);
        let gear = Gear::of(clock, &self.days, &self.policy.rules)?;
        if clock.started_from == wanted.from || wanted.clock == Clock::Slot {
            gear.count(clock, promise)?;
        } else {
            gear.restart(clock, wanted.from)?;
        }
        if *clock != before || clock.next_fire_at.is_none() {
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
        promise: Option<Time>,
    ) -> Result<Model> {
        let mut clock = self.open(tx, ticket, wanted, zone, promise)?;
        if ticket.status == Status::OnHold {
            Gear::of(&clock, &self.days, &self.policy.rules)?.pause(&mut clock, tx.now());
            clock.late_from = clock.ends_late_from();
        }
        Ok(clock)
    }
}
