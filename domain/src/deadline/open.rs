//! Which clocks a ticket has, and how a clock is opened and closed.

use std::collections::{BTreeMap, btree_map};

use chrono_tz::Tz;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::{
    Basis, DeadlineKind, DeadlineState, DeadlineSubject,
    clock::{Gear, needs_days},
    policy::{self, Policy, Versions},
    row::{Column, Entity, Model},
    take_back::take_back,
};
use crate::{
    Error, Result, Time,
    catalogue::{Amount, Clock, Rules, Term, Unit},
    db::Reader,
    id::{DeadlineId, OrganizationId, TicketId},
    ticket,
    worktime::{self, ProductionDays, WorkCalendar},
    write::Tx,
};

/// A clock that a ticket should have.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) kind: DeadlineKind,
    pub(crate) basis: Basis,
    pub(crate) from: Time,
    pub(crate) amount: Amount,
    pub(crate) clock: Clock,
}

/// Whether the terms of a ticket of this kind need the production calendar.
fn asks_days(rules: &Rules, policy: &Policy) -> bool {
    let contract = &policy.rules.contract;
    let units = |term: &Term| {
        let seasons = term.seasons.iter().any(|season| season.amount.unit() == Unit::WorkingDays);
        seasons || term.default.unit() == Unit::WorkingDays
    };
    needs_days(&rules.clock, Unit::Seconds)
        || contract.clock.as_ref().is_some_and(|clock| needs_days(clock, Unit::Seconds))
        || rules.resolve.as_ref().is_some_and(units)
        || contract.resolve.as_ref().is_some_and(units)
        || [rules.localize, rules.check_visit, contract.localize]
            .into_iter()
            .chain(
                [policy.rules.inform, policy.rules.assign].map(|target| target.map(|target| target.within)),
            )
            .flatten()
            .any(|amount| amount.unit() == Unit::WorkingDays)
}

/// From when a term of work counts, and how long it is: one in days from the damage (resolution 331, «в срок не более 3
/// суток с даты аварийного повреждения»), one in hours from the registration («с момента регистрации заявки»). The
/// season is that of the local date it counts from.
pub(crate) fn start_of(term: &Term, ticket: &ticket::row::Model, zone: Tz) -> (Time, Amount) {
    let on = |at: Time| term.on(at.with_timezone(&zone).date_naive());
    let damaged_at = ticket.damaged_at.unwrap_or(ticket.registered_at);
    match on(damaged_at) {
        amount if amount.unit() != Unit::Seconds => (damaged_at, amount),
        _ => (ticket.registered_at, on(ticket.registered_at)),
    }
}

/// The clocks that a ticket should have by its kind of work and the policy.
pub(crate) fn wanted(ticket: &ticket::row::Model, rules: &Rules, policy: &Policy, zone: Tz) -> Vec<Wanted> {
    let policy = &policy.rules;
    let registered_at = ticket.registered_at;
    let mut wanted = Vec::with_capacity(4);
    let mut add = |kind, basis, from, amount, clock: &Clock| {
        wanted.push(Wanted { kind, basis, from, amount, clock: clock.clone() });
    };
    if let Some(target) = policy.inform {
        add(DeadlineKind::Inform, target.basis, registered_at, target.within, &Clock::Always);
    }
    if let Some(target) = policy.assign.filter(|_| policy.assign_sources.contains(&ticket.source)) {
        add(DeadlineKind::Assign, target.basis, registered_at, target.within, &Clock::Always);
    }
    // Only the end of the work is told by a slot; what comes before it has a length of its own.
    let hours = if rules.clock == Clock::Slot { &Clock::Always } else { &rules.clock };
    if let (Some(count), Some(amount)) = (policy.localize, rules.localize) {
        add(DeadlineKind::Localize, count.basis, registered_at, amount, hours);
    }
    if let (Some(count), Some(amount)) = (policy.check_visit, rules.check_visit) {
        add(DeadlineKind::CheckVisit, count.basis, registered_at, amount, hours);
    }
    if let (Some(_), Clock::Slot) = (policy.resolve, &rules.clock) {
        if let Ok(nothing) = Amount::new(0, Unit::Seconds) {
            // What was promised is a matter of the contract.
            add(DeadlineKind::Resolve, Basis::Contract, registered_at, nothing, &Clock::Slot);
        }
    } else if let (Some(count), Some(term)) = (policy.resolve, &rules.resolve) {
        let (from, amount) = start_of(term, ticket, zone);
        add(DeadlineKind::Resolve, count.basis, from, amount, &rules.clock);
    }
    let contract = &policy.contract;
    let hours = contract.clock.as_ref().unwrap_or(hours);
    if let Some(amount) = contract.localize {
        add(DeadlineKind::Localize, Basis::Contract, registered_at, amount, hours);
    }
    if let Some(term) = contract.resolve.as_ref().filter(|_| rules.clock != Clock::Slot) {
        let (from, amount) = start_of(term, ticket, zone);
        add(DeadlineKind::Resolve, Basis::Contract, from, amount, hours);
    }
    wanted
}

