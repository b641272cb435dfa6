//! Premises: kept by the dispatcher's desk; residents see their own, technicians those of their tickets.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Value};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Column, Entity, Model, PremisesKind};
use crate::{
    Code, Error, Result, Scope,
    auth::Role,
    db::{Reader, Where},
    id::{BuildingId, PremisesId},
    page::{Page, PageRequest, Patch, expect_version},
    place::building,
    scope::Actor,
    text::{Line, Question, Text},
    ticket,
    write::{Act, Tx},
};

/// A flat, a shop, a common area or a plant room.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PremisesDocument {
    /// Its identifier.
    pub id: PremisesId,
    /// The building it is in.
    pub building_id: BuildingId,
    /// The address of the building.
    pub address: String,
    /// What it is.
    pub kind: PremisesKind,
    /// Its number or name in the building, «17», «ИТП».
    pub number: String,
    /// The entrance.
    pub entrance: Option<String>,
    /// The floor.
    pub floor: Option<String>,
    /// How a crew gets in; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_notes: Option<String>,
    /// Rises with every change; the ETag.
    pub version: i64,
    /// Since when it is here.
    pub created_at: DateTime<Utc>,
}

#[derive(sea_orm::FromQueryResult)]
struct Row {
    id: PremisesId,
    building_id: BuildingId,
    address: String,
    kind: PremisesKind,
    number: String,
    entrance: Option<String>,
    floor: Option<String>,
    access_notes: Option<String>,
    version: i64,
    created_at: DateTime<Utc>,
}

impl PremisesDocument {
    fn of(row: Row, scope: &Scope) -> Self {
        Self {
            id: row.id,
            building_id: row.building_id,
            address: row.address,
            kind: row.kind,
            number: row.number,
            entrance: row.entrance,
            floor: row.floor,
            access_notes: row.access_notes.filter(|_| !scope.is_resident()),
            version: row.version,
            created_at: row.created_at,
        }
    }
}

/// What new premises are.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePremises {
    /// Made by the client (UUIDv7), or else by the server.
    pub id: Option<PremisesId>,
    /// The building they are in.
    pub building_id: BuildingId,
    /// What they are.
    pub kind: PremisesKind,
    /// Number or name in the building.
    pub number: Line<40>,
    /// The entrance.
    pub entrance: Option<Line<40>>,
    /// The floor.
    pub floor: Option<Line<40>>,
    /// How a crew gets in.
    pub access_notes: Option<Text<1000>>,
}

/// Adds premises.
#[derive(Clone, Debug)]
pub struct Create {
    /// What they are.
    pub args: CreatePremises,
}

impl Act for Create {
    const NAME: &'static str = "premises.create";
    type Out = PremisesDocument;

    async fn run(&self, tx: &mut Tx) -> Result<PremisesDocument> {
        let scope = *tx.scope();
        scope.require(building::store::KEEPERS)?;
        let args = self.args.clone();
        let id = match args.id {
            Some(id) => PremisesId::from_client(id.0, "id")?,
            None => PremisesId::new(tx.clock()),
        };
        let building = building::store::find(&tx.reader(), &scope, args.building_id).await?;
        let row = Model {
            id,
            organization_id: building.organization_id,
            building_id: building.id,
            kind: args.kind,
            number: args.number.into_string(),
            entrance: args.entrance.map(Line::into_string),
            floor: args.floor.map(Line::into_string),
            access_notes: args.access_notes.map(Text::into_string),
            doc_version: 1,
            version: 1,
            created_at: tx.now(),
        };
        check_number(tx, &row).await?;
        tx.insert(&row).await?;
        get(&tx.reader(), &scope, id).await
    }
}

/// The unique index is the guard; this names the field and the other premises.
async fn check_number(tx: &Tx, row: &Model) -> Result<()> {
    let other = Entity::find()
        .filter(Column::BuildingId.eq(row.building_id))
        .filter(Column::Kind.eq(row.kind))
        .filter(Column::Number.eq(row.number.as_str()))
        .filter(Column::Id.ne(row.id))
        .one(&tx.reader())
        .await?;
    match other {
        None => Ok(()),
        Some(other) => Err(Error::new(Code::AlreadyExists, "the building has premises of this number")
            .with("field", "number")
            .with("id", other.id)),
    }
}

/// What may change of premises; the building may not.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchPremises {
    /// What they are.
    #[serde(default)]
    #[schema(value_type = Option<PremisesKind>)]
    pub kind: Patch<PremisesKind>,
    /// Number or name in the building.
    #[serde(default)]
    #[schema(value_type = Option<Line<40>>)]
    pub number: Patch<Line<40>>,
    /// The entrance.
    #[serde(default)]
    #[schema(value_type = Option<Line<40>>)]
    pub entrance: Patch<Line<40>>,
    /// The floor.
    #[serde(default)]
    #[schema(value_type = Option<Line<40>>)]
    pub floor: Patch<Line<40>>,
    /// How a crew gets in.
    #[serde(default)]
    #[schema(value_type = Option<Text<1000>>)]
    pub access_notes: Patch<Text<1000>>,
}

