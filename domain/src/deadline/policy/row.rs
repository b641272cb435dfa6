//! A policy of terms: the organization's own, or one for a kind of work. What it says stands in its versions.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    id::{DeadlinePolicyId, OrganizationId, RequestTypeId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "deadline_policy")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DeadlinePolicyId,
    pub organization_id: OrganizationId,
    pub request_type_id: Option<RequestTypeId>,
    pub current_version: i64,
    pub active: bool,
    pub version: i64,
    pub created_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "deadline_policy",
        journaling: Journaling { plain: &[], personal: &[], silent: &["version"] },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Organization, self.organization_id)
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        if let Some(row) = after.or(before) {
            touched.add(row.organization_id, Touch::Topic("deadline_policy"));
        }
    }
}
