//! The board: who of the staff has which time, read with a fixed number of statements whatever their number, and changed
//! in memory while a proposal is being made.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use sea_orm::{ActiveEnum, FromQueryResult, Value};

use super::need::{Need, Place};
use crate::{
    Error, Result, Time,
    calendar::{
        Span,
        entry::EntryKind,
        spans::{merge, subtract},
    },
    catalogue::Category,
    db::{Reader, placeholders},
    id::{BuildingId, OrganizationId, TechnicianId, VisitId},
    people::Settings,
    place::Position,
    shift::{Roster, rosters},
};

/// What is in a technician's calendar.
#[derive(Clone, Debug)]
pub(crate) struct Busy {
    pub(crate) kind: EntryKind,
    pub(crate) visit: Option<VisitId>,
    /// With the way before it.
    pub(crate) busy: Span,
    pub(crate) planned: Span,
    pub(crate) place: Option<Place>,
}

/// A technician with his time.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) name: String,
    trades: Vec<Category>,
    serves_all: bool,
    serves: BTreeSet<BuildingId>,
    /// A schedule is kept for him.
    pub(crate) kept: bool,
    /// When anything may be booked.
    pub(crate) routine: Vec<Span>,
    /// When an emergency may be booked: the reserve and the time on call belong to it.
    pub(crate) emergency: Vec<Span>,
    pub(crate) reserve: Vec<Span>,
    /// Sorted; active entries never overlap.
    pub(crate) busy: Vec<Busy>,
}

impl Person {
    /// Whether he has the trade; who has named none can do everything.
    pub(crate) fn can(&self, need: &Need) -> bool {
        self.trades.is_empty() || self.trades.contains(&need.category)
    }

    /// Whether he serves the building.
    pub(crate) fn comes_to(&self, need: &Need) -> bool {
        self.serves_all || !need.judges_area() || self.serves.contains(&need.place.building)
    }

    /// When such work may be booked.
    pub(crate) fn open(&self, emergency: bool) -> &[Span] {
        if emergency { &self.emergency } else { &self.routine }
    }

    /// The entries that overlap a span.
    pub(crate) fn met(&self, span: Span) -> impl Iterator<Item = &Busy> {
        let first = self.busy.partition_point(|entry| entry.busy.end <= span.start);
        self.busy[first..].iter().take_while(move |entry| entry.busy.start < span.end)
    }
}

/// Whose time is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pick<'a> {
    /// These, whoever they are.
    These(&'a [TechnicianId]),
    /// Those who have the trade and serve the building.
    Eligible(&'a Need),
    /// All who work here.
    Everybody,
}

/// The staff of an organization and their time within a range.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    pub(crate) now: Time,
    pub(crate) settings: Settings,
    pub(crate) people: BTreeMap<TechnicianId, Person>,
}

#[derive(FromQueryResult)]
struct PersonRow {
    id: TechnicianId,
    full_name: String,
    trades: serde_json::Value,
    serves_all_buildings: bool,
}

#[derive(FromQueryResult)]
struct ServedRow {
    technician_id: TechnicianId,
    building_id: BuildingId,
}

#[derive(FromQueryResult)]
struct EntryRow {
    technician_id: TechnicianId,
    kind: String,
    visit_id: Option<VisitId>,
    busy_start: Time,
    busy_end: Time,
    planned_start: Time,
    planned_end: Time,
    building_id: Option<BuildingId>,
    latitude_e7: Option<i64>,
    longitude_e7: Option<i64>,
}

