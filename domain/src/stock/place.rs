//! Storerooms and vans.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use chrono::{DateTime, Utc};
use sea_orm::{QueryOrder as _, QuerySelect as _, entity::prelude::*};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Code, Error, Result, Scope, Time,
    auth::Role,
    db::Reader,
    feed::EntityKind,
    id::{OrganizationId, PlaceId, TechnicianId},
    journal::{Subject, SubjectKind},
    material::store::READERS,
    page::{Page, PageRequest, Patch, expect_version},
    people::technician,
    text::Line,
    write::{Act, Journaling, Row, Table, Touch, Touched, Tx},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "stock_place")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PlaceId,
    pub organization_id: OrganizationId,
    pub kind: PlaceKind,
    pub name: String,
    pub technician_id: Option<TechnicianId>,
    pub active: bool,
    pub version: i64,
    pub created_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "stock_place",
        journaling: Journaling { plain: &["kind"], personal: &["name"], silent: &["version"] },
        entity: Some(EntityKind::VanStock),
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::StockPlace, self.id)
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        let Some(row) = after else { return };
        touched.add(row.organization_id, Touch::Topic("stock"));
        if row.technician_id.is_some() {
            let touch = if before.is_none() { Touch::New } else { Touch::Document };
            touched.add(row.organization_id, touch(EntityKind::VanStock, row.id.0));
        }
    }
}

/// What a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumIter, DeriveActiveEnum, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum PlaceKind {
    /// A room of the organization.
    Storeroom,
    /// The van, or the bag, of a technician.
    Van,
}

/// A place.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PlaceDocument {
    /// Identifier.
    pub id: PlaceId,
    /// What it is.
    pub kind: PlaceKind,
    /// Its name.
    pub name: String,
    /// Whose van it is.
    pub technician_id: Option<TechnicianId>,
    /// Whether it is used still.
    pub active: bool,
    /// Rises with every change; the ETag.
    pub version: i64,
    /// Since when it is here.
    pub created_at: DateTime<Utc>,
}

impl From<Model> for PlaceDocument {
    fn from(row: Model) -> Self {
        let Model { id, organization_id: _, kind, name, technician_id, active, version, created_at } = row;
        Self { id, kind, name, technician_id, active, version, created_at }
    }
}

/// Who keeps the stock.
pub(super) const KEEPERS: &[Role] = &[Role::Dispatcher, Role::Manager, Role::Admin];

/// A new place.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePlace {
    /// Made by the client (UUIDv7), or else by the server.
    #[serde(default)]
    pub id: Option<PlaceId>,
    /// Its name.
    pub name: Line<100>,
    /// Whose van it is; absent: a storeroom. A technician has one van at a time.
    #[serde(default)]
    pub technician_id: Option<TechnicianId>,
}

/// Opens a place.
#[derive(Clone, Debug)]
pub struct Create {
    /// What it is.
    pub args: CreatePlace,
}

impl Act for Create {
    const NAME: &'static str = "stock.open_place";
    type Out = PlaceDocument;

    async fn run(&self, tx: &mut Tx) -> Result<PlaceDocument> {
        tx.scope().require(KEEPERS)?;
        let id = match self.args.id {
            Some(id) => PlaceId::from_client(id.0, "id")?,
            None => PlaceId::new(tx.clock()),
        };
        let organization = tx.scope().organization();
        if let Some(technician) = self.args.technician_id {
            let known = technician::Entity::find_by_id(technician).one(&tx.reader()).await?;
            if known.is_none_or(|known| known.organization_id != organization) {
                return Err(Error::not_found("technician"));
            }
            if let Some(van) = van_of(&tx.reader(), technician).await? {
                return Err(Error::new(Code::AlreadyExists, "the technician has a van")
                    .with("field", "technician_id")
                    .with("id", van.id));
            }
        }
        let row = Model {
            id,
            organization_id: organization,
            kind: if self.args.technician_id.is_some() { PlaceKind::Van } else { PlaceKind::Storeroom },
            name: self.args.name.clone().into_string(),
            technician_id: self.args.technician_id,
            active: true,
            version: 1,
            created_at: tx.now(),
        };
        tx.insert(&row).await?;
        Ok(row.into())
    }
}

/// What may change of a place.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchPlace {
    /// Its name.
    #[serde(default)]
    #[schema(value_type = Option<Line<100>>)]
    pub name: Patch<Line<100>>,
    /// Whether it is used still. A place that holds something stays.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub active: Patch<bool>,
}

/// Changes a place.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which one.
    pub id: PlaceId,
    /// The version the client has read.
    pub version: i64,
    /// What changes.
    pub args: PatchPlace,
}

impl Act for Change {
    const NAME: &'static str = "stock.change_place";
    type Out = PlaceDocument;

    async fn run(&self, tx: &mut Tx) -> Result<PlaceDocument> {
        tx.scope().require(KEEPERS)?;
        tx.lock_subject("stock_place", self.id.0).await?;
        let before = find(&tx.reader(), tx.scope(), self.id).await?;
        expect_version(before.version, self.version)?;
        let mut after = before.clone();
        if let Some(name) = self.args.name.clone().required("name")? {
            after.name = name.into_string();
        }
        if let Some(active) = self.args.active.required("active")? {
            after.active = active;
        }
        if before.active && !after.active && super::balance::holds_something(&tx.reader(), self.id).await? {
            return Err(Error::field("active", "the place holds something: move it or write it off first"));
        }
        if after != before {
            after.version += 1;
            tx.update(&before, &after).await?;
        }
        Ok(after.into())
    }
}

/// A place of the organization.
///
/// # Errors
/// `not_found` for what is not of the organization.
pub(super) async fn find(reader: &Reader<'_>, scope: &Scope, id: PlaceId) -> Result<Model> {
    let found =
        Entity::find_by_id(id).filter(Column::OrganizationId.eq(scope.organization())).one(reader).await?;
    found.ok_or_else(|| Error::not_found("place of stock"))
}

/// The van of a technician, if he has one.
pub(super) async fn van_of(reader: &Reader<'_>, technician: TechnicianId) -> Result<Option<Model>> {
    let query = Entity::find().filter(Column::TechnicianId.eq(technician)).filter(Column::Active.eq(true));
    Ok(query.one(reader).await?)
}

/// The key of a page of places.
#[derive(Serialize, Deserialize)]
struct ById(PlaceId);

/// The places of the organization, oldest first. For staff.
///
/// # Errors
/// `forbidden` for residents; `invalid_field` for a cursor of another list.
pub async fn list(reader: &Reader<'_>, scope: &Scope, page: &PageRequest) -> Result<Page<PlaceDocument>> {
    scope.require(READERS)?;
    let mut query = Entity::find().filter(Column::OrganizationId.eq(scope.organization()));
    if let Some(ById(id)) = page.after()? {
        query = query.filter(Column::Id.gt(id));
    }
    let rows = query.order_by_asc(Column::Id).limit(page.limit() as u64 + 1).all(reader).await?;
    page.cut(rows.into_iter().map(PlaceDocument::from).collect(), |place| ById(place.id))
}
