//! The database: one way to open it, one way to read it (the one way to write is [`crate::write`]).

use std::{
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseExecutor, DatabaseTransaction, DbBackend, DbErr,
    ExecResult, FromQueryResult, IsolationLevel, QueryResult, RuntimeErr, SqlxPostgresConnector,
    SqlxSqliteConnector, Statement, TransactionTrait, Value,
};
use sqlx::{
    pool::PoolConnectionMetadata,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio_util::task::TaskTracker;

use crate::{Clock, Code, Error, Result, feed::PokeHub};

/// Where the database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A file on this machine.
    Sqlite(std::path::PathBuf),
    /// A PostgreSQL URL.
    Postgres(String),
}

impl Location {
    /// Reads `postgres://...`, `postgresql://...` or `sqlite:PATH`.
    ///
    /// # Errors
    /// The URL names neither.
    pub fn parse(url: &str) -> Result<Self> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Ok(Self::Postgres(url.to_owned()))
        } else if let Some(path) = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")) {
            Ok(Self::Sqlite(path.into()))
        } else {
            Err(Error::field("database_url", "must be postgres://... or sqlite:PATH"))
        }
    }
}

/// The database with everything a write needs: pools, the clock, the tasks in flight, the pokes.
#[derive(Clone, Debug)]
pub struct Db(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) backend: DbBackend,
    /// On SQLite a pool of one connection: its fair queue is the queue of the writers.
    pub(crate) writer: DatabaseConnection,
    reader: DatabaseConnection,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) writes: TaskTracker,
    pub(crate) pokes: PokeHub,
    pub(crate) suspects: Suspects,
}

/// Is told every statement before anybody else sees what it came to.
pub type Watcher = Arc<dyn Fn(&Statement) + Send + Sync>;

/// Connections that were open when an error of unknown kind was seen are closed instead of being used again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Suspects(Arc<Mutex<Option<Instant>>>);

impl Suspects {
    /// From here on, every connection opened before now is closed when it is next touched.
    pub(crate) fn mark(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn trusts(&self, meta: &PoolConnectionMetadata) -> bool {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(seen) => meta.age < seen.elapsed(),
            None => true,
        }
    }
}

/// The oldest SQLite that does not corrupt a WAL reset.
const SQLITE_AT_LEAST: i64 = 3_051_003;

impl Db {
    /// Opens the database; the schema is not touched (see [`Db::migrate`]).
    ///
    /// # Errors
    /// `unavailable` when it cannot be reached, `internal` when the engine is too old.
    pub async fn open(location: &Location, connections: u32, clock: Arc<dyn Clock>) -> Result<Self> {
        Self::open_watched(location, connections, clock, None).await
    }

    /// The same, telling a watcher every statement with its values: for a bench that repeats them by hand.
    ///
    /// # Errors
    /// As [`Db::open`].
    pub async fn open_watched(
        location: &Location,
        connections: u32,
        clock: Arc<dyn Clock>,
        watcher: Option<Watcher>,
    ) -> Result<Self> {
        let suspects = Suspects::default();
        let (backend, mut writer, mut reader) = match location {
            Location::Sqlite(path) => {
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .foreign_keys(true)
                    .busy_timeout(Duration::from_secs(10));
                let pool = |size: u32, options: SqliteConnectOptions| {
                    let (before, after) = (suspects.clone(), suspects.clone());
                    SqlitePoolOptions::new()
                        .max_connections(size)
                        .acquire_timeout(Duration::from_secs(30))
                        .idle_timeout(None)
                        .max_lifetime(None)
                        .before_acquire(move |_, meta| {
                            let trusted = before.trusts(&meta);
                            Box::pin(async move { Ok(trusted) })
                        })
                        .after_release(move |_, meta| {
                            let trusted = after.trusts(&meta);
                            Box::pin(async move { Ok(trusted) })
                        })
                        .connect_lazy_with(options)
                };
                let writer = SqlxSqliteConnector::from_sqlx_sqlite_pool(pool(1, options.clone()));
                let reader = SqlxSqliteConnector::from_sqlx_sqlite_pool(pool(
                    connections.max(2),
                    options.pragma("query_only", "on"),
                ));
                (DbBackend::Sqlite, writer, reader)
            }
            Location::Postgres(url) => {
                let options = PgConnectOptions::from_str(url)
                    .map_err(|e| Error::new(Code::Unavailable, "the database URL is not valid").caused_by(e))?
                    .application_name("naryad");
                let (before, after) = (suspects.clone(), suspects.clone());
                let pool = PgPoolOptions::new()
                    .max_connections(connections.max(2))
                    .acquire_timeout(Duration::from_secs(30))
                    .before_acquire(move |_, meta| {
                        let trusted = before.trusts(&meta);
                        Box::pin(async move { Ok(trusted) })
                    })
                    .after_release(move |_, meta| {
                        let trusted = after.trusts(&meta);
                        Box::pin(async move { Ok(trusted) })
                    })
                    .connect_lazy_with(options);
                let connection = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
                (DbBackend::Postgres, connection.clone(), connection)
            }
        };
        if let Some(watcher) = watcher {
            for connection in [&mut writer, &mut reader] {
                let watcher = Arc::clone(&watcher);
                connection.set_metric_callback(move |told| watcher(told.statement));
            }
        }
        let db = Self(Arc::new(Inner {
            backend,
            writer,
            reader,
            clock,
            writes: TaskTracker::new(),
            pokes: PokeHub::default(),
            suspects,
        }));
        db.check_engine().await?;
        Ok(db)
    }

