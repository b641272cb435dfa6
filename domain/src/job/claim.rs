//! Taking jobs that are due.

use chrono::TimeDelta;
use sea_orm::{DbBackend, FromQueryResult, SqliteTransactionMode, TransactionOptions, TransactionTrait};
use uuid::Uuid;

use super::Lease;
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
    payload: serde_json::Value,
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
         RETURNING id, organization_id, kind, payload, attempts"
    );
    let until: Time = now + lease;
    let values = [organization.0.into(), now.into(), token.into(), until.into()];
    let row = statement::<Row>(db, &sql, values.to_vec()).await?.pop();
    Ok(row.map(|row| Claimed {
        lease: Lease { job: row.id, token },
        organization: row.organization_id,
        kind: row.kind,
        payload: row.payload,
        attempt: row.attempts,
    }))
}

/// Jobs whose worker has not been heard of come back into the queue. Returns how many.
///
/// # Errors
/// The database cannot be written.
pub async fn return_expired(db: &Db) -> Result<u64> {
    #[derive(FromQueryResult)]
    struct Returned {
        #[expect(dead_code, reason = "only counted")]
        id: Uuid,
    }
    let returned = statement::<Returned>(
        db,
        "UPDATE job SET state = 'queued', lease = NULL, lease_until = NULL
         WHERE state = 'running' AND lease_until < $1 RETURNING id",
        vec![db.clock().now().into()],
    )
    .await?;
    Ok(returned.len() as u64)
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
pub(super) async fn statement<T: FromQueryResult>(
    db: &Db,
    sql: &str,
    values: Vec<sea_orm::Value>,
) -> Result<Vec<T>> {
    let options = TransactionOptions {
        sqlite_transaction_mode: (db.backend() == DbBackend::Sqlite)
            .then_some(SqliteTransactionMode::Immediate),
        ..Default::default()
    };
    let transaction = db.0.writer.begin_with_options(options).await?;
    let statement = sea_orm::Statement::from_sql_and_values(db.backend(), sql, values);
    let rows = T::find_by_statement(statement).all(&transaction).await?;
    transaction.commit().await?;
    Ok(rows)
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
