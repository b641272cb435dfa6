//! The row of a survey: an occasion on which residents are asked.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    id::{OrganizationId, SurveyId, TicketId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "survey")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SurveyId,
    pub organization_id: OrganizationId,
    pub kind: SurveyKind,
    pub ticket_id: Option<TicketId>,
    pub round: i64,
    pub question: String,
    pub building_ids: Option<Json>,
    pub by_phone: bool,
    pub opens_at: Time,
    pub closes_at: Option<Time>,
    pub spread_at: Option<Time>,
    pub spread_after: Option<Uuid>,
    pub created_by: Uuid,
    pub created_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "survey",
        journaling: Journaling {
            plain: &["kind", "question", "building_ids"],
            personal: &[],
            silent: &["spread_at", "spread_after"],
        },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        match self.ticket_id {
            Some(ticket) => Subject::new(SubjectKind::Ticket, ticket),
            None => Subject::new(SubjectKind::Organization, self.organization_id),
        }
    }

    fn touch(_: Option<&Self>, _: Option<&Self>, _: &mut Touched) {}
}

/// On what occasion residents are asked.
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
pub enum SurveyKind {
    /// The work of a ticket is done.
    Completion,
    /// The residents of chosen buildings are asked.
    Poll,
}
