//! The calendar of the technician.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use naryad_domain::{
    Result, Scope,
    calendar::entry::{Column, Entity, EntryKind},
    db::Reader,
    feed::EntityKind,
    id::{EntryId, TechnicianId, TicketId, VisitId},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{PhoneDocument, under_ids};

/// How far back the calendar reaches when it changes, in days.
const PAST_DAYS: i64 = 2;

/// What a technician is booked for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PhoneCalendar {
    /// The technician.
    pub technician_id: TechnicianId,
    /// Bookings, absences and breaks, in the order of time; those that had ended two days before the last change are
    /// left out.
    pub entries: Vec<PhoneCalendarEntry>,
}

/// An entry.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PhoneCalendarEntry {
    /// Which one.
    pub id: EntryId,
    /// What it is.
    #[schema(value_type = String, example = "booking")]
    pub kind: EntryKind,
    /// From when he is busy, the way included.
    pub busy_start: DateTime<Utc>,
    /// Until when.
    pub busy_end: DateTime<Utc>,
    /// When the work is to begin.
    pub planned_start: DateTime<Utc>,
    /// When it is to end.
    pub planned_end: DateTime<Utc>,
    /// The ticket of a booking.
    pub ticket_id: Option<TicketId>,
    /// The visit of a booking.
    pub visit_id: Option<VisitId>,
}

#[derive(FromQueryResult)]
struct Put {
    changed_at: DateTime<Utc>,
}

/// Two statements. What a dispatcher keeps while he is on the phone is not the technician's yet, and is left out. The
/// past is cut by the moment at which the calendar was put into the feed, not by the clock: the same version reads the
/// same tomorrow.
pub(super) async fn load(
    reader: &Reader<'_>,
    scope: &Scope,
    feed: Uuid,
    ids: &[Uuid],
) -> Result<BTreeMap<Uuid, PhoneDocument>> {
    let Some(technician) = scope.technician().filter(|technician| ids.contains(&technician.0)) else {
        return Ok(BTreeMap::new());
    };
    let sql = "SELECT changed_at FROM sync_change WHERE feed_id = $1 AND entity = $2 AND entity_id = $3";
    let values = [feed.into(), EntityKind::MyCalendar.name().into(), technician.0.into()];
    let Some(put) = reader.one::<Put>(sql, values).await? else { return Ok(BTreeMap::new()) };
    let entries = Entity::find()
        .filter(Column::TechnicianId.eq(technician))
        .filter(Column::Active.eq(true))
        .filter(Column::Kind.ne(EntryKind::Hold))
        .filter(Column::BusyEnd.gt(put.changed_at - TimeDelta::days(PAST_DAYS)))
        .order_by_asc(Column::BusyStart)
        .order_by_asc(Column::Id)
        .all(reader)
        .await?;
    let entries = entries
        .into_iter()
        .map(|entry| PhoneCalendarEntry {
            id: entry.id,
            kind: entry.kind,
            busy_start: entry.busy_start,
            busy_end: entry.busy_end,
            planned_start: entry.planned_start,
            planned_end: entry.planned_end,
            ticket_id: entry.ticket_id,
            visit_id: entry.visit_id,
        })
        .collect();
    Ok(under_ids([(technician.0, PhoneCalendar { technician_id: technician, entries })]))
}