impl Board {
    /// Reads the staff, their rosters and what stands in their calendars within `range`. Holds that have run out are
    /// not there.
    pub(crate) async fn read(
        reader: &Reader<'_>,
        now: Time,
        staff: OrganizationId,
        settings: Settings,
        pick: Pick<'_>,
        range: Span,
    ) -> Result<Self> {
        let rows = people(reader, staff, pick).await?;
        let ids: Vec<TechnicianId> = rows.iter().map(|row| row.id).collect();
        let mut served = match pick {
            // The statement has looked already.
            Pick::Eligible(_) => BTreeMap::new(),
            _ => served(reader, &rows).await?,
        };
        let mut rosters = rosters(reader, &ids, range).await?;
        let mut entries = entries(reader, now, &ids, range).await?;
        let mut board = Self { now, settings, people: BTreeMap::new() };
        for row in rows {
            let roster = rosters.remove(&row.id).unwrap_or_default();
            let mut person = person(&row, roster)?;
            person.serves = served.remove(&row.id).unwrap_or_default();
            if let Pick::Eligible(need) = pick {
                person.serves.insert(need.place.building);
            }
            person.busy = entries.remove(&row.id).unwrap_or_default();
            board.people.insert(row.id, person);
        }
        Ok(board)
    }

    /// What is kept free before a visit for the way.
    pub(crate) fn way(&self) -> TimeDelta {
        TimeDelta::minutes(self.settings.travel_buffer_minutes.into())
    }

    /// How far ahead may be booked.
    pub(crate) fn horizon(&self) -> Time {
        self.now + TimeDelta::days(self.settings.slot_horizon_days.into())
    }

    /// The work with the way before it.
    pub(crate) fn with_way(&self, span: Span) -> Span {
        Span { start: span.start - self.way(), end: span.end }
    }

    /// Forgets the entries that a predicate names: time that is about to be free.
    pub(crate) fn forget(&mut self, gone: impl Fn(&Busy) -> bool) {
        for person in self.people.values_mut() {
            person.busy.retain(|entry| !gone(entry));
        }
    }

    /// Notes a booking that is about to be made.
    pub(crate) fn note(&mut self, crew: &[TechnicianId], span: Span, place: Place, visit: Option<VisitId>) {
        let busy = self.with_way(span);
        for technician in crew {
            let Some(person) = self.people.get_mut(technician) else { continue };
            let at = person.busy.partition_point(|entry| entry.busy.start < busy.start);
            let entry = Busy { kind: EntryKind::Booking, visit, busy, planned: span, place: Some(place) };
            person.busy.insert(at, entry);
        }
    }

    /// Notes that a visit under way lasts longer, where nothing stands in the calendars yet: entries never overlap.
    pub(crate) fn prolong(&mut self, crew: &[TechnicianId], longer: Span, place: Place, visit: VisitId) {
        for technician in crew {
            let Some(person) = self.people.get_mut(technician) else { continue };
            let busy: Vec<Span> = person.busy.iter().map(|entry| entry.busy).collect();
            for free in subtract(&[longer], &busy) {
                let at = person.busy.partition_point(|entry| entry.busy.start < free.start);
                let kind = EntryKind::Booking;
                let entry = Busy { kind, visit: Some(visit), busy: free, planned: free, place: Some(place) };
                person.busy.insert(at, entry);
            }
        }
    }

    /// Names of a crew.
    pub(crate) fn names(&self, crew: &[TechnicianId]) -> Vec<String> {
        crew.iter().filter_map(|id| self.people.get(id)).map(|person| person.name.clone()).collect()
    }
}

fn person(row: &PersonRow, roster: Roster) -> Result<Person> {
    let trades = serde_json::from_value(row.trades.clone())
        .map_err(|fault| Error::internal(format!("technician {}, column trades: {fault}", row.id)))?;
    let reserve = merge(roster.reserve);
    let open = merge(roster.open);
    Ok(Person {
        name: row.full_name.clone(),
        trades,
        serves_all: row.serves_all_buildings,
        serves: BTreeSet::new(),
        kept: roster.kept,
        routine: subtract(&open, &reserve),
        emergency: merge(open.into_iter().chain(roster.on_call).collect()),
        reserve,
        busy: Vec::new(),
    })
}

