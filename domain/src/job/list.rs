//! The queue as people see it.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    decision::{self, JobVerdict},
    discreet::{discreet, shown},
};
use crate::{
    Error, Result, Scope, Time,
    auth::Role,
    db::{Reader, Where},
    id::{JobId, OrganizationId},
    page::{Page, PageRequest},
};

/// What has become of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It waits for its time, or for a worker.
    Queued,
    /// A worker has it.
    Running,
    /// Its effect stands.
    Done,
    /// It failed as often as it may: a dead letter.
    Dead,
    /// A dead letter that nobody will run again.
    Discarded,
}

impl JobState {
    const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Done, Self::Dead, Self::Discarded];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Discarded => "discarded",
        }
    }

    /// Written out, so that the indexes over one state are found.
    fn condition(self) -> &'static str {
        match self {
            Self::Queued => "state = 'queued'",
            Self::Running => "state = 'running'",
            Self::Done => "state = 'done'",
            Self::Dead => "state = 'dead' AND discarded_at IS NULL",
            Self::Discarded => "state = 'dead' AND discarded_at IS NOT NULL",
        }
    }

    fn of(id: JobId, state: &str, discarded_at: Option<Time>) -> Result<Self> {
        match state {
            "queued" => Ok(Self::Queued),
            "running" => Ok(Self::Running),
            "done" => Ok(Self::Done),
            "dead" if discarded_at.is_some() => Ok(Self::Discarded),
            "dead" => Ok(Self::Dead),
            other => Err(Error::internal(format!("job {id}, column state: {other}"))),
        }
    }
}

impl std::str::FromStr for JobState {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or_else(|| Error::field("state", "must be queued, running, done, dead or discarded"))
    }
}

/// Which jobs are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct JobFilter {
    /// Only those in this state.
    #[param(inline)]
    pub state: Option<JobState>,
    /// Only those of this kind.
    pub kind: Option<String>,
}

/// A job in a list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct JobSummary {
    /// The job.
    pub id: JobId,
    /// Which handler it is for.
    pub kind: String,
    /// What has become of it.
    pub state: JobState,
    /// Runs so far, since it was enqueued or run again.
    pub attempts: i64,
    /// Why the last run that failed did.
    pub last_error: Option<String>,
    /// Not before this it runs, or ran.
    pub run_at: DateTime<Utc>,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
    /// When it was done, or laid among the dead.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A job with everything about it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct JobDocument {
    /// The job.
    pub id: JobId,
    /// Which handler it is for.
    pub kind: String,
    /// What has become of it.
    pub state: JobState,
    /// Runs so far, since it was enqueued or run again.
    pub attempts: i64,
    /// Why the last run that failed did.
    pub last_error: Option<String>,
    /// Not before this it runs, or ran.
    pub run_at: DateTime<Utc>,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
    /// When it was done, or laid among the dead.
    pub finished_at: Option<DateTime<Utc>>,
    /// What it is about: identifiers, moments, names of kinds. Anything else reads `hidden`.
    pub payload: serde_json::Value,
    /// The worker that has it is given up at this moment.
    pub lease_until: Option<DateTime<Utc>>,
    /// When it was discarded.
    pub discarded_at: Option<DateTime<Utc>>,
    /// What was decided about it, oldest first.
    pub decisions: Vec<JobDecision>,
}

/// What somebody decided about a dead letter.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct JobDecision {
    /// What.
    pub decision: JobVerdict,
    /// Why, if he said so.
    pub reason: Option<String>,
    /// Who; the organization itself for the command line.
    pub decided_by: uuid::Uuid,
    /// When.
    pub decided_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct Row {
    id: JobId,
    kind: String,
    state: String,
    attempts: i64,
    last_error: Option<String>,
    run_at: Time,
    created_at: Time,
    finished_at: Option<Time>,
    discarded_at: Option<Time>,
}

impl Row {
    const COLUMNS: &str =
        "id, kind, state, attempts, last_error, run_at, created_at, finished_at, discarded_at";

    fn summary(self) -> Result<JobSummary> {
        Ok(JobSummary {
            state: JobState::of(self.id, &self.state, self.discarded_at)?,
            id: self.id,
            kind: self.kind,
            attempts: self.attempts,
            last_error: self.last_error.map(|error| discreet(&error)),
            run_at: self.run_at,
            created_at: self.created_at,
            finished_at: self.finished_at,
        })
    }
}