    async fn check_engine(&self) -> Result<()> {
        #[derive(FromQueryResult)]
        struct Version {
            version: String,
        }
        let sql = match self.backend() {
            DbBackend::Postgres => "SELECT current_setting('server_version_num') AS version",
            _ => "SELECT sqlite_version() AS version",
        };
        let found = self.reader().one::<Version>(sql, []).await?.map(|row| row.version).unwrap_or_default();
        let (number, least) = match self.backend() {
            DbBackend::Postgres => (found.parse().unwrap_or(0), 140_000),
            _ => {
                let mut parts = found.split('.').map(|part| part.parse::<i64>().unwrap_or(0));
                let mut next = || parts.next().unwrap_or(0);
                (next() * 1_000_000 + next() * 1_000 + next(), SQLITE_AT_LEAST)
            }
        };
        if number < least {
            return Err(Error::internal(format!("the database engine is too old: {found}")));
        }
        Ok(())
    }

    /// Applies the migrations that are missing.
    ///
    /// # Errors
    /// A statement failed; the migration it belongs to is not recorded.
    pub async fn migrate(&self) -> Result<()> {
        use naryad_migrations::Migrator;
        use sea_orm_migration::MigratorTrait;
        let Some(pool) = self.postgres_pool() else {
            return Ok(Migrator::up(&self.0.writer, None).await?);
        };
        // Nodes that start together take turns; the lock goes with its connection.
        let mut guard = pool.acquire().await.map_err(Error::internal)?.detach();
        sqlx::query("SELECT pg_advisory_lock(7236838)").execute(&mut guard).await.map_err(Error::internal)?;
        Ok(Migrator::up(&self.0.writer, None).await?)
    }

    /// Whether every migration this program knows has been applied. Only reads.
    ///
    /// # Errors
    /// The database cannot be read, or has never been migrated.
    pub async fn is_migrated(&self) -> Result<bool> {
        use naryad_migrations::Migrator;
        use sea_orm_migration::MigratorTrait;
        #[derive(FromQueryResult)]
        struct Applied {
            version: String,
        }
        let applied = self.reader().all::<Applied>("SELECT version FROM seaql_migrations", []).await?;
        let known = Migrator::migrations();
        Ok(known.iter().all(|known| applied.iter().any(|applied| applied.version == known.name())))
    }

    /// Which engine it is.
    pub fn backend(&self) -> DbBackend {
        self.0.backend
    }

