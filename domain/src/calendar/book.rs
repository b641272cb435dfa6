//! Booking, freeing and truncating entries. Every function expects the calendars to be locked by the caller.

use std::collections::BTreeMap;

use chrono::{SubsecRound, TimeDelta};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::entry::{self, EntryKind};
use crate::{
    Error, Result, Time,
    id::{EntryId, OrganizationId, TechnicianId, VisitId},
    visit::Visit,
    write::Tx,
};

/// A span of time, whole seconds, end excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First instant.
    pub start: Time,
    /// First instant after.
    pub end: Time,
}

impl Span {
    /// A span within a day's work: whole seconds, start before end, at most a day long, not beyond what a calendar
    /// holds.
    ///
    /// # Errors
    /// `invalid_field` naming `start` or `end`, after `prefix`.
    pub fn parse(prefix: &str, start: Time, end: Time) -> Result<Self> {
        let field = |name: &str, message: &str| Err(Error::field(format!("{prefix}{name}"), message));
        let (start, end) = (start.trunc_subsecs(0), end.trunc_subsecs(0));
        if !is_plausible(start) {
            return field("start", "is not a plausible date");
        }
        if !is_plausible(end) {
            return field("end", "is not a plausible date");
        }
        if start >= end {
            return field("end", "must be after start");
        }
        if end - start > TimeDelta::days(1) {
            return field("end", "must be within a day of start");
        }
        Ok(Self { start, end })
    }
}

/// Whether an instant can be one of this service's: from 2000 to 2100.
pub fn is_plausible(at: Time) -> bool {
    const Y2000: i64 = 946_684_800;
    const Y2100: i64 = 4_102_444_800;
    (Y2000..Y2100).contains(&at.timestamp())
}

/// Books a crew for a visit, with the way before it. That the time is free has been judged under the lock; the database
/// judges once more. Holds that have run out make way.
///
/// # Errors
/// `slot_taken` when somebody is busy all the same.
pub(crate) async fn enter(tx: &mut Tx, visit: &Visit, span: Span, way: TimeDelta) -> Result<()> {
    let crew: Vec<TechnicianId> = visit.crew.iter().map(|member| member.technician_id).collect();
    let busy = Span { start: span.start - way, end: span.end };
    release_expired_holds(tx, &crew, busy).await?;
    let entries: Vec<entry::Model> = crew
        .iter()
        .map(|technician| entry::Model {
            visit_id: Some(visit.row.id),
            ticket_id: Some(visit.row.ticket_id),
            ..fresh(tx, visit.row.staff_organization_id, *technician, EntryKind::Booking, busy, span)
        })
        .collect();
    tx.insert_all(&entries).await
}

/// Keeps the time of a crew for a dispatcher on the phone.
///
/// # Errors
/// `slot_taken` when somebody is busy.
pub(crate) async fn keep(
    tx: &mut Tx,
    organization: OrganizationId,
    crew: &[TechnicianId],
    span: Span,
    way: TimeDelta,
    (token, until): (Uuid, Time),
) -> Result<()> {
    let busy = Span { start: span.start - way, end: span.end };
    release_expired_holds(tx, crew, busy).await?;
    let entries: Vec<entry::Model> = crew
        .iter()
        .map(|technician| entry::Model {
            hold_token: Some(token),
            hold_until: Some(until),
            ..fresh(tx, organization, *technician, EntryKind::Hold, busy, span)
        })
        .collect();
    tx.insert_all(&entries).await
}

fn fresh(
    tx: &Tx,
    organization: OrganizationId,
    technician: TechnicianId,
    kind: EntryKind,
    busy: Span,
    planned: Span,
) -> entry::Model {
    entry::Model {
        id: EntryId::new(tx.clock()),
        organization_id: organization,
        technician_id: technician,
        visit_id: None,
        ticket_id: None,
        absence_id: None,
        kind,
        busy_start: busy.start,
        busy_end: busy.end,
        planned_start: planned.start,
        planned_end: planned.end,
        active: true,
        hold_token: None,
        hold_until: None,
        version: 1,
    }
}

