//! Technicians: what they can do and where.

use std::collections::BTreeSet;

use sea_orm::{ActiveEnum, ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, Value};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Column, Entity, Model};
use crate::{
    Error, Result, Scope,
    auth::Role,
    catalogue::Category,
    db::{Reader, Where, placeholders},
    id::{BuildingId, TechnicianId},
    page::{Page, PageRequest, Patch, expect_version},
    people::served,
    place,
    text::Line,
    write::{Act, Tx},
};

/// A technician.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TechnicianDocument {
    /// His identifier, the same as that of the user.
    pub id: TechnicianId,
    /// His name.
    pub full_name: String,
    /// His phone.
    pub phone: Option<String>,
    /// Whether he works here still.
    pub active: bool,
    /// His service number, as residents see it on his badge.
    pub service_number: Option<String>,
    /// What he can do.
    pub trades: Vec<Category>,
    /// Whether he serves every building of the organization.
    pub serves_all_buildings: bool,
    /// The buildings he serves, where not all.
    pub building_ids: Vec<BuildingId>,
    /// Rises with every change of what he can do and where; the ETag.
    pub version: i64,
}

/// What makes a user a technician.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TechnicianArgs {
    /// What he can do.
    #[serde(default)]
    pub trades: BTreeSet<Category>,
    /// His service number.
    pub service_number: Option<Line<40>>,
    /// The buildings he serves; all of them if left out.
    pub building_ids: Option<BTreeSet<BuildingId>>,
}

/// Makes a fresh user a technician, with his calendar and the feed of his phones.
pub(crate) async fn enlist(tx: &mut Tx, id: TechnicianId, args: TechnicianArgs) -> Result<()> {
    let organization = tx.scope().organization();
    let row = Model {
        id,
        organization_id: organization,
        service_number: args.service_number.map(Line::into_string),
        trades: serde_json::to_value(&args.trades).map_err(Error::internal)?,
        serves_all_buildings: args.building_ids.is_none(),
        version: 1,
    };
    tx.insert(&row).await?;
    tx.execute(
        "INSERT INTO technician_calendar (technician_id, organization_id, doc_version) VALUES ($1, $2, 1)",
        [id.0.into(), organization.0.into()],
    )
    .await?;
    let buildings = args.building_ids.unwrap_or_default();
    serve(tx, id, &BTreeSet::new(), &buildings).await
}

/// Makes the buildings a technician serves those in `after`.
async fn serve(
    tx: &mut Tx,
    id: TechnicianId,
    before: &BTreeSet<BuildingId>,
    after: &BTreeSet<BuildingId>,
) -> Result<()> {
    place::building::store::require_all(&tx.reader(), tx.scope(), after).await?;
    let organization_id = tx.scope().organization();
    let row =
        |building: &BuildingId| served::Model { technician_id: id, building_id: *building, organization_id };
    for building in before.difference(after) {
        tx.delete(&row(building)).await?;
    }
    let new: Vec<_> = after.difference(before).map(row).collect();
    tx.insert_all(&new).await
}

/// What may change of a technician.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchTechnician {
    /// What he can do, as a whole.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Category>>)]
    pub trades: Patch<BTreeSet<Category>>,
    /// His service number.
    #[serde(default)]
    #[schema(value_type = Option<Line<40>>)]
    pub service_number: Patch<Line<40>>,
    /// The buildings he serves, as a whole; null: all of them.
    #[serde(default)]
    #[schema(value_type = Option<Vec<BuildingId>>)]
    pub building_ids: Patch<BTreeSet<BuildingId>>,
}

/// Changes what a technician can do and where.
#[derive(Clone, Debug)]
pub struct Change {
    /// Who.
    pub id: TechnicianId,
    /// The version the client has read.
    pub version: i64,
    /// What changes.
    pub args: PatchTechnician,
}

impl Act for Change {
    const NAME: &'static str = "technician.change";
    type Out = TechnicianDocument;

    async fn run(&self, tx: &mut Tx) -> Result<TechnicianDocument> {
        tx.scope().require(&[Role::Admin])?;
        // A booking checks trade and area under the lock of the calendar.
        tx.lock_calendars([self.id]).await?;
        tx.lock_subject("technician", self.id.0).await?;
        let scope = *tx.scope();
        let before = find(&tx.reader(), &scope, self.id).await?;
        expect_version(before.version, self.version)?;
        let args = self.args.clone();
        let mut after = before.clone();
        if let Some(trades) = args.trades.required("trades")? {
            after.trades = serde_json::to_value(&trades).map_err(Error::internal)?;
        }
        args.service_number.map(Line::into_string).apply(&mut after.service_number);
        let served = buildings_of(&tx.reader(), &[self.id]).await?;
        let served: BTreeSet<BuildingId> = served.into_iter().map(|row| row.building_id).collect();
        let mut wanted = (!before.serves_all_buildings).then(|| served.clone());
        args.building_ids.apply(&mut wanted);
        after.serves_all_buildings = wanted.is_none();
        let wanted = wanted.unwrap_or_default();
        if after != before || wanted != served {
            after.version += 1;
            tx.update(&before, &after).await?;
            serve(tx, self.id, &served, &wanted).await?;
        }
        get(&tx.reader(), &scope, self.id).await
    }
}

