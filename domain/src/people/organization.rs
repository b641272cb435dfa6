//! A tenant: a managing company or a contractor.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

pub mod store;

use sea_orm::entity::prelude::*;

use super::Settings;
use crate::{
    Error, Result, Time,
    db::Reader,
    id::OrganizationId,
    journal::{Subject, SubjectKind},
    write::{FeedOwner, Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "organization")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrganizationId,
    pub kind: OrganizationKind,
    pub name: String,
    pub zone: String,
    pub settings: Json,
    pub version: i64,
    pub created_at: Time,
    pub production_region: Option<String>,
    pub calendar_version: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "organization",
        journaling: Journaling {
            plain: &["kind", "name", "zone", "settings", "production_region"],
            personal: &[],
            silent: &["version", "calendar_version"],
        },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Organization, self.id)
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        if let (None, Some(new)) = (before, after) {
            touched.add(new.id, Touch::FeedCreated(new.id.0, FeedOwner::Reference));
        }
    }
}

/// What an organization is.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    EnumIter,
    DeriveActiveEnum,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum OrganizationKind {
    /// Manages houses; owns tickets.
    Managing,
    /// Does works passed to it.
    Contractor,
}

impl Model {
    /// What the organization has decided for itself.
    ///
    /// # Errors
    /// `internal` naming the row: only checked settings are stored.
    pub fn settings(&self) -> Result<Settings> {
        serde_json::from_value(self.settings.clone())
            .map_err(|fault| Error::internal(format!("organization {}, column settings: {fault}", self.id)))
    }
}

/// What an organization has decided for itself. It takes no scope: a ticket passed to a contractor is closed and
/// returned by the settings of its owner.
///
/// # Errors
/// `not_found` when there is no such organization.
pub async fn settings_of(reader: &Reader<'_>, organization: OrganizationId) -> Result<Settings> {
    let row = Entity::find_by_id(organization).one(reader).await?;
    row.ok_or_else(|| Error::not_found("organization"))?.settings()
}

/// The name of an organization.
///
/// # Errors
/// `not_found`, or the database cannot be read.
pub(crate) async fn name_of(reader: &Reader<'_>, organization: OrganizationId) -> Result<String> {
    let row = Entity::find_by_id(organization).one(reader).await?;
    row.map(|row| row.name).ok_or_else(|| Error::not_found("organization"))
}