/// Changes premises.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which ones.
    pub id: PremisesId,
    /// The version the client has read.
    pub version: i64,
    /// What changes.
    pub args: PatchPremises,
}

impl Act for Change {
    const NAME: &'static str = "premises.change";
    type Out = PremisesDocument;

    async fn run(&self, tx: &mut Tx) -> Result<PremisesDocument> {
        let scope = *tx.scope();
        scope.require(building::store::KEEPERS)?;
        tx.lock_subject("premises", self.id.0).await?;
        let before = find(&tx.reader(), &scope, self.id).await?;
        expect_version(before.version, self.version)?;
        let args = self.args.clone();
        let mut after = before.clone();
        if let Some(kind) = args.kind.required("kind")? {
            after.kind = kind;
        }
        if let Some(number) = args.number.required("number")? {
            after.number = number.into_string();
        }
        args.entrance.map(Line::into_string).apply(&mut after.entrance);
        args.floor.map(Line::into_string).apply(&mut after.floor);
        args.access_notes.map(Text::into_string).apply(&mut after.access_notes);
        if after != before {
            check_number(tx, &after).await?;
            after.version += 1;
            if after.number != before.number {
                tx.enqueue(ticket::refold_job(after.organization_id, after.building_id, tx.now()));
            }
            tx.update(&before, &after).await?;
        }
        get(&tx.reader(), &scope, self.id).await
    }
}

/// Premises of the organization, as a row; for acts, which ask for roles themselves.
///
/// # Errors
/// `not_found` for what is not of the organization.
pub async fn find(reader: &Reader<'_>, scope: &Scope, id: PremisesId) -> Result<Model> {
    Entity::find_by_id(id)
        .filter(Column::OrganizationId.eq(scope.organization()))
        .one(reader)
        .await?
        .ok_or_else(|| Error::not_found("premises"))
}

const SELECT: &str =
    "SELECT p.id, p.building_id, b.address, p.kind, p.number, p.entrance, p.floor, p.access_notes,
    p.version, p.created_at FROM premises p JOIN building b ON b.id = p.building_id";

/// What of the premises the actor may see: the desk those of its organization, a resident those of his accounts, a
/// technician those on his phone, whoever owns them.
fn visible(scope: &Scope) -> Result<Where> {
    let organization = Value::from(scope.organization().0);
    match scope.actor() {
        Actor::Staff { role: Role::Technician, user } => Ok(Where::new(
            "p.id IN (SELECT c.entity_id FROM sync_change c
                      WHERE c.feed_id = ? AND c.entity = 'premises' AND c.op = 'put')",
            [user.0.into()],
        )),
        Actor::Resident { resident, .. } => Ok(Where::new(
            "p.organization_id = ? AND p.id IN (SELECT a.premises_id FROM account a WHERE a.resident_id = ?)",
            [organization, resident.0.into()],
        )),
        Actor::Link { .. } => Err(Error::not_found("premises")),
        Actor::Staff { .. } | Actor::System => {
            scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
            Ok(Where::new("p.organization_id = ?", [organization]))
        }
    }
}

/// Premises.
///
/// # Errors
/// `not_found` for what the actor may not see.
pub async fn get(reader: &Reader<'_>, scope: &Scope, id: PremisesId) -> Result<PremisesDocument> {
    let mut wanted = visible(scope)?;
    wanted.and("p.id = ?", [id.0.into()]);
    let row = reader.one::<Row>(&format!("{SELECT} WHERE {wanted}"), wanted.values).await?;
    row.map(|row| PremisesDocument::of(row, scope)).ok_or_else(|| Error::not_found("premises"))
}

/// Which premises are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct PremisesFilter {
    /// Only those in this building.
    pub building_id: Option<BuildingId>,
    /// Only those where each of these words, in whatever spelling, is in the address or is the number.
    #[param(value_type = Option<String>, max_length = 200)]
    pub q: Option<Question>,
}

/// Premises that the actor may see, in the order in which they were added.
///
/// # Errors
/// `invalid_field` for a cursor of another list.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &PremisesFilter,
    page: &PageRequest,
) -> Result<Page<PremisesDocument>> {
    let mut wanted = visible(scope)?;
    if let Some(building) = filter.building_id {
        wanted.and("p.building_id = ?", [building.0.into()]);
    }
    if let Some(question) = &filter.q {
        for (word, pattern) in question.words() {
            // A number is stored as it is painted on the door: it is asked for in both cases, «17а» and «17А».
            let values = [pattern.into(), word.into(), word.to_uppercase().into()];
            wanted.and("(' ' || b.search || ' ') LIKE ? OR p.number IN (?, ?)", values);
        }
    }
    if let Some(after) = page.after::<PremisesId>()? {
        wanted.and("p.id > ?", [after.0.into()]);
    }
    let sql = format!("{SELECT} WHERE {wanted} ORDER BY p.id LIMIT {}", page.limit() + 1);
    let rows = reader.all::<Row>(&sql, wanted.values).await?;
    let premises = rows.into_iter().map(|row| PremisesDocument::of(row, scope)).collect();
    page.cut(premises, |premises| premises.id)
}
