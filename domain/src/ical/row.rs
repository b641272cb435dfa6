//! The row of a link by which a calendar elsewhere reads a technician's bookings.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    id::{CalendarLinkId, OrganizationId, TechnicianId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "calendar_link")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CalendarLinkId,
    pub organization_id: OrganizationId,
    pub technician_id: TechnicianId,
    pub token_hash: Vec<u8>,
    pub label: Option<String>,
    pub created_by: Uuid,
    pub created_at: Time,
    pub revoked_at: Option<Time>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "calendar_link",
        journaling: Journaling { plain: &[], personal: &["label"], silent: &["token_hash"] },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Technician, self.technician_id)
    }

    fn touch(_: Option<&Self>, _: Option<&Self>, _: &mut Touched) {}
}
