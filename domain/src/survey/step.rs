//! What is due: questions, reminders, the end of the time to answer, reviews that are late. Looking costs what is due.

use chrono::TimeDelta;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use serde_json::Map;
use uuid::Uuid;

use super::{
    Links, answer_row,
    invitation::{self, Column, Entity, InvitationState as State, Model},
    plan, poll, row,
    settings::SurveySettings,
    silence,
};
use crate::{
    Error, Result, Scope, Time,
    alert::{self, NewAlert},
    db::Db,
    id::{InvitationId, OrganizationId},
    job,
    notification::{self, News, NotificationKind, NotificationState, Person, tell},
    people::{locale::Locale, organization, resident},
    ticket::{self, Status},
    write::{Act, Tx},
};

/// Invitations looked after in one write: other writers wait for it on SQLite.
const BATCH: u64 = 25;

#[derive(FromQueryResult)]
struct Organization {
    id: OrganizationId,
}

/// What cannot be looked after is looked after again after this, and holds up nothing meanwhile.
const AGAIN: TimeDelta = TimeDelta::hours(1);
/// The alert: nobody has looked into a bad answer in time.
pub(super) const LATE: &str = "survey_review_late";

/// Does everything that is due. Returns how much that was.
///
/// # Errors
/// What the database says, once everything else was looked after.
pub async fn run_due(db: &Db, links: &Links) -> Result<u64> {
    let spread = poll::spread_due(db).await;
    let stepped = step_due(db, links).await;
    let alarmed = alarm_due(db).await;
    Ok(spread? + stepped? + alarmed?)
}

/// Looks after the invitations that are due, tenant by tenant.
async fn step_due(db: &Db, links: &Links) -> Result<u64> {
    let (mut done, mut failed) = (0, None);
    let sql = "SELECT o.id FROM organization o WHERE EXISTS
                   (SELECT 1 FROM survey_invitation i WHERE i.organization_id = o.id AND i.next_at <= $1)
               ORDER BY o.id";
    for Organization { id } in db.reader().all(sql, [db.clock().now().into()]).await? {
        loop {
            match step_some(db, links, id, &mut failed).await {
                Ok(0) => break,
                Ok(some) => done += some,
                Err(error) => {
                    let cause = std::error::Error::source(&error);
                    tracing::error!(organization = %id, %error, ?cause, "residents cannot be asked");
                    failed = Some(error);
                    break;
                }
            }
        }
    }
    failed.map_or(Ok(done), Err)
}

/// Something could not be looked after: it is put off by `statement`, whose `$1` is when and `$2` its identifier.
///
/// # Errors
/// The database cannot be written.
pub(super) async fn put_off(db: &Db, statement: &'static str, id: Uuid, error: &Error) -> Result<()> {
    #[derive(FromQueryResult)]
    struct PutOff {
        #[expect(dead_code, reason = "only that it is")]
        id: Uuid,
    }
    tracing::error!(%id, %error, cause = ?std::error::Error::source(error), "put off, it cannot be looked after");
    let at = db.clock().now() + AGAIN;
    job::statement::<PutOff>(db, statement, vec![at.into(), id.into()]).await?;
    Ok(())
}

/// Who was to be asked of what happened before `then` is not asked any more: for a past in which nobody was to be.
///
/// # Errors
/// The database cannot be written.
pub async fn forget_the_past(db: &Db, then: Time) -> Result<()> {
    #[derive(FromQueryResult)]
    struct Forgotten {
        #[expect(dead_code, reason = "only that they are")]
        id: InvitationId,
    }
    let sql = "UPDATE survey_invitation SET state = 'skipped', next_at = NULL
               WHERE next_at IS NOT NULL AND created_at < $1 RETURNING id";
    job::statement::<Forgotten>(db, sql, vec![then.into()]).await?;
    Ok(())
}

/// Looks after a batch and returns how many were in it. One that cannot be looked after holds up none beside it.
///
/// # Errors
/// The database cannot be read or written.
async fn step_some(
    db: &Db,
    links: &Links,
    organization: OrganizationId,
    failed: &mut Option<Error>,
) -> Result<u64> {
    let due = Entity::find()
        .filter(Column::OrganizationId.eq(organization))
        .filter(Column::NextAt.lte(db.clock().now()))
        .order_by_asc(Column::NextAt)
        .limit(BATCH)
        .all(&db.reader())
        .await?;
    let ids: Vec<InvitationId> = due.iter().map(|invitation| invitation.id).collect();
    if ids.is_empty() {
        return Ok(0);
    }
    let (scope, count) = (Scope::system(organization), ids.len() as u64);
    let Err(error) = db.write(scope, Step { ids: ids.clone(), links: links.clone() }).await else {
        return Ok(count);
    };
    tracing::warn!(%organization, %error, "a batch of invitations is looked after one by one");
    for id in ids {
        if let Err(error) = db.write(scope, Step { ids: vec![id], links: links.clone() }).await {
            let later =
                "UPDATE survey_invitation SET next_at = $1 WHERE id = $2 AND next_at < $1 RETURNING id";
            put_off(db, later, id.0, &error).await?;
            *failed = Some(error);
        }
    }
    Ok(count)
}

