//! A version of a kind of work: never changed, a ticket keeps the one it was born with.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    id::{OrganizationId, RequestTypeId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "request_type_version")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub request_type_id: RequestTypeId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    pub organization_id: OrganizationId,
    pub category: String,
    pub name_ru: String,
    pub name_en: String,
    pub emergency: bool,
    pub basis: String,
    pub duration_s: i64,
    pub rules: Json,
    pub created_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "request_type_version",
        journaling: Journaling {
            plain: &["category", "name_ru", "name_en", "basis", "rules"],
            personal: &[],
            silent: &[],
        },
        entity: Some(crate::feed::EntityKind::RequestType),
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::RequestType, self.request_type_id)
    }

    fn touch(_before: Option<&Self>, _after: Option<&Self>, _touched: &mut Touched) {}
}
