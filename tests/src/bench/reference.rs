//! The reference: the statements of the write path, with values by hand, through bare sqlx on a pool like the service's.

use std::{str::FromStr, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use naryad_domain::db::Location;
use sqlx::{
    AssertSqlSafe, PgPool, Row, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use uuid::Uuid;

use crate::{
    statements::{Statement, placeholders},
    values::{self, Facts, Value},
};

/// A pool with the settings of [`naryad_domain::db::Db`].
pub(crate) enum Pool {
    /// One connection: the queue of the writers.
    Sqlite(SqlitePool),
    /// As many connections as the service has by default.
    Postgres(PgPool),
}

/// One step of a transaction: runs a statement and keeps what it returns, if that is needed later.
macro_rules! step {
    ($connection:expr, $statement:expr, $facts:expr) => {{
        let statement: &Statement = $statement;
        let facts: &mut Facts<'_> = $facts;
        let values = values::of(statement, facts).unwrap_or_default();
        // The statements come out of the service itself.
        let mut query = sqlx::query(AssertSqlSafe(Arc::clone(&statement.sql)));
        for value in values {
            query = match value {
                Value::Id(id) => query.bind::<Option<Uuid>>(id),
                Value::Text(text) => query.bind::<Option<String>>(text),
                Value::Int(number) => query.bind(number),
                Value::Bool(is) => query.bind::<Option<bool>>(is),
                Value::Time(at) => query.bind::<Option<DateTime<Utc>>>(at),
                Value::Json(json) => query.bind(json),
                Value::Bytes(bytes) => query.bind(bytes),
            };
        }
        let done = match values::returned_column(statement) {
            Some(column) => match query.fetch_one(&mut *$connection).await {
                Ok(row) => row.try_get(column).map(|number| facts.returned = number),
                Err(error) => Err(error),
            },
            None if reads(statement) => query.fetch_all(&mut *$connection).await.map(|_| ()),
            None => query.execute(&mut *$connection).await.map(|_| ()),
        };
        done.unwrap_or_else(|error| panic!("{}: {error}", statement.shape));
    }};
}

impl Pool {
    pub(crate) fn open(location: &Location) -> Self {
        let patience = Duration::from_secs(30);
        match location {
            Location::Sqlite(path) => {
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .foreign_keys(true)
                    .busy_timeout(Duration::from_secs(10));
                let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(patience);
                Self::Sqlite(pool.idle_timeout(None).max_lifetime(None).connect_lazy_with(options))
            }
            Location::Postgres(url) => {
                let options = PgConnectOptions::from_str(url).expect("an address of PostgreSQL");
                let pool = PgPoolOptions::new().max_connections(10).acquire_timeout(patience);
                Self::Postgres(pool.connect_lazy_with(options))
            }
        }
    }

    /// Runs the statements as one transaction and commits it.
    pub(crate) async fn run(&self, statements: &[Statement], mut facts: Facts<'_>) {
        match self {
            Self::Sqlite(pool) => {
                let mut tx = pool.begin_with("BEGIN IMMEDIATE").await.expect("a transaction begins");
                for statement in statements {
                    step!(tx, statement, &mut facts);
                }
                tx.commit().await.expect("the transaction commits");
            }
            Self::Postgres(pool) => {
                let mut tx = pool.begin().await.expect("a transaction begins");
                for statement in statements {
                    step!(tx, statement, &mut facts);
                }
                tx.commit().await.expect("the transaction commits");
            }
        }
    }

    pub(crate) async fn close(self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

fn reads(statement: &Statement) -> bool {
    statement.shape.starts_with("SELECT ") || statement.shape.contains(" RETURNING ")
}

/// Demands that the reference has the right number of values for every statement of the write path.
pub(crate) fn check(statements: &[Statement], facts: &Facts<'_>) {
    for statement in statements {
        let found = values::of(statement, facts).map(|values| values.len());
        let wanted = placeholders(&statement.sql);
        assert!(
            found == Some(wanted),
            "the write path has changed: the reference has {found:?} values for the {wanted} of\n  {}\n\
             (tests/src/bench/values.rs)",
            statement.shape
        );
    }
}
