//! The residents of chosen buildings are asked.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Value,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    invitation::{self, InvitationState},
    row::{Column, Entity, Model, SurveyKind},
    step::put_off,
};
use crate::{
    Error, Result, Scope,
    auth::Role,
    calendar::is_plausible,
    db::{Db, Reader, placeholders},
    id::{BuildingId, InvitationId, OrganizationId, ResidentId, SurveyId},
    notification::Person,
    page::{Page, PageRequest},
    place,
    text::Line,
    write::{Act, LockRank, Tx},
};

/// Residents gathered in one write.
const BATCH: u64 = 50;
/// The longest time to answer.
const LONGEST: TimeDelta = TimeDelta::days(90);
/// The most buildings of a poll.
const MOST_BUILDINGS: usize = 500;

/// What is asked, and whom.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPoll {
    /// What is asked; it is answered by a mark from 1 to 5.
    pub question: Line<200>,
    /// The residents of these buildings are asked, each once, 1 to 500.
    #[schema(min_items = 1, max_items = 500)]
    pub building_ids: BTreeSet<BuildingId>,
    /// From when on they are asked; at once when left out.
    #[serde(default)]
    pub opens_at: Option<DateTime<Utc>>,
    /// Until when they can answer; two weeks after the begin when left out, and at most 90 days after it.
    #[serde(default)]
    pub closes_at: Option<DateTime<Utc>>,
    /// They are asked by telephone.
    #[serde(default)]
    pub by_phone: bool,
}

/// A poll, with how far it has come.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PollDocument {
    /// Identifier.
    pub id: SurveyId,
    /// What is asked.
    pub question: String,
    /// In which buildings.
    pub building_ids: Vec<BuildingId>,
    /// They are asked by telephone.
    pub by_phone: bool,
    /// From when on.
    pub opens_at: DateTime<Utc>,
    /// Until when they can answer.
    pub closes_at: DateTime<Utc>,
    /// Whether all residents are gathered: what is counted below grows until then.
    pub gathered: bool,
    /// Residents who are asked later.
    pub planned: i64,
    /// Residents who were asked.
    pub asked: i64,
    /// Residents who answered.
    pub answered: i64,
    /// Residents whose time to answer is over.
    pub expired: i64,
    /// Residents who do not want to be asked, or were asked not long ago.
    pub left_out: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Plans to ask the residents of buildings.
#[derive(Clone, Debug)]
pub struct CreatePoll {
    /// What, whom, when.
    pub args: NewPoll,
}

impl Act for CreatePoll {
    const NAME: &'static str = "survey.poll";
    type Out = SurveyId;

    async fn run(&self, tx: &mut Tx) -> Result<SurveyId> {
        let (scope, args, now) = (*tx.scope(), &self.args, tx.now());
        scope.require(&[Role::Manager, Role::Admin])?;
        if args.building_ids.is_empty() || args.building_ids.len() > MOST_BUILDINGS {
            return Err(Error::field("building_ids", format!("must name 1 to {MOST_BUILDINGS} buildings")));
        }
        place::building::store::require_all(&tx.reader(), &scope, &args.building_ids).await?;
        if args.opens_at.is_some_and(|at| !is_plausible(at)) {
            return Err(Error::field("opens_at", "is not a plausible date"));
        }
        let opens_at = args.opens_at.unwrap_or(now).max(now);
        let closes_at = args.closes_at.unwrap_or(opens_at + TimeDelta::days(14));
        if closes_at <= opens_at || closes_at > opens_at + LONGEST {
            return Err(Error::field("closes_at", "must be after the begin, by 90 days at most"));
        }
        let survey = Model {
            id: SurveyId::new(tx.clock()),
            organization_id: scope.organization(),
            kind: SurveyKind::Poll,
            ticket_id: None,
            round: 0,
            question: args.question.as_str().to_owned(),
            building_ids: Some(serde_json::to_value(&args.building_ids).map_err(Error::internal)?),
            by_phone: args.by_phone,
            opens_at,
            closes_at: Some(closes_at),
            spread_at: Some(opens_at),
            spread_after: None,
            created_by: scope.actor_id(),
            created_at: now,
        };
        tx.insert(&survey).await?;
        Ok(survey.id)
    }
}

