//! Which ways a kind of message takes in an organization.

pub mod row;

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, EntityTrait, Iterable, QueryFilter};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::row::{Column, Entity, Model};
use super::{Ladder, NotificationKind};
use crate::{
    Error, Result, Scope,
    auth::Role,
    db::Reader,
    id::OrganizationId,
    page::expect_version,
    write::{Act, Tx},
};

/// Who decides it.
const KEEPERS: &[Role] = &[Role::Manager, Role::Admin];

/// Which ways a kind of message takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RuleDocument {
    /// What is told.
    pub kind: NotificationKind,
    /// The ways, in their order.
    pub ladder: Ladder,
    /// Whether the organization has decided it, or the house.
    pub own: bool,
    /// Whether it waits for the end of the quiet hours.
    pub waits_for_the_morning: bool,
    /// Rises with every change; the ETag. 0: the house has decided it.
    pub version: i64,
}

impl RuleDocument {
    fn of(kind: NotificationKind, own: Option<&Model>) -> Self {
        Self {
            kind,
            ladder: own.and_then(Model::ladder).unwrap_or_else(|| Ladder::standard(kind)),
            own: own.is_some(),
            waits_for_the_morning: kind.waits_for_the_morning(),
            version: own.map_or(0, |row| row.version),
        }
    }
}

impl Model {
    fn ladder(&self) -> Option<Ladder> {
        Ladder::deserialize(&self.ladder).ok()
    }
}

/// The rules of all kinds.
///
/// # Errors
/// `forbidden` for whoever does not decide about them.
pub async fn rules(reader: &Reader<'_>, scope: &Scope) -> Result<Vec<RuleDocument>> {
    scope.require(KEEPERS)?;
    let own = Rules::of(reader, [scope.organization()]).await?.0;
    let rule = |kind| RuleDocument::of(kind, own.get(&(scope.organization(), kind)));
    Ok(NotificationKind::iter().map(rule).collect())
}

/// The rules of some organizations, as they are needed to send messages.
pub(super) struct Rules(BTreeMap<(OrganizationId, NotificationKind), Model>);

impl Rules {
    pub(super) async fn of(
        reader: &Reader<'_>,
        organizations: impl IntoIterator<Item = OrganizationId>,
    ) -> Result<Self> {
        let rows = Entity::find().filter(Column::OrganizationId.is_in(organizations)).all(reader).await?;
        Ok(Self(rows.into_iter().map(|row| ((row.organization_id, row.kind), row)).collect()))
    }

    pub(super) fn ladder(&self, organization: OrganizationId, kind: NotificationKind) -> Ladder {
        let own = self.0.get(&(organization, kind)).and_then(Model::ladder);
        own.unwrap_or_else(|| Ladder::standard(kind))
    }
}

/// Another ladder.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutRule {
    /// The ways, in their order; null: those of the house.
    pub ladder: Option<Ladder>,
}

/// Decides which ways a kind of message takes.
#[derive(Clone, Debug)]
pub struct ChangeRule {
    /// What is told.
    pub kind: NotificationKind,
    /// The version the client has read.
    pub version: i64,
    /// What is decided.
    pub args: PutRule,
}

impl Act for ChangeRule {
    const NAME: &'static str = "notification.rule";
    type Out = RuleDocument;

    async fn run(&self, tx: &mut Tx) -> Result<RuleDocument> {
        let scope = *tx.scope();
        scope.require(KEEPERS)?;
        tx.lock_subject("organization", scope.organization().0).await?;
        let before = Entity::find_by_id((scope.organization(), self.kind)).one(&tx.reader()).await?;
        expect_version(before.as_ref().map_or(0, |row| row.version), self.version)?;
        let Some(ladder) = &self.args.ladder else {
            if let Some(before) = before {
                tx.delete(&before).await?;
            }
            return Ok(RuleDocument::of(self.kind, None));
        };
        ladder.check("ladder")?;
        let after = Model {
            organization_id: scope.organization(),
            kind: self.kind,
            ladder: serde_json::to_value(ladder).map_err(Error::internal)?,
            version: self.version + 1,
        };
        match &before {
            Some(before) => tx.update(before, &after).await?,
            None => tx.insert(&after).await?,
        }
        Ok(RuleDocument::of(self.kind, Some(&after)))
    }
}
