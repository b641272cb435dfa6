//! A phone number of a resident.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::{QueryOrder, entity::prelude::*};

use crate::{
    Result,
    db::Reader,
    feed::EntityKind,
    id::{OrganizationId, ResidentId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "resident_phone")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub resident_id: ResidentId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub phone: String,
    pub organization_id: OrganizationId,
    pub position: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "resident_phone",
        journaling: Journaling { plain: &[], personal: &["phone"], silent: &[] },
        entity: Some(EntityKind::ResidentContact),
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Resident, self.resident_id)
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        if let Some(row) = after.or(before) {
            touched.add(row.organization_id, Touch::Document(EntityKind::ResidentContact, row.resident_id.0));
        }
    }
}

/// The number a resident signs in with, if he has one. It takes no scope: the resident was found under one.
///
/// # Errors
/// The database cannot be read.
pub async fn first_of(reader: &Reader<'_>, resident: ResidentId) -> Result<Option<String>> {
    let first = Entity::find().filter(Column::ResidentId.eq(resident)).order_by_asc(Column::Position);
    Ok(first.one(reader).await?.map(|row| row.phone))
}
