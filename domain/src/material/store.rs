//! The price list: kept by the administrator, read by all staff.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::price::{Column, Entity, Model};
use crate::{
    Code, Error, Result, Scope,
    auth::Role,
    db::Reader,
    id::MaterialId,
    page::{Page, PageRequest, Patch, expect_version},
    paid::note_version,
    text::Line,
    write::{Act, Tx},
};

/// A material in the price list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MaterialDocument {
    /// Its identifier.
    pub id: MaterialId,
    /// Its code in the organization.
    pub code: String,
    /// Its name.
    pub name: String,
    /// What it is counted in: «шт.», «м», «кг».
    pub unit: String,
    /// The price of one unit, in kopecks.
    pub price_minor: i64,
    /// Whether it is used still.
    pub active: bool,
    /// How many decimals its quantities take, 0 to 3.
    pub decimals: i64,
    /// Whether stock of it is kept: what is used is taken from the technician's van.
    pub stocked: bool,
    /// Rises with every change; the ETag.
    pub version: i64,
    /// Since when it is here.
    pub created_at: DateTime<Utc>,
}

impl From<Model> for MaterialDocument {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            code: row.code,
            name: row.name,
            unit: row.unit,
            price_minor: row.price_minor,
            active: row.active,
            decimals: row.decimals,
            stocked: row.stocked,
            version: row.version,
            created_at: row.created_at,
        }
    }
}

/// The highest price of a unit, in kopecks: a milliard of roubles.
const HIGHEST: i64 = 100_000_000_000;

/// What a new material is.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateMaterial {
    /// Made by the client (UUIDv7), or else by the server.
    pub id: Option<MaterialId>,
    /// Its code in the organization.
    pub code: Line<40>,
    /// Its name.
    pub name: Line<200>,
    /// What it is counted in.
    pub unit: Line<20>,
    /// The price of one unit, in kopecks.
    #[schema(minimum = 0, maximum = 100_000_000_000_i64)]
    pub price_minor: i64,
    /// How many decimals its quantities take, 0 to 3; absent: 3.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 3)]
    pub decimals: Option<u8>,
    /// Whether stock of it is kept.
    #[serde(default)]
    pub stocked: bool,
}

/// Adds a material.
#[derive(Clone, Debug)]
pub struct Create {
    /// What it is.
    pub args: CreateMaterial,
}

impl Act for Create {
    const NAME: &'static str = "material.create";
    type Out = MaterialDocument;

    async fn run(&self, tx: &mut Tx) -> Result<MaterialDocument> {
        tx.scope().require(&[Role::Admin])?;
        let args = self.args.clone();
        let id = match args.id {
            Some(id) => MaterialId::from_client(id.0, "id")?,
            None => MaterialId::new(tx.clock()),
        };
        let row = Model {
            id,
            organization_id: tx.scope().organization(),
            code: args.code.into_string(),
            name: args.name.into_string(),
            unit: args.unit.into_string(),
            price_minor: price(args.price_minor)?,
            active: true,
            decimals: decimals(args.decimals.unwrap_or(3))?,
            stocked: args.stocked,
            doc_version: 1,
            version: 1,
            created_at: tx.now(),
        };
        // The unique index is the guard; this names the field and the other material.
        let other = Entity::find()
            .filter(Column::OrganizationId.eq(row.organization_id))
            .filter(Column::Code.eq(row.code.as_str()))
            .one(&tx.reader())
            .await?;
        if let Some(other) = other {
            return Err(Error::new(Code::AlreadyExists, "another material has this code")
                .with("field", "code")
                .with("id", other.id));
        }
        tx.insert(&row).await?;
        note_version(tx, row.id.0, row.version, &row.name, &row.unit, row.price_minor).await?;
        Ok(row.into())
    }
}

fn decimals(decimals: u8) -> Result<i64> {
    if decimals <= 3 { Ok(decimals.into()) } else { Err(Error::field("decimals", "must be from 0 to 3")) }
}

/// Passes a price of a unit, in kopecks.
pub(crate) fn price(minor: i64) -> Result<i64> {
    if (0..=HIGHEST).contains(&minor) {
        Ok(minor)
    } else {
        Err(Error::field("price_minor", format!("must be from 0 to {HIGHEST}")))
    }
}

/// What may change of a material; its code may not. What was used keeps the price it had.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchMaterial {
    /// Its name.
    #[serde(default)]
    #[schema(value_type = Option<Line<200>>)]
    pub name: Patch<Line<200>>,
    /// What it is counted in.
    #[serde(default)]
    #[schema(value_type = Option<Line<20>>)]
    pub unit: Patch<Line<20>>,
    /// The price of one unit, in kopecks.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 100_000_000_000_i64)]
    pub price_minor: Patch<i64>,
    /// Whether it is used still.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub active: Patch<bool>,
    /// How many decimals its quantities take, 0 to 3.
    #[serde(default)]
    #[schema(value_type = Option<u8>, minimum = 0, maximum = 3)]
    pub decimals: Patch<u8>,
    /// Whether stock of it is kept.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub stocked: Patch<bool>,
}

/// Changes a material.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which one.
    pub id: MaterialId,
    /// The version the client has read.
    pub version: i64,
    /// What changes.
    pub args: PatchMaterial,
}

impl Act for Change {
    const NAME: &'static str = "material.change";
    type Out = MaterialDocument;