async fn active_of_hold(tx: &Tx, token: Uuid) -> Result<Vec<entry::Model>> {
    Ok(entry::Entity::find()
        .filter(entry::Column::HoldToken.eq(token))
        .filter(entry::Column::Active.eq(true))
        .all(&tx.reader())
        .await?)
}

/// Gives kept time back; says of how many technicians it was still kept.
pub(crate) async fn let_go(tx: &mut Tx, token: Uuid) -> Result<usize> {
    let entries = active_of_hold(tx, token).await?;
    let count = entries.len();
    deactivate(tx, entries).await?;
    Ok(count)
}

/// Keeps kept time for longer; says of how many technicians it was still kept.
pub(crate) async fn prolong(tx: &mut Tx, token: Uuid, until: Time) -> Result<usize> {
    let entries = active_of_hold(tx, token).await?;
    for before in &entries {
        let after = entry::Model { hold_until: Some(until), version: before.version + 1, ..before.clone() };
        tx.update(before, &after).await?;
    }
    Ok(entries.len())
}

/// A predicate cannot say now(): holds that have run out are deactivated here, under the lock.
async fn release_expired_holds(tx: &mut Tx, crew: &[TechnicianId], busy: Span) -> Result<()> {
    let expired = entry::Entity::find()
        .filter(entry::Column::TechnicianId.is_in(crew.iter().copied()))
        .filter(entry::Column::Active.eq(true))
        .filter(entry::Column::Kind.eq(EntryKind::Hold))
        .filter(entry::Column::HoldUntil.lte(tx.now()))
        .filter(entry::Column::BusyEnd.gt(busy.start))
        .filter(entry::Column::BusyStart.lt(busy.end))
        .all(&tx.reader())
        .await?;
    deactivate(tx, expired).await
}

async fn deactivate(tx: &mut Tx, entries: Vec<entry::Model>) -> Result<()> {
    for before in entries {
        let after = entry::Model { active: false, version: before.version + 1, ..before.clone() };
        tx.update(&before, &after).await?;
    }
    Ok(())
}

async fn active_of(tx: &Tx, visit: VisitId) -> Result<Vec<entry::Model>> {
    Ok(entry::Entity::find()
        .filter(entry::Column::VisitId.eq(visit))
        .filter(entry::Column::Active.eq(true))
        .all(&tx.reader())
        .await?)
}

/// Frees the time of a visit that will not take place.
pub(crate) async fn free(tx: &mut Tx, visit: VisitId) -> Result<()> {
    let entries = active_of(tx, visit).await?;
    deactivate(tx, entries).await
}

/// Ends the busy time of a visit that ended at `at`: an early end gives the rest back, an overrun never extends it.
pub(crate) async fn truncate(tx: &mut Tx, visit: VisitId, at: Time) -> Result<()> {
    // Whole seconds, rounded up: the technician is busy until the last of them has passed.
    let end = (at + TimeDelta::microseconds(999_999)).trunc_subsecs(0);
    for before in active_of(tx, visit).await? {
        if end >= before.busy_end {
            continue;
        }
        let mut after = entry::Model { version: before.version + 1, ..before.clone() };
        if end > before.busy_start {
            after.busy_end = end;
        } else {
            after.active = false;
        }
        tx.update(&before, &after).await?;
    }
    Ok(())
}

/// Busy spans of a technician between two instants, for the calendar's page.
///
/// # Errors
/// The database cannot be read.
pub async fn between(
    reader: &crate::db::Reader<'_>,
    technicians: &[TechnicianId],
    from: Time,
    to: Time,
) -> Result<BTreeMap<TechnicianId, Vec<entry::Model>>> {
    use sea_orm::QueryOrder;
    let rows = entry::Entity::find()
        .filter(entry::Column::TechnicianId.is_in(technicians.iter().copied()))
        .filter(entry::Column::Active.eq(true))
        .filter(entry::Column::BusyEnd.gt(from))
        .filter(entry::Column::BusyStart.lt(to))
        .order_by_asc(entry::Column::BusyStart)
        .all(reader)
        .await?;
    let mut found: BTreeMap<TechnicianId, Vec<entry::Model>> = BTreeMap::new();
    for row in rows {
        found.entry(row.technician_id).or_default().push(row);
    }
    Ok(found)
}
