//! A resident: a membership of a login in an organization.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

pub mod belongings;
pub mod login;
pub mod store;

use sea_orm::entity::prelude::*;

use crate::{
    Error, Result, Time,
    db::Reader,
    feed::EntityKind,
    id::{LoginId, OrganizationId, ResidentId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "resident")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ResidentId,
    pub organization_id: OrganizationId,
    pub login_id: Option<LoginId>,
    pub full_name: String,
    pub email: Option<String>,
    pub locale: String,
    pub disabled: bool,
    pub search: String,
    pub doc_version: i64,
    pub version: i64,
    pub created_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "resident",
        journaling: Journaling {
            plain: &["locale"],
            personal: &["full_name", "email", "disabled"],
            silent: &["search", "doc_version", "version"],
        },
        entity: Some(EntityKind::ResidentContact),
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Resident, self.id)
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        if let Some(row) = after.or(before) {
            let kind = EntityKind::ResidentContact;
            let touch =
                if before.is_none() { Touch::New(kind, row.id.0) } else { Touch::Document(kind, row.id.0) };
            touched.add(row.organization_id, touch);
        }
    }
}

/// The name of a resident whom a row names. It takes no scope: who sees the row sees the name.
///
/// # Errors
/// `not_found` when there is no such resident.
pub async fn name_of(reader: &Reader<'_>, id: ResidentId) -> Result<String> {
    let row = Entity::find_by_id(id).one(reader).await?;
    Ok(row.ok_or_else(|| Error::not_found("resident"))?.full_name)
}

/// The organization of a resident. It takes no scope: the command line names the person alone.
///
/// # Errors
/// `not_found`, or the database cannot be read.
pub async fn organization_of(reader: &Reader<'_>, id: ResidentId) -> Result<OrganizationId> {
    let row = Entity::find_by_id(id).one(reader).await?;
    row.map(|row| row.organization_id).ok_or_else(|| Error::not_found("resident"))
}