    async fn run(&self, tx: &mut Tx) -> Result<MaterialDocument> {
        tx.scope().require(&[Role::Admin])?;
        tx.lock_subject("material", self.id.0).await?;
        let before = find(&tx.reader(), tx.scope(), self.id).await?;
        expect_version(before.version, self.version)?;
        let args = self.args.clone();
        let mut after = before.clone();
        if let Some(name) = args.name.required("name")? {
            after.name = name.into_string();
        }
        if let Some(unit) = args.unit.required("unit")? {
            after.unit = unit.into_string();
        }
        if let Some(minor) = args.price_minor.required("price_minor")? {
            after.price_minor = price(minor)?;
        }
        if let Some(active) = args.active.required("active")? {
            after.active = active;
        }
        if let Some(count) = args.decimals.required("decimals")? {
            after.decimals = decimals(count)?;
        }
        if let Some(stocked) = args.stocked.required("stocked")? {
            after.stocked = stocked;
        }
        if after != before {
            after.version += 1;
            tx.update(&before, &after).await?;
            note_version(tx, after.id.0, after.version, &after.name, &after.unit, after.price_minor).await?;
        }
        Ok(after.into())
    }
}

/// A material of the organization, as a row; for acts, which ask for roles themselves.
///
/// # Errors
/// `not_found` for what is not of the organization.
pub async fn find(reader: &Reader<'_>, scope: &Scope, id: MaterialId) -> Result<Model> {
    Entity::find_by_id(id)
        .filter(Column::OrganizationId.eq(scope.organization()))
        .one(reader)
        .await?
        .ok_or_else(|| Error::not_found("material"))
}

/// Who reads the price list: all staff; a resident sees what was used on his ticket.
pub(crate) const READERS: &[Role] =
    &[Role::Technician, Role::Dispatcher, Role::Manager, Role::Admin, Role::Integration];

/// A material.
///
/// # Errors
/// `not_found` for what is not of the organization; `forbidden` for residents.
pub async fn get(reader: &Reader<'_>, scope: &Scope, id: MaterialId) -> Result<MaterialDocument> {
    scope.require(READERS)?;
    Ok(find(reader, scope, id).await?.into())
}

/// Which materials are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct MaterialFilter {
    /// Only those that are used still (true) or no longer (false).
    pub active: Option<bool>,
}

/// Materials of the organization, by their codes.
///
/// # Errors
/// `forbidden` for residents; `invalid_field` for a cursor of another list.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &MaterialFilter,
    page: &PageRequest,
) -> Result<Page<MaterialDocument>> {
    scope.require(READERS)?;
    let mut query = Entity::find()
        .filter(Column::OrganizationId.eq(scope.organization()))
        .order_by_asc(Column::Code)
        .limit(page.limit() as u64 + 1);
    if let Some(active) = filter.active {
        query = query.filter(Column::Active.eq(active));
    }
    if let Some(code) = page.after::<String>()? {
        query = query.filter(Column::Code.gt(code));
    }
    let materials = query.all(reader).await?.into_iter().map(MaterialDocument::from).collect();
    page.cut(materials, |material| material.code.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        people::fixture::company,
        testing::{assert_sound, databases},
    };

    fn create(id: MaterialId, code: &str, price_minor: i64) -> Create {
        let args = json!({
            "id": id, "code": code, "name": "Труба ПП 20", "unit": "м", "price_minor": price_minor,
        });
        Create { args: serde_json::from_value(args).unwrap() }
    }

    #[tokio::test]
    async fn the_price_list_is_kept_by_the_administrator_and_read_by_staff() {
        for test in databases().await {
            let (ours, theirs) = (company(&test.db, "dom").await, company(&test.db, "sosed").await);
            let db = &test.db;
            let id = MaterialId::new(&**db.clock());
            let made = db.write(ours.admin, create(id, "PP20", 12_050)).await.unwrap();
            assert_eq!((made.price_minor, made.version), (12_050, 1));
            assert_eq!(get(&db.reader(), &ours.technician, id).await.unwrap(), made);
            let taken =
                db.write(ours.admin, create(MaterialId::new(&**db.clock()), "PP20", 1)).await.unwrap_err();
            assert_eq!((taken.code(), &taken.details()["id"]), (Code::AlreadyExists, &json!(id)));
            let negative = db.write(ours.admin, create(MaterialId::new(&**db.clock()), "PP25", -1)).await;
            assert_eq!(negative.unwrap_err().fields()[0].field, "price_minor");
            let refused = db.write(ours.dispatcher, create(MaterialId::new(&**db.clock()), "PP25", 1)).await;
            assert_eq!(refused.unwrap_err().code(), Code::Forbidden);

            let change = |version, args: serde_json::Value| Change {
                id,
                version,
                args: serde_json::from_value(args).unwrap(),
            };
            let changed =
                db.write(ours.admin, change(1, json!({ "price_minor": 13_000, "active": false }))).await;
            assert_eq!(changed.unwrap().version, 2);
            let stale = db.write(ours.admin, change(1, json!({ "unit": "шт." }))).await.unwrap_err();
            assert_eq!(stale.code(), Code::VersionStale);

            for failure in [
                get(&db.reader(), &theirs.admin, id).await.unwrap_err(),
                find(&db.reader(), &theirs.admin, id).await.unwrap_err(),
                db.write(theirs.admin, change(2, json!({ "unit": "шт." }))).await.unwrap_err(),
            ] {
                assert_eq!(failure.code(), Code::NotFound);
            }
            let listed = async |scope, active| {
                let filter = MaterialFilter { active };
                let page = list(&db.reader(), &scope, &filter, &PageRequest::default()).await.unwrap();
                page.items.len()
            };
            assert_eq!(listed(ours.technician, None).await, 1);
            assert_eq!(listed(ours.technician, Some(true)).await, 0);
            assert_eq!(listed(theirs.technician, None).await, 0);
            assert_sound(db).await;
        }
    }
}
