//! Alerts climb: who is next is told, until somebody takes notice.
//!
//! The alert itself is the queue: `climb_at` says when the next rung is due, and `rung` how many were told. Telling and
//! moving it are one commit, under the lock of the ticket, which whoever takes notice holds as well. Giving an alert costs
//! two more columns, and nothing is enqueued.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, Value};
use serde_json::Map;
use uuid::Uuid;

use super::{
    ACCIDENT, Duty, EscalationRules,
    duty::{active, holders},
    store, words,
};
use crate::{
    Error, Result, Time,
    alert::row::{Column, Entity, Model},
    db::{Db, Reader},
    deadline::DeadlineKind,
    id::{AlertId, DeadlineId, OrganizationId, TicketId, UserId},
    job,
    notification::{self, News, NotificationKind, Person},
    people::organization,
    place::{Zone, building},
    text::when,
    ticket, visit,
    write::{Act, LockRank, Tx},
};

/// Alerts that were given before `then` climb no further: for a past in which nobody was to be told.
///
/// # Errors
/// The database cannot be written.
pub async fn forget_the_past(db: &Db, then: Time) -> Result<()> {
    #[derive(FromQueryResult)]
    struct Forgotten {
        #[expect(dead_code, reason = "only that they are")]
        id: Uuid,
    }
    let sql = "UPDATE alert SET climb_at = NULL WHERE climb_at IS NOT NULL AND fired_at < $1 RETURNING id";
    job::statement::<Forgotten>(db, sql, vec![then.into()]).await?;
    Ok(())
}

/// Whether any alert is to be told. One look into an index.
///
/// # Errors
/// The database cannot be read.
pub async fn is_any_due(db: &Db) -> Result<bool> {
    Ok(next_due(&db.reader()).await?.is_some_and(|at| at <= db.clock().now()))
}

/// When the next alert is to be told. One look into an index.
///
/// # Errors
/// The database cannot be read.
pub async fn next_due(reader: &Reader<'_>) -> Result<Option<Time>> {
    #[derive(FromQueryResult)]
    struct Next {
        at: Time,
    }
    let sql = "SELECT climb_at AS at FROM alert WHERE climb_at IS NOT NULL ORDER BY climb_at LIMIT 1";
    Ok(reader.one::<Next>(sql, []).await?.map(|next| next.at))
}

/// The organizations whose alerts are to be told: they are served in turn.
///
/// # Errors
/// The database cannot be read.
pub async fn due_organizations(db: &Db) -> Result<Vec<OrganizationId>> {
    #[derive(FromQueryResult)]
    struct Due {
        id: OrganizationId,
    }
    let sql =
        "SELECT DISTINCT organization_id AS id FROM alert WHERE climb_at <= $1 ORDER BY organization_id";
    let due = db.reader().all::<Due>(sql, [db.clock().now().into()]).await?;
    Ok(due.into_iter().map(|due| due.id).collect())
}

/// Tells the next rungs of the alerts of an organization that are due, at most so many. Gives back how many alerts were
/// looked after: none, when nothing is due or others are at it.
#[derive(Clone, Copy, Debug)]
pub struct Climb {
    /// At most.
    pub limit: u16,
}

#[derive(FromQueryResult)]
struct Candidate {
    id: AlertId,
    ticket_id: Option<TicketId>,
}

impl Act for Climb {
    const NAME: &'static str = "alert.climb";
    type Out = usize;

    async fn run(&self, tx: &mut Tx) -> Result<usize> {
        let due = self.take(tx).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let mut known = Known::read(tx, &due).await?;
        for alert in &due {
            let next = known.tell(tx, alert).await?;
            let (rung, climb_at) = next.map_or((alert.rung, None), |(rung, at)| (rung, at));
            // Only columns that the journal does not tell: what it tells of is the notification.
            tx.execute(
                "UPDATE alert SET rung = $2, climb_at = $3 WHERE id = $1",
                [alert.id.0.into(), rung.into(), Value::from(climb_at)],
            )
            .await?;
        }
        Ok(due.len())
    }
}

