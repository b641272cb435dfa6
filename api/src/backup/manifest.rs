//! What a backup holds.

use std::path::{Component, Path};

use naryad_domain::{Error, Result, Time, blob::Sha256Hash};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{DATABASE, KEPT, KEY, PHOTOS};

/// Name of the manifest in a backup.
pub(super) const MANIFEST: &str = "manifest.json";
/// The one format there is.
pub(super) const FORMAT: u32 = 1;

/// The manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    /// Version of the program that wrote it.
    pub(super) program: String,
    /// When the copy of the database was begun: whatever was answered before is in it.
    pub(super) made_at: Time,
    /// The incarnation of the database; absent where nobody had served it yet.
    pub(super) incarnation: Option<Uuid>,
    /// Its beat.
    pub(super) beat: Option<i64>,
    /// How many photos and other objects.
    pub(super) photos: u64,
    /// Their length together, in bytes.
    pub(super) photo_bytes: u64,
    /// Every file but this one, by its path from the folder of the backup.
    pub(super) files: Vec<Entry>,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) path: String,
    /// Its length in bytes.
    pub(super) bytes: u64,
    pub(super) sha256: Sha256Hash,
}

impl Manifest {
    /// Reads the manifest of a backup.
    ///
    /// # Errors
    /// There is none, it is of a format that is not known here, or it names what no backup holds.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let refused = |what: String| Error::field("from", format!("{}: {what}", folder.display()));
        let text = std::fs::read_to_string(folder.join(MANIFEST))
            .map_err(|cause| refused(format!("is no whole backup: {MANIFEST}: {cause}")))?;
        let unreadable = |cause: serde_json::Error| refused(format!("{MANIFEST} cannot be read: {cause}"));
        let Format { format } = serde_json::from_str(&text).map_err(unreadable)?;
        if format != FORMAT {
            return Err(refused(format!("is of format {format}, and this version reads {FORMAT}")));
        }
        let manifest: Self = serde_json::from_str(&text).map_err(unreadable)?;
        for needed in [DATABASE, KEY] {
            if !manifest.files.iter().any(|entry| entry.path == needed) {
                return Err(refused(format!("{MANIFEST} names no {needed}")));
            }
        }
        match manifest.files.iter().find(|entry| !entry.is_ours()) {
            Some(entry) => Err(refused(format!("{MANIFEST} names {:?}, which no backup holds", entry.path))),
            None => Ok(manifest),
        }
    }
}

impl Entry {
    /// Whether the path is one that a backup has; no other can be written to by a restore.
    fn is_ours(&self) -> bool {
        if self.path == DATABASE || self.path == KEY {
            return true;
        }
        let mut parts = Path::new(&self.path).components();
        let starts = parts.next() == Some(Component::Normal(PHOTOS.as_ref()))
            && parts
                .next()
                .is_some_and(|part| KEPT.iter().any(|kept| part == Component::Normal(kept.as_ref())));
        starts && parts.clone().next().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_its_place() {
        let ours =
            |path: &str| Entry { path: path.to_owned(), bytes: 0, sha256: Sha256Hash::of(b"") }.is_ours();
        for path in ["naryad.db", "key.pem", "photos/blobs/a/b/c", "photos/slices/x"] {
            assert!(ours(path), "{path}");
        }
        for path in [
            "",
            "/etc/passwd",
            "photos",
            "photos/blobs",
            "photos/notes/beacon",
            "photos/blobs/../../key.pem",
            "photos/../naryad.db",
            "manifest.json",
            "naryad.db-wal",
            "/photos/blobs/a",
        ] {
            assert!(!ours(path), "{path}");
        }
    }
}
