//! Policies are made and revised by the management; open clocks are counted anew by a job.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{PolicyRules, read, row, version};
use crate::{
    Code, Error, Result, Scope,
    auth::Role,
    catalogue::request_type,
    db::Reader,
    deadline::recalculate_job,
    id::{DeadlinePolicyId, RequestTypeId},
    page::{Page, PageRequest, Patch, expect_version},
    write::{Act, Tx},
};

/// A policy of terms, by its current version.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DeadlinePolicyDocument {
    /// Its identifier.
    pub id: DeadlinePolicyId,
    /// The kind of work it is for; null: the organization's own, for all that have none.
    pub request_type_id: Option<RequestTypeId>,
    /// The number of this version of its rules; clocks tell by which they run.
    pub number: i64,
    /// Whether it is in force.
    pub active: bool,
    /// What it says.
    pub rules: PolicyRules,
    /// Rises with every change; the ETag.
    pub version: i64,
    /// When this version of the rules was made.
    pub revised_at: DateTime<Utc>,
}

impl DeadlinePolicyDocument {
    fn of(policy: &row::Model, version: version::Model) -> Result<Self> {
        Ok(Self {
            id: policy.id,
            request_type_id: policy.request_type_id,
            number: version.number,
            active: policy.active,
            version: policy.version,
            revised_at: version.created_at,
            rules: read(policy.id, version.number, version.rules)?,
        })
    }
}

/// A new policy.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateDeadlinePolicy {
    /// Made by the client (UUIDv7), or else by the server.
    #[serde(default)]
    pub id: Option<DeadlinePolicyId>,
    /// The kind of work it is for; absent: all that have none of their own.
    #[serde(default)]
    pub request_type_id: Option<RequestTypeId>,
    /// What it says.
    #[serde(default)]
    pub rules: PolicyRules,
}

/// Makes a policy.
#[derive(Clone, Debug)]
pub struct Create {
    /// What it is.
    pub args: CreateDeadlinePolicy,
}

impl Act for Create {
    const NAME: &'static str = "deadline_policy.create";
    type Out = DeadlinePolicyDocument;

    async fn run(&self, tx: &mut Tx) -> Result<DeadlinePolicyDocument> {
        tx.scope().require(&[Role::Manager, Role::Admin])?;
        let organization_id = tx.scope().organization();
        tx.lock_subject("organization", organization_id.0).await?;
        self.args.rules.check("rules")?;
        let id = match self.args.id {
            Some(id) => DeadlinePolicyId::from_client(id.0, "id")?,
            None => DeadlinePolicyId::new(tx.clock()),
        };
        let mut standing = row::Entity::find().filter(row::Column::OrganizationId.eq(organization_id));
        standing = match self.args.request_type_id {
            None => standing.filter(row::Column::RequestTypeId.is_null()),
            Some(kind) => {
                request_type::Entity::find_by_id(kind)
                    .filter(request_type::Column::OrganizationId.eq(organization_id))
                    .one(&tx.reader())
                    .await?
                    .ok_or_else(|| Error::not_found("request type"))?;
                standing.filter(row::Column::RequestTypeId.eq(kind))
            }
        };
        if let Some(other) = standing.one(&tx.reader()).await? {
            return Err(Error::new(Code::AlreadyExists, "there is a policy for this already")
                .with("field", "request_type_id")
                .with("id", other.id));
        }
        let policy = row::Model {
            id,
            organization_id,
            request_type_id: self.args.request_type_id,
            current_version: 1,
            active: true,
            version: 1,
            created_at: tx.now(),
        };
        let version = version::Model {
            policy_id: id,
            number: 1,
            organization_id,
            rules: serde_json::to_value(&self.args.rules).map_err(Error::internal)?,
            created_at: tx.now(),
        };
        tx.insert(&policy).await?;
        tx.insert(&version).await?;
        tx.enqueue(recalculate_job(organization_id, tx.now(), &format!("{id}:1")));
        DeadlinePolicyDocument::of(&policy, version)
    }
}

