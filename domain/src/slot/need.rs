//! What a ticket needs of a slot: how long, whose trade, where, until when.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use chrono_tz::Tz;
use sea_orm::{ActiveEnum, FromQueryResult, Value};

use crate::{
    Error, Result, Time,
    calendar::Span,
    catalogue::Category,
    db::{Reader, placeholders},
    id::{BuildingId, OrganizationId, TicketId},
    place::Position,
};

/// Where a visit takes place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) building: BuildingId,
    pub(crate) position: Option<Position>,
}

/// What a ticket needs.
#[derive(Clone, Debug)]
pub(crate) struct Need {
    pub(crate) ticket: TicketId,
    pub(crate) number: String,
    /// Who owns the ticket.
    pub(crate) owner: OrganizationId,
    /// Whose technicians are booked.
    pub(crate) staff: OrganizationId,
    pub(crate) category: Category,
    pub(crate) emergency: bool,
    pub(crate) place: Place,
    pub(crate) address: String,
    pub(crate) zone: Tz,
    pub(crate) term: Option<Time>,
    pub(crate) wished: Option<Span>,
    pub(crate) duration: TimeDelta,
}

#[derive(FromQueryResult)]
struct Row {
    id: TicketId,
    number: String,
    organization_id: OrganizationId,
    executor_organization_id: Option<OrganizationId>,
    emergency: bool,
    planned_term: Option<Time>,
    wished_start: Option<Time>,
    wished_end: Option<Time>,
    building_id: BuildingId,
    address: String,
    zone: String,
    latitude_e7: Option<i64>,
    longitude_e7: Option<i64>,
    category: String,
    duration_s: i64,
}

impl Need {
    fn of(row: Row) -> Result<Self> {
        let unreadable = |column: &str| Error::internal(format!("ticket {}, column {column}", row.id));
        Ok(Self {
            ticket: row.id,
            owner: row.organization_id,
            staff: row.executor_organization_id.unwrap_or(row.organization_id),
            category: Category::try_from_value(&row.category).map_err(|_| unreadable("category"))?,
            emergency: row.emergency,
            place: Place {
                building: row.building_id,
                position: Position::from_e7(row.latitude_e7, row.longitude_e7),
            },
            zone: row.zone.parse().map_err(|_| unreadable("zone"))?,
            term: row.planned_term,
            wished: row.wished_start.zip(row.wished_end).map(|(start, end)| Span { start, end }),
            duration: TimeDelta::seconds(row.duration_s.max(60)),
            number: row.number,
            address: row.address,
        })
    }

    /// Whether a technician's list of buildings says something about this one: a contractor's names his own.
    pub(crate) fn judges_area(&self) -> bool {
        self.staff == self.owner
    }
}

/// What the tickets need. The caller has seen them through its scope.
pub(crate) async fn needs(reader: &Reader<'_>, tickets: &[TicketId]) -> Result<BTreeMap<TicketId, Need>> {
    if tickets.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut values: Vec<Value> = Vec::new();
    let list = placeholders(tickets.iter().map(|id| id.0), &mut values);
    let sql = format!(
        "SELECT t.id, t.number, t.organization_id, t.executor_organization_id, t.emergency, t.planned_term,
                t.wished_start, t.wished_end, t.building_id, b.address, b.zone, b.latitude_e7, b.longitude_e7,
                v.category, v.duration_s
         FROM ticket t JOIN building b ON b.id = t.building_id
         JOIN request_type_version v
           ON v.request_type_id = t.request_type_id AND v.number = t.request_type_version
         WHERE t.id IN ({list})"
    );
    let rows = reader.all::<Row>(&sql, values).await?;
    rows.into_iter().map(|row| Need::of(row).map(|need| (need.ticket, need))).collect()
}

/// What one ticket needs.
pub(crate) async fn need(reader: &Reader<'_>, ticket: TicketId) -> Result<Need> {
    needs(reader, &[ticket]).await?.remove(&ticket).ok_or_else(|| Error::not_found("ticket"))
}