/// When work that counts from its ticket's registration, or from the damage, is due: for a ticket without clocks.
pub(crate) fn term(
    ticket: &ticket::row::Model,
    rules: &Rules,
    zone: Tz,
    days: &ProductionDays,
) -> Option<Time> {
    if rules.clock == Clock::Slot {
        return None;
    }
    let (from, amount) = start_of(rules.resolve.as_ref()?, ticket, zone);
    WorkCalendar::new(&rules.clock, zone, days).due(from, amount)
}

/// What is known of a ticket's terms before its clocks are written.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) policy: Policy,
    pub(crate) days: ProductionDays,
}

impl Ground {
    /// The policy in force for the ticket's kind of work, and the production calendar if its terms need one.
    pub(crate) async fn of(
        reader: &Reader<'_>,
        ticket: &ticket::row::Model,
        rules: &Rules,
        calendars: &mut Calendars,
    ) -> Result<Self> {
        let organization = ticket.organization_id;
        let policy = policy::current(reader, organization, Some(ticket.request_type_id)).await?;
        let days = calendars.of(reader, organization, asks_days(rules, &policy)).await?;
        Ok(Self { policy, days })
    }

    /// A clock of a ticket, running since its start.
    pub(crate) fn open(
        &self,
        tx: &Tx,
        ticket: &ticket::row::Model,
        wanted: &Wanted,
        zone: Tz,
        promise: Option<Time>,
    ) -> Result<Model> {
        let clock = NewClock {
            subject: DeadlineSubject::Ticket,
            subject_id: ticket.id.0,
            organization: ticket.organization_id,
            executor: ticket.executor_organization_id,
            ticket: Some(ticket),
            kind: wanted.kind,
            basis: wanted.basis,
            started_from: wanted.from,
            target: wanted.amount,
            clock: &wanted.clock,
            zone,
        };
        clock.row(tx, &self.policy, &self.days, promise)
    }
}

/// The clocks of a ticket that is being registered; its planned term is set by the one that ends with the work. They are
/// inserted after it, in one statement.
pub(crate) async fn begin(
    tx: &Tx,
    ticket: &mut ticket::row::Model,
    rules: &Rules,
    zone: Tz,
) -> Result<Vec<Model>> {
    let ground = Ground::of(&tx.reader(), ticket, rules, &mut Calendars::default()).await?;
    ticket.planned_term = term(ticket, rules, zone, &ground.days);
    let mut clocks = Vec::new();
    for wanted in wanted(ticket, rules, &ground.policy, zone) {
        if wanted.kind == DeadlineKind::Inform && ticket.informed_at.is_some() {
            continue;
        }
        clocks.push(ground.open(tx, ticket, &wanted, zone, None)?);
    }
    if let Some(due) = planned_term(&clocks) {
        ticket.planned_term = due;
    }
    Ok(clocks)
}

/// The end of the work by the clocks of a ticket: by law where the law sets one, else by the contract. The outer `None`:
/// no clock tells.
#[expect(clippy::option_option, reason = "no clock, or a clock that has no end now")]
pub(crate) fn planned_term(clocks: &[Model]) -> Option<Option<Time>> {
    clocks
        .iter()
        .filter(|clock| clock.kind == DeadlineKind::Resolve && clock.subject_kind == DeadlineSubject::Ticket)
        .min_by_key(|clock| clock.basis)
        .filter(|clock| clock.state.is_open())
        .map(|clock| clock.due_at)
}

/// All clocks that stand on a ticket, oldest first.
pub(crate) async fn of_ticket(reader: &Reader<'_>, ticket: TicketId) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::TicketId.eq(ticket)).order_by_asc(Column::Id).all(reader).await?)
}

/// A clock to be opened. One that stands on a ticket is opened by whoever holds the ticket's lock.
#[derive(Clone, Debug)]
pub struct NewClock<'a> {
    /// What it stands on.
    pub subject: DeadlineSubject,
    /// Which one.
    pub subject_id: Uuid,
    /// Who is answerable.
    pub organization: OrganizationId,
    /// Who executes, if it is somebody else.
    pub executor: Option<OrganizationId>,
    /// The ticket it is about; its journal tells of the clock.
    pub ticket: Option<&'a ticket::row::Model>,
    /// What is awaited.
    pub kind: DeadlineKind,
    /// By what right.
    pub basis: Basis,
    /// From when it counts.
    pub started_from: Time,
    /// Its length.
    pub target: Amount,
    /// The hours it counts.
    pub clock: &'a Clock,
    /// Where they are local.
    pub zone: Tz,
}

