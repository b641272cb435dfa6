//! A building that a technician serves.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    id::{BuildingId, OrganizationId, TechnicianId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "technician_building")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub technician_id: TechnicianId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub building_id: BuildingId,
    pub organization_id: OrganizationId,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "technician_building",
        journaling: Journaling { plain: &[], personal: &[], silent: &[] },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Technician, self.technician_id)
    }

    fn touch(_before: Option<&Self>, _after: Option<&Self>, _touched: &mut Touched) {}
}
