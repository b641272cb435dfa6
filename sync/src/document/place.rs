//! Where the work is, and who opens the door.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use naryad_domain::{
    Error, Result, Scope,
    db::{Reader, placeholders},
    id::{BuildingId, PremisesId, ResidentId, TicketId},
    people::{phone, resident},
    place::{
        Position, building,
        premises::{self, PremisesKind},
    },
    ticket::Status,
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _, Value as Bound,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{PhoneDocument, under_ids};

/// How many past tickets of the premises a phone holds.
const HISTORY: i64 = 5;

/// Premises where a technician has a ticket.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PhonePremises {
    /// Which one.
    pub id: PremisesId,
    /// The building.
    pub building_id: BuildingId,
    /// Its address.
    pub address: String,
    /// Its IANA zone.
    pub zone: String,
    /// Where it stands on the map.
    pub position: Option<Position>,
    /// What it is.
    pub kind: PremisesKind,
    /// Its number.
    pub number: String,
    /// The entrance.
    pub entrance: Option<String>,
    /// The floor.
    pub floor: Option<String>,
    /// How to get in.
    pub access_notes: Option<String>,
    /// What was done there before, the last first; none for another organization's technician.
    pub history: Vec<PhonePastTicket>,
}

/// A ticket of the past, briefly.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PhonePastTicket {
    /// Which one.
    pub id: TicketId,
    /// Its number.
    pub number: String,
    /// Name of the kind in Russian.
    pub name_ru: String,
    /// Name of the kind in English.
    pub name_en: String,
    /// How it ended.
    pub status: Status,
    /// When the work was done.
    pub completed_at: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct Past {
    premises_id: PremisesId,
    id: TicketId,
    number: String,
    name_ru: String,
    name_en: String,
    status: Status,
    completed_at: Option<DateTime<Utc>>,
}

/// Three statements.
pub(super) async fn premises(
    reader: &Reader<'_>,
    scope: &Scope,
    ids: &[Uuid],
) -> Result<BTreeMap<Uuid, PhoneDocument>> {
    let rows =
        premises::Entity::find().filter(premises::Column::Id.is_in(ids.iter().copied())).all(reader).await?;
    let inside: BTreeSet<BuildingId> = rows.iter().map(|row| row.building_id).collect();
    let buildings: BTreeMap<BuildingId, building::Model> = building::Entity::find()
        .filter(building::Column::Id.is_in(inside))
        .all(reader)
        .await?
        .into_iter()
        .map(|row| (row.id, row))
        .collect();
    let mut past = history(reader, scope, ids).await?;
    let mut documents = Vec::with_capacity(rows.len());
    for row in rows {
        let building = buildings
            .get(&row.building_id)
            .ok_or_else(|| Error::internal(format!("premises {}, column building_id", row.id)))?;
        let document = PhonePremises {
            id: row.id,
            building_id: row.building_id,
            address: building.address.clone(),
            zone: building.zone.clone(),
            position: Position::from_e7(building.latitude_e7, building.longitude_e7),
            kind: row.kind,
            number: row.number,
            entrance: row.entrance,
            floor: row.floor,
            access_notes: row.access_notes,
            history: past.remove(&row.id).unwrap_or_default(),
        };
        documents.push((row.id.0, document));
    }
    Ok(under_ids(documents))
}

async fn history(
    reader: &Reader<'_>,
    scope: &Scope,
    ids: &[Uuid],
) -> Result<BTreeMap<PremisesId, Vec<PhonePastTicket>>> {
    let mut values: Vec<Bound> = vec![scope.organization().0.into(), HISTORY.into()];
    let list = placeholders(ids.iter().copied(), &mut values);
    let sql = format!(
        "SELECT r.premises_id, r.id, r.number, v.name_ru, v.name_en, r.status, r.completed_at
         FROM (SELECT t.id, t.premises_id, t.number, t.request_type_id, t.request_type_version, t.status,
                      t.completed_at,
                      ROW_NUMBER() OVER (PARTITION BY t.premises_id
                          ORDER BY COALESCE(t.completed_at, t.cancelled_at) DESC, t.id DESC) AS place
               FROM ticket t
               WHERE t.organization_id = $1 AND t.premises_id IN ({list})
                 AND t.status IN ('completed', 'closed', 'cancelled')) r
         JOIN request_type_version v ON v.request_type_id = r.request_type_id AND v.number = r.request_type_version
         WHERE r.place <= $2 ORDER BY r.premises_id, r.place"
    );
    let mut history: BTreeMap<PremisesId, Vec<PhonePastTicket>> = BTreeMap::new();
    for row in reader.all::<Past>(&sql, values).await? {
        let Past { premises_id, id, number, name_ru, name_en, status, completed_at } = row;
        let past = PhonePastTicket { id, number, name_ru, name_en, status, completed_at };
        history.entry(premises_id).or_default().push(past);
    }
    Ok(history)
}

/// Who lives there and asked for the work.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PhoneContact {
    /// The resident.
    pub id: ResidentId,
    /// His full name.
    pub full_name: String,
    /// His phones in E.164, the first one first.
    pub phones: Vec<String>,
}

/// Two statements. The people of an organization are its own: another one's technician has what stands on the ticket.
pub(super) async fn contacts(
    reader: &Reader<'_>,
    scope: &Scope,
    ids: &[Uuid],
) -> Result<BTreeMap<Uuid, PhoneDocument>> {
    let rows = resident::Entity::find()
        .filter(resident::Column::Id.is_in(ids.iter().copied()))
        .filter(resident::Column::OrganizationId.eq(scope.organization()))
        .all(reader)
        .await?;
    let lines = phone::Entity::find()
        .filter(phone::Column::ResidentId.is_in(ids.iter().copied()))
        .order_by_asc(phone::Column::Position)
        .order_by_asc(phone::Column::Phone)
        .all(reader)
        .await?;
    let mut phones: BTreeMap<ResidentId, Vec<String>> = BTreeMap::new();
    for line in lines {
        phones.entry(line.resident_id).or_default().push(line.phone);
    }
    Ok(under_ids(rows.into_iter().map(|row| {
        let phones = phones.remove(&row.id).unwrap_or_default();
        (row.id.0, PhoneContact { id: row.id, full_name: row.full_name, phones })
    })))
}
