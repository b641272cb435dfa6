//! The row of a call.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    id::{CallId, OrganizationId, TicketId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "call_attempt")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CallId,
    pub organization_id: OrganizationId,
    pub desk_organization_id: OrganizationId,
    pub ticket_id: TicketId,
    pub party: CallParty,
    pub outcome: CallOutcome,
    pub phone: Option<String>,
    pub note: Option<String>,
    pub called_by: Uuid,
    pub called_at: Time,
    pub unanswered: i64,
    pub next_at: Option<Time>,
    pub ended: Option<CallsEnd>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "call_attempt",
        journaling: Journaling {
            plain: &["party", "outcome", "ended"],
            personal: &["phone", "note"],
            silent: &[],
        },
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
            touched.add(row.organization_id, Touch::Watched(row.desk_organization_id));
            touched.add(row.organization_id, Touch::Topic("call"));
            touched.add(row.desk_organization_id, Touch::Topic("call"));
        }
    }
}

/// Who was called.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
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
pub enum CallParty {
    /// Whoever asked for the work.
    #[default]
    Applicant,
    /// Whoever does the work: a technician, or the desk of a contractor.
    Executor,
}

/// How a call went.
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
pub enum CallOutcome {
    /// They spoke.
    Answered,
    /// Nobody picked it up.
    NoAnswer,
    /// The line was busy.
    Busy,
    /// Switched off, out of reach, or no such number.
    Unreachable,
}

/// What calls in vain ended in.
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
pub enum CallsEnd {
    /// The ticket was cancelled.
    Cancelled,
    /// The desk decides.
    Review,
}
