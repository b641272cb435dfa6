//! Files that only this service may read, and that are seen whole or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// A written and synced file under a temporary name; dropped, it disappears.
pub(crate) struct Draft {
    path: PathBuf,
}

impl Draft {
    /// Writes `bytes` beside `target`, readable by the owner only (mode 0600), and syncs them to the disk.
    pub(crate) fn beside(target: &Path, bytes: &[u8]) -> io::Result<Self> {
        let mut nonce = [0; 16];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| io::Error::other("no randomness"))?;
        let path = folder_of(target).join(format!(".{}.tmp", hex::encode(nonce)));

        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path)?;
        let draft = Self { path };
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(draft)
    }

    /// Gives the file its name unless the name is taken: of two processes that do this at once exactly one succeeds.
    /// A hard link does what a rename cannot: it never replaces.
    pub(crate) fn publish_new(self, target: &Path) -> io::Result<()> {
        fs::hard_link(&self.path, target)?;
        sync_folder(target)
    }

    /// Gives the file its name.
    pub(crate) fn publish(self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        sync_folder(target)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove.
        let _ = fs::remove_file(&self.path);
    }
}

fn folder_of(target: &Path) -> &Path {
    match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A new name survives a power cut only when its folder is synced.
fn sync_folder(target: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder_of(target))?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_dropped_draft_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("key");
        drop(Draft::beside(&target, b"bytes").unwrap());
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn publish_new_never_replaces_and_publish_does() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("key");
        Draft::beside(&target, b"first").unwrap().publish_new(&target).unwrap();

        let refused = Draft::beside(&target, b"second").unwrap().publish_new(&target).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&target).unwrap(), b"first");

        Draft::beside(&target, b"third").unwrap().publish(&target).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"third");
        assert_eq!(names(folder.path()), ["key"]);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("key");
        Draft::beside(&target, b"bytes").unwrap().publish_new(&target).unwrap();
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