/// A technician of the organization, as a row; for acts, which ask for roles themselves.
///
/// # Errors
/// `not_found` for anybody else.
pub async fn find(reader: &Reader<'_>, scope: &Scope, id: TechnicianId) -> Result<Model> {
    Entity::find_by_id(id)
        .filter(Column::OrganizationId.eq(scope.organization()))
        .one(reader)
        .await?
        .ok_or_else(|| Error::not_found("technician"))
}

#[derive(FromQueryResult)]
struct Row {
    id: TechnicianId,
    full_name: String,
    phone: Option<String>,
    active: bool,
    service_number: Option<String>,
    trades: serde_json::Value,
    serves_all_buildings: bool,
    version: i64,
}

#[derive(FromQueryResult)]
struct Served {
    technician_id: TechnicianId,
    building_id: BuildingId,
}

async fn buildings_of(reader: &Reader<'_>, technicians: &[TechnicianId]) -> Result<Vec<Served>> {
    let mut values: Vec<Value> = Vec::new();
    let list = placeholders(technicians.iter().map(|id| id.0), &mut values);
    let sql = format!(
        "SELECT technician_id, building_id FROM technician_building WHERE technician_id IN ({list})
         ORDER BY technician_id, building_id"
    );
    reader.all(&sql, values).await
}

async fn documents(reader: &Reader<'_>, rows: Vec<Row>) -> Result<Vec<TechnicianDocument>> {
    let ids: Vec<TechnicianId> = rows.iter().map(|row| row.id).collect();
    let served = buildings_of(reader, &ids).await?;
    let document = |row: Row| {
        Ok(TechnicianDocument {
            trades: serde_json::from_value(row.trades)
                .map_err(|fault| Error::internal(format!("technician {}, column trades: {fault}", row.id)))?,
            building_ids: served
                .iter()
                .filter(|s| s.technician_id == row.id)
                .map(|s| s.building_id)
                .collect(),
            id: row.id,
            full_name: row.full_name,
            phone: row.phone,
            active: row.active,
            service_number: row.service_number,
            serves_all_buildings: row.serves_all_buildings,
            version: row.version,
        })
    };
    rows.into_iter().map(document).collect()
}

const SELECT: &str =
    "SELECT t.id, u.full_name, u.phone, u.active, t.service_number, t.trades, t.serves_all_buildings,
    t.version FROM technician t JOIN app_user u ON u.id = t.id";

/// A technician, for the dispatcher's desk and for himself.
///
/// # Errors
/// `not_found` for anybody else.
pub async fn get(reader: &Reader<'_>, scope: &Scope, id: TechnicianId) -> Result<TechnicianDocument> {
    if !scope.is_desk() && scope.technician() != Some(id) {
        return Err(Error::not_found("technician"));
    }
    let sql = format!("{SELECT} WHERE t.organization_id = $1 AND t.id = $2");
    let rows = reader.all::<Row>(&sql, [scope.organization().0.into(), id.0.into()]).await?;
    documents(reader, rows).await?.pop().ok_or_else(|| Error::not_found("technician"))
}

/// Which technicians are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct TechnicianFilter {
    /// Only those who work here still (true) or no longer (false).
    pub active: Option<bool>,
    /// Only those of this trade.
    pub trade: Option<Category>,
    /// Only those who serve this building.
    pub building_id: Option<BuildingId>,
}

/// Technicians of the organization, in the order in which they were taken on.
///
/// # Errors
/// `forbidden` for all but the dispatcher's desk; `invalid_field` for a cursor of another list.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &TechnicianFilter,
    page: &PageRequest,
) -> Result<Page<TechnicianDocument>> {
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    let mut wanted = Where::new("t.organization_id = ?", [scope.organization().0.into()]);
    if let Some(active) = filter.active {
        wanted.and("u.active = ?", [active.into()]);
    }
    if let Some(trade) = filter.trade {
        // The names stand in quotes and hold none.
        wanted.and("CAST(t.trades AS TEXT) LIKE ?", [format!("%\"{}\"%", trade.to_value()).into()]);
    }
    if let Some(building) = filter.building_id {
        wanted.and(
            "t.serves_all_buildings OR EXISTS (SELECT 1 FROM technician_building b
                                               WHERE b.technician_id = t.id AND b.building_id = ?)",
            [building.0.into()],
        );
    }
    if let Some(after) = page.after::<TechnicianId>()? {
        wanted.and("t.id > ?", [after.0.into()]);
    }
    let sql = format!("{SELECT} WHERE {wanted} ORDER BY t.id LIMIT {}", page.limit() + 1);
    let rows = reader.all::<Row>(&sql, wanted.values).await?;
    let page = page.cut(rows, |row| row.id)?;
    Ok(Page { items: documents(reader, page.items).await?, next: page.next })
}
