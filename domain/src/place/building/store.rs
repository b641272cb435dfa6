//! Buildings: kept by the dispatcher's desk.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, Value};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{Column, Entity, Model};
use crate::{
    Code, Error, Result, Scope,
    auth::Role,
    db::{Reader, Where, placeholders},
    deadline::recalculate_job,
    id::BuildingId,
    page::{Page, PageRequest, Patch, expect_version},
    people::organization,
    place::{Position, Zone},
    scope::Actor,
    text::{Line, Question, search_column},
    ticket,
    write::{Act, Tx},
};

/// A building.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BuildingDocument {
    /// Its identifier.
    pub id: BuildingId,
    /// Its address.
    pub address: String,
    /// Its identifier in the federal address register (ФИАС).
    pub fias_id: Option<Uuid>,
    /// Its time zone.
    pub zone: Zone,
    /// Where it stands.
    pub position: Option<Position>,
    /// Whether the organization serves it still.
    pub active: bool,
    /// Rises with every change; the ETag.
    pub version: i64,
    /// Since when it is here.
    pub created_at: DateTime<Utc>,
}

impl BuildingDocument {
    fn of(row: Model) -> Result<Self> {
        Ok(Self {
            zone: Zone::stored(&row.zone, format_args!("building {}", row.id))?,
            id: row.id,
            address: row.address,
            fias_id: row.fias_id,
            position: Position::from_e7(row.latitude_e7, row.longitude_e7),
            active: row.active,
            version: row.version,
            created_at: row.created_at,
        })
    }
}

/// Who keeps buildings and premises.
pub(crate) const KEEPERS: &[Role] = &[Role::Dispatcher, Role::Admin];

/// What a new building is.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateBuilding {
    /// Made by the client (UUIDv7), or else by the server.
    pub id: Option<BuildingId>,
    /// Its address.
    pub address: Line<300>,
    /// Its identifier in the federal address register (ФИАС).
    pub fias_id: Option<Uuid>,
    /// Its time zone; that of the organization if left out.
    pub zone: Option<Zone>,
    /// Where it stands.
    pub position: Option<Position>,
}

/// Adds a building.
#[derive(Clone, Debug)]
pub struct Create {
    /// What it is.
    pub args: CreateBuilding,
}

impl Act for Create {
    const NAME: &'static str = "building.create";
    type Out = BuildingDocument;

    async fn run(&self, tx: &mut Tx) -> Result<BuildingDocument> {
        tx.scope().require(KEEPERS)?;
        let args = &self.args;
        let id = match args.id {
            Some(id) => BuildingId::from_client(id.0, "id")?,
            None => BuildingId::new(tx.clock()),
        };
        let zone = match args.zone {
            Some(zone) => zone,
            None => organization::store::zone(&tx.reader(), tx.scope()).await?,
        };
        let mut row = Model {
            id,
            organization_id: tx.scope().organization(),
            address: args.address.to_string(),
            fias_id: args.fias_id,
            zone: zone.to_string(),
            latitude_e7: None,
            longitude_e7: None,
            search: search_column(&[&args.address]),
            active: true,
            version: 1,
            created_at: tx.now(),
        };
        stand(&mut row, args.position)?;
        check_fias(tx, &row).await?;
        tx.insert(&row).await?;
        BuildingDocument::of(row)
    }
}

fn stand(row: &mut Model, position: Option<Position>) -> Result<()> {
    let point = position.map(|position| position.to_e7("position")).transpose()?;
    (row.latitude_e7, row.longitude_e7) = point.unzip();
    Ok(())
}

/// The unique index is the guard; this names the field and the other building.
async fn check_fias(tx: &Tx, row: &Model) -> Result<()> {
    let Some(fias_id) = row.fias_id else { return Ok(()) };
    let other = Entity::find()
        .filter(Column::OrganizationId.eq(row.organization_id))
        .filter(Column::FiasId.eq(fias_id))
        .filter(Column::Id.ne(row.id))
        .one(&tx.reader())
        .await?;
    match other {
        None => Ok(()),
        Some(other) => Err(Error::new(Code::AlreadyExists, "another building has this FIAS identifier")
            .with("field", "fias_id")
            .with("id", other.id)),
    }
}

/// What may change of a building.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchBuilding {
    /// Its address.
    #[serde(default)]
    #[schema(value_type = Option<Line<300>>)]
    pub address: Patch<Line<300>>,
    /// Its identifier in the federal address register (ФИАС).
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    pub fias_id: Patch<Uuid>,
    /// Its time zone.
    #[serde(default)]
    #[schema(value_type = Option<Zone>)]
    pub zone: Patch<Zone>,
    /// Where it stands.
    #[serde(default)]
    #[schema(value_type = Option<Position>)]
    pub position: Patch<Position>,
    /// Whether the organization serves it still.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub active: Patch<bool>,
}

/// Changes a building.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which one.
    pub id: BuildingId,
    /// The version the client has read.
    pub version: i64,
    /// What changes.
    pub args: PatchBuilding,
}

impl Act for Change {
    const NAME: &'static str = "building.change";
    type Out = BuildingDocument;