/// Who sees the queue, and decides about dead letters.
pub(super) const KEEPERS: &[Role] = &[Role::Manager, Role::Admin];

/// Jobs of the organization, newest first.
///
/// # Errors
/// `forbidden` for all but managers and administrators.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &JobFilter,
    page: &PageRequest,
) -> Result<Page<JobSummary>> {
    scope.require(KEEPERS)?;
    let statement = listed(scope.organization(), filter, page.after()?, page.limit() + 1);
    let rows: Vec<Row> = reader.all(&statement.0, statement.1).await?;
    let jobs = rows.into_iter().map(Row::summary).collect::<Result<Vec<_>>>()?;
    page.cut(jobs, |job| job.id)
}

/// The statement of a page.
pub(super) fn listed(
    organization: OrganizationId,
    filter: &JobFilter,
    after: Option<JobId>,
    limit: usize,
) -> (String, Vec<sea_orm::Value>) {
    let mut only = Where::new("organization_id = ?", [organization.0.into()]);
    if let Some(state) = filter.state {
        only.and(state.condition(), []);
    }
    if let Some(kind) = &filter.kind {
        only.and("kind = ?", [kind.as_str().into()]);
    }
    if let Some(after) = after {
        only.and("id < ?", [after.0.into()]);
    }
    let columns = Row::COLUMNS;
    let sql = format!("SELECT {columns} FROM job WHERE {only} ORDER BY id DESC LIMIT {limit}");
    (sql, only.values)
}

/// One job of the organization.
///
/// # Errors
/// `forbidden` for all but managers and administrators; `not_found`, also when it is another organization's.
pub async fn find(reader: &Reader<'_>, scope: &Scope, id: JobId) -> Result<JobDocument> {
    #[derive(FromQueryResult)]
    struct Details {
        payload: String,
        lease_until: Option<Time>,
    }
    scope.require(KEEPERS)?;
    let values = || [id.0.into(), scope.organization().0.into()];
    let columns = Row::COLUMNS;
    let sql = format!("SELECT {columns} FROM job WHERE id = $1 AND organization_id = $2");
    let row = reader.one::<Row>(&sql, values()).await?.ok_or_else(|| Error::not_found("job"))?;
    let sql = "SELECT CAST(payload AS TEXT) AS payload, lease_until FROM job WHERE id = $1 AND organization_id = $2";
    let details = reader.one::<Details>(sql, values()).await?.ok_or_else(|| Error::not_found("job"))?;
    let decided = decision::Entity::find()
        .filter(decision::Column::JobId.eq(id))
        .filter(decision::Column::OrganizationId.eq(scope.organization()))
        .order_by_asc(decision::Column::Id)
        .all(reader)
        .await?;
    let discarded_at = row.discarded_at;
    let job = row.summary()?;
    Ok(JobDocument {
        id: job.id,
        kind: job.kind,
        state: job.state,
        attempts: job.attempts,
        last_error: job.last_error,
        run_at: job.run_at,
        created_at: job.created_at,
        finished_at: job.finished_at,
        // One that is no JSON is hidden as a whole.
        payload: shown(&serde_json::from_str(&details.payload).unwrap_or_else(|_| details.payload.into())),
        lease_until: details.lease_until,
        discarded_at,
        decisions: decided
            .into_iter()
            .map(|row| JobDecision {
                decision: row.decision,
                reason: row.reason,
                decided_by: row.decided_by,
                decided_at: row.decided_at,
            })
            .collect(),
    })
}

/// Whose job it is, for the command line, which acts for every organization.
///
/// # Errors
/// `not_found`.
pub async fn owner(reader: &Reader<'_>, id: JobId) -> Result<OrganizationId> {
    #[derive(FromQueryResult)]
    struct Owner {
        organization_id: OrganizationId,
    }
    let sql = "SELECT organization_id FROM job WHERE id = $1";
    let owner = reader.one::<Owner>(sql, [id.0.into()]).await?;
    owner.map(|owner| owner.organization_id).ok_or_else(|| Error::not_found("job"))
}
