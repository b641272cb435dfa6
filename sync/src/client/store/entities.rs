//! Entities: what the phone holds of its feeds.

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};
use uuid::{Uuid, fmt::Hyphenated};

use super::{json, set_meta, uuid};
use crate::client::{Entity, error::Result};

/// A change of a feed, as pull tells it.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::client) struct Change {
    feed: String,
    op: Op,
    entity: String,
    id: Uuid,
    #[serde(default)]
    doc_version: i64,
    #[serde(default)]
    data: Value,
}

/// What a change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Op {
    Put,
    Remove,
}

/// What a feed holds at its head, by the server.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::client) struct FeedState {
    feed: String,
    count: i64,
    digest: String,
}

/// Where changes go: to what is shown, or to the bootstrap beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Shelf {
    Shown,
    Staged,
}

/// What an entity adds to the digest of its feed: the first 8 bytes of a SHA-256, big endian.
fn digest_of(entity: &str, id: Uuid, doc_version: i64) -> i64 {
    let mut hasher = Sha256::new();
    hasher.update(entity.as_bytes());
    hasher.update([0]);
    hasher.update(id.as_bytes());
    hasher.update(doc_version.to_be_bytes());
    hasher.finalize().iter().take(8).fold(0_i64, |sum, byte| (sum << 8) | i64::from(*byte))
}

fn entity(row: &SqliteRow) -> Result<Entity> {
    Ok(Entity {
        feed: row.try_get("feed")?,
        entity: row.try_get("entity")?,
        id: uuid(row.try_get::<Hyphenated, _>("id")?),
        doc_version: row.try_get("doc_version")?,
        data: json(row.try_get("data")?)?,
    })
}

/// Folds a page in.
pub(in crate::client) async fn fold(
    tx: &mut SqliteConnection,
    shelf: Shelf,
    changes: &[Change],
) -> Result<()> {
    let (put, remove) = match shelf {
        Shelf::Shown => (
            "INSERT OR REPLACE INTO entity (feed, entity, id, doc_version, data) VALUES ($1, $2, $3, $4, $5)",
            "DELETE FROM entity WHERE feed = $1 AND entity = $2 AND id = $3",
        ),
        Shelf::Staged => (
            "INSERT OR REPLACE INTO staged (feed, entity, id, doc_version, data) VALUES ($1, $2, $3, $4, $5)",
            "DELETE FROM staged WHERE feed = $1 AND entity = $2 AND id = $3",
        ),
    };
    for change in changes {
        let statement = sqlx::query(if change.op == Op::Put { put } else { remove })
            .bind(&change.feed)
            .bind(&change.entity)
            .bind(change.id.hyphenated());
        let statement = match change.op {
            Op::Put => statement.bind(change.doc_version).bind(change.data.to_string()),
            Op::Remove => statement,
        };
        statement.execute(&mut *tx).await?;
    }
    Ok(())
}

/// Lets go of everything from a feed.
pub(in crate::client) async fn drop_feed(tx: &mut SqliteConnection, shelf: Shelf, feed: &str) -> Result<()> {
    let statement = match shelf {
        Shelf::Shown => "DELETE FROM entity WHERE feed = $1",
        Shelf::Staged => "DELETE FROM staged WHERE feed = $1",
    };
    sqlx::query(statement).bind(feed).execute(tx).await?;
    Ok(())
}

/// Forgets a bootstrap that was begun.
pub(in crate::client) async fn clear_staged(tx: &mut SqliteConnection) -> Result<()> {
    sqlx::query("DELETE FROM staged").execute(&mut *tx).await?;
    set_meta(tx, "staging", None).await?;
    set_meta(tx, "staging_cursor", None).await
}

/// The bootstrap takes the place of what is shown.
pub(in crate::client) async fn swap(tx: &mut SqliteConnection) -> Result<()> {
    sqlx::query("DELETE FROM entity").execute(&mut *tx).await?;
    sqlx::query("INSERT INTO entity SELECT * FROM staged").execute(&mut *tx).await?;
    clear_staged(tx).await
}

/// Forgets everything that was pulled: the phone has another owner.
pub(in crate::client) async fn wipe(tx: &mut SqliteConnection) -> Result<()> {
    sqlx::query("DELETE FROM entity").execute(&mut *tx).await?;
    set_meta(tx, "cursor", None).await?;
    set_meta(tx, "mismatched_ms", None).await?;
    clear_staged(tx).await
}

/// How many entities of a feed there are, and their digest.
pub(in crate::client) async fn digest(
    tx: &mut SqliteConnection,
    shelf: Shelf,
    feed: &str,
) -> Result<(i64, i64)> {
    let statement = match shelf {
        Shelf::Shown => "SELECT entity, id, doc_version FROM entity WHERE feed = $1",
        Shelf::Staged => "SELECT entity, id, doc_version FROM staged WHERE feed = $1",
    };
    let (mut count, mut sum) = (0, 0_i64);
    for row in sqlx::query(statement).bind(feed).fetch_all(tx).await? {
        let id = uuid(row.try_get::<Hyphenated, _>("id")?);
        count += 1;
        sum = sum.wrapping_add(digest_of(row.try_get("entity")?, id, row.try_get("doc_version")?));
    }
    Ok((count, sum))
}

/// Whether what is held of every feed is what the server says.
pub(in crate::client) async fn adds_up(
    tx: &mut SqliteConnection,
    shelf: Shelf,
    feeds: &[FeedState],
) -> Result<bool> {
    for state in feeds {
        let (count, sum) = digest(&mut *tx, shelf, &state.feed).await?;
        if (count, sum.to_string()) != (state.count, state.digest.clone()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Everything that is held, sorted.
pub(in crate::client) async fn all(tx: &mut SqliteConnection) -> Result<Vec<Entity>> {
    let rows = sqlx::query("SELECT * FROM entity ORDER BY feed, entity, id").fetch_all(tx).await?;
    rows.iter().map(entity).collect()
}

/// Everything of a kind, sorted by identifier.
pub(in crate::client) async fn of_kind(tx: &mut SqliteConnection, kind: &str) -> Result<Vec<Entity>> {
    let rows = sqlx::query("SELECT * FROM entity WHERE entity = $1 ORDER BY id, doc_version DESC")
        .bind(kind)
        .fetch_all(tx)
        .await?;
    rows.iter().map(entity).collect()
}

/// One entity.
pub(in crate::client) async fn find(
    tx: &mut SqliteConnection,
    kind: &str,
    id: Uuid,
) -> Result<Option<Entity>> {
    let row =
        sqlx::query("SELECT * FROM entity WHERE entity = $1 AND id = $2 ORDER BY doc_version DESC LIMIT 1")
            .bind(kind)
            .bind(id.hyphenated())
            .fetch_optional(tx)
            .await?;
    row.as_ref().map(entity).transpose()
}