    /// Reads outside any write.
    pub fn reader(&self) -> Reader<'_> {
        Reader(DatabaseExecutor::Connection(&self.0.reader))
    }

    /// The clock of the service.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// What tells open streams that something changed.
    pub fn pokes(&self) -> &PokeHub {
        &self.0.pokes
    }

    /// The pool under the reader, for what is outside the ORM: LISTEN and NOTIFY.
    pub fn postgres_pool(&self) -> Option<&sqlx::PgPool> {
        match self.backend() {
            DbBackend::Postgres => Some(self.0.reader.get_postgres_connection_pool()),
            _ => None,
        }
    }

    /// Waits until every write in flight has ended, then closes the pools. New writes are refused.
    pub async fn close(&self) {
        self.0.writes.close();
        self.0.writes.wait().await;
        for connection in [&self.0.writer, &self.0.reader] {
            if let Err(error) = connection.clone().close().await {
                tracing::warn!(%error, "the pool did not close cleanly");
            }
        }
    }
}

/// A moment of the database: everything read from it is of one time, however much is written meanwhile.
#[derive(Debug)]
pub struct Snapshot(DatabaseTransaction);

impl Db {
    /// Opens a snapshot. It holds a connection, and on SQLite keeps the log from being folded in: it is for answers, not
    /// for exports.
    ///
    /// # Errors
    /// `unavailable` when the database cannot be reached.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        let transaction = match self.backend() {
            DbBackend::Postgres => {
                let level = Some(IsolationLevel::RepeatableRead);
                self.0.reader.begin_with_config(level, Some(AccessMode::ReadOnly)).await?
            }
            _ => self.0.reader.begin().await?,
        };
        Ok(Snapshot(transaction))
    }
}

impl Snapshot {
    /// Reads of that moment.
    pub fn reader(&self) -> Reader<'_> {
        Reader::inside(&self.0)
    }

    /// Gives the connection back.
    pub async fn close(self) {
        if let Err(error) = self.0.rollback().await {
            tracing::debug!(%error, "a snapshot did not close cleanly");
        }
    }
}

/// A connection that only reads: a statement that is no SELECT is refused, so that every change goes through
/// [`Tx`](crate::write::Tx).
#[derive(Debug)]
pub struct Reader<'a>(pub(crate) DatabaseExecutor<'a>);

impl<'a> Reader<'a> {
    pub(crate) fn inside(transaction: &'a DatabaseTransaction) -> Self {
        Self(DatabaseExecutor::Transaction(transaction))
    }

    /// All rows of a SELECT with `$1`, `$2`... placeholders.
    ///
    /// # Errors
    /// The statement failed or a row does not fit `T`.
    pub async fn all<T: FromQueryResult>(
        &self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<T>> {
        let statement = Statement::from_sql_and_values(self.get_database_backend(), sql, values);
        Ok(T::find_by_statement(statement).all(self).await?)
    }

    /// The first row of a SELECT with `$1`, `$2`... placeholders.
    ///
    /// # Errors
    /// As [`Reader::all`].
    pub async fn one<T: FromQueryResult>(
        &self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Option<T>> {
        let statement = Statement::from_sql_and_values(self.get_database_backend(), sql, values);
        Ok(T::find_by_statement(statement).one(self).await?)
    }
}

fn reads_only(sql: &str) -> Result<(), DbErr> {
    let head = sql.trim_start().get(..6).unwrap_or_default();
    if head.eq_ignore_ascii_case("select") || head.to_ascii_lowercase().starts_with("with ") {
        Ok(())
    } else {
        Err(DbErr::Custom("a change must go through Tx".to_owned()))
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Reader<'_> {
    fn get_database_backend(&self) -> DbBackend {
        self.0.get_database_backend()
    }

    async fn execute_raw(&self, _: Statement) -> Result<ExecResult, DbErr> {
        Err(DbErr::Custom("a change must go through Tx".to_owned()))
    }

    async fn execute_unprepared(&self, _: &str) -> Result<ExecResult, DbErr> {
        Err(DbErr::Custom("a change must go through Tx".to_owned()))
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        reads_only(&statement.sql)?;
        self.0.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        reads_only(&statement.sql)?;
        self.0.query_all_raw(statement).await
    }
}

/// Appends `more` to `values` and returns their placeholders, for `IN (...)` or a row. An empty list matches nothing.
pub fn placeholders(more: impl IntoIterator<Item = impl Into<Value>>, values: &mut Vec<Value>) -> String {
    let mut list = String::new();
    for value in more {
        values.push(value.into());
        if !list.is_empty() {
            list.push(',');
        }
        list.push('$');
        list.push_str(&values.len().to_string());
    }
    if list.is_empty() { "NULL".to_owned() } else { list }
}

/// Conditions of a SELECT that all must hold, with their values; each `?` becomes the next placeholder.
#[derive(Clone, Debug)]
pub(crate) struct Where {
    sql: String,
    pub(crate) values: Vec<Value>,
}

impl Where {
    /// Begins with a condition; a query without one would forget its tenant.
    pub(crate) fn new(condition: &str, values: impl IntoIterator<Item = Value>) -> Self {
        let mut conditions = Self { sql: String::new(), values: Vec::new() };
        conditions.and(condition, values);
        conditions
    }

    /// Adds a condition.
    pub(crate) fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        if !self.sql.is_empty() {
            self.sql.push_str(" AND ");
        }
        let mut parts = condition.split('?');
        self.sql.push('(');
        self.sql.push_str(parts.next().unwrap_or_default());
        for (part, value) in parts.zip(values) {
            self.values.push(value);
            self.sql.push('$');
            self.sql.push_str(&self.values.len().to_string());
            self.sql.push_str(part);
        }
        self.sql.push(')');
    }

    /// Adds a condition for each word of a question: the column, made by `text::search_column`, must contain it.
    pub(crate) fn and_search(&mut self, column: &str, question: &crate::text::Question) {
        for pattern in question.patterns() {
            self.and(&format!("(' ' || {column} || ' ') LIKE ?"), [pattern.into()]);
        }
    }
}

impl std::fmt::Display for Where {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.sql)
    }
}