async fn people(reader: &Reader<'_>, staff: OrganizationId, pick: Pick<'_>) -> Result<Vec<PersonRow>> {
    let mut values: Vec<Value> = vec![staff.0.into()];
    let mut wanted = String::new();
    match pick {
        Pick::These(technicians) => {
            let list = placeholders(technicians.iter().map(|id| id.0), &mut values);
            wanted = format!("AND t.id IN ({list})");
        }
        Pick::Everybody => wanted.push_str("AND u.active"),
        Pick::Eligible(need) => {
            // The names of the trades stand in quotes and hold none.
            values.push(format!("%\"{}\"%", need.category.to_value()).into());
            wanted.push_str(
                "AND u.active AND (CAST(t.trades AS TEXT) = '[]' OR CAST(t.trades AS TEXT) LIKE $2)",
            );
            if need.judges_area() {
                values.push(need.place.building.0.into());
                wanted.push_str(
                    " AND (t.serves_all_buildings OR EXISTS (SELECT 1 FROM technician_building s
                          WHERE s.technician_id = t.id AND s.building_id = $3))",
                );
            }
        }
    }
    let sql = format!(
        "SELECT t.id, u.full_name, t.trades, t.serves_all_buildings
         FROM technician t JOIN app_user u ON u.id = t.id WHERE t.organization_id = $1 {wanted}"
    );
    reader.all(&sql, values).await
}

async fn served(
    reader: &Reader<'_>,
    rows: &[PersonRow],
) -> Result<BTreeMap<TechnicianId, BTreeSet<BuildingId>>> {
    let some: Vec<TechnicianId> =
        rows.iter().filter(|row| !row.serves_all_buildings).map(|row| row.id).collect();
    let mut found: BTreeMap<TechnicianId, BTreeSet<BuildingId>> = BTreeMap::new();
    if some.is_empty() {
        return Ok(found);
    }
    let mut values: Vec<Value> = Vec::new();
    let list = placeholders(some.iter().map(|id| id.0), &mut values);
    let sql =
        format!("SELECT technician_id, building_id FROM technician_building WHERE technician_id IN ({list})");
    for row in reader.all::<ServedRow>(&sql, values).await? {
        found.entry(row.technician_id).or_default().insert(row.building_id);
    }
    Ok(found)
}

async fn entries(
    reader: &Reader<'_>,
    now: Time,
    technicians: &[TechnicianId],
    range: Span,
) -> Result<BTreeMap<TechnicianId, Vec<Busy>>> {
    let mut found: BTreeMap<TechnicianId, Vec<Busy>> = BTreeMap::new();
    if technicians.is_empty() {
        return Ok(found);
    }
    let mut values: Vec<Value> = vec![range.start.into(), range.end.into(), now.into()];
    let list = placeholders(technicians.iter().map(|id| id.0), &mut values);
    let sql = format!(
        "SELECT e.technician_id, e.kind, e.visit_id, e.busy_start, e.busy_end, e.planned_start,
                e.planned_end, t.building_id, b.latitude_e7, b.longitude_e7
         FROM calendar_entry e LEFT JOIN ticket t ON t.id = e.ticket_id
         LEFT JOIN building b ON b.id = t.building_id
         WHERE e.technician_id IN ({list}) AND e.active AND e.busy_end > $1 AND e.busy_start < $2
           AND NOT (e.kind = 'hold' AND e.hold_until <= $3)
         ORDER BY e.busy_start"
    );
    for row in reader.all::<EntryRow>(&sql, values).await? {
        let position = Position::from_e7(row.latitude_e7, row.longitude_e7);
        found.entry(row.technician_id).or_default().push(Busy {
            kind: EntryKind::try_from_value(&row.kind).map_err(Error::internal)?,
            visit: row.visit_id,
            busy: Span { start: row.busy_start, end: row.busy_end },
            planned: Span { start: row.planned_start, end: row.planned_end },
            place: row.building_id.map(|building| Place { building, position }),
        });
    }
    Ok(found)
}
