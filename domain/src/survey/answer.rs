//! An answer comes, by whichever way, and what a bad one does.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    answer_row::{AnswerChannel, FollowUp, Model},
    invitation::{self, InvitationState as State},
    plan,
    settings::LowAction,
    token,
};
use crate::{
    Code, Error, Result, Scope, Time,
    alert::{self, NewAlert},
    auth::Role,
    db::Reader,
    id::{InvitationId, TicketId, TrackId},
    notification::Person,
    people::organization,
    text::Text,
    ticket::{self, Return, Status, Why},
    write::{Act, Attempt, Tx},
};

/// The alert: somebody must look into a bad answer.
pub(super) const LOW: &str = "survey_low";

/// What was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SurveyReason)]
pub enum Reason {
    /// It is not mended, or broke again.
    NotMended,
    /// Nobody came when it was promised.
    Late,
    /// The work is bad.
    BadWork,
    /// Dirt was left.
    Dirt,
    /// Something was damaged.
    Damage,
    /// Somebody was rude.
    Rude,
    /// Nobody told what is going on.
    NotInformed,
    /// It was too dear.
    Price,
    /// Something else.
    Other,
}

impl Reason {
    /// All of them, as they are offered.
    pub const ALL: &[Self] = &[
        Self::NotMended,
        Self::Late,
        Self::BadWork,
        Self::Dirt,
        Self::Damage,
        Self::Rude,
        Self::NotInformed,
        Self::Price,
        Self::Other,
    ];
}

/// An answer. A mark, or whether the work is done, or both.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SurveyAnswer)]
pub struct Answer {
    /// From 1, very bad, to 5, very good.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 5)]
    pub mark: Option<i64>,
    /// Whether the work is done.
    #[serde(default)]
    pub done: Option<bool>,
    /// What was wrong.
    #[serde(default)]
    #[schema(max_items = 9)]
    pub reasons: Vec<Reason>,
    /// In his own words.
    #[serde(default)]
    pub comment: Option<Text<1000>>,
}

impl Answer {
    fn check(&self) -> Result<()> {
        if self.mark.is_none() && self.done.is_none() {
            return Err(Error::field("mark", "give a mark, or say whether the work is done"));
        }
        if self.mark.is_some_and(|mark| !(1..=5).contains(&mark)) {
            return Err(Error::field("mark", "must be from 1 to 5"));
        }
        if self.reasons.len() > Reason::ALL.len() {
            return Err(Error::field("reasons", "names each reason once"));
        }
        Ok(())
    }

    /// Why the ticket returns, in words for the ticket.
    fn words(&self) -> Result<Why> {
        let mut sentences = Vec::new();
        sentences.extend(
            (self.done == Some(false)).then(|| "По словам заявителя, работы не выполнены.".to_owned()),
        );
        sentences.extend(self.mark.map(|mark| format!("Оценка {mark} из 5.")));
        sentences.extend(self.comment.as_ref().map(|comment| comment.as_str().to_owned()));
        let reason = Text::parse(&sentences.join(" ")).map_err(Error::internal)?;
        Ok(Why { reason })
    }
}

/// What an answer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Answered {
    /// The invitation that it answers.
    pub id: InvitationId,
    /// What it did.
    pub follow_up: FollowUp,
    /// Until when somebody looks into it.
    pub review_by: Option<DateTime<Utc>>,
}

/// Passes an invitation that can be answered.
///
/// # Errors
/// `survey_answered`, `survey_expired`, `survey_closed`: also for work that was returned meanwhile.
pub(super) async fn require_open(
    reader: &Reader<'_>,
    invitation: &invitation::Model,
    now: Time,
) -> Result<()> {
    let code = match (invitation.state, invitation.expires_at) {
        (State::Answered, _) => Code::SurveyAnswered,
        (State::Refused | State::Withdrawn | State::Skipped, _) => Code::SurveyClosed,
        (_, Some(end)) if now >= end => return Err(token::expired(end)),
        (State::Expired, _) => Code::SurveyExpired,
        (State::Planned | State::Asked | State::Reminded | State::Call, _)
            if !plan::is_over(reader, invitation).await? =>
        {
            return Ok(());
        }
        (State::Planned | State::Asked | State::Reminded | State::Call, _) => Code::SurveyClosed,
    };
    Err(Error::new(code, code.title()))
}

/// As whom whoever was asked acts, where he has not signed in: as somebody who holds a link to his ticket.
pub(super) fn as_asked(invitation: &invitation::Model) -> Scope {
    match invitation.ticket_id {
        Some(ticket) => Scope::link(invitation.organization_id, TrackId(invitation.id.0), ticket),
        None => Scope::system(invitation.organization_id),
    }
}