    async fn run(&self, tx: &mut Tx) -> Result<BuildingDocument> {
        tx.scope().require(KEEPERS)?;
        tx.lock_subject("building", self.id.0).await?;
        let before = find(&tx.reader(), tx.scope(), self.id).await?;
        expect_version(before.version, self.version)?;
        let args = self.args.clone();
        let mut after = before.clone();
        if let Some(address) = args.address.required("address")? {
            after.search = search_column(&[&address]);
            after.address = address.into_string();
        }
        args.fias_id.apply(&mut after.fias_id);
        if let Some(zone) = args.zone.required("zone")? {
            after.zone = zone.to_string();
        }
        match args.position {
            Patch::Absent => {}
            Patch::Null => stand(&mut after, None)?,
            Patch::Set(position) => stand(&mut after, Some(position))?,
        }
        if let Some(active) = args.active.required("active")? {
            after.active = active;
        }
        if after != before {
            check_fias(tx, &after).await?;
            after.version += 1;
            if after.address != before.address {
                tx.enqueue(ticket::refold_job(after.organization_id, after.id, tx.now()));
            }
            tx.update(&before, &after).await?;
        }
        if after.zone != before.zone {
            let change = format!("building:{}:{}", after.id, after.version);
            tx.enqueue(recalculate_job(after.organization_id, tx.now(), &change));
        }
        BuildingDocument::of(after)
    }
}

/// A building of the organization, as a row; for acts, which ask for roles themselves.
///
/// # Errors
/// `not_found` for what is not of the organization.
pub async fn find(reader: &Reader<'_>, scope: &Scope, id: BuildingId) -> Result<Model> {
    Entity::find_by_id(id)
        .filter(Column::OrganizationId.eq(scope.organization()))
        .one(reader)
        .await?
        .ok_or_else(|| Error::not_found("building"))
}

/// Passes when all these are buildings of the organization.
///
/// # Errors
/// `not_found` when one is not.
pub(crate) async fn require_all(
    reader: &Reader<'_>,
    scope: &Scope,
    ids: &BTreeSet<BuildingId>,
) -> Result<()> {
    #[derive(FromQueryResult)]
    struct Known {
        id: BuildingId,
    }
    let ids: Vec<BuildingId> = ids.iter().copied().collect();
    for chunk in ids.chunks(500) {
        let mut values: Vec<Value> = vec![scope.organization().0.into()];
        let list = placeholders(chunk.iter().map(|id| id.0), &mut values);
        let sql = format!("SELECT id FROM building WHERE organization_id = $1 AND id IN ({list})");
        let known: BTreeSet<BuildingId> =
            reader.all::<Known>(&sql, values).await?.into_iter().map(|row| row.id).collect();
        if chunk.iter().any(|id| !known.contains(id)) {
            return Err(Error::not_found("building"));
        }
    }
    Ok(())
}

/// What of the buildings the actor may see: the desk those of its organization, a resident those of his accounts, a
/// technician those of the tickets on his phone, whoever owns them.
fn visible(scope: &Scope) -> Result<Where> {
    let organization = Value::from(scope.organization().0);
    match scope.actor() {
        Actor::Staff { role: Role::Technician, user } => Ok(Where::new(
            "b.id IN (SELECT t.building_id FROM sync_change c JOIN ticket t ON t.id = c.entity_id
                      WHERE c.feed_id = ? AND c.entity = 'ticket' AND c.op = 'put')",
            [user.0.into()],
        )),
        Actor::Resident { resident, .. } => Ok(Where::new(
            "b.organization_id = ? AND b.id IN (SELECT p.building_id FROM account a
                                                JOIN premises p ON p.id = a.premises_id WHERE a.resident_id = ?)",
            [organization, resident.0.into()],
        )),
        Actor::Link { .. } => Err(Error::not_found("building")),
        Actor::Staff { .. } | Actor::System => {
            scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
            Ok(Where::new("b.organization_id = ?", [organization]))
        }
    }
}

/// A building.
///
/// # Errors
/// `not_found` for what the actor may not see.
pub async fn get(reader: &Reader<'_>, scope: &Scope, id: BuildingId) -> Result<BuildingDocument> {
    let mut wanted = visible(scope)?;
    wanted.and("b.id = ?", [id.0.into()]);
    let row =
        reader.one::<Model>(&format!("SELECT b.* FROM building b WHERE {wanted}"), wanted.values).await?;
    BuildingDocument::of(row.ok_or_else(|| Error::not_found("building"))?)
}

/// Which buildings are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct BuildingFilter {
    /// Only those whose address has all these words, in whatever spelling.
    #[param(value_type = Option<String>, max_length = 200)]
    pub q: Option<Question>,
    /// Only those that are served still (true) or no longer (false).
    pub active: Option<bool>,
}

/// Buildings that the actor may see, in the order in which they were added.
///
/// # Errors
/// `invalid_field` for a cursor of another list.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &BuildingFilter,
    page: &PageRequest,
) -> Result<Page<BuildingDocument>> {
    let mut wanted = visible(scope)?;
    if let Some(question) = &filter.q {
        wanted.and_search("b.search", question);
    }
    if let Some(active) = filter.active {
        wanted.and("b.active = ?", [active.into()]);
    }
    if let Some(after) = page.after::<BuildingId>()? {
        wanted.and("b.id > ?", [after.0.into()]);
    }
    let sql = format!("SELECT b.* FROM building b WHERE {wanted} ORDER BY b.id LIMIT {}", page.limit() + 1);
    let rows = reader.all::<Model>(&sql, wanted.values).await?;
    let buildings = rows.into_iter().map(BuildingDocument::of).collect::<Result<_>>()?;
    page.cut(buildings, |building| building.id)
}
