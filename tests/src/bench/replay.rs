//! The reference: recorded statements with their recorded values, through bare sqlx on a pool like the service's, on a
//! copy of the database on which they were recorded.

use std::{str::FromStr, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use naryad_domain::db::Location;
use sea_orm::{Statement, Value};
use sqlx::{
    AssertSqlSafe, PgPool, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use uuid::Uuid;

/// A pool with the settings of [`naryad_domain::db::Db`].
#[derive(Clone)]
pub(crate) enum Pool {
    /// One connection: the queue of the writers.
    Sqlite(SqlitePool),
    /// As many connections as the service has by default.
    Postgres(PgPool),
}

/// Runs one statement; what it returns is fetched and not looked at.
macro_rules! step {
    ($connection:expr, $statement:expr) => {{
        let statement: &Statement = $statement;
        // The statements come out of the service itself.
        let sql: Arc<str> = statement.sql.as_str().into();
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for value in statement.values.iter().flat_map(|values| values.0.iter()) {
            query = match value.clone() {
                Value::Uuid(id) => query.bind::<Option<Uuid>>(id),
                Value::String(text) => query.bind::<Option<String>>(text),
                Value::Int(number) => query.bind::<Option<i32>>(number),
                Value::BigInt(number) => query.bind::<Option<i64>>(number),
                Value::Unsigned(number) => query.bind::<Option<i64>>(number.map(i64::from)),
                Value::BigUnsigned(number) => {
                    query.bind::<Option<i64>>(number.map(|number| i64::try_from(number).unwrap_or(i64::MAX)))
                }
                Value::Bool(is) => query.bind::<Option<bool>>(is),
                Value::ChronoDateTimeUtc(at) => query.bind::<Option<DateTime<Utc>>>(at),
                Value::ChronoDate(date) => query.bind::<Option<chrono::NaiveDate>>(date),
                Value::Json(json) => query.bind::<Option<serde_json::Value>>(json.map(|json| *json)),
                Value::Bytes(bytes) => query.bind::<Option<Vec<u8>>>(bytes),
                other => panic!("the reference binds no {other:?}"),
            };
        }
        let done = if returns(&statement.sql) {
            query.fetch_all(&mut *$connection).await.map(|_| ())
        } else {
            query.execute(&mut *$connection).await.map(|_| ())
        };
        done.unwrap_or_else(|error| panic!("{}: {error}", statement.sql));
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
    pub(crate) async fn write(&self, statements: &[Statement]) {
        match self {
            Self::Sqlite(pool) => {
                let mut tx = pool.begin_with("BEGIN IMMEDIATE").await.expect("a transaction begins");
                for statement in statements {
                    step!(tx, statement);
                }
                tx.commit().await.expect("the transaction commits");
            }
            Self::Postgres(pool) => {
                let mut tx = pool.begin().await.expect("a transaction begins");
                for statement in statements {
                    step!(tx, statement);
                }
                tx.commit().await.expect("the transaction commits");
            }
        }
    }

    /// Runs the statements on one moment of the database.
    pub(crate) async fn snapshot(&self, statements: &[Statement]) {
        match self {
            Self::Sqlite(pool) => {
                let mut tx = pool.begin().await.expect("a snapshot begins");
                for statement in statements {
                    step!(tx, statement);
                }
                tx.rollback().await.expect("the snapshot ends");
            }
            Self::Postgres(pool) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                let mut tx = pool.begin_with(begin).await.expect("a snapshot begins");
                for statement in statements {
                    step!(tx, statement);
                }
                tx.rollback().await.expect("the snapshot ends");
            }
        }
    }

    /// Runs the statements one after another, outside any transaction.
    pub(crate) async fn read(&self, statements: &[Statement]) {
        match self {
            Self::Sqlite(pool) => {
                for statement in statements {
                    let mut connection = pool.acquire().await.expect("a connection");
                    step!(connection, statement);
                }
            }
            Self::Postgres(pool) => {
                for statement in statements {
                    let mut connection = pool.acquire().await.expect("a connection");
                    step!(connection, statement);
                }
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

fn returns(sql: &str) -> bool {
    let sql = sql.trim_start();
    let begins = |word: &str| sql.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    begins("select") || begins("with") || sql.contains(" RETURNING ") || sql.contains("RETURNING\n")
}