/// Looks after invitations whose time has come; others are left alone.
struct Step {
    ids: Vec<InvitationId>,
    links: Links,
}

impl Act for Step {
    const NAME: &'static str = "survey.step";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let query = Entity::find().filter(Column::Id.is_in(self.ids.iter().copied()));
        let seen = query.clone().all(&tx.reader()).await?;
        invitation::lock(tx, &seen).await?;
        let now = tx.now();
        let settings = organization::settings_of(&tx.reader(), tx.scope().organization()).await?.surveys;
        let due = query.filter(Column::NextAt.lte(now)).order_by_asc(Column::Id).all(&tx.reader()).await?;
        for before in due {
            let after = match before.state {
                State::Planned => ask(tx, &before, &settings, &self.links).await?,
                State::Asked if before.expires_at.is_some_and(|end| now < end) => {
                    remind(tx, &before, &self.links).await?
                }
                _ => before.turned(State::Expired, None),
            };
            tx.update(&before, &after).await?;
        }
        Ok(())
    }
}

/// Asks, unless there is a reason not to.
async fn ask(tx: &mut Tx, before: &Model, settings: &SurveySettings, links: &Links) -> Result<Model> {
    let now = tx.now();
    let survey = survey_of(tx, before).await?;
    let ticket = match before.ticket_id {
        Some(id) => ticket::row::Entity::find_by_id(id).one(&tx.reader()).await?,
        None => None,
    };
    if let Some(ticket) = &ticket
        && (!matches!(ticket.status, Status::Completed | Status::Closed)
            || ticket.return_count != survey.round)
    {
        return Ok(before.turned(State::Withdrawn, None));
    }
    // After a long outage nobody is asked about what he has forgotten.
    let term = TimeDelta::days(settings.link_days.into());
    let closes_at = survey.closes_at.unwrap_or(before.created_at + term + term);
    if now >= closes_at {
        return Ok(before.turned(State::Expired, None));
    }
    if silence::is_silent(&tx.reader(), before, ticket.as_ref().and_then(|ticket| ticket.premises_id)).await?
    {
        return Ok(before.turned(State::Refused, None));
    }
    if let Some(rested_at) = rested_at(tx, before, settings).await? {
        // A poll has time to wait until he has rested.
        let waits = survey.kind == row::SurveyKind::Poll && rested_at < closes_at;
        let skipped = before.turned(State::Skipped, None);
        return Ok(if waits { before.turned(State::Planned, Some(rested_at)) } else { skipped });
    }
    let expires_at = survey.closes_at.map_or(now + term, |end| end.min(now + term));
    let person = before.who()?;
    let asked = Model { asked_at: Some(now), expires_at: Some(expires_at), ..before.clone() };
    if survey.by_phone || is_landline(&person) {
        return Ok(asked.turned(State::Call, Some(expires_at)));
    }
    let news = news(tx, &asked, &survey, ticket.as_ref(), links, NotificationKind::SurveyAsk).await?;
    let notification = tell(tx, &person, news).await?;
    let remind_at = now + TimeDelta::hours(settings.remind_hours.into());
    let next_at = if settings.remind_hours > 0 && remind_at < expires_at { remind_at } else { expires_at };
    Ok(Model { notification_id: Some(notification), ..asked.turned(State::Asked, Some(next_at)) })
}

/// Reminds, unless the question itself has not arrived.
async fn remind(tx: &mut Tx, before: &Model, links: &Links) -> Result<Model> {
    let survey = survey_of(tx, before).await?;
    let reminded = before.turned(State::Reminded, before.expires_at);
    let ticket = match before.ticket_id {
        Some(id) => ticket::row::Entity::find_by_id(id).one(&tx.reader()).await?,
        None => None,
    };
    if let Some(ticket) = &ticket
        && ticket.return_count != survey.round
    {
        return Ok(before.turned(State::Withdrawn, None));
    }
    if silence::is_silent(&tx.reader(), before, ticket.as_ref().and_then(|ticket| ticket.premises_id)).await?
    {
        return Ok(before.turned(State::Refused, None));
    }
    if let Some(id) = before.notification_id {
        let told = notification::row::Entity::find_by_id(id).one(&tx.reader()).await?;
        if told.is_some_and(|told| matches!(told.state, NotificationState::Call | NotificationState::Failed))
        {
            return Ok(reminded);
        }
    }
    let person = before.who()?;
    let news = news(tx, before, &survey, ticket.as_ref(), links, NotificationKind::SurveyRemind).await?;
    tell(tx, &person, news).await?;
    Ok(reminded)
}