impl Climb {
    /// Alerts that are due, held by the locks of their tickets and by their own. On PostgreSQL what another worker holds,
    /// or whoever takes notice of it, is left for the next look.
    async fn take(&self, tx: &mut Tx) -> Result<Vec<Model>> {
        let (organization, now) = (tx.scope().organization(), tx.now());
        let shared = tx.backend() == DbBackend::Postgres;
        let wider = if shared { i64::from(self.limit) * 8 } else { self.limit.into() };
        let mut found: Vec<Candidate> = tx
            .reader()
            .all(
                "SELECT id, ticket_id FROM alert WHERE organization_id = $1 AND climb_at <= $2
                 ORDER BY climb_at LIMIT $3",
                [organization.0.into(), now.into(), wider.into()],
            )
            .await?;
        if shared {
            let tickets: BTreeSet<Uuid> =
                found.iter().filter_map(|alert| alert.ticket_id).map(|id| id.0).collect();
            let tickets = tx.lock_free(LockRank::Tickets, "ticket", tickets, self.limit).await?;
            found.retain(|alert| alert.ticket_id.is_none_or(|ticket| tickets.contains(&ticket.0)));
            let alerts = found.iter().map(|alert| alert.id.0).collect();
            let alerts = tx.lock_free(LockRank::Deadlines, "alert", alerts, self.limit).await?;
            found.retain(|alert| alerts.contains(&alert.id.0));
        }
        if found.is_empty() {
            return Ok(Vec::new());
        }
        // Read under the locks: what another has told meanwhile is due no more.
        Ok(Entity::find()
            .filter(Column::Id.is_in(found.iter().map(|alert| alert.id)))
            .filter(Column::ClimbAt.lte(now))
            .order_by_asc(Column::Id)
            .all(&tx.reader())
            .await?)
    }
}

/// What is read for the alerts of a batch, each once.
struct Known {
    rules: EscalationRules,
    /// Alerts of the same clocks.
    siblings: BTreeMap<DeadlineId, Vec<Model>>,
    tickets: BTreeMap<TicketId, ticket::row::Model>,
    buildings: Vec<building::Model>,
    organization: organization::Model,
    holders: BTreeMap<(OrganizationId, Duty), Vec<UserId>>,
}

impl Known {
    async fn read(tx: &Tx, due: &[Model]) -> Result<Self> {
        let (reader, id) = (tx.reader(), tx.scope().organization());
        let siblings = Entity::find()
            .filter(Column::DeadlineId.is_in(due.iter().filter_map(|alert| alert.deadline_id)))
            .all(&reader)
            .await?;
        let mut of_clock: BTreeMap<DeadlineId, Vec<Model>> = BTreeMap::new();
        for alert in siblings {
            if let Some(clock) = alert.deadline_id {
                of_clock.entry(clock).or_default().push(alert);
            }
        }
        let tickets = ticket::row::Entity::find()
            .filter(ticket::row::Column::Id.is_in(due.iter().filter_map(|alert| alert.ticket_id)))
            .all(&reader)
            .await?;
        let buildings = building::Entity::find()
            .filter(building::Column::Id.is_in(tickets.iter().map(|ticket| ticket.building_id)))
            .all(&reader)
            .await?;
        let organization = organization::Entity::find_by_id(id).one(&reader).await?;
        Ok(Self {
            rules: store::in_force(&reader, id).await?,
            siblings: of_clock,
            tickets: tickets.into_iter().map(|ticket| (ticket.id, ticket)).collect(),
            buildings,
            organization: organization.ok_or_else(|| Error::not_found("organization"))?,
            holders: BTreeMap::new(),
        })
    }

    /// Tells the next rung of an alert that still wants attention: how many rungs were told, and when the next one is due.
    /// Nothing, when it climbs no more.
    async fn tell(&mut self, tx: &mut Tx, alert: &Model) -> Result<Option<(i64, Option<Time>)>> {
        if self.is_done_with(alert) {
            return Ok(None);
        }
        let index = usize::try_from(alert.rung).map_err(Error::internal)?;
        let ladder = self.rules.ladder(alert).to_vec();
        let Some(rung) = ladder.get(index) else { return Ok(None) };
        let mut people = BTreeSet::new();
        for duty in &rung.tell {
            people.extend(self.people(&tx.reader(), alert, *duty, tx.now()).await?);
        }
        if people.is_empty() {
            tracing::warn!(alert = %alert.id, organization = %alert.organization_id, "there is nobody to be told of an alert");
        }
        let news = self.news(alert)?;
        for user in people {
            notification::tell(tx, &Person::User(user), news.clone()).await?;
        }
        // From now, not from when it was due: after an outage each has as long as the ladder gives him.
        let next = ladder.get(index + 1).map(|next| {
            tx.now() + TimeDelta::minutes(i64::from(next.after_minutes) - i64::from(rung.after_minutes))
        });
        Ok(Some((alert.rung + 1, next)))
    }