impl Model {
    fn buildings(&self) -> Result<BTreeSet<BuildingId>> {
        let ids = self.building_ids.clone().unwrap_or_else(|| serde_json::json!([]));
        serde_json::from_value(ids)
            .map_err(|fault| Error::internal(format!("survey {}, column building_ids: {fault}", self.id)))
    }
}

/// Gathers the residents of the polls whose time has come. Returns how many were gathered.
pub(super) async fn spread_due(db: &Db) -> Result<u64> {
    #[derive(FromQueryResult)]
    struct Due {
        id: SurveyId,
        organization_id: OrganizationId,
    }
    let sql = "SELECT id, organization_id FROM survey WHERE spread_at <= $1 ORDER BY spread_at LIMIT 100";
    let (mut gathered, mut failed) = (0, None);
    for Due { id, organization_id } in db.reader().all(sql, [db.clock().now().into()]).await? {
        loop {
            match db.write(Scope::system(organization_id), Spread { survey: id }).await {
                Ok(spread) => {
                    gathered += spread.gathered;
                    if spread.done {
                        break;
                    }
                }
                Err(error) => {
                    let later =
                        "UPDATE survey SET spread_at = $1 WHERE id = $2 AND spread_at < $1 RETURNING id";
                    put_off(db, later, id.0, &error).await?;
                    failed = Some(error);
                    break;
                }
            }
        }
    }
    failed.map_or(Ok(gathered), Err)
}

struct Spread {
    survey: SurveyId,
}

struct Gathered {
    gathered: u64,
    done: bool,
}

#[derive(FromQueryResult)]
struct Home {
    resident_id: ResidentId,
    building_id: BuildingId,
}

#[derive(FromQueryResult)]
struct Next {
    resident_id: ResidentId,
}

impl Act for Spread {
    const NAME: &'static str = "survey.spread";
    type Out = Gathered;

    async fn run(&self, tx: &mut Tx) -> Result<Gathered> {
        tx.lock_rows(LockRank::Tickets, "survey", "id", [self.survey.0]).await?;
        let before = Entity::find_by_id(self.survey).one(&tx.reader()).await?;
        let Some(before) = before.filter(|survey| survey.spread_at.is_some_and(|at| at <= tx.now())) else {
            return Ok(Gathered { gathered: 0, done: true });
        };
        let homes = homes(&tx.reader(), &before).await?;
        let done = (homes.len() as u64) < BATCH;
        let last = homes.last_key_value().map(|(resident, _)| resident.0);
        let residents: Vec<Uuid> = homes.keys().map(|resident| resident.0).collect();
        tx.lock_rows(LockRank::Tickets, "resident", "id", residents).await?;
        let now = tx.now();
        let invitations: Vec<invitation::Model> = homes
            .into_iter()
            .map(|(resident, building)| invitation::Model {
                id: InvitationId::new(tx.clock()),
                organization_id: before.organization_id,
                survey_id: before.id,
                ticket_id: None,
                building_id: building,
                resident_id: Some(resident),
                phone: None,
                person: Person::Resident(resident).key(),
                state: InvitationState::Planned,
                next_at: Some(now),
                asked_at: None,
                expires_at: None,
                notification_id: None,
                created_at: now,
                version: 1,
            })
            .collect();
        tx.insert_all(&invitations).await?;
        let after = Model {
            spread_at: before.spread_at.filter(|_| !done),
            spread_after: last.or(before.spread_after),
            ..before.clone()
        };
        tx.update(&before, &after).await?;
        Ok(Gathered { gathered: invitations.len() as u64, done })
    }
}

