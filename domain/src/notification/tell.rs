//! Somebody is to be told something.

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Map, Value};

use super::{
    NotificationKind, NotificationState,
    row::{Column, Entity, Model},
};
use crate::{
    Result, Time,
    auth::Role,
    db::Reader,
    id::{NotificationId, OrganizationId, ResidentId, TechnicianId, TicketId, UserId, VisitId},
    people::user,
    ticket::{self, Status},
    visit,
    write::Tx,
};

/// So long the first word about a ticket waits: where the visit is booked in the same call, one message says both.
const FIRST_WORD_AFTER: TimeDelta = TimeDelta::minutes(2);

/// Who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Person {
    /// One of the staff.
    User(UserId),
    /// A resident.
    Resident(ResidentId),
    /// A phone that belongs to nobody we know, E.164.
    Phone(String),
    /// An address of e-mail that belongs to nobody we know.
    Mail(String),
}

impl Person {
    /// The applicant of a ticket, where one is known who could be told.
    pub(crate) fn applicant(ticket: &ticket::row::Model) -> Option<Self> {
        match (ticket.resident_id, &ticket.applicant_phone) {
            (Some(resident), _) => Some(Self::Resident(resident)),
            (None, Some(phone)) => Some(Self::Phone(phone.clone())),
            (None, None) => None,
        }
    }

    pub(super) fn key(&self) -> String {
        match self {
            Self::User(user) => format!("user:{user}"),
            Self::Resident(resident) => format!("resident:{resident}"),
            Self::Phone(phone) => format!("phone:{phone}"),
            Self::Mail(email) => format!("mail:{email}"),
        }
    }
}

/// What is told.
#[derive(Clone, Debug)]
pub struct News {
    /// Who tells it.
    pub organization: OrganizationId,
    /// What it is.
    pub kind: NotificationKind,
    /// Names the event: a person is told of it once.
    pub event_key: String,
    /// The ticket it is about.
    pub ticket: Option<TicketId>,
    /// The visit it is about.
    pub visit: Option<VisitId>,
    /// Words that stand in the message, by the names of the template's variables.
    pub facts: Map<String, Value>,
    /// Not earlier than this.
    pub not_before: Option<Time>,
}

impl News {
    /// News of a ticket, told at once.
    pub(crate) fn of(
        ticket: &ticket::row::Model,
        visit: Option<VisitId>,
        kind: NotificationKind,
        event_key: impl Into<String>,
    ) -> Self {
        Self {
            organization: ticket.organization_id,
            kind,
            event_key: event_key.into(),
            ticket: Some(ticket.id),
            visit,
            facts: Map::new(),
            not_before: None,
        }
    }
}

/// Tells somebody something, unless the same event has told him already; the notification that does.
///
/// # Errors
/// What the database says.
pub(crate) async fn tell(tx: &mut Tx, to: &Person, news: News) -> Result<NotificationId> {
    let person = to.key();
    let standing = Entity::find()
        .filter(Column::EventKey.eq(news.event_key.as_str()))
        .filter(Column::OrganizationId.eq(news.organization))
        .filter(Column::Person.eq(person.as_str()))
        .one(&tx.reader())
        .await?;
    if let Some(standing) = standing {
        return Ok(standing.id);
    }
    let row = row(tx, to, news);
    tx.insert(&row).await?;
    Ok(row.id)
}

/// Tells people of an event that is certainly new: nobody was told of it.
///
/// # Errors
/// What the database says.
async fn tell_first(tx: &mut Tx, told: impl IntoIterator<Item = (Person, News)>) -> Result<()> {
    let rows: Vec<Model> = told.into_iter().map(|(to, news)| row(tx, &to, news)).collect();
    tx.insert_all(&rows).await
}

/// Tells the applicant of a ticket something, unless the same event has told him already, or nobody is known who could be
/// told.
///
/// # Errors
/// What the database says.
pub(crate) async fn tell_applicant(
    tx: &mut Tx,
    ticket: &ticket::row::Model,
    visit: Option<VisitId>,
    kind: NotificationKind,
    event_key: &str,
) -> Result<()> {
    let Some(person) = Person::applicant(ticket) else { return Ok(()) };
    use NotificationKind as Kind;
    if matches!(kind, Kind::BookingMoved | Kind::CrewChanged | Kind::BookingLost | Kind::BookingCancelled) {
        supersede(tx, ticket.id).await?;
    }
    tell(tx, &person, News::of(ticket, visit, kind, event_key)).await?;
    Ok(())
}

/// A ticket is registered: its applicant learns its number, its term and the list of measures. Whoever registers it
/// himself has just read them.
///
/// # Errors
/// What the database says.
pub(crate) async fn registered(tx: &mut Tx, ticket: &ticket::row::Model) -> Result<()> {
    let Some(person) = Person::applicant(ticket).filter(|_| !tx.scope().is_resident()) else { return Ok(()) };
    let mut news = News::of(ticket, None, NotificationKind::Registered, format!("registered:{}", ticket.id));
    news.not_before = Some(tx.now() + FIRST_WORD_AFTER);
    tell_first(tx, [(person, news)]).await
}

