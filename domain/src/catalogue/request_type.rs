//! A kind of work in the catalogue; what it demands stands in its versions.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    feed::EntityKind,
    id::{OrganizationId, RequestTypeId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "request_type")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RequestTypeId,
    pub organization_id: OrganizationId,
    pub code: String,
    pub current_version: i64,
    pub active: bool,
    pub doc_version: i64,
    pub version: i64,
    pub created_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "request_type",
        journaling: Journaling { plain: &["code"], personal: &[], silent: &["doc_version", "version"] },
        entity: Some(EntityKind::RequestType),
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::RequestType, self.id)
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        if let Some(row) = after.or(before) {
            let kind = EntityKind::RequestType;
            let touch =
                if before.is_none() { Touch::New(kind, row.id.0) } else { Touch::Document(kind, row.id.0) };
            touched.add(row.organization_id, touch);
        }
    }
}
