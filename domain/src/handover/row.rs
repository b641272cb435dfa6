//! The row of a handover: one offer of a ticket to a contractor and what became of it.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    id::{HandoverId, OrganizationId, TicketId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "handover")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: HandoverId,
    pub organization_id: OrganizationId,
    pub contractor_id: OrganizationId,
    pub ticket_id: TicketId,
    pub state: HandoverState,
    pub offered_by: Uuid,
    pub offered_at: Time,
    pub answer_by: Time,
    pub answered_by: Option<Uuid>,
    pub answered_at: Option<Time>,
    pub ended_at: Option<Time>,
    pub reason: Option<String>,
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "handover",
        journaling: Journaling { plain: &["state"], personal: &["reason"], silent: &["version"] },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Ticket, self.ticket_id)
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        if let Some(row) = after.or(before) {
            touched.add(row.organization_id, Touch::Topic("handover"));
            touched.add(row.organization_id, Touch::Watched(row.contractor_id));
            touched.add(row.contractor_id, Touch::Topic("handover"));
        }
    }
}

/// Where an offer stands.
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
pub enum HandoverState {
    /// The contractor is asked.
    Offered,
    /// It does the work.
    Accepted,
    /// It will not do it.
    Declined,
    /// It did not answer in time.
    Expired,
    /// The owner took the ticket back.
    Withdrawn,
}

impl HandoverState {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
}
