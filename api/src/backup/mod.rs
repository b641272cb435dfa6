//! Backups of the embedded default: a folder that holds a consistent database, the signing key, the photos, and a manifest
//! with the hash of each of them. The manifest is written last, and the folder gets its name when it is whole.
//!
//! The database is copied first and the photos after it: a photo is published before the database names it and is never
//! overwritten, so whatever the copy names is there to be copied.

mod files;
mod make;
mod manifest;
mod restore;

use std::path::PathBuf;

use naryad_domain::{
    Error, Result,
    blob::key::{BLOBS, SLICES},
    db::Location,
};

pub(crate) use self::{
    make::make,
    restore::{Restored, restore},
};
use crate::config::Config;

/// Name of the database in a backup.
const DATABASE: &str = "naryad.db";
/// Name of the signing key in a backup.
const KEY: &str = "key.pem";
/// Name of the folder of photos, in a backup and in the data directory.
const PHOTOS: &str = "photos";
/// What of the store of photos is backed up: slices of uploads under way, then final objects, so that an upload which comes
/// to its end meanwhile is in one of them. The notes are not: they tell of the store they stand in.
const KEPT: [&str; 2] = [SLICES, BLOBS];

/// Where everything of an installation on the embedded default stands.
#[derive(Clone, Debug)]
struct Places {
    database: PathBuf,
    key: PathBuf,
    photos: PathBuf,
}

impl Places {
    /// # Errors
    /// `invalid_field` where the database or the photos are elsewhere.
    fn of(config: &Config) -> Result<Self> {
        let Location::Sqlite(database) = config.location()? else {
            return Err(Error::field(
                "database_url",
                "PostgreSQL is backed up and restored by its own tools (pg_dump, or a base backup with point-in-time \
                 recovery), and the photos with them; after a restore run `naryad restore --mark`, so that the phones \
                 learn of it and send again what was lost",
            ));
        };
        if config.s3()?.is_some() {
            return Err(Error::field(
                "s3_bucket",
                "a bucket is backed up by its own tools (versioning, replication), and the database beside it by those of \
                 its engine; after a restore run `naryad restore --mark`, so that the phones learn of it and send again \
                 what was lost",
            ));
        }
        Ok(Self { database, key: config.key_path(), photos: config.data.join(PHOTOS) })
    }
}
