//! A message to all who live in some buildings: counted before, watched while it goes, stopped where it is wrong.
//!
//! Each resident has a row like that of any other message, in a lane of its own; the rows are made by a job in portions,
//! past the journal: that the notice was sent, by whom, with which words and to which buildings, stands there once.

pub mod row;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, DeriveActiveEnum, EntityTrait, EnumIter, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect, Value,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use self::row::{Column, Entity, Model};
use super::{Lane, NotificationKind, NotificationState, tell::hush};
use crate::{
    Error, Result, Scope,
    auth::Role,
    db::{Reader, placeholders},
    id::{BuildingId, MassNoticeId, NotificationId, ResidentId},
    job::NewJob,
    page::{Page, PageRequest},
    text::{Line, Text},
    write::{Act, Tx},
};

/// Which job makes the rows.
pub const SPREAD_JOB: &str = "mass_notice_spread";
/// So many rows a portion.
const PORTION: i64 = 1000;
/// So many rows a statement.
const ROWS: usize = 250;
/// At most so many buildings.
const BUILDINGS: usize = 1000;
/// Who sends them.
const SENDERS: &[Role] = &[Role::Dispatcher, Role::Manager, Role::Admin];

/// How far a mass notice has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumIter, DeriveActiveEnum, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum MassState {
    /// Its messages are being made.
    Spreading,
    /// Each resident has a message; how they are brought, `progress` tells.
    Spread,
    /// Somebody has stopped it.
    Stopped,
}

/// The buildings whose residents are told.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForBuildings {
    /// At least one, at most 1000.
    #[schema(min_items = 1, max_items = 1000)]
    pub building_ids: BTreeSet<BuildingId>,
}

/// Who would be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema, FromQueryResult)]
pub struct AudienceCount {
    /// Residents.
    pub residents: i64,
    /// Of them with a phone or browser that can be pushed to.
    pub with_app: i64,
    /// Of them with a phone number.
    pub with_phone: i64,
    /// Of them with an e-mail.
    pub with_mail: i64,
    /// Of them with none of these.
    pub unreachable: i64,
}

/// A message to all who live in some buildings.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMassNotice {
    /// At least one, at most 1000.
    #[schema(min_items = 1, max_items = 1000)]
    pub building_ids: BTreeSet<BuildingId>,
    /// One line.
    pub title: Line<120>,
    /// The message. Plain text.
    pub text: Text<1000>,
}

/// A mass notice, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MassNoticeDocument {
    /// Identifier.
    pub id: MassNoticeId,
    /// The buildings.
    pub building_ids: BTreeSet<BuildingId>,
    /// One line.
    pub title: String,
    /// The message.
    pub text: String,
    /// How far it has come.
    pub state: MassState,
    /// How many residents were to be told when it was made.
    pub audience: i64,
    /// How many of them have a message by now.
    pub spread: i64,
    /// How many messages stand how; null in lists.
    pub progress: Option<MassProgress>,
    /// Who sent it.
    pub created_by: Uuid,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When its last message was made, or it was stopped.
    pub ended_at: Option<DateTime<Utc>>,
}

/// How many messages stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct MassProgress {
    /// Not sent yet.
    pub queued: i64,
    /// A provider has taken it.
    pub sent: i64,
    /// The person has it, or more cannot be known.
    pub arrived: i64,
    /// Nothing brought it.
    pub failed: i64,
    /// Not to be said any more, or not wanted.
    pub superseded: i64,
}

impl MassNoticeDocument {
    fn of(row: Model, progress: Option<MassProgress>) -> Result<Self> {
        Ok(Self {
            id: row.id,
            building_ids: row.buildings()?,
            title: row.title,
            text: row.body,
            state: row.state,
            audience: row.audience,
            spread: row.spread,
            progress,
            created_by: row.created_by,
            created_at: row.created_at,
            ended_at: row.ended_at,
        })
    }
}

