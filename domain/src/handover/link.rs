//! The contractors a managing company works with.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::link_row::{Column, Entity, Model};
use crate::{
    Error, Result, Scope,
    auth::Role,
    catalogue::Category,
    db::Reader,
    id::{BuildingId, ContractorLinkId, OrganizationId},
    page::{Page, PageRequest, Patch, expect_version},
    people::organization,
    place,
    write::{Act, Tx},
};

/// Who sees the contractors.
const READERS: &[Role] = &[Role::Dispatcher, Role::Manager, Role::Admin];
/// Who decides with whom the company works.
const KEEPERS: &[Role] = &[Role::Manager, Role::Admin];
/// The longest term for an answer: two weeks.
const LONGEST: i64 = 14 * 24 * 60;

/// A contractor of the company.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ContractorDocument {
    /// The contractor's organization: what `executor.organization_id` of a ticket names.
    pub organization_id: OrganizationId,
    /// Its name.
    pub name: String,
    /// What it is asked for; empty: any work.
    pub trades: Vec<Category>,
    /// Where it works; null: in every building.
    pub building_ids: Option<Vec<BuildingId>>,
    /// Within how many minutes it answers an offer.
    pub answer_minutes: i64,
    /// The same for an emergency.
    pub emergency_answer_minutes: i64,
    /// What is offered counts as accepted.
    pub auto_accept: bool,
    /// Whether tickets may be passed to it.
    pub active: bool,
    /// Rises with every change; the ETag.
    pub version: i64,
    /// Since when it is here.
    pub created_at: DateTime<Utc>,
}

impl ContractorDocument {
    fn of(row: &Model, name: String) -> Result<Self> {
        Ok(Self {
            organization_id: row.contractor_id,
            name,
            trades: row.trades()?.into_iter().collect(),
            building_ids: row.buildings()?.map(|ids| ids.into_iter().collect()),
            answer_minutes: row.answer_minutes,
            emergency_answer_minutes: row.emergency_answer_minutes,
            auto_accept: row.auto_accept,
            active: row.active,
            version: row.version,
            created_at: row.created_at,
        })
    }
}

impl Model {
    /// What it is asked for.
    ///
    /// # Errors
    /// `internal` naming the row: only checked values are stored.
    pub fn trades(&self) -> Result<BTreeSet<Category>> {
        serde_json::from_value(self.trades.clone())
            .map_err(|fault| Error::internal(format!("contractor {}, column trades: {fault}", self.id)))
    }

    /// Where it works.
    ///
    /// # Errors
    /// As [`Model::trades`].
    pub fn buildings(&self) -> Result<Option<BTreeSet<BuildingId>>> {
        self.building_ids
            .clone()
            .map(serde_json::from_value)
            .transpose()
            .map_err(|fault| Error::internal(format!("contractor {}, column building_ids: {fault}", self.id)))
    }
}

fn answer_minutes() -> i64 {
    60
}

fn emergency_answer_minutes() -> i64 {
    15
}

/// With whom the company works, and how.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkContractor {
    /// The contractor's organization.
    pub organization_id: OrganizationId,
    /// What it is asked for; empty: any work.
    #[serde(default)]
    pub trades: BTreeSet<Category>,
    /// Where it works; left out: in every building.
    #[serde(default)]
    pub building_ids: Option<BTreeSet<BuildingId>>,
    /// Within how many minutes it answers an offer, 1 to 20160.
    #[serde(default = "answer_minutes")]
    #[schema(minimum = 1, maximum = 20160)]
    pub answer_minutes: i64,
    /// The same for an emergency.
    #[serde(default = "emergency_answer_minutes")]
    #[schema(minimum = 1, maximum = 20160)]
    pub emergency_answer_minutes: i64,
    /// What is offered counts as accepted.
    #[serde(default)]
    pub auto_accept: bool,
}

/// Begins to work with a contractor.
#[derive(Clone, Debug)]
pub struct Link {
    /// With whom.
    pub args: LinkContractor,
}

impl Act for Link {
    const NAME: &'static str = "contractor.link";
    type Out = ContractorDocument;

    async fn run(&self, tx: &mut Tx) -> Result<ContractorDocument> {
        let scope = *tx.scope();
        scope.require(KEEPERS)?;
        let (args, owner) = (&self.args, scope.organization());
        if args.organization_id == owner {
            return Err(Error::field("organization_id", "is the organization itself"));
        }
        tx.lock_subject("organization", owner.0).await?;
        let contractor = contractor(&tx.reader(), args.organization_id).await?;
        let row = Model {
            id: ContractorLinkId::new(tx.clock()),
            organization_id: owner,
            contractor_id: contractor.id,
            trades: serde_json::to_value(&args.trades).map_err(Error::internal)?,
            building_ids: stored(args.building_ids.as_ref())?,
            answer_minutes: args.answer_minutes,
            emergency_answer_minutes: args.emergency_answer_minutes,
            auto_accept: args.auto_accept,
            active: true,
            version: 1,
            created_at: tx.now(),
        };
        check(tx, &row).await?;
        tx.insert(&row).await?;
        ContractorDocument::of(&row, contractor.name)
    }
}

/// What may change of the work with a contractor.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchContractor {
    /// What it is asked for, as a whole.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Category>>)]
    pub trades: Patch<BTreeSet<Category>>,
    /// Where it works, as a whole; null: in every building.
    #[serde(default)]
    #[schema(value_type = Option<Vec<BuildingId>>)]
    pub building_ids: Patch<BTreeSet<BuildingId>>,
    /// Within how many minutes it answers an offer.
    #[serde(default)]
    pub answer_minutes: Option<i64>,
    /// The same for an emergency.
    #[serde(default)]
    pub emergency_answer_minutes: Option<i64>,
    /// What is offered counts as accepted.
    #[serde(default)]
    pub auto_accept: Option<bool>,
    /// Whether tickets may be passed to it. What it has, it keeps.
    #[serde(default)]
    pub active: Option<bool>,
}

