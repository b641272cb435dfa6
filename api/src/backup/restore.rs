//! `naryad restore`: into a data directory that nobody serves.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use naryad_domain::{Error, Result, Scope, Time, id::OrganizationId, incarnation};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use uuid::Uuid;

use super::{
    DATABASE, KEPT, KEY, PHOTOS, Places,
    files::{self, blocking, failed},
    manifest::Manifest,
};
use crate::{config::Config, lock::Lock, state};

/// What a restore came to.
#[derive(Clone, Debug)]
pub(crate) struct Restored {
    /// When the backup was made.
    pub(crate) made_at: Time,
    /// Photos and other objects.
    pub(crate) photos: u64,
    /// Their length together, in bytes.
    pub(crate) photo_bytes: u64,
    /// Whether migrations were applied that the backup lacked.
    pub(crate) migrated: bool,
    /// The incarnation that has begun.
    pub(crate) incarnation: Uuid,
    /// What was moved aside, and is where now.
    pub(crate) aside: Vec<PathBuf>,
}

/// Puts a backup in place. Everything is copied beside its place, compared with the manifest, migrated and given another
/// incarnation there; the database gets its name last.
///
/// # Errors
/// The backup is not whole, or not what its manifest says: nothing is in place then. The data directory is being served,
/// or holds something already and `replace` is not set.
pub(crate) async fn restore(config: &Config, from: &Path, replace: bool) -> Result<Restored> {
    let places = Places::of(config)?;
    let manifest = Manifest::read(from)?;
    state::make_data_directory(config)?;
    let _served = Lock::take(&places.database)?;
    let _open = photos_are_closed(&places)?;
    let taken = places.taken()?;
    if let Some(path) = taken.first().filter(|_| !replace) {
        return Err(Error::field(
            "data",
            format!(
                "{} is there already: take another data directory, or --replace, which moves it aside",
                path.display()
            ),
        ));
    }
    let source = from.to_owned();
    let (staged, manifest) = {
        let places = places.clone();
        blocking(move || Ok((Staged::copy(&places, &source, &manifest)?, manifest))).await?
    };
    let (migrated, incarnation) = staged.begin_life(config).await?;
    let (now, _) = state::clock(config)?;
    let stamp = now.now().format("%Y%m%dT%H%M%SZ").to_string();
    let aside = blocking(move || staged.put_in_place(&places, taken, &stamp)).await?;
    Ok(Restored {
        made_at: manifest.made_at,
        photos: manifest.photos,
        photo_bytes: manifest.photo_bytes,
        migrated,
        incarnation,
        aside,
    })
}

impl Places {
    /// What a restore would write over.
    fn taken(&self) -> Result<Vec<PathBuf>> {
        let mut taken = Vec::new();
        for path in [&self.database, &wal(&self.database, "-wal"), &wal(&self.database, "-shm"), &self.key] {
            if fs::symlink_metadata(path).is_ok() {
                taken.push(path.clone());
            }
        }
        // A store that was only opened once has nothing that could be lost.
        let mut holds = false;
        for kept in KEPT.iter().chain(&["notes"]) {
            files::each_file(&self.photos.join(kept), &mut |_| {
                holds = true;
                Ok(())
            })?;
        }
        if holds {
            taken.push(self.photos.clone());
        }
        Ok(taken)
    }
}

/// Commands beside the server have the photos open without its lock.
fn photos_are_closed(places: &Places) -> Result<Option<File>> {
    let path = places.photos.join("lock");
    let Ok(file) = File::options().write(true).open(&path) else { return Ok(None) };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(Error::internal(format!(
            "{} is open in another process: stop it first",
            places.photos.display()
        ))),
        Err(TryLockError::Error(cause)) => Err(failed(&path)(cause)),
    }
}

