//! A resident's account number for a flat.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    id::{AccountId, OrganizationId, PremisesId, ResidentId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "account")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AccountId,
    pub organization_id: OrganizationId,
    pub number: String,
    pub premises_id: PremisesId,
    pub resident_id: ResidentId,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "account",
        journaling: Journaling { plain: &[], personal: &["number"], silent: &[] },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Resident, self.resident_id)
    }

    fn touch(_before: Option<&Self>, _after: Option<&Self>, _touched: &mut Touched) {}
}
