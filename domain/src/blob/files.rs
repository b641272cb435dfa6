//! Durable files under one root: what is in its place is whole, and stays there when the power goes.
//!
//! Everything here blocks; [`DirectoryBlobs`](super::DirectoryBlobs) calls it off the async threads.

use std::{
    fmt::Display,
    fs::{self, File, TryLockError},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// The folder of files being written. It is on the same file system as their places, so that a rename is atomic.
const TEMP: &str = "tmp";

/// Held shared by every process that has the directory open.
const LOCK: &str = "lock";

/// How often putting a file into a folder and removing the folder give way to one another before it is an error.
const TRIES: usize = 16;

/// The directory of a store.
#[derive(Debug)]
pub(super) struct Files {
    root: PathBuf,
    /// Tells the temporary files of this opening from those of all others.
    run: u128,
    next: AtomicU64,
    _shared: File,
}

/// The name of a file being written. Whatever still has the name when this is dropped is removed.
#[derive(Debug)]
pub(super) struct TempFile(PathBuf);

impl TempFile {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        // After a rename nothing is there; what else cannot be removed now is swept at the next start.
        let _ = fs::remove_file(&self.0);
    }
}

impl Files {
    /// Opens a directory, making it if need be, and sweeps what a killed process left half-written. While another
    /// process has the directory open nothing is swept: the half-written files may be its own.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root.join(TEMP))?;
        let root = root.canonicalize()?;
        let lock = File::options().create(true).truncate(false).write(true).open(root.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => {
                sweep(&root.join(TEMP))?;
                lock.unlock()?;
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        lock.lock_shared()?;
        let files = Self { root, run: rand::random(), next: AtomicU64::new(0), _shared: lock };
        files.try_out()?;
        if let Some(parent) = files.root.parent() {
            sync_folder(parent)?;
        }
        Ok(files)
    }

    /// Fails where the file system cannot do what is needed, at the start and not under the first photo.
    fn try_out(&self) -> io::Result<()> {
        let (one, other) = (self.temp(), self.temp());
        File::create_new(one.path())?.sync_all()?;
        fs::hard_link(one.path(), other.path())
    }

    /// A fresh name for a file to be written.
    pub(super) fn temp(&self) -> TempFile {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        TempFile(self.root.join(TEMP).join(format!("{:032x}-{number}", self.run)))
    }

    /// Where the file of a key stands.
    pub(super) fn path(&self, key: impl Display) -> PathBuf {
        self.root.join(key.to_string())
    }

    /// Moves a file, synced by the caller, to its place, over whatever stood there.
    pub(super) fn replace(&self, temp: &TempFile, place: &Path) -> io::Result<()> {
        self.put(place, || fs::rename(temp.path(), place))
    }

    /// Gives a file, synced by the caller, its place if the place is free. Returns whether it was: a link, unlike a
    /// rename, never overwrites.
    pub(super) fn publish(&self, temp: &TempFile, place: &Path) -> io::Result<bool> {
        self.put(place, || match fs::hard_link(temp.path(), place) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        })
    }

    fn put<T>(&self, place: &Path, put: impl Fn() -> io::Result<T>) -> io::Result<T> {
        let folder = place.parent().unwrap_or(&self.root);
        let mut tries = TRIES;
        loop {
            fs::create_dir_all(folder)?;
            match put() {
                Err(error) if error.kind() == ErrorKind::NotFound && tries > 0 => tries -= 1,
                done => {
                    let done = done?;
                    self.sync_up(folder)?;
                    return Ok(done);
                }
            }
        }
    }

    /// Removes a folder with what is in it. Returns whether there was one.
    pub(super) fn remove_folder(&self, folder: &Path) -> io::Result<bool> {
        let mut tries = TRIES;
        loop {
            match fs::remove_dir_all(folder) {
                // A file came into it at the last moment.
                Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty && tries > 0 => tries -= 1,
                removed => {
                    let removed = found(removed)?.is_some();
                    self.sync_up(folder.parent().unwrap_or(&self.root))?;
                    return Ok(removed);
                }
            }
        }
    }

    /// Removes a file. Returns whether there was one.
    pub(super) fn remove(&self, path: &Path) -> io::Result<bool> {
        let removed = found(fs::remove_file(path))?.is_some();
        self.sync_up(path.parent().unwrap_or(&self.root))?;
        Ok(removed)
    }

    /// Makes durable what is in a folder and that it is there. The folders above it are synced although they may be
    /// old: another task may have made them a moment ago and not yet have come to syncing them. What was removed
    /// meanwhile is passed over.
    fn sync_up(&self, folder: &Path) -> io::Result<()> {
        for folder in folder.ancestors() {
            found(sync_folder(folder))?;
            if folder == self.root {
                break;
            }
        }
        Ok(())
    }
}

/// Makes durable what is in a folder.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The names in a folder, sorted; none if there is no such folder. Names that are not UTF-8 are not ours.
pub(super) fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        // A file where a folder should be was not put there by us.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string().ok());
    }
    names.sort_unstable();
    Ok(names)
}

/// The length of a file. `None` if there is none.
pub(super) fn length(path: &Path) -> io::Result<Option<u64>> {
    found(fs::metadata(path)).map(|metadata| metadata.map(|metadata| metadata.len()))
}

/// Turns "not found" into `None`.
pub(super) fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn sweep(temp: &Path) -> io::Result<()> {
    let left = names(temp)?;
    for name in &left {
        fs::remove_file(temp.join(name))?;
    }
    if !left.is_empty() {
        tracing::info!(files = left.len(), "swept files that a killed process left half-written");
    }
    Ok(())
}
