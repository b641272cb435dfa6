//! Booking, freeing and truncating entries. Every function expects the calendars to be locked by the caller.

use std::collections::BTreeMap;

use chrono::{SubsecRound, TimeDelta};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, Value};

use super::entry::{self, EntryKind};
use crate::{
    Code, Error, Result, Time,
    db::placeholders,
    id::{EntryId, TechnicianId, VisitId},
    people::organization,
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

/// What is in the way of a booking.
#[derive(Clone, Debug, FromQueryResult, serde::Serialize)]
struct Conflict {
    technician_id: TechnicianId,
    busy_start: Time,
    busy_end: Time,
}

/// Books a crew for a visit, with the way before it as the organization has set it. Holds that have run out make way.
///
/// # Errors
/// `slot_taken` with who is busy when, and the nearest time at which the whole crew is free.
pub(crate) async fn book(tx: &mut Tx, visit: &Visit, span: Span) -> Result<()> {
    let settings = organization::settings_of(&tx.reader(), visit.row.staff_organization_id).await?;
    let way = TimeDelta::minutes(settings.travel_buffer_minutes.into());
    let busy = Span { start: span.start - way, end: span.end };
    let crew: Vec<TechnicianId> = visit.crew.iter().map(|member| member.technician_id).collect();
    let ahead = ahead(tx, &crew, busy.start).await?;
    let conflicts: Vec<&Conflict> =
        ahead.iter().filter(|c| c.busy_start < busy.end && busy.start < c.busy_end).collect();
    if !conflicts.is_empty() {
        let nearest = nearest_free(&ahead, busy) + way;
        return Err(Error::new(Code::SlotTaken, Code::SlotTaken.title()).with("busy", conflicts).with(
            "nearest",
            serde_json::json!({ "start": nearest, "end": nearest + (span.end - span.start) }),
        ));
    }
    release_expired_holds(tx, &crew, busy).await?;
    let entries: Vec<entry::Model> = crew
        .iter()
        .map(|technician| entry::Model {
            id: EntryId::new(tx.clock()),
            organization_id: visit.row.staff_organization_id,
            technician_id: *technician,
            visit_id: Some(visit.row.id),
            ticket_id: Some(visit.row.ticket_id),
            absence_id: None,
            kind: EntryKind::Booking,
            busy_start: busy.start,
            busy_end: busy.end,
            planned_start: span.start,
            planned_end: span.end,
            active: true,
            hold_token: None,
            hold_until: None,
            version: 1,
        })
        .collect();
    tx.insert_all(&entries).await
}

/// Active entries of the crew that end after `from`, without holds that have run out.
async fn ahead(tx: &Tx, crew: &[TechnicianId], from: Time) -> Result<Vec<Conflict>> {
    let mut values: Vec<Value> = vec![from.into(), tx.now().into()];
    let list = placeholders(crew.iter().map(|id| id.0), &mut values);
    let sql = format!(
        "SELECT technician_id, busy_start, busy_end FROM calendar_entry
         WHERE technician_id IN ({list}) AND active AND busy_end > $1
           AND NOT (kind = 'hold' AND hold_until <= $2)
         ORDER BY busy_start LIMIT 2000"
    );
    tx.reader().all(&sql, values).await
}

/// The first start, not before the wished one, at which nobody of the crew is busy for as long.
fn nearest_free(ahead: &[Conflict], wished: Span) -> Time {
    let length = wished.end - wished.start;
    let mut start = wished.start;
    for conflict in ahead {
        if conflict.busy_start >= start + length {
            break;
        }
        start = start.max(conflict.busy_end);
    }
    start
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
