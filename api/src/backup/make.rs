//! `naryad backup`: while the server serves.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use futures_util::TryStreamExt as _;
use naryad_domain::{
    Error, Result, Time,
    blob::{BlobKey, Sha256Hash, key::BLOBS},
    id::OrganizationId,
};
use sqlx::{Connection as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};
use uuid::Uuid;

use super::{
    DATABASE, KEPT, KEY, PHOTOS, Places,
    files::{self, blocking, failed},
    manifest::{Entry, FORMAT, MANIFEST, Manifest},
};
use crate::config::Config;

/// What a backup came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Made {
    /// Length of the database, in bytes.
    pub(crate) database_bytes: u64,
    /// Photos and other objects.
    pub(crate) photos: u64,
    /// Their length together, in bytes.
    pub(crate) photo_bytes: u64,
    /// Objects that the database names and the store does not have.
    pub(crate) lost: Vec<String>,
    /// Objects whose bytes are not those of their name.
    pub(crate) damaged: Vec<String>,
}

/// Makes a backup in `to`, which must not be there or be empty.
///
/// # Errors
/// There is nothing to back up here, `to` is taken, or something cannot be read or written. Nothing is left then.
pub(crate) async fn make(config: &Config, to: &Path, now: Time) -> Result<Made> {
    let places = Places::of(config)?;
    if !places.database.exists() {
        return Err(Error::field("data", format!("{}: there is no database", places.database.display())));
    }
    let refused = |what: &str| Error::field("to", format!("{}: {what}", to.display()));
    match fs::read_dir(to).map(|mut names| names.next().is_some()) {
        Ok(true) => return Err(refused("is not empty")),
        Ok(false) => {}
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {}
        Err(cause) => return Err(refused(&cause.to_string())),
    }
    let above = files::folder_of(to).to_owned();
    fs::create_dir_all(&above).map_err(failed(&above))?;
    // For its owner only, and removed unless it is kept. Its name is no backup's.
    let mut builder = tempfile::Builder::new();
    builder.prefix(".naryad-backup-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    let draft = builder.tempdir_in(&above).map_err(failed(&above))?;
    let copy = draft.path().join(DATABASE);
    snapshot(&places.database, &copy).await?;
    let life = Snapshot::look(&copy).await?;
    let (folder, target) = (draft.path().to_owned(), to.to_owned());
    let made = blocking(move || finish(&places, &folder, life, now)).await?;
    let kept = draft.keep();
    // An empty folder is replaced by this; one that was filled meanwhile is not.
    if let Err(cause) = fs::rename(&kept, &target) {
        let _ = fs::remove_dir_all(&kept);
        return Err(failed(&target)(cause));
    }
    files::sync_folder(&above)?;
    Ok(made)
}

/// Copies the database as it is at one moment, on a connection of its own: writers go on meanwhile.
async fn snapshot(database: &Path, to: &Path) -> Result<()> {
    // SQLite fills an empty file, and leaves its mode.
    files::create(to)?;
    let mut connection = connect(database, false).await?;
    let path = to.to_str().ok_or_else(|| Error::field("to", "the path must be UTF-8"))?;
    sqlx::query("VACUUM INTO $1").bind(path).execute(&mut connection).await.map_err(Error::internal)?;
    connection.close().await.map_err(Error::internal)?;
    fs::File::open(to).and_then(|file| file.sync_all()).map_err(failed(to))
}

async fn connect(database: &Path, read_only: bool) -> Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(database)
        .create_if_missing(false)
        .read_only(read_only)
        .busy_timeout(Duration::from_secs(60));
    SqliteConnection::connect_with(&options).await.map_err(Error::internal)
}

/// What the copy of the database says.
struct Snapshot {
    life: Option<(Uuid, i64)>,
    /// The length of each object it names, by the object's path in the store.
    named: BTreeMap<String, u64>,
}

