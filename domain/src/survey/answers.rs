//! What was answered, for the desk.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    Reason,
    answer_row::{AnswerChannel, Column, Entity, FollowUp, Model},
};
use crate::{
    Error, Result, Scope,
    auth::Role,
    db::Reader,
    id::{InvitationId, ResidentId, SurveyId, TicketId},
    page::{Page, PageRequest},
};

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = SurveyAnswerDocument)]
pub struct AnswerDocument {
    /// The invitation that it answers.
    pub id: InvitationId,
    /// The survey.
    pub survey_id: SurveyId,
    /// The ticket it is about.
    pub ticket_id: Option<TicketId>,
    /// Who answered, if he is a resident.
    pub resident_id: Option<ResidentId>,
    /// The mark, from 1 to 5.
    pub mark: Option<i64>,
    /// Whether the work is done.
    pub done: Option<bool>,
    /// What was wrong.
    pub reasons: Vec<Reason>,
    /// In his own words.
    pub comment: Option<String>,
    /// By which way it came.
    pub channel: AnswerChannel,
    /// When.
    pub answered_at: DateTime<Utc>,
    /// Whether it is bad.
    pub low: bool,
    /// What a bad one did.
    pub follow_up: FollowUp,
    /// Until when somebody looks into it.
    pub review_by: Option<DateTime<Utc>>,
    /// When somebody did.
    pub reviewed_at: Option<DateTime<Utc>>,
    /// Who.
    pub reviewed_by: Option<Uuid>,
    /// What came of it.
    pub review_word: Option<String>,
}

impl AnswerDocument {
    fn of(row: Model) -> Result<Self> {
        let unreadable =
            |fault| Error::internal(format!("survey_answer {}, column reasons: {fault}", row.invitation_id));
        Ok(Self {
            reasons: serde_json::from_value(row.reasons).map_err(unreadable)?,
            id: row.invitation_id,
            survey_id: row.survey_id,
            ticket_id: row.ticket_id,
            resident_id: row.resident_id,
            mark: row.mark,
            done: row.done,
            comment: row.comment,
            channel: row.channel,
            answered_at: row.answered_at,
            low: row.low,
            follow_up: row.follow_up,
            review_by: row.review_by,
            reviewed_at: row.reviewed_at,
            reviewed_by: row.reviewed_by,
            review_word: row.review_word,
        })
    }
}

/// Which answers are listed.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct AnswerFilter {
    /// Only those of a survey.
    pub survey_id: Option<SurveyId>,
    /// Only those about a ticket.
    pub ticket_id: Option<TicketId>,
    /// Only those that are bad (true), or are not.
    pub low: Option<bool>,
    /// Only those that wait for somebody to look into them (true), or do not.
    pub review: Option<bool>,
}

/// What was answered, newest question first. For the desk of the organization that asked.
///
/// # Errors
/// `forbidden` for everybody else; `invalid_field` for a cursor of another list.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &AnswerFilter,
    page: &PageRequest,
) -> Result<Page<AnswerDocument>> {
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    let waits = || Condition::all().add(Column::ReviewBy.is_not_null()).add(Column::ReviewedAt.is_null());
    let wanted = Condition::all()
        .add(Column::OrganizationId.eq(scope.organization()))
        .add_option(filter.survey_id.map(|survey| Column::SurveyId.eq(survey)))
        .add_option(filter.ticket_id.map(|ticket| Column::TicketId.eq(ticket)))
        .add_option(filter.low.map(|low| Column::Low.eq(low)))
        .add_option(filter.review.map(|review| if review { waits() } else { waits().not() }))
        .add_option(page.after::<InvitationId>()?.map(|after| Column::InvitationId.lt(after)));
    let query = Entity::find().filter(wanted).order_by_desc(Column::InvitationId);
    let rows = query.limit(page.limit() as u64 + 1).all(reader).await?;
    page.cut(rows.into_iter().map(AnswerDocument::of).collect::<Result<_>>()?, |answer| answer.id)
}

/// An answer. For the desk of the organization that asked.
///
/// # Errors
/// `not_found` where there is none, `forbidden` for everybody else.
pub async fn answer_of(reader: &Reader<'_>, scope: &Scope, id: InvitationId) -> Result<AnswerDocument> {
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    let query = Entity::find_by_id(id).filter(Column::OrganizationId.eq(scope.organization()));
    AnswerDocument::of(query.one(reader).await?.ok_or_else(|| Error::not_found("answer"))?)
}
