//! The clocks of a ticket follow what happens to it.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    Basis, DeadlineKind, DeadlineState, DeadlineSubject,
    clock::Gear,
    open::{Calendars, of_ticket, planned_term, start_of, write},
    policy::{PolicyRules, Versions},
    row::Model,
};
use crate::{
    Result, Time, alert,
    catalogue::{Amount, Clock},
    db::Reader,
    id::TicketId,
    place::Zone,
    ticket::{self, ExecutorKind, Status, row::Model as Ticket},
    visit::{self, VisitStatus, WindowKind},
    worktime::ProductionDays,
    write::Tx,
};

/// Moves the clocks of a ticket after it, and its planned term after the clock that ends with the work: the hook that
/// stands where a ticket is saved. Costs nothing where no clock is concerned, else one look and a write a moved clock.
///
/// # Errors
/// The database cannot be written.
pub(crate) async fn follow(tx: &mut Tx, before: &Ticket, after: &mut Ticket) -> Result<()> {
    let same = before.status == after.status
        && before.damaged_at == after.damaged_at
        && before.localized_at == after.localized_at
        && before.informed_at == after.informed_at
        && before.completed_at == after.completed_at
        && before.executor_kind == after.executor_kind
        && before.executor_organization_id == after.executor_organization_id;
    if same {
        return Ok(());
    }
    let mut clocks = of_ticket(&tx.reader(), after.id).await?;
    let mut memo = Memo::default();
    for clock in &mut clocks {
        if clock.subject_kind != DeadlineSubject::Ticket {
            continue;
        }
        let mut next = clock.clone();
        memo.step(tx, &mut next, before, after).await?;
        if next != *clock {
            write(tx, clock, next.clone()).await?;
            *clock = next;
        }
    }
    if let Some(due) = planned_term(&clocks) {
        after.planned_term = due;
    }
    if before.executor_organization_id != after.executor_organization_id {
        let own = clocks.iter().filter(|clock| clock.subject_kind == DeadlineSubject::Ticket);
        let own = own.map(|clock| clock.id).collect();
        alert::follow(tx, after.id, after.executor_organization_id, &own).await?;
    }
    Ok(())
}

/// The promised windows of a ticket may have changed: a clock that ends with the last of them moves too, and the ticket's
/// planned term. The second hook, for what moves visits without moving the ticket; nothing has changed: nothing is
/// written.
///
/// # Errors
/// The database cannot be written.
pub(crate) async fn promised(tx: &mut Tx, ticket: TicketId) -> Result<()> {
    let clocks = of_ticket(&tx.reader(), ticket).await?;
    let mut memo = Memo::default();
    for clock in clocks.iter().filter(|clock| clock.state.is_open()) {
        if clock.subject_kind != DeadlineSubject::Ticket || clock.hours()? != Clock::Slot {
            continue;
        }
        let mut next = clock.clone();
        memo.promise(tx, &mut next).await?;
        if next == *clock {
            continue;
        }
        let due = next.due_at;
        write(tx, clock, next).await?;
        if due == clock.due_at {
            continue;
        }
        if let Some(row) = ticket::row::Entity::find_by_id(ticket).one(&tx.reader()).await? {
            let changed =
                Ticket { planned_term: due, version: row.version + 1, updated_at: tx.now(), ..row.clone() };
            tx.update(&row, &changed).await?;
        }
    }
    Ok(())
}

/// What is read while clocks follow, each once.
#[derive(Default)]
struct Memo {
    versions: Versions,
    calendars: Calendars,
    promise: Option<Option<Time>>,
}

impl Memo {
    async fn step(&mut self, tx: &Tx, clock: &mut Model, before: &Ticket, after: &Ticket) -> Result<()> {
        clock.executor_organization_id = after.executor_organization_id;
        let (at, now) = (tx.at(), tx.now());
        let fact = fact(clock, before, after, at);
        let counted = before.damaged_at != after.damaged_at
            && clock.kind == DeadlineKind::Resolve
            && clock.hours()? != Clock::Slot
            && clock.state != DeadlineState::Cancelled;
        let taken_up = taken_up(clock, before, after);
        let given_back = given_back(clock, before, after);
        let changed = before.status != after.status;
        let slot = changed && clock.hours()? == Clock::Slot;
        let open = clock.state.is_open();
        if !(counted || taken_up || given_back || open && (fact.is_some() || changed)) {
            return Ok(());
        }
        let reader = tx.reader();
        let days = self.calendars.of_clock(&reader, clock).await?;
        let rules = self.versions.of(&reader, clock.policy_id, clock.policy_version).await?;
        if counted {
            recount(&reader, clock, after, &days, rules, now).await?;
        }
        let gear = Gear::of(clock, &days, rules)?;
        if taken_up {
            gear.reopen(clock, at, now);
        }
        if given_back {
            gear.again(clock, at, now);
        }
        if !clock.state.is_open() {
            return Ok(());
        }
        if let Some(met_at) = fact {
            gear.meet(clock, met_at);
        } else if after.status == Status::Cancelled || after.status >= Status::Completed {
            gear.end(clock, at);
        } else if after.status == Status::OnHold && before.status != Status::OnHold {
            gear.pause(clock, at);
        } else if before.status == Status::OnHold && after.status != Status::OnHold {
            gear.resume(clock, at, now);
        }
        if slot && clock.state.is_open() {
            self.promise(tx, clock).await?;
        }
        Ok(())
    }

