//! A version of a policy of terms: never changed.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    id::{DeadlinePolicyId, OrganizationId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "deadline_policy_version")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub policy_id: DeadlinePolicyId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    pub organization_id: OrganizationId,
    pub rules: Json,
    pub created_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "deadline_policy_version",
        journaling: Journaling { plain: &["rules"], personal: &[], silent: &[] },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Organization, self.organization_id)
    }

    fn touch(_before: Option<&Self>, _after: Option<&Self>, _touched: &mut Touched) {}
}
