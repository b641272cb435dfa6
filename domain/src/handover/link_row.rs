//! The row of a contractor of a managing company.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    id::{ContractorLinkId, OrganizationId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "contractor")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ContractorLinkId,
    pub organization_id: OrganizationId,
    pub contractor_id: OrganizationId,
    pub trades: Json,
    pub building_ids: Option<Json>,
    pub answer_minutes: i64,
    pub emergency_answer_minutes: i64,
    pub auto_accept: bool,
    pub active: bool,
    pub version: i64,
    pub created_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "contractor",
        journaling: Journaling { plain: &["trades", "building_ids"], personal: &[], silent: &["version"] },
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
            touched.add(row.organization_id, Touch::Watched(row.contractor_id));
        }
    }
}