impl Model {
    fn buildings(&self) -> Result<BTreeSet<BuildingId>> {
        Deserialize::deserialize(&self.building_ids).map_err(Error::internal)
    }

    fn event(&self) -> String {
        format!("mass:{}", self.id)
    }
}

/// The residents of buildings, by their flats; whoever has left has none.
fn residents(scope: &Scope, buildings: &BTreeSet<BuildingId>) -> (String, Vec<Value>) {
    let mut values: Vec<Value> = vec![scope.organization().0.into()];
    let list = placeholders(buildings.iter().map(|id| id.0), &mut values);
    let sql = format!(
        "SELECT r.id, r.email FROM resident r WHERE r.organization_id = $1 AND r.id IN
             (SELECT a.resident_id FROM account a JOIN premises p ON p.id = a.premises_id
              WHERE p.building_id IN ({list}))"
    );
    (sql, values)
}

/// Who would be told by a notice to these buildings.
///
/// # Errors
/// `invalid_field`: none, too many, or one that is not the organization's; `forbidden` for whoever sends none.
pub async fn audience(reader: &Reader<'_>, scope: &Scope, args: &ForBuildings) -> Result<AudienceCount> {
    scope.require(SENDERS)?;
    check(reader, scope, &args.building_ids).await?;
    let (people, values) = residents(scope, &args.building_ids);
    let one = |condition: &str| format!("COALESCE(SUM(CASE WHEN {condition} THEN 1 ELSE 0 END), 0)");
    let (app, phone, mail) = (
        "EXISTS (SELECT 1 FROM device d WHERE d.resident_id = w.id AND d.active AND d.push_token IS NOT NULL)",
        "EXISTS (SELECT 1 FROM resident_phone n WHERE n.resident_id = w.id)",
        "w.email IS NOT NULL",
    );
    let sql = format!(
        "SELECT count(*) AS residents, {} AS with_app, {} AS with_phone, {} AS with_mail, {} AS unreachable
         FROM ({people}) w",
        one(app),
        one(phone),
        one(mail),
        one(&format!("NOT ({app} OR {phone} OR {mail})"))
    );
    Ok(reader.one::<AudienceCount>(&sql, values).await?.unwrap_or_default())
}

async fn count(reader: &Reader<'_>, scope: &Scope, buildings: &BTreeSet<BuildingId>) -> Result<i64> {
    #[derive(FromQueryResult)]
    struct Count {
        n: i64,
    }
    let (people, values) = residents(scope, buildings);
    let sql = format!("SELECT count(*) AS n FROM ({people}) w");
    Ok(reader.one::<Count>(&sql, values).await?.map_or(0, |count| count.n))
}

async fn check(reader: &Reader<'_>, scope: &Scope, buildings: &BTreeSet<BuildingId>) -> Result<()> {
    #[derive(FromQueryResult)]
    struct Found {
        id: BuildingId,
    }
    if buildings.is_empty() || buildings.len() > BUILDINGS {
        return Err(Error::field("building_ids", format!("must name from 1 to {BUILDINGS} buildings")));
    }
    let mut values: Vec<Value> = vec![scope.organization().0.into()];
    let list = placeholders(buildings.iter().map(|id| id.0), &mut values);
    let sql = format!("SELECT id FROM building WHERE organization_id = $1 AND id IN ({list})");
    let found: BTreeSet<BuildingId> =
        reader.all::<Found>(&sql, values).await?.into_iter().map(|row| row.id).collect();
    match buildings.iter().position(|id| !found.contains(id)) {
        Some(at) => Err(Error::field(format!("building_ids[{at}]"), "there is no such building")),
        None => Ok(()),
    }
}

