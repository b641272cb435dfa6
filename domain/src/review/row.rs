//! The row of a review: one for what a technician sent about one ticket until somebody decides.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    feed::EntityKind,
    id::{OrganizationId, ReviewId, TechnicianId, TicketId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "review")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ReviewId,
    pub organization_id: OrganizationId,
    pub staff_organization_id: OrganizationId,
    pub technician_id: TechnicianId,
    pub ticket_id: Option<TicketId>,
    pub state: ReviewState,
    pub code: String,
    pub held: i64,
    pub word: Option<String>,
    pub opened_at: Time,
    pub known_at: Option<Time>,
    pub decided_at: Option<Time>,
    pub decided_by: Option<Uuid>,
    pub doc_version: i64,
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "review",
        journaling: Journaling {
            plain: &["state", "code"],
            personal: &["word"],
            silent: &["known_at", "doc_version", "version"],
        },
        entity: Some(EntityKind::Outcome),
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    /// What is about a ticket stands with the ticket, which is locked; what is about none, with the technician.
    fn subject(&self) -> Subject {
        match self.ticket_id {
            Some(ticket) => Subject::new(SubjectKind::Ticket, ticket),
            None => Subject::new(SubjectKind::Technician, self.technician_id),
        }
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        let Some(row) = after else { return };
        let (kind, id) = (EntityKind::Outcome, row.id.0);
        touched.add(
            row.organization_id,
            if before.is_none() { Touch::New(kind, id) } else { Touch::Document(kind, id) },
        );
        touched.add(row.organization_id, Touch::Watched(row.staff_organization_id));
        touched.add(row.organization_id, Touch::Topic("review"));
        if let Some(at) = row.decided_at.filter(|_| before.is_none_or(|old| old.decided_at.is_none())) {
            touched.add(row.organization_id, Touch::Ended { entity: (kind, id), by: id, at });
        }
    }
}

/// What became of held work.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    EnumIter,
    DeriveActiveEnum,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum ReviewState {
    /// Nobody has decided.
    Open,
    /// It was done as it was recorded.
    Applied,
    /// It stands with the ticket as evidence: photos, materials and words, without moving it.
    Attached,
    /// It was sent back to the technician with a word.
    SentBack,
}
