//! An act that was made. Its bytes are kept, and its hash stands in the journal of the ticket.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    blob::Sha256Hash,
    feed::EntityKind,
    id::{ActId, OrganizationId, TicketId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "act_document")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ActId,
    pub organization_id: OrganizationId,
    pub ticket_id: TicketId,
    pub number: i64,
    pub sha256: Sha256Hash,
    pub bytes: i64,
    pub total_minor: i64,
    pub signed_resident: bool,
    pub signed_crew: bool,
    pub made_by: Uuid,
    pub made_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "act_document",
        journaling: Journaling { plain: &["sha256"], personal: &[], silent: &[] },
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
            touched.add(row.organization_id, Touch::Document(EntityKind::Ticket, row.ticket_id.0));
        }
    }
}