/// A visit is booked: the applicant learns who comes and when, unless he has chosen it himself or was promised nothing,
/// and the crew learns that it is theirs.
///
/// # Errors
/// What the database says.
pub(crate) async fn booked(
    tx: &mut Tx,
    ticket: &ticket::row::Model,
    visit: VisitId,
    promised: bool,
    crew: &[TechnicianId],
) -> Result<()> {
    let mut told = assigned(ticket, visit, 1, crew);
    if let Some(person) = Person::applicant(ticket).filter(|_| promised && !tx.scope().is_resident()) {
        supersede(tx, ticket.id).await?;
        let news = News::of(ticket, Some(visit), NotificationKind::Booked, format!("booked:{visit}"));
        told.push((person, news));
    }
    tell_first(tx, told).await
}

/// A visit has others in its crew: those who are new to it learn that it is theirs.
///
/// # Errors
/// What the database says.
pub(crate) async fn joined(tx: &mut Tx, visit: &visit::row::Model, crew: &[TechnicianId]) -> Result<()> {
    for technician in crew {
        let news = News {
            organization: visit.organization_id,
            kind: NotificationKind::Assigned,
            event_key: format!("assigned:{}:{}", visit.id, visit.version),
            ticket: Some(visit.ticket_id),
            visit: Some(visit.id),
            facts: Map::new(),
            not_before: None,
        };
        tell(tx, &Person::User(UserId(technician.0)), news).await?;
    }
    Ok(())
}

fn assigned(
    ticket: &ticket::row::Model,
    visit: VisitId,
    version: i64,
    crew: &[TechnicianId],
) -> Vec<(Person, News)> {
    let news = |technician: &TechnicianId| {
        let key = format!("assigned:{visit}:{version}");
        (Person::User(UserId(technician.0)), News::of(ticket, Some(visit), NotificationKind::Assigned, key))
    };
    crew.iter().map(news).collect()
}

/// Tells the dispatchers of an organization something.
///
/// # Errors
/// What the database says.
pub(crate) async fn tell_desk(tx: &mut Tx, desk: OrganizationId, news: &News) -> Result<()> {
    for user in dispatchers(&tx.reader(), desk).await? {
        tell(tx, &Person::User(user), news.clone()).await?;
    }
    Ok(())
}

async fn dispatchers(reader: &Reader<'_>, desk: OrganizationId) -> Result<Vec<UserId>> {
    let found = user::Entity::find()
        .filter(user::Column::OrganizationId.eq(desk))
        .filter(user::Column::Role.eq(Role::Dispatcher))
        .filter(user::Column::Active.eq(true))
        .order_by_asc(user::Column::Id)
        .all(reader)
        .await?;
    Ok(found.into_iter().map(|user| user.id).collect())
}

/// A ticket changes: what of it the applicant is told.
///
/// # Errors
/// What the database says.
pub(crate) async fn follow(
    tx: &mut Tx,
    before: &ticket::row::Model,
    after: &ticket::row::Model,
) -> Result<()> {
    if before.localized_at.is_none() && after.localized_at.is_some() {
        let event = format!("localized:{}", after.id);
        tell_applicant(tx, after, None, NotificationKind::Localized, &event).await?;
    }
    if before.status != Status::Completed && after.status == Status::Completed {
        let event = format!("completed:{}:{}", after.id, after.return_count);
        tell_applicant(tx, after, None, NotificationKind::Completed, &event).await?;
    }
    Ok(())
}

/// What was to be said of the ticket, and nobody has begun to say, is said by what comes now.
async fn supersede(tx: &mut Tx, ticket: TicketId) -> Result<()> {
    let sql = "UPDATE notification SET state = 'superseded', next_at = NULL, settled_at = $2
               WHERE ticket_id = $1 AND state = 'queued' AND lease IS NULL AND rung = 0 AND attempt = 0
                 AND kind IN ('registered', 'booked', 'booking_moved', 'crew_changed')";
    tx.execute(sql, [ticket.0.into(), tx.now().into()]).await?;
    Ok(())
}

fn row(tx: &Tx, to: &Person, news: News) -> Model {
    Model {
        id: NotificationId::new(tx.clock()),
        organization_id: news.organization,
        ticket_id: news.ticket,
        visit_id: news.visit,
        user_id: if let Person::User(user) = to { Some(*user) } else { None },
        resident_id: if let Person::Resident(resident) = to { Some(*resident) } else { None },
        phone: if let Person::Phone(phone) = to { Some(phone.clone()) } else { None },
        email: if let Person::Mail(email) = to { Some(email.clone()) } else { None },
        person: to.key(),
        kind: news.kind,
        event_key: news.event_key,
        facts: Value::Object(news.facts),
        lane: news.kind.lane(),
        state: NotificationState::Queued,
        ladder: None,
        rung: 0,
        attempt: 0,
        next_at: Some(news.not_before.map_or(tx.now(), |at| at.max(tx.now()))),
        await_until: None,
        reference: None,
        lease: None,
        claims: 0,
        title: None,
        brief: None,
        body: None,
        last_error: None,
        created_at: tx.now(),
        settled_at: None,
    }
}