impl Snapshot {
    async fn look(copy: &Path) -> Result<Self> {
        let mut connection = connect(copy, true).await?;
        let checked: String = sqlx::query("PRAGMA quick_check(1)")
            .fetch_one(&mut connection)
            .await
            .and_then(|row| row.try_get(0))
            .map_err(Error::internal)?;
        if checked != "ok" {
            return Err(Error::internal(format!("the database is damaged: {checked}")));
        }
        let life = match has_table(&mut connection, "incarnation").await? {
            true => sqlx::query("SELECT id, beat FROM incarnation")
                .fetch_optional(&mut connection)
                .await
                .and_then(|row| row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose())
                .map_err(Error::internal)?,
            false => None,
        };
        let mut named = BTreeMap::new();
        if has_table(&mut connection, "blob").await? {
            let mut rows =
                sqlx::query("SELECT organization_id, sha256, bytes FROM blob").fetch(&mut connection);
            while let Some(row) = rows.try_next().await.map_err(Error::internal)? {
                let (organization, sha256, bytes): (Uuid, Vec<u8>, i64) =
                    (column(&row, 0)?, column(&row, 1)?, column(&row, 2)?);
                let sha256 =
                    Sha256Hash(sha256.try_into().map_err(|_| Error::internal("a hash of 32 bytes"))?);
                let key = BlobKey { organization: OrganizationId(organization), sha256 };
                named.insert(key.to_string(), bytes.unsigned_abs());
            }
        }
        connection.close().await.map_err(Error::internal)?;
        Ok(Self { life, named })
    }
}

fn column<'r, T>(row: &'r sqlx::sqlite::SqliteRow, index: usize) -> Result<T>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(index).map_err(Error::internal)
}

/// An older program may have made the database.
async fn has_table(connection: &mut SqliteConnection, table: &str) -> Result<bool> {
    let found = sqlx::query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1")
        .bind(table)
        .fetch_optional(connection)
        .await;
    Ok(found.map_err(Error::internal)?.is_some())
}

/// Copies what is beside the database and writes the manifest, last.
fn finish(places: &Places, folder: &Path, snapshot: Snapshot, now: Time) -> Result<Made> {
    let mut made = Made::default();
    let (bytes, sha256) = files::weigh(&folder.join(DATABASE))?;
    made.database_bytes = bytes;
    let mut entries = vec![Entry { path: DATABASE.to_owned(), bytes, sha256 }];
    let (bytes, sha256) = files::copy(&places.key, &folder.join(KEY))?
        .ok_or_else(|| Error::field("key_file", format!("{} is not there", places.key.display())))?;
    entries.push(Entry { path: KEY.to_owned(), bytes, sha256 });
    let mut named = snapshot.named;
    for kept in KEPT {
        files::each_file(&places.photos.join(kept), &mut |from| {
            let Some(name) = from.strip_prefix(&places.photos).ok().and_then(Path::to_str) else {
                return Ok(());
            };
            let path = format!("{PHOTOS}/{name}");
            // One that has gone since the folder was read was collected, or its upload is done.
            let Some((bytes, sha256)) = files::copy(from, &folder.join(&path))? else { return Ok(()) };
            if kept == BLOBS {
                made.photos += 1;
                made.photo_bytes += bytes;
                let recorded = named.remove(name);
                let hash = PathBuf::from(name);
                let right = hash.file_name().is_some_and(|hash| hash == sha256.to_string().as_str());
                if !right || recorded.is_some_and(|recorded| recorded != bytes) {
                    made.damaged.push(name.to_owned());
                }
            }
            entries.push(Entry { path, bytes, sha256 });
            Ok(())
        })?;
    }
    made.lost = named.into_keys().collect();
    let manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: now,
        incarnation: snapshot.life.map(|(id, _)| id),
        beat: snapshot.life.map(|(_, beat)| beat),
        photos: made.photos,
        photo_bytes: made.photo_bytes,
        files: entries,
    };
    files::sync_folders(folder)?;
    let path = folder.join(MANIFEST);
    let mut file = files::create(&path)?;
    let text = serde_json::to_vec_pretty(&manifest).map_err(Error::internal)?;
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed(&path))?;
    files::sync_folder(folder)?;
    Ok(made)
}
