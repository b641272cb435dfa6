//! Organizations come into being by the command line and are changed by their administrators.

use chrono::{DateTime, Utc};
use sea_orm::EntityTrait;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Entity, Model, OrganizationKind};
use crate::{
    Error, Result, Scope,
    auth::Role,
    catalogue,
    db::Reader,
    id::OrganizationId,
    page::{Patch, expect_version},
    people::Settings,
    place::Zone,
    text::Line,
    worktime::{self, Region},
    write::{Act, Tx},
};

/// An organization.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct OrganizationDocument {
    /// Its identifier.
    pub id: OrganizationId,
    /// What it is.
    pub kind: OrganizationKind,
    /// Its name, as residents know it.
    pub name: String,
    /// Its time zone; a building may have another.
    pub zone: Zone,
    /// What it has decided for itself.
    pub settings: Settings,
    /// The region whose production calendar comes over that of the country.
    pub production_region: Option<Region>,
    /// Rises with every change; the ETag.
    pub version: i64,
    /// Since when it is here.
    pub created_at: DateTime<Utc>,
}

impl OrganizationDocument {
    fn of(row: Model) -> Result<Self> {
        Ok(Self {
            zone: Zone::stored(&row.zone, format_args!("organization {}", row.id))?,
            settings: row.settings()?,
            production_region: row
                .production_region
                .map(|region| region.parse())
                .transpose()
                .map_err(Error::internal)?,
            id: row.id,
            kind: row.kind,
            name: row.name,
            version: row.version,
            created_at: row.created_at,
        })
    }
}

/// What a new organization is.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateOrganization {
    /// Its name, as residents know it.
    pub name: Line<200>,
    /// What it is.
    pub kind: OrganizationKind,
    /// Its time zone.
    pub zone: Zone,
    /// What it has decided for itself.
    #[serde(default)]
    pub settings: Settings,
}

/// Founds an organization with the catalogue that comes with the service. Its price list is empty.
#[derive(Clone, Debug)]
pub struct Create {
    /// Its identifier, which is also the organization of the scope.
    pub id: OrganizationId,
    /// What it is.
    pub args: CreateOrganization,
}

impl Act for Create {
    const NAME: &'static str = "organization.create";
    type Out = OrganizationDocument;

    async fn run(&self, tx: &mut Tx) -> Result<OrganizationDocument> {
        if *tx.scope() != Scope::system(self.id) {
            return Err(Error::internal("an organization is founded by the command line, for itself"));
        }
        self.args.settings.check("settings")?;
        let row = Model {
            id: self.id,
            kind: self.args.kind,
            name: self.args.name.to_string(),
            zone: self.args.zone.to_string(),
            settings: serde_json::to_value(&self.args.settings).map_err(Error::internal)?,
            version: 1,
            created_at: tx.now(),
            production_region: None,
            calendar_version: 0,
        };
        tx.insert(&row).await?;
        catalogue::store::load_default(tx).await?;
        OrganizationDocument::of(row)
    }
}

/// What may change of an organization.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchOrganization {
    /// Its name.
    #[serde(default)]
    #[schema(value_type = Option<Line<200>>)]
    pub name: Patch<Line<200>>,
    /// Its time zone.
    #[serde(default)]
    #[schema(value_type = Option<Zone>)]
    pub zone: Patch<Zone>,
    /// All settings; what is left out has its default again.
    #[serde(default)]
    #[schema(value_type = Option<Settings>)]
    pub settings: Patch<Settings>,
    /// The region whose production calendar comes over that of the country; open terms are counted anew.
    #[serde(default)]
    #[schema(value_type = Option<Region>)]
    pub production_region: Patch<Region>,
}

/// Changes the organization of the scope.
#[derive(Clone, Debug)]
pub struct Change {
    /// The version the client has read.
    pub version: i64,
    /// What changes.
    pub args: PatchOrganization,
}

impl Act for Change {
    const NAME: &'static str = "organization.change";
    type Out = OrganizationDocument;

    async fn run(&self, tx: &mut Tx) -> Result<OrganizationDocument> {
        tx.scope().require(&[Role::Admin])?;
        let id = tx.scope().organization();
        tx.lock_subject("organization", id.0).await?;
        let before = find(&tx.reader(), tx.scope()).await?;
        expect_version(before.version, self.version)?;
        let args = self.args.clone();
        let mut after = before.clone();
        if let Some(name) = args.name.required("name")? {
            after.name = name.into_string();
        }
        if let Some(zone) = args.zone.required("zone")? {
            after.zone = zone.to_string();
        }
        if let Some(settings) = args.settings.required("settings")? {
            settings.check("settings")?;
            after.settings = serde_json::to_value(&settings).map_err(Error::internal)?;
        }
        args.production_region.map(|region| region.to_string()).apply(&mut after.production_region);
        if after.production_region != before.production_region {
            after.calendar_version += 1;
            worktime::store::recalculate(tx, after.calendar_version);
        }
        if after != before {
            after.version += 1;
            tx.update(&before, &after).await?;
        }
        OrganizationDocument::of(after)
    }
}

/// The organization of the scope, as a row.
///
/// # Errors
/// `not_found` when it does not exist.
pub async fn find(reader: &Reader<'_>, scope: &Scope) -> Result<Model> {
    Entity::find_by_id(scope.organization())
        .one(reader)
        .await?
        .ok_or_else(|| Error::not_found("organization"))
}

/// The organization of the scope; staff only.
///
/// # Errors
/// `forbidden` for residents, who learn its name from `/v1/me`.
pub async fn get(reader: &Reader<'_>, scope: &Scope) -> Result<OrganizationDocument> {
    scope.require(&[Role::Technician, Role::Dispatcher, Role::Manager, Role::Admin, Role::Integration])?;
    OrganizationDocument::of(find(reader, scope).await?)
}

/// The time zone of the organization of the scope.
///
/// # Errors
/// `not_found` when it does not exist.
pub async fn zone(reader: &Reader<'_>, scope: &Scope) -> Result<Zone> {
    let row = find(reader, scope).await?;
    Zone::stored(&row.zone, format_args!("organization {}", row.id))
}