/// Mass notices, newest first.
///
/// # Errors
/// `forbidden` for whoever sends none.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    page: &PageRequest,
) -> Result<Page<MassNoticeDocument>> {
    scope.require(SENDERS)?;
    let mut query = Entity::find().filter(Column::OrganizationId.eq(scope.organization()));
    if let Some(after) = page.after::<MassNoticeId>()? {
        query = query.filter(Column::Id.lt(after));
    }
    let rows = query.order_by_desc(Column::Id).limit(page.limit() as u64 + 1).all(reader).await?;
    let documents = rows.into_iter().map(|row| MassNoticeDocument::of(row, None)).collect::<Result<_>>()?;
    page.cut(documents, |one: &MassNoticeDocument| one.id)
}

/// A mass notice, and how far it has come. Costs its audience.
///
/// # Errors
/// `not_found`; `forbidden` for whoever sends none.
pub async fn find(reader: &Reader<'_>, scope: &Scope, id: MassNoticeId) -> Result<MassNoticeDocument> {
    scope.require(SENDERS)?;
    let row = one(reader, scope, id).await?;
    let progress = progress(reader, &row).await?;
    MassNoticeDocument::of(row, Some(progress))
}

async fn one(reader: &Reader<'_>, scope: &Scope, id: MassNoticeId) -> Result<Model> {
    let found =
        Entity::find_by_id(id).filter(Column::OrganizationId.eq(scope.organization())).one(reader).await?;
    found.ok_or_else(|| Error::not_found("mass notice"))
}

async fn progress(reader: &Reader<'_>, row: &Model) -> Result<MassProgress> {
    #[derive(FromQueryResult)]
    struct Count {
        state: NotificationState,
        n: i64,
    }
    let sql = "SELECT state, count(*) AS n FROM notification WHERE event_key = $1 AND organization_id = $2
               GROUP BY state";
    let mut progress = MassProgress::default();
    for Count { state, n } in
        reader.all::<Count>(sql, [row.event().into(), row.organization_id.0.into()]).await?
    {
        use NotificationState as State;
        let place = match state {
            State::Queued => &mut progress.queued,
            State::Sent => &mut progress.sent,
            State::Delivered | State::Read | State::Taken | State::Told => &mut progress.arrived,
            State::Call | State::Failed => &mut progress.failed,
            State::Superseded => &mut progress.superseded,
        };
        *place += n;
    }
    Ok(progress)
}

/// Sends a message to all who live in some buildings.
#[derive(Clone, Debug)]
pub struct SendMassNotice {
    /// The message, and to whom.
    pub args: NewMassNotice,
}

impl Act for SendMassNotice {
    const NAME: &'static str = "mass_notice.send";
    type Out = MassNoticeDocument;

    async fn run(&self, tx: &mut Tx) -> Result<MassNoticeDocument> {
        let scope = *tx.scope();
        let to = ForBuildings { building_ids: self.args.building_ids.clone() };
        scope.require(SENDERS)?;
        check(&tx.reader(), &scope, &to.building_ids).await?;
        let audience = count(&tx.reader(), &scope, &to.building_ids).await?;
        let row = Model {
            id: MassNoticeId::new(tx.clock()),
            organization_id: scope.organization(),
            building_ids: serde_json::to_value(&to.building_ids).map_err(Error::internal)?,
            title: self.args.title.to_string(),
            body: self.args.text.to_string(),
            state: MassState::Spreading,
            audience,
            spread: 0,
            cursor: None,
            created_by: scope.actor_id(),
            created_at: tx.now(),
            ended_at: None,
            version: 1,
        };
        tx.insert(&row).await?;
        next(tx, &row);
        MassNoticeDocument::of(row, None)
    }
}

fn next(tx: &mut Tx, row: &Model) {
    tx.enqueue(NewJob {
        organization: row.organization_id,
        kind: SPREAD_JOB,
        payload: serde_json::json!({ "mass_notice_id": row.id }),
        run_at: tx.now(),
        dedup_key: None,
    });
}

/// Makes the messages of the next portion of residents. One that was stopped is left alone.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Spread {
    /// The notice.
    pub mass_notice_id: MassNoticeId,
}

