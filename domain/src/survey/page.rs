//! What whoever holds a link is asked.

use chrono::{DateTime, Utc};
use sea_orm::EntityTrait as _;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Links, Reason,
    answer::{as_asked, require_open},
    invitation, plan, row,
};
use crate::{
    Error, Result, Scope, Time,
    db::Reader,
    id::InvitationId,
    people::{locale::Locale, organization},
    ticket,
};

/// A question about the quality.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SurveyPage {
    /// The organization that asks.
    pub organization: String,
    /// What it asks.
    pub question: String,
    /// Whether it asks about the work of a ticket: then it can be said that it is not done.
    pub about_work: bool,
    /// What can have been wrong.
    pub reasons: Vec<Reason>,
    /// Until when it can be answered.
    pub expires_at: Option<DateTime<Utc>>,
}

/// An invitation by its link: who acts by it, and which it is. It takes no scope: whoever holds the link may ask.
///
/// # Errors
/// `not_found` for a forged link, `survey_expired` when its time is over.
pub async fn open(
    reader: &Reader<'_>,
    links: &Links,
    token: &str,
    now: Time,
) -> Result<(Scope, invitation::Model)> {
    let id: InvitationId = links.open(token, now)?;
    let row = invitation::Entity::find_by_id(id).one(reader).await?;
    let row = row.ok_or_else(|| Error::not_found("survey"))?;
    Ok((as_asked(&row), row))
}

impl SurveyPage {
    /// What an opened invitation asks. It changes nothing: whoever makes a preview of a link looks at it too.
    ///
    /// # Errors
    /// `survey_answered`, `survey_expired`, `survey_closed`.
    pub async fn of(
        reader: &Reader<'_>,
        invitation: &invitation::Model,
        locale: Locale,
        now: Time,
    ) -> Result<Self> {
        require_open(reader, invitation, now).await?;
        let survey = row::Entity::find_by_id(invitation.survey_id).one(reader).await?;
        let survey = survey.ok_or_else(|| Error::not_found("survey"))?;
        let ticket = match invitation.ticket_id {
            Some(id) => ticket::row::Entity::find_by_id(id).one(reader).await?,
            None => None,
        };
        Ok(Self {
            organization: organization::name_of(reader, invitation.organization_id).await?,
            question: ticket
                .as_ref()
                .map_or(survey.question, |ticket| plan::question(&ticket.number, locale)),
            about_work: ticket.is_some(),
            reasons: Reason::ALL.to_vec(),
            expires_at: invitation.expires_at,
        })
    }
}