/// What may change of a policy.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchDeadlinePolicy {
    /// Whether it is in force.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub active: Patch<bool>,
    /// All it says; what is left out has its default again.
    #[serde(default)]
    #[schema(value_type = Option<PolicyRules>)]
    pub rules: Patch<PolicyRules>,
}

/// Revises a policy: changed rules are a new version, and open clocks are counted anew.
#[derive(Clone, Debug)]
pub struct Revise {
    /// Which one.
    pub id: DeadlinePolicyId,
    /// The version the client has read.
    pub version: i64,
    /// What changes.
    pub args: PatchDeadlinePolicy,
}

impl Act for Revise {
    const NAME: &'static str = "deadline_policy.revise";
    type Out = DeadlinePolicyDocument;

    async fn run(&self, tx: &mut Tx) -> Result<DeadlinePolicyDocument> {
        tx.scope().require(&[Role::Manager, Role::Admin])?;
        let scope = *tx.scope();
        tx.lock_subject("organization", scope.organization().0).await?;
        let (before, standing) = find(&tx.reader(), &scope, self.id).await?;
        expect_version(before.version, self.version)?;
        let mut after = before.clone();
        if let Some(active) = self.args.active.required("active")? {
            after.active = active;
        }
        let mut version = standing.clone();
        if let Some(rules) = self.args.rules.clone().required("rules")? {
            rules.check("rules")?;
            // Compared as values: the spelling of the stored JSON may differ between engines.
            if rules != read(before.id, standing.number, standing.rules)? {
                version.number = standing.number + 1;
                version.rules = serde_json::to_value(&rules).map_err(Error::internal)?;
                version.created_at = tx.now();
                tx.insert(&version).await?;
                after.current_version = version.number;
            }
        }
        if after != before {
            after.version += 1;
            tx.update(&before, &after).await?;
            let change = format!("{}:{}", after.id, after.version);
            tx.enqueue(recalculate_job(scope.organization(), tx.now(), &change));
        }
        DeadlinePolicyDocument::of(&after, version)
    }
}

async fn find(
    reader: &Reader<'_>,
    scope: &Scope,
    id: DeadlinePolicyId,
) -> Result<(row::Model, version::Model)> {
    let policy = row::Entity::find_by_id(id)
        .filter(row::Column::OrganizationId.eq(scope.organization()))
        .one(reader)
        .await?
        .ok_or_else(|| Error::not_found("policy"))?;
    let version = version::Entity::find_by_id((id, policy.current_version)).one(reader).await?;
    let version =
        version.ok_or_else(|| Error::internal(format!("deadline_policy {id}, column current_version")))?;
    Ok((policy, version))
}

/// A policy; for the desk.
///
/// # Errors
/// `forbidden` for everybody else, `not_found` for another organization's.
pub async fn get(reader: &Reader<'_>, scope: &Scope, id: DeadlinePolicyId) -> Result<DeadlinePolicyDocument> {
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    let (policy, version) = find(reader, scope, id).await?;
    DeadlinePolicyDocument::of(&policy, version)
}

/// The policies of the organization, oldest first; for the desk. None: the defaults hold.
///
/// # Errors
/// `forbidden` for everybody else.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    page: &PageRequest,
) -> Result<Page<DeadlinePolicyDocument>> {
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    let mut query = row::Entity::find()
        .filter(row::Column::OrganizationId.eq(scope.organization()))
        .order_by_asc(row::Column::Id)
        .limit(page.limit() as u64 + 1);
    if let Some(after) = page.after::<DeadlinePolicyId>()? {
        query = query.filter(row::Column::Id.gt(after));
    }
    let mut items = Vec::new();
    for policy in query.all(reader).await? {
        let (policy, version) = find(reader, scope, policy.id).await?;
        items.push(DeadlinePolicyDocument::of(&policy, version)?);
    }
    page.cut(items, |policy| policy.id)
}