/// Changes how the company works with a contractor.
#[derive(Clone, Debug)]
pub struct Change {
    /// The contractor's organization.
    pub contractor: OrganizationId,
    /// The version the client has read.
    pub version: i64,
    /// What changes.
    pub args: PatchContractor,
}

impl Act for Change {
    const NAME: &'static str = "contractor.change";
    type Out = ContractorDocument;

    async fn run(&self, tx: &mut Tx) -> Result<ContractorDocument> {
        let scope = *tx.scope();
        scope.require(KEEPERS)?;
        tx.lock_subject("organization", scope.organization().0).await?;
        let before = find(&tx.reader(), &scope, self.contractor).await?;
        expect_version(before.version, self.version)?;
        let args = self.args.clone();
        let mut after = before.clone();
        if let Some(trades) = args.trades.required("trades")? {
            after.trades = serde_json::to_value(&trades).map_err(Error::internal)?;
        }
        match args.building_ids {
            Patch::Absent => {}
            Patch::Null => after.building_ids = None,
            Patch::Set(ids) => after.building_ids = stored(Some(&ids))?,
        }
        after.answer_minutes = args.answer_minutes.unwrap_or(before.answer_minutes);
        after.emergency_answer_minutes =
            args.emergency_answer_minutes.unwrap_or(before.emergency_answer_minutes);
        after.auto_accept = args.auto_accept.unwrap_or(before.auto_accept);
        after.active = args.active.unwrap_or(before.active);
        if after != before {
            check(tx, &after).await?;
            after.version += 1;
            tx.update(&before, &after).await?;
        }
        let contractor = contractor(&tx.reader(), after.contractor_id).await?;
        ContractorDocument::of(&after, contractor.name)
    }
}

fn stored(ids: Option<&BTreeSet<BuildingId>>) -> Result<Option<serde_json::Value>> {
    ids.map(serde_json::to_value).transpose().map_err(Error::internal)
}

async fn check(tx: &Tx, row: &Model) -> Result<()> {
    for (name, minutes) in
        [("answer_minutes", row.answer_minutes), ("emergency_answer_minutes", row.emergency_answer_minutes)]
    {
        if !(1..=LONGEST).contains(&minutes) {
            return Err(Error::field(name, format!("must be from 1 to {LONGEST}")));
        }
    }
    match row.buildings()? {
        Some(ids) => place::building::store::require_all(&tx.reader(), tx.scope(), &ids).await,
        None => Ok(()),
    }
}

/// A contractor organization. Whether there are other managing companies is nobody's business.
async fn contractor(reader: &Reader<'_>, id: OrganizationId) -> Result<organization::Model> {
    organization::Entity::find_by_id(id)
        .filter(organization::Column::Kind.eq(organization::OrganizationKind::Contractor))
        .one(reader)
        .await?
        .ok_or_else(|| Error::not_found("contractor"))
}

/// The link of the scope's company with a contractor.
pub(super) async fn find(reader: &Reader<'_>, scope: &Scope, contractor: OrganizationId) -> Result<Model> {
    let link = between(reader, scope.organization(), contractor).await?;
    link.ok_or_else(|| Error::not_found("contractor"))
}

/// The link of an owner with a contractor.
pub(super) async fn between(
    reader: &Reader<'_>,
    owner: OrganizationId,
    contractor: OrganizationId,
) -> Result<Option<Model>> {
    let query = Entity::find().filter(Column::OrganizationId.eq(owner));
    Ok(query.filter(Column::ContractorId.eq(contractor)).one(reader).await?)
}

/// A contractor of the company.
///
/// # Errors
/// `not_found` when the company does not work with it; `forbidden` for all but the desk.
pub async fn get(
    reader: &Reader<'_>,
    scope: &Scope,
    contractor: OrganizationId,
) -> Result<ContractorDocument> {
    scope.require(READERS)?;
    let row = find(reader, scope, contractor).await?;
    let name = self::contractor(reader, contractor).await?.name;
    ContractorDocument::of(&row, name)
}

/// The contractors of the company, in the order in which they came.
///
/// # Errors
/// `forbidden` for all but the desk; `invalid_field` for a cursor of another list.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    page: &PageRequest,
) -> Result<Page<ContractorDocument>> {
    scope.require(READERS)?;
    let mut query = Entity::find().filter(Column::OrganizationId.eq(scope.organization()));
    if let Some(after) = page.after::<ContractorLinkId>()? {
        query = query.filter(Column::Id.gt(after));
    }
    let rows = query.order_by_asc(Column::Id).limit(page.limit() as u64 + 1).all(reader).await?;
    let cut = page.cut(rows, |row| row.id)?;
    let names = organization::Entity::find()
        .filter(organization::Column::Id.is_in(cut.items.iter().map(|row| row.contractor_id)))
        .all(reader)
        .await?;
    let name = |id: OrganizationId| names.iter().find(|o| o.id == id).map(|o| o.name.clone());
    let items = cut
        .items
        .into_iter()
        .map(|row| {
            let name = name(row.contractor_id).unwrap_or_default();
            ContractorDocument::of(&row, name)
        })
        .collect::<Result<_>>()?;
    Ok(Page { items, next: cut.next })
}
