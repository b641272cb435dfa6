//! A link to a ticket.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    id::{OrganizationId, TicketId, TrackId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "track_link")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TrackId,
    pub organization_id: OrganizationId,
    pub ticket_id: TicketId,
    pub token_hash: Vec<u8>,
    pub created_by: Uuid,
    pub created_at: Time,
    pub revoked_at: Option<Time>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "track_link",
        journaling: Journaling { plain: &[], personal: &[], silent: &["token_hash"] },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Ticket, self.ticket_id)
    }

    fn touch(_: Option<&Self>, _: Option<&Self>, _: &mut Touched) {}
}