fn wal(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The copy, beside its places and on their file systems; what is not put in place disappears.
struct Staged {
    database: TempDir,
    key: TempDir,
    photos: TempDir,
}

impl Staged {
    fn copy(places: &Places, from: &Path, manifest: &Manifest) -> Result<Self> {
        let beside = |place: &Path| {
            let folder = files::folder_of(place);
            files::make_folder(folder)?;
            tempfile::Builder::new().prefix(".naryad-restore-").tempdir_in(folder).map_err(failed(folder))
        };
        let staged = Self {
            database: beside(&places.database)?,
            key: beside(&places.key)?,
            photos: beside(&places.photos)?,
        };
        files::make_folder(&staged.photos.path().join(PHOTOS))?;
        for entry in &manifest.files {
            let to = match entry.path.as_str() {
                DATABASE => staged.database(),
                KEY => staged.key.path().join(KEY),
                path => staged.photos.path().join(path),
            };
            let copied = files::copy(&from.join(&entry.path), &to)?;
            if copied != Some((entry.bytes, entry.sha256)) {
                let what = if copied.is_some() { "is not what the manifest says" } else { "is missing" };
                return Err(Error::field(
                    "from",
                    format!(
                        "{} {what}: the backup is damaged, and nothing was restored",
                        from.join(&entry.path).display()
                    ),
                ));
            }
        }
        files::sync_folders(staged.photos.path())?;
        Ok(staged)
    }

    fn database(&self) -> PathBuf {
        self.database.path().join(DATABASE)
    }

    /// Applies the migrations that the backup lacks, and begins another incarnation.
    async fn begin_life(&self, config: &Config) -> Result<(bool, Uuid)> {
        let path = self.database();
        let url = path.to_str().ok_or_else(|| Error::field("data", "the path must be UTF-8"))?;
        let config = Config { database_url: Some(format!("sqlite:{url}")), ..config.clone() };
        let db = state::open(&config).await?.db;
        // One that was never migrated has no table of migrations.
        let migrated = !db.is_migrated().await.unwrap_or(false);
        state::migrate(&db).await?;
        let scope = Scope::system(OrganizationId(Uuid::nil()));
        let life = db.write(scope, incarnation::Renew { why: "naryad restore", seen: None }).await?;
        db.close().await;
        // One file is put in place: nothing may be left in the log beside it.
        let options = SqliteConnectOptions::new().filename(&path);
        let mut connection = SqliteConnection::connect_with(&options).await.map_err(Error::internal)?;
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&mut connection)
            .await
            .map_err(Error::internal)?;
        connection.close().await.map_err(Error::internal)?;
        if fs::metadata(wal(&path, "-wal")).is_ok_and(|facts| facts.len() > 0) {
            return Err(Error::internal("the log of the restored database could not be written back"));
        }
        File::open(&path).and_then(|file| file.sync_all()).map_err(failed(&path))?;
        Ok((migrated, life.incarnation))
    }

    fn put_in_place(&self, places: &Places, taken: Vec<PathBuf>, stamp: &str) -> Result<Vec<PathBuf>> {
        let suffix = free_suffix(places, &taken, stamp);
        let mut aside = Vec::new();
        for path in taken {
            let to = moved(places, &path, &suffix);
            fs::rename(&path, &to).map_err(failed(&path))?;
            aside.push(to);
        }
        if places.photos.exists() {
            // Not among what was taken: it holds a lock, and empty folders.
            fs::remove_dir_all(&places.photos).map_err(failed(&places.photos))?;
        }
        let put = |from: PathBuf, to: &Path| {
            fs::rename(from, to).map_err(failed(to))?;
            files::sync_folder(files::folder_of(to))
        };
        put(self.photos.path().join(PHOTOS), &places.photos)?;
        put(self.key.path().join(KEY), &places.key)?;
        put(self.database(), &places.database)?;
        Ok(aside)
    }
}

/// Where something goes that is in the way. The logs of a database keep standing by its name.
fn moved(places: &Places, path: &Path, suffix: &str) -> PathBuf {
    for ending in ["-wal", "-shm"] {
        if *path == wal(&places.database, ending) {
            return wal(&wal(&places.database, suffix), ending);
        }
    }
    wal(path, suffix)
}

/// A suffix under which nothing stands yet.
fn free_suffix(places: &Places, taken: &[PathBuf], stamp: &str) -> String {
    let mut suffix = format!(".replaced-{stamp}");
    let mut number = 1;
    while taken.iter().any(|path| fs::symlink_metadata(moved(places, path, &suffix)).is_ok()) {
        number += 1;
        suffix = format!(".replaced-{stamp}-{number}");
    }
    suffix
}
