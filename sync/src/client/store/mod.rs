//! What the phone must not forget: one SQLite file, and a folder with the bytes of photos.
//!
//! Everything that must be true together is written in one transaction; between any two of them the phone may die.
//! Identifiers are text, times are RFC 3339 text where they go to the server and Unix milliseconds where they are
//! compared here.

pub(super) mod entities;
pub(super) mod photos;
pub(super) mod queue;
pub(super) mod streams;

use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;
use sqlx::{
    Sqlite, SqliteConnection, SqlitePool, Transaction,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use uuid::{NoContext, Timestamp, Uuid, fmt::Hyphenated};

use super::{
    clock::DeviceClock,
    error::{Error, Result},
};

/// How long answered mutations and photos that were delivered are kept, in milliseconds: 14 days. A server that was
/// restored from a backup asks for them again.
pub(super) const KEPT_MS: i64 = 14 * 24 * 3600 * 1000;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- What the phone holds, and a bootstrap that is being collected beside it.
CREATE TABLE IF NOT EXISTS entity (
    feed TEXT NOT NULL, entity TEXT NOT NULL, id TEXT NOT NULL, doc_version INTEGER NOT NULL, data TEXT NOT NULL,
    PRIMARY KEY (feed, entity, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS staged (
    feed TEXT NOT NULL, entity TEXT NOT NULL, id TEXT NOT NULL, doc_version INTEGER NOT NULL, data TEXT NOT NULL,
    PRIMARY KEY (feed, entity, id)
) WITHOUT ROWID;

-- One person on this phone: 'current', 'left' (he signed out, his queue is still delivered), 'retired' (replaced).
CREATE TABLE IF NOT EXISTS stream (
    stream_id TEXT PRIMARY KEY, device_id TEXT NOT NULL, user_id TEXT NOT NULL, standing TEXT NOT NULL,
    rotation_id TEXT NOT NULL, delivery_key TEXT, broken INTEGER NOT NULL DEFAULT 0,
    access_token TEXT, refresh_token TEXT, refresh_rotation TEXT,
    acked_seq INTEGER NOT NULL DEFAULT 0, incarnation TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS stream_current ON stream (standing) WHERE standing = 'current';

-- What waits has seq > stream.acked_seq; what waits again keeps its former answer until the next.
CREATE TABLE IF NOT EXISTS mutation (
    id TEXT PRIMARY KEY, stream_id TEXT NOT NULL, seq INTEGER NOT NULL, type TEXT NOT NULL, schema INTEGER NOT NULL,
    ticket_id TEXT, base_version INTEGER, occurred_at TEXT NOT NULL, boot_id TEXT NOT NULL, mono_ms INTEGER NOT NULL,
    args TEXT NOT NULL,
    status TEXT, code TEXT, result TEXT, review_id TEXT, answered_ms INTEGER,
    UNIQUE (stream_id, seq)
);

-- The bytes lie in the folder photos/ under the identifier.
CREATE TABLE IF NOT EXISTS photo (
    photo_id TEXT PRIMARY KEY, mutation_id TEXT NOT NULL, ticket_id TEXT, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL,
    state TEXT NOT NULL, upload TEXT, upload_offset INTEGER NOT NULL DEFAULT 0, code TEXT, done_ms INTEGER
);
CREATE INDEX IF NOT EXISTS photo_state ON photo (state);
CREATE INDEX IF NOT EXISTS photo_mutation ON photo (mutation_id);
";

/// The store of the phone.
#[derive(Clone, Debug)]
pub(super) struct Store {
    pool: SqlitePool,
    photos: PathBuf,
}

pub(super) type Tx = Transaction<'static, Sqlite>;

impl Store {
    /// Opens the store in `folder`, which is made when it is not there; collects files that no photo knows.
    pub(super) async fn open(folder: &Path) -> Result<Self> {
        let photos = folder.join("photos");
        tokio::fs::create_dir_all(&photos).await?;
        let options = SqliteConnectOptions::new()
            .filename(folder.join("phone.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(std::time::Duration::from_secs(10));
        // One connection: a transaction that reads and then writes is never overtaken.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await?;
        let store = Self { pool, photos };
        store.collect_files().await?;
        Ok(store)
    }

    /// Begins a transaction; dropped without a commit it has not been.
    pub(super) async fn begin(&self) -> Result<Tx> {
        Ok(self.pool.begin().await?)
    }

    /// Closes the file.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// A remembered word.
pub(super) async fn meta(tx: &mut SqliteConnection, key: &str) -> Result<Option<String>> {
    Ok(sqlx::query_scalar("SELECT value FROM meta WHERE key = $1").bind(key).fetch_optional(tx).await?)
}

/// Remembers a word, or forgets it.
pub(super) async fn set_meta(tx: &mut SqliteConnection, key: &str, value: Option<&str>) -> Result<()> {
    let statement = match value {
        Some(_) => sqlx::query(
            "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        ),
        None => sqlx::query("DELETE FROM meta WHERE key = $1"),
    };
    let statement = statement.bind(key);
    let statement = match value {
        Some(value) => statement.bind(value),
        None => statement,
    };
    statement.execute(tx).await?;
    Ok(())
}

/// A fresh UUID of version 7, by the clock of the phone.
pub(super) fn fresh_id(clock: &dyn DeviceClock) -> Uuid {
    let now = clock.now();
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos()))
}

/// A time as the server reads it.
pub(super) fn time_text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn json(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| Error::Corrupt(error.to_string()))
}

fn uuid(text: Hyphenated) -> Uuid {
    text.into_uuid()
}
