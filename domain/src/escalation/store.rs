//! What an organization has decided about who is told.

use chrono::{DateTime, Utc};
use sea_orm::EntityTrait;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    EscalationRules,
    row::{Entity, Model},
};
use crate::{
    Error, Result, Scope,
    auth::Role,
    db::Reader,
    id::OrganizationId,
    page::expect_version,
    write::{Act, Tx},
};

/// Who is told of alerts.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EscalationDocument {
    /// The rules in force.
    pub rules: EscalationRules,
    /// When they were decided; absent: they are the defaults.
    pub changed_at: Option<DateTime<Utc>>,
    /// Version, for `If-Match`; 0 while nothing was decided.
    pub version: i64,
}

impl EscalationDocument {
    fn of(row: Option<Model>) -> Result<Self> {
        Ok(Self {
            rules: row.as_ref().map(Model::rules).transpose()?.unwrap_or_default(),
            changed_at: row.as_ref().map(|row| row.changed_at),
            version: row.map_or(0, |row| row.version),
        })
    }
}

impl Model {
    fn rules(&self) -> Result<EscalationRules> {
        serde_json::from_value(self.rules.clone()).map_err(|fault| {
            Error::internal(format!("escalation {}, column rules: {fault}", self.organization_id))
        })
    }
}

/// The rules in force in an organization.
pub(super) async fn in_force(reader: &Reader<'_>, organization: OrganizationId) -> Result<EscalationRules> {
    Ok(EscalationDocument::of(Entity::find_by_id(organization).one(reader).await?)?.rules)
}

/// Who is told of alerts; for the desk.
///
/// # Errors
/// `forbidden` for everybody else.
pub async fn get(reader: &Reader<'_>, scope: &Scope) -> Result<EscalationDocument> {
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    EscalationDocument::of(Entity::find_by_id(scope.organization()).one(reader).await?)
}

/// What is decided.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutEscalation {
    /// The rules, all of them; what is left out has its default.
    pub rules: EscalationRules,
}

/// Decides who is told of alerts from now on. Alerts that are climbing go on by it.
#[derive(Clone, Debug)]
pub struct Put {
    /// The version that was read.
    pub version: i64,
    /// What is decided.
    pub args: PutEscalation,
}

impl Act for Put {
    const NAME: &'static str = "escalation.put";
    type Out = EscalationDocument;

    async fn run(&self, tx: &mut Tx) -> Result<EscalationDocument> {
        let scope = *tx.scope();
        scope.require(&[Role::Manager, Role::Admin])?;
        self.args.rules.check()?;
        tx.lock_subject("organization", scope.organization().0).await?;
        let before = Entity::find_by_id(scope.organization()).one(&tx.reader()).await?;
        let version = before.as_ref().map_or(0, |row| row.version);
        expect_version(version, self.version)?;
        let after = Model {
            organization_id: scope.organization(),
            rules: serde_json::to_value(&self.args.rules).map_err(Error::internal)?,
            changed_by: scope.actor_id(),
            changed_at: tx.now(),
            version: version + 1,
        };
        match &before {
            Some(before) => tx.update(before, &after).await?,
            None => tx.insert(&after).await?,
        }
        EscalationDocument::of(Some(after))
    }
}
