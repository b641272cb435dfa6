//! A member of staff.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

pub mod credentials;
pub mod password;
pub mod store;

use sea_orm::entity::prelude::*;

use crate::{
    Error, Result, Time,
    auth::Role,
    db::Reader,
    id::{OrganizationId, UserId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Told, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "app_user")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    pub organization_id: OrganizationId,
    pub role: Role,
    pub login: String,
    pub password_hash: String,
    pub full_name: String,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub active: bool,
    pub version: i64,
    pub created_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "app_user",
        journaling: Journaling {
            plain: &["role"],
            personal: &["login", "full_name", "phone", "email"],
            silent: &["password_hash", "version"],
        },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::User, self.id)
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        let (Some(old), Some(new)) = (before, after) else { return };
        if new.role == Role::Technician && old.active != new.active {
            let feed = new.id.0;
            touched.add(
                new.organization_id,
                if new.active { Touch::FeedOpened(feed) } else { Touch::FeedDropped(feed) },
            );
        }
        if old.full_name != new.full_name {
            touched.add(new.organization_id, Touch::Told(Told::Person, new.id.0));
        }
    }
}

/// The name of a member of staff whom a row names. It takes no scope: who sees the row sees the name.
///
/// # Errors
/// `not_found` when there is no such member of staff.
pub async fn name_of(reader: &Reader<'_>, id: UserId) -> Result<String> {
    let row = Entity::find_by_id(id).one(reader).await?;
    Ok(row.ok_or_else(|| Error::not_found("member of staff"))?.full_name)
}
