//! A member of the crew of a visit.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    feed::EntityKind,
    id::{OrganizationId, TechnicianId, TicketId, VisitId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "visit_assignee")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub visit_id: VisitId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub technician_id: TechnicianId,
    pub ticket_id: TicketId,
    pub organization_id: OrganizationId,
    pub lead: bool,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "visit_assignee",
        journaling: Journaling { plain: &[], personal: &[], silent: &[] },
        entity: Some(EntityKind::Ticket),
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Ticket, self.ticket_id)
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        if let Some(row) = after.or(before) {
            let ticket = row.ticket_id.0;
            touched.add(row.organization_id, Touch::Document(EntityKind::Ticket, ticket));
            touched.add(row.organization_id, Touch::Reach(EntityKind::Ticket, ticket));
        }
    }
}
