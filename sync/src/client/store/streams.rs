//! Streams: a person on this phone, with what opens the doors for his queue.

use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};
use uuid::{Uuid, fmt::Hyphenated};

use super::uuid;
use crate::client::error::{Error, Result};

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Standing {
    /// He holds the phone.
    Current,
    /// He has signed out; his queue is still delivered.
    Left,
    /// Another stream took its place; only photos of what it delivered may still be on the way.
    Retired,
}

impl Standing {
    fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Left => "left",
            Self::Retired => "retired",
        }
    }

    fn of(name: &str) -> Result<Self> {
        match name {
            "current" => Ok(Self::Current),
            "left" => Ok(Self::Left),
            "retired" => Ok(Self::Retired),
            _ => Err(Error::Corrupt(format!("standing {name}"))),
        }
    }
}

/// A stream.
#[derive(Clone)]
pub(in crate::client) struct Stream {
    pub(in crate::client) id: Uuid,
    pub(in crate::client) device: Uuid,
    pub(in crate::client) user: Uuid,
    pub(in crate::client) standing: Standing,
    /// Made before the key was asked for; the same one gives the same key.
    pub(in crate::client) rotation: Uuid,
    pub(in crate::client) key: Option<String>,
    /// The server takes nothing more from it, and nobody is signed in to make another.
    pub(in crate::client) broken: bool,
    pub(in crate::client) access: Option<String>,
    pub(in crate::client) refresh: Option<String>,
    /// A refresh that was asked for and whose answer is not here.
    pub(in crate::client) refresh_rotation: Option<Uuid>,
    /// Up to here the server has answered.
    pub(in crate::client) acked: i64,
    /// The incarnation of the server that has answered; another one may have lost what this one knew.
    pub(in crate::client) incarnation: Option<Uuid>,
}

fn stream(row: &SqliteRow) -> Result<Stream> {
    let id = |column: &str| -> Result<Uuid> { Ok(uuid(row.try_get::<Hyphenated, _>(column)?)) };
    Ok(Stream {
        id: id("stream_id")?,
        device: id("device_id")?,
        user: id("user_id")?,
        standing: Standing::of(row.try_get("standing")?)?,
        rotation: id("rotation_id")?,
        key: row.try_get("delivery_key")?,
        broken: row.try_get("broken")?,
        access: row.try_get("access_token")?,
        refresh: row.try_get("refresh_token")?,
        refresh_rotation: row.try_get::<Option<Hyphenated>, _>("refresh_rotation")?.map(uuid),
        acked: row.try_get("acked_seq")?,
        incarnation: row.try_get::<Option<Hyphenated>, _>("incarnation")?.map(uuid),
    })
}

/// The stream of the one who holds the phone.
pub(in crate::client) async fn current(tx: &mut SqliteConnection) -> Result<Option<Stream>> {
    let row = sqlx::query("SELECT * FROM stream WHERE standing = 'current'").fetch_optional(tx).await?;
    row.as_ref().map(stream).transpose()
}

/// A stream.
pub(in crate::client) async fn find(tx: &mut SqliteConnection, id: Uuid) -> Result<Stream> {
    let row =
        sqlx::query("SELECT * FROM stream WHERE stream_id = $1").bind(id.hyphenated()).fetch_one(tx).await?;
    stream(&row)
}

/// The stream a person left behind, the latest.
pub(in crate::client) async fn left_by(tx: &mut SqliteConnection, user: Uuid) -> Result<Option<Stream>> {
    let row = sqlx::query(
        "SELECT * FROM stream WHERE standing = 'left' AND user_id = $1 ORDER BY rowid DESC LIMIT 1",
    )
    .bind(user.hyphenated())
    .fetch_optional(tx)
    .await?;
    row.as_ref().map(stream).transpose()
}

/// Streams that may have something to do, the oldest first: the current one, those that were left, and those that were
/// replaced as long as something of them is kept, because a server that was restored may have lost it.
pub(in crate::client) async fn open(tx: &mut SqliteConnection) -> Result<Vec<Stream>> {
    let rows = sqlx::query(
        "SELECT * FROM stream WHERE standing <> 'retired'
           OR EXISTS (SELECT 1 FROM mutation WHERE mutation.stream_id = stream.stream_id) ORDER BY rowid",
    )
    .fetch_all(tx)
    .await?;
    rows.iter().map(stream).collect()
}

/// The streams of a person that the server takes nothing more from and that nobody could replace.
pub(in crate::client) async fn broken_of(tx: &mut SqliteConnection, user: Uuid) -> Result<Vec<Stream>> {
    let rows = sqlx::query("SELECT * FROM stream WHERE broken <> 0 AND user_id = $1 ORDER BY rowid")
        .bind(user.hyphenated())
        .fetch_all(tx)
        .await?;
    rows.iter().map(stream).collect()
}

/// Writes a stream, new or known.
pub(in crate::client) async fn save(tx: &mut SqliteConnection, stream: &Stream) -> Result<()> {
    sqlx::query(
        "INSERT INTO stream (stream_id, device_id, user_id, standing, rotation_id, delivery_key, broken, access_token,
             refresh_token, refresh_rotation, acked_seq, incarnation)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (stream_id) DO UPDATE SET standing = $4, rotation_id = $5, delivery_key = $6, broken = $7,
             access_token = $8, refresh_token = $9, refresh_rotation = $10, acked_seq = $11,
             incarnation = $12",
    )
    .bind(stream.id.hyphenated())
    .bind(stream.device.hyphenated())
    .bind(stream.user.hyphenated())
    .bind(stream.standing.name())
    .bind(stream.rotation.hyphenated())
    .bind(stream.key.as_deref())
    .bind(stream.broken)
    .bind(stream.access.as_deref())
    .bind(stream.refresh.as_deref())
    .bind(stream.refresh_rotation.map(Uuid::hyphenated))
    .bind(stream.acked)
    .bind(stream.incarnation.map(Uuid::hyphenated))
    .execute(tx)
    .await?;
    Ok(())
}