impl Act for Spread {
    const NAME: &'static str = "mass_notice.spread";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        #[derive(FromQueryResult)]
        struct Next {
            id: ResidentId,
        }
        let scope = *tx.scope();
        tx.lock_subject("mass_notice", self.mass_notice_id.0).await?;
        let before = one(&tx.reader(), &scope, self.mass_notice_id).await?;
        if before.state != MassState::Spreading {
            return Ok(());
        }
        let (people, mut values) = residents(&scope, &before.buildings()?);
        values.push(before.cursor.map_or(Uuid::nil(), |id| id.0).into());
        let sql = format!("{people} AND r.id > ${} ORDER BY r.id LIMIT {PORTION}", values.len());
        let portion: Vec<ResidentId> =
            tx.reader().all::<Next>(&sql, values).await?.into_iter().map(|next| next.id).collect();
        for rows in portion.chunks(ROWS) {
            insert(tx, &before, rows).await?;
        }
        let more = portion.len() as i64 == PORTION;
        let after = Model {
            spread: before.spread + portion.len() as i64,
            cursor: portion.last().copied().or(before.cursor),
            state: if more { MassState::Spreading } else { MassState::Spread },
            ended_at: (!more).then(|| tx.now()),
            version: before.version + 1,
            ..before.clone()
        };
        tx.update(&before, &after).await?;
        if more {
            next(tx, &after);
        }
        Ok(())
    }
}

async fn insert(tx: &mut Tx, notice: &Model, residents: &[ResidentId]) -> Result<()> {
    use std::fmt::Write as _;
    let facts = serde_json::json!({ "title": notice.title, "text": notice.body });
    let mut values: Vec<Value> = vec![
        notice.organization_id.0.into(),
        NotificationKind::MassNotice.into(),
        notice.event().into(),
        facts.into(),
        Lane::Bulk.into(),
        tx.now().into(),
    ];
    let mut rows = String::new();
    for resident in residents {
        let at = values.len();
        let comma = if rows.is_empty() { "" } else { ", " };
        let _ = write!(
            rows,
            "{comma}(${}, $1, ${}, ${}, $2, $3, $4, $5, 'queued', 0, 0, $6, $6)",
            at + 1,
            at + 2,
            at + 3
        );
        values.push(NotificationId::new(tx.clock()).0.into());
        values.push(resident.0.into());
        values.push(format!("resident:{resident}").into());
    }
    let sql = format!(
        "INSERT INTO notification (id, organization_id, resident_id, person, kind, event_key, facts, lane, state, rung,
             attempt, next_at, created_at)
         VALUES {rows} ON CONFLICT (event_key, organization_id, person) DO NOTHING"
    );
    tx.execute(&sql, values).await?;
    Ok(())
}

/// Stops a mass notice: what is not on its way yet is not said. A second time changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct StopMassNotice {
    /// The notice.
    pub mass_notice: MassNoticeId,
}

impl Act for StopMassNotice {
    const NAME: &'static str = "mass_notice.stop";
    type Out = MassNoticeDocument;

    async fn run(&self, tx: &mut Tx) -> Result<MassNoticeDocument> {
        let scope = *tx.scope();
        scope.require(SENDERS)?;
        let seen = one(&tx.reader(), &scope, self.mass_notice).await?;
        tx.lock_subject("mass_notice", seen.id.0).await?;
        let before = one(&tx.reader(), &scope, self.mass_notice).await?;
        let all = [before.event().into(), before.organization_id.0.into()];
        hush(tx, "event_key = $2 AND organization_id = $3", all).await?;
        let mut after = before.clone();
        if before.state != MassState::Stopped {
            after.state = MassState::Stopped;
            after.ended_at = Some(tx.now());
            after.version += 1;
            tx.update(&before, &after).await?;
        }
        let progress = progress(&tx.reader(), &after).await?;
        MassNoticeDocument::of(after, Some(progress))
    }
}