    /// Whether nobody is to be told of it any more: somebody took notice of it or of a later one of the same clock, it is
    /// over, a later step says more, or an earlier one of the same step is climbing already.
    fn is_done_with(&self, alert: &Model) -> bool {
        if alert.acknowledged_at.is_some() || alert.taken_back_at.is_some() || alert.ended_at.is_some() {
            return true;
        }
        let siblings = alert.deadline_id.and_then(|clock| self.siblings.get(&clock));
        siblings.into_iter().flatten().any(|other| {
            let later = other.round > alert.round;
            let noticed = later && other.acknowledged_at.is_some();
            let outdone = later && other.percent > alert.percent && other.taken_back_at.is_none();
            let climbing = other.round < alert.round
                && other.percent == alert.percent
                && other.climb_at.is_some()
                && other.acknowledged_at.is_none()
                && other.taken_back_at.is_none();
            noticed || outdone || climbing
        })
    }

    /// Who has a duty for this alert. Whoever executes the ticket has dispatchers too, and technicians instead.
    async fn people(
        &mut self,
        reader: &Reader<'_>,
        alert: &Model,
        duty: Duty,
        now: Time,
    ) -> Result<Vec<UserId>> {
        if duty == Duty::Technician
            && let Some(ticket) = alert.ticket_id
        {
            let crew = crew(reader, ticket).await?;
            if !crew.is_empty() {
                return Ok(crew);
            }
        }
        let owner = alert.organization_id;
        match (duty, alert.executor_organization_id) {
            (Duty::Technician, Some(executor)) => self.holders(reader, executor, duty, now).await,
            (Duty::Dispatcher, Some(executor)) => {
                let mut people = self.holders(reader, owner, duty, now).await?;
                people.extend(self.holders(reader, executor, duty, now).await?);
                Ok(people)
            }
            _ => self.holders(reader, owner, duty, now).await,
        }
    }

    async fn holders(
        &mut self,
        reader: &Reader<'_>,
        organization: OrganizationId,
        duty: Duty,
        now: Time,
    ) -> Result<Vec<UserId>> {
        if let Some(known) = self.holders.get(&(organization, duty)) {
            return Ok(known.clone());
        }
        let found = holders(reader, organization, duty, now).await?;
        self.holders.insert((organization, duty), found.clone());
        Ok(found)
    }

    fn news(&self, alert: &Model) -> Result<News> {
        let ticket = alert.ticket_id.and_then(|id| self.tickets.get(&id));
        let building =
            ticket.and_then(|ticket| self.buildings.iter().find(|found| found.id == ticket.building_id));
        let zone = match building {
            Some(building) => Zone::stored(&building.zone, building.id)?,
            None => Zone::stored(&self.organization.zone, self.organization.id)?,
        };
        let moment = |at: Time| when::moment(at, zone.tz());
        let kind = match alert.deadline_id {
            None if alert.kind == ACCIDENT => NotificationKind::Accident,
            Some(_) if alert.kind == DeadlineKind::Assign.name() => NotificationKind::Unassigned,
            _ => NotificationKind::Alarm,
        };
        let mut facts = Map::new();
        let number = ticket.map_or("—", |ticket| ticket.number.as_str());
        let address = building.map_or(self.organization.name.as_str(), |building| building.address.as_str());
        for (name, value) in [
            ("what", words::what(&alert.kind, alert.percent >= 100)),
            ("number", number.to_owned()),
            ("address", address.to_owned()),
            ("due", alert.due_at.map_or_else(|| moment(alert.fired_at), moment)),
            ("percent", alert.percent.to_string()),
            ("since", moment(ticket.map_or(alert.fired_at, |ticket| ticket.registered_at))),
        ] {
            facts.insert(name.to_owned(), value.into());
        }
        Ok(News {
            organization: alert.organization_id,
            kind,
            event_key: format!("alert:{}:{}", alert.id, alert.rung),
            ticket: alert.ticket_id,
            visit: None,
            facts,
            not_before: None,
        })
    }
}

/// Who is booked for a ticket.
async fn crew(reader: &Reader<'_>, ticket: TicketId) -> Result<Vec<UserId>> {
    let visits = visit::of_ticket(reader, ticket).await?;
    let open = visits.iter().filter(|visit| visit.row.status.is_open());
    let crew: BTreeSet<UserId> =
        open.flat_map(|visit| &visit.crew).map(|member| UserId(member.technician_id.0)).collect();
    active(reader, crew).await
}