/// What kind of trouble a database error is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A unique key stands already; the text names it.
    Unique(String),
    /// A row that is referred to does not exist, or is still referred to.
    ForeignKey,
    /// A CHECK or a guard trigger refused the row; the text names it.
    Check(String),
    /// Two active calendar entries would overlap.
    Overlap,
    /// Deadlock, serialization failure, busy: the whole closure may be tried again.
    Retry,
    /// A value that the type of its column cannot hold.
    Value,
    /// The connection broke.
    Lost,
    /// Anything else.
    Other,
}

/// Classifies a database error.
pub(crate) fn fault(error: &DbErr) -> Fault {
    let runtime = match error {
        DbErr::Conn(runtime) | DbErr::Exec(runtime) | DbErr::Query(runtime) => runtime,
        DbErr::ConnectionAcquire(_) => return Fault::Lost,
        _ => return Fault::Other,
    };
    let RuntimeErr::SqlxError(error) = runtime else { return Fault::Other };
    let sqlx::Error::Database(error) = &**error else {
        return match **error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Fault::Lost,
            _ => Fault::Other,
        };
    };
    let code = error.code().unwrap_or_default();
    match &*code {
        "23505" => Fault::Unique(error.constraint().unwrap_or_default().to_owned()),
        "1555" | "2067" => Fault::Unique(error.message().to_owned()),
        "23503" | "787" => Fault::ForeignKey,
        "23P01" => Fault::Overlap,
        "1811" if error.message().contains("calendar_entry_overlap") => Fault::Overlap,
        "23514" => Fault::Check(error.constraint().unwrap_or_default().to_owned()),
        "23502" | "275" | "1299" | "1811" | "3091" => Fault::Check(error.message().to_owned()),
        "40001" | "40P01" | "55P03" | "5" | "261" | "517" | "6" | "262" => Fault::Retry,
        code if code.len() == 5 && code.starts_with("22") => Fault::Value,
        // The server is shutting down or cut us off: what it did last is not known.
        code if code.starts_with("08") || code.starts_with("57P") => Fault::Lost,
        _ => Fault::Other,
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        let failure = match fault(&error) {
            Fault::Unique(_) => Self::new(Code::AlreadyExists, Code::AlreadyExists.title()),
            Fault::ForeignKey => Self::not_found("thing that this refers to"),
            Fault::Value => Self::new(Code::InvalidField, "a value is out of the range that can be stored"),
            Fault::Overlap => Self::new(Code::SlotTaken, Code::SlotTaken.title()),
            Fault::Retry | Fault::Lost => Self::new(Code::Unavailable, Code::Unavailable.title()),
            Fault::Check(_) | Fault::Other => Self::new(Code::Internal, Code::Internal.title()),
        };
        failure.caused_by(error)
    }
}
