//! Photos: their bytes in a file of their own, their way to the server in a row.

use std::path::PathBuf;

use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use uuid::{Uuid, fmt::Hyphenated};

use super::{Store, uuid};
use crate::client::error::{Error, Result};

/// How far a photo is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhotoState {
    /// Bytes are missing at the server.
    Queued,
    /// All bytes are there; the server has not answered its mutation yet.
    Sent,
    /// There and known.
    Done,
    /// The server does not want it; `code` says why.
    Refused,
}

impl PhotoState {
    fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }

    fn of(name: &str) -> Result<Self> {
        match name {
            "queued" => Ok(Self::Queued),
            "sent" => Ok(Self::Sent),
            "done" => Ok(Self::Done),
            "refused" => Ok(Self::Refused),
            _ => Err(Error::Corrupt(format!("state of a photo {name}"))),
        }
    }
}

/// A photo of the phone.
#[derive(Clone, Debug)]
pub struct Photo {
    /// Identifier.
    pub id: Uuid,
    /// The mutation that tells of it.
    pub mutation_id: Uuid,
    /// Its ticket.
    pub ticket_id: Option<Uuid>,
    /// SHA-256 of the bytes, 64 hexadecimal digits.
    pub sha256: String,
    /// How many bytes.
    pub bytes: i64,
    /// How far it is.
    pub state: PhotoState,
    /// Path of the upload, once there is one.
    pub upload: Option<String>,
    /// Up to here the server has the bytes.
    pub offset: i64,
    /// Why the server does not want it.
    pub code: Option<String>,
    /// Since when it is done or refused, Unix milliseconds.
    pub done_ms: Option<i64>,
}

/// What the server said of the mutation of a photo.
pub(in crate::client) struct Announced {
    /// The stream it is in.
    pub(in crate::client) stream: Uuid,
    /// The answer; absent while it waits.
    pub(in crate::client) status: Option<String>,
}

fn photo(row: &SqliteRow) -> Result<Photo> {
    Ok(Photo {
        id: uuid(row.try_get::<Hyphenated, _>("photo_id")?),
        mutation_id: uuid(row.try_get::<Hyphenated, _>("mutation_id")?),
        ticket_id: row.try_get::<Option<Hyphenated>, _>("ticket_id")?.map(uuid),
        sha256: row.try_get("sha256")?,
        bytes: row.try_get("bytes")?,
        state: PhotoState::of(row.try_get("state")?)?,
        upload: row.try_get("upload")?,
        offset: row.try_get("upload_offset")?,
        code: row.try_get("code")?,
        done_ms: row.try_get("done_ms")?,
    })
}

/// Writes how far a photo is, new or known.
pub(in crate::client) async fn save(tx: &mut SqliteConnection, photo: &Photo) -> Result<()> {
    sqlx::query(
        "INSERT INTO photo (photo_id, mutation_id, ticket_id, sha256, bytes, state, upload, upload_offset, code, done_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (photo_id) DO UPDATE SET state = $6, upload = $7, upload_offset = $8, code = $9, done_ms = $10",
    )
    .bind(photo.id.hyphenated())
    .bind(photo.mutation_id.hyphenated())
    .bind(photo.ticket_id.map(Uuid::hyphenated))
    .bind(&photo.sha256)
    .bind(photo.bytes)
    .bind(photo.state.name())
    .bind(photo.upload.as_deref())
    .bind(photo.offset)
    .bind(photo.code.as_deref())
    .bind(photo.done_ms)
    .execute(tx)
    .await?;
    Ok(())
}

/// A photo.
pub(in crate::client) async fn find(tx: &mut SqliteConnection, id: Uuid) -> Result<Option<Photo>> {
    let row = sqlx::query("SELECT * FROM photo WHERE photo_id = $1")
        .bind(id.hyphenated())
        .fetch_optional(tx)
        .await?;
    row.as_ref().map(photo).transpose()
}

/// Every photo that is kept, the oldest first.
pub(in crate::client) async fn all(tx: &mut SqliteConnection) -> Result<Vec<Photo>> {
    let rows = sqlx::query("SELECT * FROM photo ORDER BY rowid").fetch_all(tx).await?;
    rows.iter().map(photo).collect()
}

/// What the server said of the mutation of a photo.
pub(in crate::client) async fn announced(tx: &mut SqliteConnection, photo: &Photo) -> Result<Announced> {
    let row = sqlx::query(
        "SELECT stream_id, CASE WHEN seq <= acked_seq THEN status END AS status
         FROM mutation JOIN stream USING (stream_id) WHERE mutation.id = $1",
    )
    .bind(photo.mutation_id.hyphenated())
    .fetch_one(tx)
    .await?;
    Ok(Announced { stream: uuid(row.try_get::<Hyphenated, _>("stream_id")?), status: row.try_get("status")? })
}

impl Store {
    fn file(&self, photo: Uuid) -> PathBuf {
        self.photos.join(photo.hyphenated().to_string())
    }

    /// Writes the bytes of a photo so that they outlive a crash; only then may a row speak of them.
    pub(in crate::client) async fn write_file(&self, photo: Uuid, bytes: &[u8]) -> Result<()> {
        let (path, part) = (self.file(photo), self.photos.join(format!("{}.part", photo.hyphenated())));
        let mut file = tokio::fs::File::create(&part).await?;
        file.write_all(bytes).await?;
        file.sync_all().await?;
        tokio::fs::rename(&part, &path).await?;
        // The name is durable when its folder is.
        tokio::fs::File::open(&self.photos).await?.sync_all().await?;
        Ok(())
    }

    /// At most `length` bytes of a photo from `offset` on.
    pub(in crate::client) async fn read_file(
        &self,
        photo: Uuid,
        offset: u64,
        length: u64,
    ) -> Result<Vec<u8>> {
        let mut file = tokio::fs::File::open(self.file(photo)).await?;
        file.seek(std::io::SeekFrom::Start(offset)).await?;
        let mut bytes = Vec::new();
        file.take(length).read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    /// Lets go of photos that were done before `before_ms`.
    pub(in crate::client) async fn purge_photos(&self, before_ms: i64) -> Result<()> {
        let mut tx = self.begin().await?;
        let gone = sqlx::query("DELETE FROM photo WHERE done_ms < $1 RETURNING photo_id")
            .bind(before_ms)
            .fetch_all(&mut *tx)
            .await?;
        tx.commit().await?;
        // A crash before this leaves files that the next opening collects.
        for row in &gone {
            let _ = tokio::fs::remove_file(self.file(uuid(row.try_get::<Hyphenated, _>("photo_id")?))).await;
        }
        Ok(())
    }

    /// Removes files that no row speaks of: a crash came between the file and its row, or its row and its end.
    pub(in crate::client) async fn collect_files(&self) -> Result<()> {
        let mut tx = self.begin().await?;
        let mut files = tokio::fs::read_dir(&self.photos).await?;
        while let Some(file) = files.next_entry().await? {
            let known = match file.file_name().to_str().and_then(|name| name.parse::<Uuid>().ok()) {
                Some(id) => find(&mut tx, id).await?.is_some(),
                None => false,
            };
            if !known {
                tokio::fs::remove_file(file.path()).await?;
            }
        }
        Ok(())
    }
}