/// The next residents of a poll, each with a building of his.
async fn homes(reader: &Reader<'_>, survey: &Model) -> Result<BTreeMap<ResidentId, BuildingId>> {
    let after = survey.spread_after.unwrap_or(Uuid::nil());
    let mut values: Vec<Value> = vec![survey.organization_id.0.into(), after.into()];
    let list = placeholders(survey.buildings()?.into_iter().map(|id| id.0), &mut values);
    let lives = format!(
        "FROM account a JOIN premises p ON p.id = a.premises_id
         WHERE a.organization_id = $1 AND p.building_id IN ({list})"
    );
    let sql = format!(
        "SELECT DISTINCT a.resident_id {lives} AND a.resident_id > $2 ORDER BY a.resident_id LIMIT {BATCH}"
    );
    let next: Vec<Next> = reader.all(&sql, values.clone()).await?;
    let residents = placeholders(next.into_iter().map(|row| row.resident_id.0), &mut values);
    let sql = format!(
        "SELECT a.resident_id, p.building_id {lives} AND $2 = $2 AND a.resident_id IN ({residents})
         ORDER BY a.resident_id, p.building_id"
    );
    let mut homes = BTreeMap::new();
    for home in reader.all::<Home>(&sql, values).await? {
        homes.entry(home.resident_id).or_insert(home.building_id);
    }
    Ok(homes)
}

#[derive(FromQueryResult)]
struct Count {
    survey_id: SurveyId,
    state: InvitationState,
    count: i64,
    asked: i64,
}

async fn documents(reader: &Reader<'_>, surveys: Vec<Model>) -> Result<Vec<PollDocument>> {
    let mut values = Vec::new();
    let list = placeholders(surveys.iter().map(|survey| survey.id.0), &mut values);
    let sql = format!(
        "SELECT survey_id, state, COUNT(*) AS count, COUNT(asked_at) AS asked FROM survey_invitation
         WHERE survey_id IN ({list}) GROUP BY survey_id, state"
    );
    let counts: Vec<Count> = reader.all(&sql, values).await?;
    let document = |survey: Model| {
        let own = || counts.iter().filter(|count| count.survey_id == survey.id);
        let of = |states: &[InvitationState]| {
            own().filter(|count| states.contains(&count.state)).map(|count| count.count).sum()
        };
        Ok(PollDocument {
            building_ids: survey.buildings()?.into_iter().collect(),
            planned: of(&[InvitationState::Planned]),
            asked: own().map(|count| count.asked).sum(),
            answered: of(&[InvitationState::Answered]),
            expired: of(&[InvitationState::Expired]),
            left_out: of(&[InvitationState::Refused, InvitationState::Skipped, InvitationState::Withdrawn]),
            gathered: survey.spread_at.is_none(),
            closes_at: survey
                .closes_at
                .ok_or_else(|| Error::internal(format!("survey {}, column closes_at", survey.id)))?,
            id: survey.id,
            question: survey.question,
            by_phone: survey.by_phone,
            opens_at: survey.opens_at,
            created_at: survey.created_at,
        })
    };
    surveys.into_iter().map(document).collect()
}

/// A poll. For the desk.
///
/// # Errors
/// `not_found` for one of another organization, `forbidden` for everybody else.
pub async fn poll(reader: &Reader<'_>, scope: &Scope, id: SurveyId) -> Result<PollDocument> {
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    let query = Entity::find_by_id(id).filter(Column::OrganizationId.eq(scope.organization()));
    let row = query.filter(Column::TicketId.is_null()).one(reader).await?;
    let rows = vec![row.ok_or_else(|| Error::not_found("survey"))?];
    documents(reader, rows).await?.pop().ok_or_else(|| Error::not_found("survey"))
}

/// Polls, newest first. For the desk.
///
/// # Errors
/// `forbidden` for everybody else; `invalid_field` for a cursor of another list.
pub async fn polls(reader: &Reader<'_>, scope: &Scope, page: &PageRequest) -> Result<Page<PollDocument>> {
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    let wanted = Condition::all()
        .add(Column::OrganizationId.eq(scope.organization()))
        .add(Column::TicketId.is_null())
        .add_option(page.after::<SurveyId>()?.map(|after| Column::Id.lt(after)));
    let query = Entity::find().filter(wanted).order_by_desc(Column::Id).limit(page.limit() as u64 + 1);
    let cut = page.cut(query.all(reader).await?, |survey| survey.id)?;
    Ok(Page { items: documents(reader, cut.items).await?, next: cut.next })
}
