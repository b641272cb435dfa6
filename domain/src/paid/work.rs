//! The price list of works: kept by the administrator, read by all staff.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use chrono::{DateTime, Utc};
use sea_orm::{QueryOrder as _, QuerySelect as _, entity::prelude::*};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::note_version;
use crate::{
    Code, Error, Result, Scope, Time,
    auth::Role,
    db::Reader,
    feed::EntityKind,
    id::{OrganizationId, WorkId},
    journal::{Subject, SubjectKind},
    material::store::{READERS, price},
    page::{Page, PageRequest, Patch, expect_version},
    text::Line,
    write::{Act, Journaling, Row, Table, Touch, Touched, Tx},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "work")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WorkId,
    pub organization_id: OrganizationId,
    pub code: String,
    pub name: String,
    pub unit: String,
    pub price_minor: i64,
    pub active: bool,
    pub version: i64,
    pub created_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "work",
        journaling: Journaling { plain: &["code", "name", "unit"], personal: &[], silent: &["version"] },
        entity: Some(EntityKind::Work),
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Work, self.id)
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        let Some(row) = after else { return };
        touched.add(row.organization_id, Touch::Topic("work"));
        let touch = if before.is_none() { Touch::New } else { Touch::Document };
        touched.add(row.organization_id, touch(EntityKind::Work, row.id.0));
    }
}

/// A work in the price list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct WorkDocument {
    /// Its identifier.
    pub id: WorkId,
    /// Its code in the organization.
    pub code: String,
    /// Its name.
    pub name: String,
    /// What it is counted in: «шт.», «м», «ч».
    pub unit: String,
    /// The price of one unit, in kopecks.
    pub price_minor: i64,
    /// Whether it is offered still.
    pub active: bool,
    /// Rises with every change; the ETag.
    pub version: i64,
    /// Since when it is here.
    pub created_at: DateTime<Utc>,
}

impl From<Model> for WorkDocument {
    fn from(row: Model) -> Self {
        let Model { id, organization_id: _, code, name, unit, price_minor, active, version, created_at } =
            row;
        Self { id, code, name, unit, price_minor, active, version, created_at }
    }
}

/// What a new work is.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWork {
    /// Made by the client (UUIDv7), or else by the server.
    pub id: Option<WorkId>,
    /// Its code in the organization.
    pub code: Line<40>,
    /// Its name.
    pub name: Line<200>,
    /// What it is counted in.
    pub unit: Line<20>,
    /// The price of one unit, in kopecks.
    #[schema(minimum = 0, maximum = 100_000_000_000_i64)]
    pub price_minor: i64,
}

/// Adds a work.
#[derive(Clone, Debug)]
pub struct Create {
    /// What it is.
    pub args: CreateWork,
}

impl Act for Create {
    const NAME: &'static str = "work.create";
    type Out = WorkDocument;

    async fn run(&self, tx: &mut Tx) -> Result<WorkDocument> {
        tx.scope().require(&[Role::Admin])?;
        let CreateWork { id, code, name, unit, price_minor } = self.args.clone();
        let id = match id {
            Some(id) => WorkId::from_client(id.0, "id")?,
            None => WorkId::new(tx.clock()),
        };
        let row = Model {
            id,
            organization_id: tx.scope().organization(),
            code: code.into_string(),
            name: name.into_string(),
            unit: unit.into_string(),
            price_minor: price(price_minor)?,
            active: true,
            version: 1,
            created_at: tx.now(),
        };
        // The unique index is the guard; this names the field and the other work.
        let other = Entity::find()
            .filter(Column::OrganizationId.eq(row.organization_id))
            .filter(Column::Code.eq(row.code.as_str()))
            .one(&tx.reader())
            .await?;
        if let Some(other) = other {
            return Err(Error::new(Code::AlreadyExists, "another work has this code")
                .with("field", "code")
                .with("id", other.id));
        }
        tx.insert(&row).await?;
        note_version(tx, row.id.0, row.version, &row.name, &row.unit, row.price_minor).await?;
        Ok(row.into())
    }
}

/// What may change of a work; its code may not. What was agreed or done keeps the price it had.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchWork {
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
    /// Whether it is offered still.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub active: Patch<bool>,
}

/// Changes a work.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which one.
    pub id: WorkId,
    /// The version the client has read.
    pub version: i64,
    /// What changes.
    pub args: PatchWork,
}

impl Act for Change {
    const NAME: &'static str = "work.change";
    type Out = WorkDocument;

    async fn run(&self, tx: &mut Tx) -> Result<WorkDocument> {
        tx.scope().require(&[Role::Admin])?;
        tx.lock_subject("work", self.id.0).await?;
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
        if after != before {
            after.version += 1;
            tx.update(&before, &after).await?;
            note_version(tx, after.id.0, after.version, &after.name, &after.unit, after.price_minor).await?;
        }
        Ok(after.into())
    }
}

/// A work of the organization, as a row.
///
/// # Errors
/// `not_found` for what is not of the organization.
pub async fn find(reader: &Reader<'_>, scope: &Scope, id: WorkId) -> Result<Model> {
    let found =
        Entity::find_by_id(id).filter(Column::OrganizationId.eq(scope.organization())).one(reader).await?;
    found.ok_or_else(|| Error::not_found("work"))
}

/// A work, for staff.
///
/// # Errors
/// `not_found` for what is not of the organization; `forbidden` for residents.
pub async fn get(reader: &Reader<'_>, scope: &Scope, id: WorkId) -> Result<WorkDocument> {
    scope.require(READERS)?;
    Ok(find(reader, scope, id).await?.into())
}

/// Which works are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct WorkFilter {
    /// Only those that are offered still (true) or no longer (false).
    pub active: Option<bool>,
}

/// The key of a page of works.
#[derive(Serialize, Deserialize)]
struct ByCode(String);

/// Works of the organization, by their codes.
///
/// # Errors
/// `forbidden` for residents; `invalid_field` for a cursor of another list.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &WorkFilter,
    page: &PageRequest,
) -> Result<Page<WorkDocument>> {
    scope.require(READERS)?;
    let mut query = Entity::find().filter(Column::OrganizationId.eq(scope.organization()));
    if let Some(active) = filter.active {
        query = query.filter(Column::Active.eq(active));
    }
    if let Some(ByCode(code)) = page.after()? {
        query = query.filter(Column::Code.gt(code));
    }
    let rows = query.order_by_asc(Column::Code).limit(page.limit() as u64 + 1).all(reader).await?;
    page.cut(rows.into_iter().map(WorkDocument::from).collect(), |work| ByCode(work.code.clone()))
}
