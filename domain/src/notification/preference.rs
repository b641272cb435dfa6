//! How somebody wants to be told what can wait.

pub mod row;

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::row::{Column, Entity, Model};
use super::{NotificationKind, Person, QuietHours, Rung};
use crate::{
    Code, Error, Result, Scope,
    db::Reader,
    id::{OrganizationId, ResidentId},
    page::expect_version,
    scope::Actor,
    write::{Act, Tx},
};

/// How somebody wants to be told what can wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PreferenceDocument {
    /// The ways that are closed to what can wait. What is urgent goes them nevertheless.
    pub muted: BTreeSet<Rung>,
    /// When nobody wakes him for what can wait, by the clock of the place he lives or works at.
    pub quiet: QuietHours,
    /// Rises with every change; the ETag. 0: nothing was said yet.
    pub version: i64,
}

/// What somebody wants.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutPreference {
    /// The ways that are closed to what can wait: `push`, `sms`, `mail`.
    #[serde(default)]
    pub muted: BTreeSet<Rung>,
    /// When nobody wakes him; absent: from 22 to 8.
    #[serde(default)]
    pub quiet: QuietHours,
}

impl NotificationKind {
    /// Whether somebody may choose the ways it does not take.
    pub(super) fn can_be_muted(self) -> bool {
        self.waits_for_the_morning() || matches!(self, Self::Localized | Self::OnTheWay)
    }
}

impl PreferenceDocument {
    fn of(row: Option<&Model>) -> Self {
        row.map_or_else(
            || Self { muted: BTreeSet::new(), quiet: QuietHours::default(), version: 0 },
            |row| Self { muted: row.muted(), quiet: row.quiet(), version: row.version },
        )
    }
}

impl Model {
    fn muted(&self) -> BTreeSet<Rung> {
        Deserialize::deserialize(&self.muted).unwrap_or_default()
    }

    fn quiet(&self) -> QuietHours {
        let hour = |hour: i64| u8::try_from(hour).unwrap_or_default();
        QuietHours { from: hour(self.quiet_from), until: hour(self.quiet_until) }
    }
}

fn myself(scope: &Scope) -> Result<ResidentId> {
    match scope.actor() {
        Actor::Resident { resident, .. } => Ok(resident),
        Actor::Staff { .. } | Actor::Link { .. } | Actor::System => Err(Error::new(
            Code::Forbidden,
            "only a resident chooses: staff are told what is theirs at any hour",
        )),
    }
}

/// What the caller prefers.
///
/// # Errors
/// `forbidden` for whoever is no resident.
pub async fn preference(reader: &Reader<'_>, scope: &Scope) -> Result<PreferenceDocument> {
    let row = Entity::find_by_id((scope.organization(), Person::Resident(myself(scope)?).key()))
        .one(reader)
        .await?;
    Ok(PreferenceDocument::of(row.as_ref()))
}

/// What some people prefer, as it is needed to send messages.
pub(super) struct Preferences(BTreeMap<(OrganizationId, String), Model>);

impl Preferences {
    pub(super) async fn of(reader: &Reader<'_>, people: BTreeSet<&str>) -> Result<Self> {
        let rows = Entity::find().filter(Column::Person.is_in(people)).all(reader).await?;
        Ok(Self(rows.into_iter().map(|row| ((row.organization_id, row.person.clone()), row)).collect()))
    }

    pub(super) fn muted(&self, organization: OrganizationId, person: &str) -> BTreeSet<Rung> {
        self.0.get(&(organization, person.to_owned())).map(Model::muted).unwrap_or_default()
    }

    pub(super) fn quiet(&self, organization: OrganizationId, person: &str) -> QuietHours {
        self.0.get(&(organization, person.to_owned())).map(Model::quiet).unwrap_or_default()
    }
}

/// Says how the caller wants to be told.
#[derive(Clone, Debug)]
pub struct Prefer {
    /// The version the client has read.
    pub version: i64,
    /// What he wants.
    pub args: PutPreference,
}

impl Act for Prefer {
    const NAME: &'static str = "notification.prefer";
    type Out = PreferenceDocument;

    async fn run(&self, tx: &mut Tx) -> Result<PreferenceDocument> {
        let scope = *tx.scope();
        let resident = myself(&scope)?;
        self.args.quiet.check("quiet")?;
        if self.args.muted.contains(&Rung::Call) {
            return Err(Error::field(
                "muted",
                "a call cannot be closed: it is made when nothing else arrived",
            ));
        }
        tx.lock_subject("resident", resident.0).await?;
        let person = Person::Resident(resident).key();
        let before = Entity::find_by_id((scope.organization(), person.clone())).one(&tx.reader()).await?;
        expect_version(before.as_ref().map_or(0, |row| row.version), self.version)?;
        let after = Model {
            organization_id: scope.organization(),
            person,
            muted: serde_json::to_value(&self.args.muted).map_err(Error::internal)?,
            quiet_from: self.args.quiet.from.into(),
            quiet_until: self.args.quiet.until.into(),
            version: self.version + 1,
        };
        match &before {
            Some(before) => tx.update(before, &after).await?,
            None => tx.insert(&after).await?,
        }
        Ok(PreferenceDocument::of(Some(&after)))
    }
}
