//! What lies in the technician's van.

use std::collections::BTreeMap;

use naryad_domain::{
    Result, Scope,
    db::{Reader, placeholders},
    id::{MaterialId, PlaceId},
    stock::{decimal, place},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, FromQueryResult, QueryFilter as _, Value as Bound};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{PhoneDocument, under_ids};

/// A van and what lies in it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PhoneVan {
    /// The place of stock.
    pub id: PlaceId,
    /// Its name.
    pub name: String,
    /// What lies in it, by code; what is used up is left out.
    pub balances: Vec<PhoneBalance>,
}

/// So much of a material.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PhoneBalance {
    /// The material.
    pub material_id: MaterialId,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// How much, as a decimal; below nothing where more was used than was known of.
    #[schema(example = "-1.5")]
    pub quantity: String,
}

#[derive(FromQueryResult)]
struct Line {
    place_id: PlaceId,
    material_id: MaterialId,
    code: String,
    name: String,
    unit: String,
    quantity_milli: i64,
}

/// Two statements.
pub(super) async fn load(
    reader: &Reader<'_>,
    scope: &Scope,
    ids: &[Uuid],
) -> Result<BTreeMap<Uuid, PhoneDocument>> {
    let vans = place::Entity::find()
        .filter(place::Column::Id.is_in(ids.iter().copied()))
        .filter(place::Column::OrganizationId.eq(scope.organization()))
        .filter(place::Column::TechnicianId.eq(scope.actor_id()))
        .all(reader)
        .await?;
    let mut values: Vec<Bound> = Vec::new();
    let list = placeholders(ids.iter().copied(), &mut values);
    let sql = format!(
        "SELECT b.place_id, b.material_id, m.code, m.name, m.unit, b.quantity_milli
         FROM stock_balance b JOIN material m ON m.id = b.material_id
         WHERE b.place_id IN ({list}) AND b.quantity_milli <> 0 ORDER BY m.code, b.material_id"
    );
    let mut balances: BTreeMap<PlaceId, Vec<PhoneBalance>> = BTreeMap::new();
    for line in reader.all::<Line>(&sql, values).await? {
        let Line { place_id, material_id, code, name, unit, quantity_milli } = line;
        let quantity = decimal(quantity_milli);
        balances.entry(place_id).or_default().push(PhoneBalance { material_id, code, name, unit, quantity });
    }
    Ok(under_ids(vans.into_iter().map(|van| {
        let balances = balances.remove(&van.id).unwrap_or_default();
        (van.id.0, PhoneVan { id: van.id, name: van.name, balances })
    })))
}