    /// The clock ends with the last window that is promised.
    async fn promise(&mut self, tx: &Tx, clock: &mut Model) -> Result<()> {
        let Some(ticket) = clock.ticket_id else { return Ok(()) };
        let reader = tx.reader();
        if self.promise.is_none() {
            self.promise = Some(promise_of(&reader, ticket).await?);
        }
        let days = ProductionDays::default();
        let rules = self.versions.of(&reader, clock.policy_id, clock.policy_version).await?;
        let gear = Gear::of(clock, &days, rules)?;
        gear.promise(clock, self.promise.flatten(), tx.at(), tx.now())
    }
}

/// The date of the damage was learned: a term that counts from there is counted anew, in the season of that date.
async fn recount(
    reader: &Reader<'_>,
    clock: &mut Model,
    ticket: &Ticket,
    days: &ProductionDays,
    rules: &PolicyRules,
    now: Time,
) -> Result<()> {
    let kind = ticket::Kind::of(reader, ticket).await?;
    let zone = Zone::stored(&clock.zone, format_args!("deadline {}", clock.id))?.tz();
    let by_contract = rules.contract.resolve.as_ref().filter(|_| clock.basis == Basis::Contract);
    let Some(term) = by_contract.or(kind.rules.resolve.as_ref()) else { return Ok(()) };
    let (from, amount) = start_of(term, ticket, zone);
    if !clock.edited {
        set_target(clock, amount);
    }
    let gear = Gear::of(clock, days, rules)?;
    gear.restart(clock, from)?;
    if clock.state.is_open() {
        gear.arm(clock, now);
    } else {
        gear.judge(clock);
    }
    Ok(())
}

/// The end of the last window that is promised to the resident of a ticket.
pub(crate) async fn promise_of(reader: &Reader<'_>, ticket: TicketId) -> Result<Option<Time>> {
    let open = [VisitStatus::Planned, VisitStatus::EnRoute, VisitStatus::Started];
    let visits = visit::row::Entity::find()
        .filter(visit::row::Column::TicketId.eq(ticket))
        .filter(visit::row::Column::WindowKind.eq(WindowKind::Promised))
        .filter(visit::row::Column::Status.is_in(open))
        .all(reader)
        .await?;
    Ok(visits.into_iter().filter_map(|visit| visit.window_end).max())
}

/// When what the clock awaits came, if it has.
fn fact(clock: &Model, before: &Ticket, after: &Ticket, at: Time) -> Option<Time> {
    let done = matches!(after.status, Status::Completed | Status::Closed);
    let completed_at = after.completed_at.filter(|_| done);
    match clock.kind {
        DeadlineKind::Resolve => completed_at,
        DeadlineKind::Localize => after.localized_at.or(completed_at),
        DeadlineKind::Inform => after.informed_at,
        // Booked, or solved without anybody being sent.
        DeadlineKind::Assign if matches!(after.status, Status::Planned | Status::InProgress) => Some(at),
        DeadlineKind::Assign => completed_at,
        DeadlineKind::CheckVisit if after.status == Status::InProgress && before.status != after.status => {
            Some(at)
        }
        DeadlineKind::CheckVisit => completed_at,
        _ => None,
    }
}

/// Whether what the clock awaits had come and was not accepted.
fn taken_up(clock: &Model, before: &Ticket, after: &Ticket) -> bool {
    let returned = before.status >= Status::Completed
        && before.status != Status::Cancelled
        && after.status < Status::Completed;
    let ended = matches!(clock.state, DeadlineState::Met | DeadlineState::Missed);
    let gone = match clock.kind {
        DeadlineKind::Resolve => true,
        DeadlineKind::Localize => after.localized_at.is_none(),
        _ => false,
    };
    returned && ended && gone && clock.met_at.is_some()
}

/// Whether nobody has the work any more that somebody had been given (R101): what was declined, not answered or taken
/// back is to be given to somebody anew, after a hold if it is on one. What own staff had is so only when it is nobody's.
fn given_back(clock: &Model, before: &Ticket, after: &Ticket) -> bool {
    let left = before.executor_organization_id.is_some() && after.executor_organization_id.is_none();
    let nobody = after.executor_kind == ExecutorKind::Nobody
        && (before.executor_kind != ExecutorKind::Nobody || before.status == Status::OnHold);
    let ended = matches!(clock.state, DeadlineState::Met | DeadlineState::Missed);
    clock.kind == DeadlineKind::Assign
        && after.status == Status::Registered
        && (left || nobody)
        && ended
        && clock.met_at.is_some()
}

/// Whether a ticket still awaits what a clock of this kind measures: such a clock may be opened later.
pub(crate) fn awaits(kind: DeadlineKind, ticket: &Ticket) -> bool {
    match kind {
        DeadlineKind::Resolve => true,
        DeadlineKind::Localize => ticket.localized_at.is_none(),
        DeadlineKind::Inform => ticket.informed_at.is_none(),
        DeadlineKind::Assign => matches!(ticket.status, Status::Registered),
        DeadlineKind::CheckVisit => matches!(ticket.status, Status::Registered | Status::Planned),
        _ => false,
    }
}

/// The length of an amount, for a row.
pub(crate) fn set_target(clock: &mut Model, amount: Amount) {
    clock.target_amount = amount.amount().into();
    clock.target_unit = amount.unit();
}
