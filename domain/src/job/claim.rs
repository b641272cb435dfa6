//! Taking jobs that are due.

use chrono::TimeDelta;
use sea_orm::{
    DatabaseTransaction, DbBackend, FromQueryResult, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use uuid::Uuid;

use super::{ATTEMPTS, Lease, complete::pause};
use crate::{
    Error, Result, Time,
    db::{Db, Reader},
    id::{JobId, OrganizationId, new_uuid},
};

/// A job in the hands of a worker.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// What completes it.
    pub lease: Lease,
    /// The tenant.
    pub organization: OrganizationId,
    /// Which handler runs it.
    pub kind: String,
    /// Identifiers.
    pub payload: serde_json::Value,
    /// This run's number, from 1.
    pub attempt: i64,
}

#[derive(FromQueryResult)]
struct Row {
    id: JobId,
    organization_id: OrganizationId,
    kind: String,
    payload: String,
    attempts: i64,
}

/// Organizations that have a due job: the worker serves them in turn, so that one tenant's thousand jobs do not make
/// another's single job wait. Costs one index probe per organization.
///
/// # Errors
/// The database cannot be read.
pub async fn due_organizations(db: &Db) -> Result<Vec<OrganizationId>> {
    #[derive(FromQueryResult)]
    struct Due {
        id: OrganizationId,
    }
    let due = db
        .reader()
        .all::<Due>(
            "SELECT o.id FROM organization o WHERE EXISTS
                 (SELECT 1 FROM job j WHERE j.organization_id = o.id AND j.state = 'queued' AND j.run_at <= $1)
             ORDER BY o.id",
            [db.clock().now().into()],
        )
        .await?;
    Ok(due.into_iter().map(|due| due.id).collect())
}

/// Takes the oldest due job of an organization for `lease`. Two workers never take the same one.
///
/// # Errors
/// The database cannot be written.
pub async fn claim(db: &Db, organization: OrganizationId, lease: TimeDelta) -> Result<Option<Claimed>> {
    let now = db.clock().now();
    let token = new_uuid(&**db.clock());
    let skip = if db.backend() == DbBackend::Postgres { "FOR UPDATE SKIP LOCKED" } else { "" };
    let sql = format!(
        "UPDATE job SET state = 'running', attempts = attempts + 1, lease = $3, lease_until = $4
         WHERE id = (SELECT id FROM job WHERE organization_id = $1 AND state = 'queued' AND run_at <= $2
                     ORDER BY run_at, id LIMIT 1 {skip})
         RETURNING id, organization_id, kind, CAST(payload AS TEXT) AS payload, attempts"
    );
    let until: Time = now + lease;
    let values = [organization.0.into(), now.into(), token.into(), until.into()];
    let row = statement::<Row>(db, &sql, values.to_vec()).await?.pop();
    Ok(row.map(|row| Claimed {
        lease: Lease { job: row.id, token },
        organization: row.organization_id,
        kind: row.kind,
        // One that cannot be read is no reason to take no other: its handler refuses it, and it ends among the dead.
        payload: serde_json::from_str(&row.payload).unwrap_or_default(),
        attempt: row.attempts,
    }))
}

/// What stands with a job whose worker ended before it did.
const WORKER_LOST: &str = "the worker that ran it was not heard of any more";

/// Jobs whose worker has not been heard of come back into the queue. One that has taken several workers with it rests
/// longer each time, so that others come to their turn, and ends among the dead like any job that fails. Returns how many
/// were taken from their workers.
///
/// # Errors
/// The database cannot be written.
pub async fn return_expired(db: &Db) -> Result<u64> {
    #[derive(FromQueryResult)]
    struct Lost {
        id: JobId,
        lease: Uuid,
        attempts: i64,
    }
    let now = db.clock().now();
    let sql = "SELECT id, lease, attempts FROM job WHERE state = 'running' AND lease_until < $1 ORDER BY id LIMIT 1000";
    let mut returned = 0;
    for Lost { id, lease, attempts } in db.reader().all::<Lost>(sql, [now.into()]).await? {
        let dead = attempts >= ATTEMPTS;
        let (state, finished_at) = if dead { ("dead", Some(now)) } else { ("queued", None) };
        // A machine may have been switched off: the first time nobody waits for it.
        let rest = (attempts > 1).then(|| now + pause(attempts));
        let values: Vec<sea_orm::Value> = vec![
            id.0.into(),
            lease.into(),
            state.into(),
            finished_at.into(),
            rest.into(),
            WORKER_LOST.into(),
            now.into(),
        ];
        let sql = "UPDATE job SET state = $3, lease = NULL, lease_until = NULL, finished_at = $4,
                       run_at = COALESCE($5, run_at), last_error = $6
                   WHERE id = $1 AND lease = $2 AND state = 'running' AND lease_until < $7 RETURNING id";
        #[derive(FromQueryResult)]
        struct Returned {
            #[expect(dead_code, reason = "only counted")]
            id: Uuid,
        }
        returned += statement::<Returned>(db, sql, values).await?.len() as u64;
        if dead {
            tracing::error!(job = %id, attempts, "a job whose workers were lost each time is a dead letter");
        }
    }
    Ok(returned)
}

/// Gives back the key of a job that runs: what is enqueued under it from now on is a job of its own. Waits for writes
/// that have found the job and are about to commit.
///
/// # Errors
/// `internal` when the lease has run out; the database cannot be written.
pub async fn release_key(db: &Db, lease: Lease) -> Result<()> {
    #[derive(FromQueryResult)]
    struct Released {
        #[expect(dead_code, reason = "only counted")]
        id: Uuid,
    }
    let sql =
        "UPDATE job SET dedup_key = NULL WHERE id = $1 AND lease = $2 AND state = 'running' RETURNING id";
    match statement::<Released>(db, sql, vec![lease.job.0.into(), lease.token.into()]).await?.len() {
        1 => Ok(()),
        _ => Err(Error::internal("the lease of the job has run out")),
    }
}

/// One statement on the queue in a transaction of its own: the queue is not business, and needs no journal.
pub(crate) async fn statement<T: FromQueryResult>(
    db: &Db,
    sql: &str,
    values: Vec<sea_orm::Value>,
) -> Result<Vec<T>> {
    let transaction = begin(db).await?;
    let statement = sea_orm::Statement::from_sql_and_values(db.backend(), sql, values);
    let rows = T::find_by_statement(statement).all(&transaction).await?;
    transaction.commit().await?;
    Ok(rows)
}

/// A transaction that writes past the journal: for queues only.
pub(crate) async fn begin(db: &Db) -> Result<DatabaseTransaction> {
    let options = TransactionOptions {
        sqlite_transaction_mode: (db.backend() == DbBackend::Sqlite)
            .then_some(SqliteTransactionMode::Immediate),
        ..Default::default()
    };
    Ok(db.0.writer.begin_with_options(options).await?)
}

/// When the next job in the queue is due. Costs one index probe per organization.
///
/// # Errors
/// The database cannot be read.
pub async fn next_due(reader: &Reader<'_>) -> Result<Option<Time>> {
    #[derive(FromQueryResult)]
    struct Next {
        at: Option<Time>,
    }
    let sql = "SELECT MIN(first.at) AS at FROM
                   (SELECT (SELECT MIN(j.run_at) FROM job j
                            WHERE j.organization_id = o.id AND j.state = 'queued') AS at FROM organization o) first";
    Ok(reader.one::<Next>(sql, []).await?.and_then(|next| next.at))
}
