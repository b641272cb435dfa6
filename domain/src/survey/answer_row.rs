//! The row of an answer.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    id::{InvitationId, OrganizationId, ResidentId, SurveyId, TicketId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "survey_answer")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub invitation_id: InvitationId,
    pub organization_id: OrganizationId,
    pub survey_id: SurveyId,
    pub ticket_id: Option<TicketId>,
    pub resident_id: Option<ResidentId>,
    pub mark: Option<i64>,
    pub done: Option<bool>,
    pub reasons: Json,
    pub comment: Option<String>,
    pub channel: AnswerChannel,
    pub answered_by: Uuid,
    pub answered_at: Time,
    pub low: bool,
    pub follow_up: FollowUp,
    pub review_by: Option<Time>,
    pub review_alarm_at: Option<Time>,
    pub reviewed_at: Option<Time>,
    pub reviewed_by: Option<Uuid>,
    pub review_word: Option<String>,
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "survey_answer",
        journaling: Journaling {
            plain: &["reasons", "channel", "follow_up"],
            personal: &["comment", "review_word"],
            silent: &["review_alarm_at", "version"],
        },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        match (self.ticket_id, self.resident_id) {
            (Some(ticket), _) => Subject::new(SubjectKind::Ticket, ticket),
            (None, Some(resident)) => Subject::new(SubjectKind::Resident, resident),
            (None, None) => Subject::new(SubjectKind::Organization, self.organization_id),
        }
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        if let Some(row) = after.or(before) {
            touched.add(row.organization_id, Touch::Topic("survey"));
        }
    }
}

/// By which way an answer came.
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
pub enum AnswerChannel {
    /// By the link.
    Link,
    /// From the app.
    App,
    /// By a text message.
    Sms,
    /// By telephone: the desk has written it down.
    Phone,
}

/// What a bad answer did.
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
pub enum FollowUp {
    /// Nothing: it is not bad, or the ticket had returned already.
    None,
    /// The ticket returned.
    Returned,
    /// Somebody looks into it.
    Review,
}