/// Writes down the answer to an invitation that is locked with what it stands with. `returner` brings the ticket back, if
/// it comes to that.
pub(super) async fn record(
    tx: &mut Tx,
    before: &invitation::Model,
    answer: &Answer,
    channel: AnswerChannel,
    returner: Scope,
) -> Result<Answered> {
    answer.check()?;
    let settings = organization::settings_of(&tx.reader(), before.organization_id).await?.surveys;
    let low =
        answer.done == Some(false) || answer.mark.is_some_and(|mark| mark <= i64::from(settings.low_mark));
    let follow_up =
        if low { bad(tx, before, answer, settings.low_action, returner).await? } else { FollowUp::None };
    let review_by =
        (follow_up == FollowUp::Review).then(|| tx.now() + TimeDelta::hours(settings.review_hours.into()));
    let answered_by = match channel {
        AnswerChannel::App | AnswerChannel::Phone => tx.scope().actor_id(),
        AnswerChannel::Link | AnswerChannel::Sms => {
            before.resident_id.map_or(before.id.0, |resident| resident.0)
        }
    };
    let named = |reason: &&Reason| answer.reasons.contains(reason);
    let reasons: Vec<Reason> = Reason::ALL.iter().filter(named).copied().collect();
    let row = Model {
        invitation_id: before.id,
        organization_id: before.organization_id,
        survey_id: before.survey_id,
        ticket_id: before.ticket_id,
        resident_id: before.resident_id,
        mark: answer.mark,
        done: answer.done,
        reasons: serde_json::to_value(&reasons).map_err(Error::internal)?,
        comment: answer.comment.clone().map(Text::into_string),
        channel,
        answered_by,
        answered_at: tx.now(),
        low,
        follow_up,
        review_by,
        review_alarm_at: review_by,
        reviewed_at: None,
        reviewed_by: None,
        review_word: None,
        version: 1,
    };
    tx.insert(&row).await?;
    tx.update(before, &before.turned(State::Answered, None)).await?;
    invitation::hush(tx, before).await?;
    // The answers to a poll are one alert, however many they are.
    let alarmed = before.ticket_id.is_none() && alert::stands(tx, before.organization_id, LOW).await?;
    if follow_up == FollowUp::Review && !alarmed {
        let alert = NewAlert {
            kind: LOW,
            organization: before.organization_id,
            executor: None,
            ticket: before.ticket_id,
        };
        alert::raise(tx, alert).await?;
    }
    Ok(Answered { id: before.id, follow_up, review_by })
}

/// The answer is bad: the ticket returns while it can, else somebody looks into it.
async fn bad(
    tx: &mut Tx,
    invitation: &invitation::Model,
    answer: &Answer,
    action: LowAction,
    returner: Scope,
) -> Result<FollowUp> {
    let Some(id) = invitation.ticket_id else { return Ok(FollowUp::Review) };
    let ticket = ticket::row::Entity::find_by_id(id).one(&tx.reader()).await?;
    let ticket = ticket.ok_or_else(|| Error::not_found("ticket"))?;
    if !matches!(ticket.status, Status::Completed | Status::Closed) {
        return Ok(if ticket.status == Status::Cancelled { FollowUp::Review } else { FollowUp::None });
    }
    if action == LowAction::Review {
        return Ok(FollowUp::Review);
    }
    match tx.attempt(returner, None, &Return { ticket: id, args: answer.words()?.into() }).await? {
        Attempt::Done(_) => Ok(FollowUp::Returned),
        Attempt::Refused(refusal) => {
            tracing::debug!(%refusal, ticket = %id, "a bad answer is looked into, the ticket cannot return");
            Ok(FollowUp::Review)
        }
        Attempt::OutOfOrder => Err(Error::internal("a bad answer returns its ticket out of order")),
    }
}

/// An answer by the link.
#[derive(Clone, Debug)]
pub struct AnswerByLink {
    /// The invitation that the link names.
    pub invitation: InvitationId,
    /// What is answered.
    pub answer: Answer,
}

impl Act for AnswerByLink {
    const NAME: &'static str = "survey.answer";
    type Out = Answered;

    async fn run(&self, tx: &mut Tx) -> Result<Answered> {
        let before = invitation::hold(tx, self.invitation).await?;
        require_open(&tx.reader(), &before, tx.now()).await?;
        let returner = as_asked(&before);
        record(tx, &before, &self.answer, AnswerChannel::Link, returner).await
    }
}

/// The desk writes down what it was answered by telephone.
#[derive(Clone, Debug)]
pub struct AnswerByPhone {
    /// The invitation.
    pub invitation: InvitationId,
    /// What is answered.
    pub answer: Answer,
}

impl Act for AnswerByPhone {
    const NAME: &'static str = "survey.answer";
    type Out = Answered;

    async fn run(&self, tx: &mut Tx) -> Result<Answered> {
        let scope = *tx.scope();
        scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
        let before = invitation::hold(tx, self.invitation).await?;
        require_open(&tx.reader(), &before, tx.now()).await?;
        record(tx, &before, &self.answer, AnswerChannel::Phone, scope).await
    }
}

/// The resident answers in his app, whether he was asked or not.
#[derive(Clone, Debug)]
pub struct AnswerByApp {
    /// His ticket.
    pub ticket: TicketId,
    /// What is answered.
    pub answer: Answer,
}

impl Act for AnswerByApp {
    const NAME: &'static str = "survey.answer";
    type Out = Answered;

    async fn run(&self, tx: &mut Tx) -> Result<Answered> {
        let scope = *tx.scope();
        let Some(resident) = scope.resident_id() else {
            return Err(Error::new(Code::Forbidden, "the resident of the ticket answers"));
        };
        let ticket = ticket::hold(tx, self.ticket).await?;
        let standing = plan::of_round(tx, &ticket).await?;
        let person = Person::Resident(resident);
        let before = match standing {
            Some(survey) => {
                let own = invitation::Entity::find()
                    .filter(invitation::Column::SurveyId.eq(survey.id))
                    .filter(invitation::Column::Person.eq(person.key()));
                own.one(&tx.reader()).await?.ok_or_else(|| Error::not_found("survey"))?
            }
            None if matches!(ticket.status, Status::Completed | Status::Closed) => {
                let now = tx.now();
                plan::invite(tx, &ticket, &person, now).await?
            }
            None => {
                return Err(Error::new(Code::IllegalMove, "the work is not completed")
                    .with("status", ticket.status)
                    .with("legal", Vec::<&str>::new()));
            }
        };
        if before.state == State::Answered {
            return Err(Error::new(Code::SurveyAnswered, Code::SurveyAnswered.title()));
        }
        record(tx, &before, &self.answer, AnswerChannel::App, scope).await
    }
}