async fn survey_of(tx: &Tx, invitation: &Model) -> Result<row::Model> {
    let survey = row::Entity::find_by_id(invitation.survey_id).one(&tx.reader()).await?;
    survey.ok_or_else(|| Error::internal(format!("survey_invitation {}, column survey_id", invitation.id)))
}

/// When the person may be asked again, if that is not yet.
async fn rested_at(tx: &Tx, invitation: &Model, settings: &SurveySettings) -> Result<Option<Time>> {
    let rest = TimeDelta::days(settings.rest_days.into());
    let last = Entity::find()
        .filter(Column::OrganizationId.eq(invitation.organization_id))
        .filter(Column::Person.eq(invitation.person.as_str()))
        .filter(Column::AskedAt.gt(tx.now() - rest))
        .order_by_desc(Column::AskedAt)
        .one(&tx.reader())
        .await?;
    Ok(last.and_then(|last| last.asked_at).map(|asked_at| asked_at + rest).filter(|at| *at > tx.now()))
}

/// A text message does not reach a telephone on a wire.
fn is_landline(person: &Person) -> bool {
    matches!(person, Person::Phone(phone) if phone.starts_with("+7") && !phone.starts_with("+79"))
}

async fn news(
    tx: &Tx,
    invitation: &Model,
    survey: &row::Model,
    ticket: Option<&ticket::row::Model>,
    links: &Links,
    kind: NotificationKind,
) -> Result<News> {
    let expires_at = invitation.expires_at.unwrap_or(tx.now());
    let question = match ticket {
        Some(ticket) => plan::question(&ticket.number, locale_of(tx, invitation).await?),
        None => survey.question.clone(),
    };
    let name = if kind == NotificationKind::SurveyAsk { "survey_ask" } else { "survey_remind" };
    let mut facts = Map::new();
    facts.insert("link".to_owned(), links.to(invitation.id, expires_at)?.into());
    facts.insert("question".to_owned(), question.into());
    Ok(News {
        organization: invitation.organization_id,
        kind,
        event_key: format!("{name}:{}", invitation.id),
        ticket: invitation.ticket_id,
        visit: None,
        facts,
        not_before: None,
    })
}

async fn locale_of(tx: &Tx, invitation: &Model) -> Result<Locale> {
    let Some(id) = invitation.resident_id else { return Ok(Locale::default()) };
    let resident = resident::Entity::find_by_id(id).one(&tx.reader()).await?;
    Ok(resident.map_or(Locale::default(), |resident| Locale::stored(&resident.locale)))
}

/// Tells the desk of answers that nobody has looked into in time, each once.
async fn alarm_due(db: &Db) -> Result<u64> {
    use answer_row::{Column, Entity};
    let late = Entity::find()
        .filter(Column::ReviewAlarmAt.lte(db.clock().now()))
        .order_by_asc(Column::ReviewAlarmAt)
        .limit(200)
        .all(&db.reader())
        .await?;
    let (mut done, mut failed) = (0, None);
    for answer in &late {
        let alarm = Alarm { invitation: answer.invitation_id };
        match db.write(Scope::system(answer.organization_id), alarm).await {
            Ok(()) => done += 1,
            Err(error) => {
                let later = "UPDATE survey_answer SET review_alarm_at = $1
                             WHERE invitation_id = $2 AND review_alarm_at < $1 RETURNING invitation_id AS id";
                put_off(db, later, answer.invitation_id.0, &error).await?;
                failed = Some(error);
            }
        }
    }
    failed.map_or(Ok(done), Err)
}

struct Alarm {
    invitation: InvitationId,
}

impl Act for Alarm {
    const NAME: &'static str = "survey.review_late";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        invitation::hold(tx, self.invitation).await?;
        let before = answer_row::Entity::find_by_id(self.invitation).one(&tx.reader()).await?;
        let Some(before) = before.filter(|row| row.review_alarm_at.is_some_and(|at| at <= tx.now())) else {
            return Ok(());
        };
        let after =
            answer_row::Model { review_alarm_at: None, version: before.version + 1, ..before.clone() };
        tx.update(&before, &after).await?;
        let (organization, ticket) = (before.organization_id, before.ticket_id);
        if ticket.is_none() && alert::stands(tx, organization, LATE).await? {
            return Ok(());
        }
        let alert = NewAlert { kind: LATE, organization, executor: None, ticket };
        alert::raise(tx, alert).await
    }
}