impl NewClock<'_> {
    fn row(&self, tx: &Tx, policy: &Policy, days: &ProductionDays, promise: Option<Time>) -> Result<Model> {
        let mut row = Model {
            id: DeadlineId::new(tx.clock()),
            organization_id: self.organization,
            executor_organization_id: self.executor,
            subject_kind: self.subject,
            subject_id: self.subject_id,
            ticket_id: self.ticket.map(|ticket| ticket.id),
            building_id: self.ticket.map(|ticket| ticket.building_id),
            request_type_id: self.ticket.map(|ticket| ticket.request_type_id),
            kind: self.kind,
            basis: self.basis,
            policy_id: policy.id,
            policy_version: policy.number,
            calendar_version: days.version,
            clock: serde_json::to_value(self.clock).map_err(Error::internal)?,
            zone: self.zone.name().to_owned(),
            started_from: self.started_from,
            target_amount: self.target.amount().into(),
            target_unit: self.target.unit(),
            pauses: pauses(self.basis, self.clock, policy),
            edited: false,
            edit_reason: None,
            total_s: None,
            consumed_s: 0,
            running_since: Some(self.started_from),
            due_at: None,
            broken_at: None,
            late_from: None,
            grace_s: policy.rules.grace_s(self.target, self.clock),
            next_fire_at: None,
            told: 0,
            fired: 0,
            repeats: 0,
            state: DeadlineState::Running,
            met_at: None,
            late_s: None,
            alert_acked: false,
            version: 1,
        };
        let gear = Gear::of(&row, days, &policy.rules)?;
        gear.count(&mut row, promise)?;
        gear.arm(&mut row, tx.now());
        row.late_from = row.ends_late_from();
        Ok(row)
    }
}

/// Whether a clock stands still while its ticket is on hold. A promised window is a moment: it does not move by itself.
pub(crate) fn pauses(basis: Basis, clock: &Clock, policy: &Policy) -> bool {
    basis == Basis::Contract && policy.rules.contract_pauses && *clock != Clock::Slot
}

/// Opens a clock under the policy in force.
///
/// # Errors
/// `already_exists` when the subject has one of this kind and basis.
pub async fn open(tx: &mut Tx, clock: NewClock<'_>) -> Result<Model> {
    let kind = clock.ticket.map(|ticket| ticket.request_type_id);
    let policy = policy::current(&tx.reader(), clock.organization, kind).await?;
    let needed = needs_days(clock.clock, clock.target.unit());
    let days = Calendars::default().of(&tx.reader(), clock.organization, needed).await?;
    let row = clock.row(tx, &policy, &days, None)?;
    tx.insert(&row).await?;
    Ok(row)
}

/// How a clock ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// What was awaited came.
    Met,
    /// It is awaited no more; missed, if it was late by then.
    Over,
    /// The term passed and nothing came: missed, to the moment.
    Missed,
}

/// Ends the clocks of a subject that are of this kind and still open. The caller holds the ticket's lock, if they stand
/// on one.
///
/// # Errors
/// The database cannot be written.
pub async fn close(
    tx: &mut Tx,
    subject: DeadlineSubject,
    subject_id: Uuid,
    kind: DeadlineKind,
    at: Time,
    ending: Ending,
) -> Result<()> {
    let rows = Entity::find()
        .filter(Column::SubjectKind.eq(subject))
        .filter(Column::SubjectId.eq(subject_id))
        .filter(Column::Kind.eq(kind))
        .all(&tx.reader())
        .await?;
    let (mut versions, mut calendars) = (Versions::default(), Calendars::default());
    for row in rows.into_iter().filter(|row| row.state.is_open()) {
        if row.ticket_id.is_none() {
            tx.lock_deadlines([row.id]).await?;
        }
        let days = calendars.of_clock(&tx.reader(), &row).await?;
        let rules = versions.of(&tx.reader(), row.policy_id, row.policy_version).await?;
        let gear = Gear::of(&row, &days, rules)?;
        let mut after = row.clone();
        match ending {
            Ending::Met => gear.meet(&mut after, at),
            Ending::Over => gear.end(&mut after, at),
            Ending::Missed => gear.miss(&mut after, at),
        }
        write(tx, &row, after).await?;
    }
    Ok(())
}

/// The production calendars of an act, each read once.
#[derive(Debug, Default)]
pub(crate) struct Calendars(BTreeMap<OrganizationId, ProductionDays>);

impl Calendars {
    /// The production calendar of an organization, where it is needed.
    pub(crate) async fn of(
        &mut self,
        reader: &Reader<'_>,
        organization: OrganizationId,
        needed: bool,
    ) -> Result<ProductionDays> {
        if !needed {
            return Ok(ProductionDays::default());
        }
        Ok(match self.0.entry(organization) {
            btree_map::Entry::Occupied(known) => known.get().clone(),
            btree_map::Entry::Vacant(place) => {
                place.insert(worktime::production_days(reader, organization).await?).clone()
            }
        })
    }

    /// The production calendar, where the clock needs one.
    pub(crate) async fn of_clock(&mut self, reader: &Reader<'_>, row: &Model) -> Result<ProductionDays> {
        let needed = needs_days(&row.hours()?, row.target_unit);
        self.of(reader, row.organization_id, needed).await
    }
}

/// Writes a clock that has moved, and takes back or ends the alerts of it that no longer stand.
pub(crate) async fn write(tx: &mut Tx, before: &Model, mut after: Model) -> Result<()> {
    if *before == after {
        return Ok(());
    }
    after.version = before.version + 1;
    after.late_from = after.ends_late_from();
    take_back(tx, before, &after).await?;
    tx.update(before, &after).await
}
