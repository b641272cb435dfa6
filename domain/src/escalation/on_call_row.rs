//! The row of a turn of duty.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use super::Duty;
use crate::{
    Time,
    id::{OnCallId, OrganizationId, UserId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "on_call")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OnCallId,
    pub organization_id: OrganizationId,
    pub duty: Duty,
    pub user_id: UserId,
    pub starts_at: Time,
    pub ends_at: Option<Time>,
    pub created_by: Uuid,
    pub created_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "on_call",
        journaling: Journaling { plain: &["duty"], personal: &[], silent: &[] },
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
            touched.add(row.organization_id, Touch::Topic("on_call"));
        }
    }
}
