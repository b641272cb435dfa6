//! Somebody is to be told something.

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter};
use serde_json::{Map, Value};

use super::{
    NotificationKind, NotificationState,
    row::{Column, Entity, Model},
};
use crate::{
    Result, Time,
    auth::Role,
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

    /// How a person is named in columns `person`.
    pub(crate) fn key(&self) -> String {
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

    /// It says what these were to say. Where the first word about the ticket is among them, it is the first word now, and
    /// waits for nothing (R19).
    fn take_place_of(&mut self, hushed: &[Hushed]) {
        let first = |one: &Hushed| {
            let facts: Value = serde_json::from_str(&one.facts).unwrap_or_default();
            one.kind == NotificationKind::Registered || is_first_word(&facts)
        };
        if hushed.iter().any(first) {
            self.facts.insert(FIRST_WORD.to_owned(), "true".into());
        }
    }
}

/// The fact that stands with the first word about a ticket.
const FIRST_WORD: &str = "first_word";

fn is_first_word(facts: &Value) -> bool {
    facts.get(FIRST_WORD).is_some()
}

impl Model {
    /// Whether whoever has read it knows the planned term (R19).
    pub(super) fn tells_the_term(&self) -> bool {
        use NotificationKind as Kind;
        matches!(self.kind, Kind::Registered | Kind::Booked) || is_first_word(&self.facts)
    }

    /// Whether it can wait for the morning.
    pub(super) fn waits_for_the_morning(&self) -> bool {
        self.kind.waits_for_the_morning() && !is_first_word(&self.facts)
    }

    /// Whether its person may have closed ways to it.
    pub(super) fn can_be_muted(&self) -> bool {
        self.kind.can_be_muted() && !is_first_word(&self.facts)
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
    let mut news = News::of(ticket, visit, kind, event_key);
    if let Some(visit) = visit {
        // An act may move two visits of one applicant: he learns the time of each.
        if matches!(kind, Kind::BookingMoved | Kind::CrewChanged) {
            news.event_key = format!("{event_key}:{visit}");
        }
        if matches!(kind, Kind::BookingMoved | Kind::CrewChanged | Kind::BookingLost | Kind::BookingCancelled)
        {
            let condition = "ticket_id = $2 AND visit_id = $3 AND event_key <> $4
                             AND kind IN ('booked', 'booking_moved', 'crew_changed', 'booking_lost')";
            let values = [ticket.id.0.into(), visit.0.into(), news.event_key.clone().into()];
            news.take_place_of(&hush(tx, condition, values).await?);
        }
    }
    tell(tx, &person, news).await?;
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
    visit: &visit::row::Model,
    promised: bool,
    crew: &[TechnicianId],
) -> Result<()> {
    let mut told = assigned(visit, crew);
    if let Some(person) = Person::applicant(ticket).filter(|_| promised && !tx.scope().is_resident()) {
        let event = format!("booked:{}", visit.id);
        let mut news = News::of(ticket, Some(visit.id), NotificationKind::Booked, event);
        let condition = "ticket_id = $2 AND kind IN ('registered', 'booking_lost', 'booking_cancelled')";
        news.take_place_of(&hush(tx, condition, [ticket.id.0.into()]).await?);
        told.push((person, news));
    }
    tell_first(tx, told).await
}

/// A visit has another time, or others in its crew: these of them learn that it is theirs, and when. What the crew was to
/// be told of its old time is no longer so.
///
/// # Errors
/// What the database says.
pub(crate) async fn reassigned(
    tx: &mut Tx,
    visit: &visit::row::Model,
    moved: bool,
    crew: &[TechnicianId],
) -> Result<()> {
    if moved {
        unassigned(tx, visit).await?;
    }
    tell_first(tx, assigned(visit, crew)).await
}

/// A visit will not take place as it stood: its crew is not told so any more.
///
/// # Errors
/// What the database says.
pub(crate) async fn unassigned(tx: &Tx, visit: &visit::row::Model) -> Result<()> {
    let condition = "ticket_id = $2 AND visit_id = $3 AND kind = 'assigned'";
    hush(tx, condition, [visit.ticket_id.0.into(), visit.id.0.into()]).await?;
    Ok(())
}

/// Each version of a visit is told once.
fn assigned(visit: &visit::row::Model, crew: &[TechnicianId]) -> Vec<(Person, News)> {
    let news = |technician: &TechnicianId| {
        let news = News {
            organization: visit.organization_id,
            kind: NotificationKind::Assigned,
            event_key: format!("assigned:{}:{}", visit.id, visit.version),
            ticket: Some(visit.ticket_id),
            visit: Some(visit.id),
            facts: Map::new(),
            not_before: None,
        };
        (Person::User(UserId(technician.0)), news)
    };
    crew.iter().map(news).collect()
}

/// Tells the dispatchers of an organization something.
///
/// # Errors
/// What the database says.
pub(crate) async fn tell_desk(tx: &mut Tx, desk: OrganizationId, news: &News) -> Result<()> {
    for user in user::store::with_role(&tx.reader(), desk, Role::Dispatcher).await? {
        tell(tx, &Person::User(user), news.clone()).await?;
    }
    Ok(())
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
    // What is over is not announced any more, nor asked to be accepted where it was not.
    let gone = match (before.status, after.status) {
        (before, Status::Cancelled) if before != Status::Cancelled => Some(
            "'registered', 'booked', 'booking_lost', 'booking_moved', 'crew_changed', 'on_the_way', 'localized'",
        ),
        (Status::Completed | Status::Closed, after) if after < Status::Completed => Some("'completed'"),
        _ => None,
    };
    if let Some(kinds) = gone {
        hush(tx, &format!("ticket_id = $2 AND kind IN ({kinds})"), [after.id.0.into()]).await?;
    }
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

/// What was taken back.
#[derive(FromQueryResult)]
pub(crate) struct Hushed {
    kind: NotificationKind,
    facts: String,
}

/// Takes back what is no longer so, or what another says better, and returns what was waiting: that is not said, however
/// often it was tried. What a provider took goes no other way. What a worker has in its hands at this moment may be said
/// nevertheless; it is not said again. `condition` begins its values with `$2`.
///
/// # Errors
/// What the database says.
pub(crate) async fn hush(
    tx: &Tx,
    condition: &str,
    values: impl IntoIterator<Item = sea_orm::Value>,
) -> Result<Vec<Hushed>> {
    let values: Vec<sea_orm::Value> = std::iter::once(tx.now().into()).chain(values).collect();
    let of = |state: &str| {
        format!(
            "UPDATE notification SET state = 'superseded', next_at = NULL, lease = NULL, settled_at = $1
             WHERE state = '{state}' AND {condition} RETURNING kind, CAST(facts AS TEXT) AS facts"
        )
    };
    tx.execute_returning::<Hushed>(&of("sent"), values.clone()).await?;
    tx.execute_returning(&of("queued"), values).await
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
        title: None,
        brief: None,
        body: None,
        last_error: None,
        created_at: tx.now(),
        settled_at: None,
    }
}
