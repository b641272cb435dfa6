//! Files that are copied, hashed on the way, and durable when the copy returns. They are for their owner only.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    path::Path,
};

use naryad_domain::{Error, Result, blob::Sha256Hash};
use sha2::{Digest, Sha256};

const CHUNK: usize = 256 * 1024;

/// A failure that names the file.
pub(super) fn failed(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.display().to_string();
    move |cause| Error::internal(format!("{path}: {cause}"))
}

/// Makes a file that only its owner can read.
///
/// # Errors
/// It is there already, or cannot be made.
pub(super) fn create(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(failed(path))
}

/// Makes a folder, and those above it, for their owner only.
///
/// # Errors
/// It cannot be made.
pub(super) fn make_folder(path: &Path) -> Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(failed(path))
}

/// Copies the bytes of a file, never as a link. `None`: there is no such file (any more).
///
/// # Errors
/// The one cannot be read, or the other not be written.
pub(super) fn copy(from: &Path, to: &Path) -> Result<Option<(u64, Sha256Hash)>> {
    let mut source = match File::open(from) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
        source => source.map_err(failed(from))?,
    };
    if let Some(folder) = to.parent() {
        make_folder(folder)?;
    }
    let mut target = create(to)?;
    let told = pour(&mut source, |part| target.write_all(part)).map_err(failed(to))?;
    target.sync_all().map_err(failed(to))?;
    Ok(Some(told))
}

/// Length and hash of a file.
///
/// # Errors
/// It cannot be read.
pub(super) fn weigh(path: &Path) -> Result<(u64, Sha256Hash)> {
    let mut file = File::open(path).map_err(failed(path))?;
    pour(&mut file, |_| Ok(())).map_err(failed(path))
}

fn pour(source: &mut File, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<(u64, Sha256Hash)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    let mut bytes = 0;
    loop {
        let count = source.read(&mut buffer)?;
        let Some(part @ [_, ..]) = buffer.get(..count) else { break };
        hasher.update(part);
        take(part)?;
        bytes += count as u64;
    }
    Ok((bytes, Sha256Hash(hasher.finalize().into())))
}

/// Shows every regular file under a folder, in the order of the names; none if there is no such folder.
///
/// # Errors
/// A folder cannot be read, or what `see` says.
pub(super) fn each_file(folder: &Path, see: &mut dyn FnMut(&Path) -> Result<()>) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        // A folder of slices goes when its upload is done.
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed(folder))?,
    };
    let mut entries = entries.collect::<io::Result<Vec<_>>>().map_err(failed(folder))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type());
        match kind {
            Ok(kind) if kind.is_dir() => each_file(&path, see)?,
            Ok(kind) if kind.is_file() => see(&path)?,
            Ok(_) => {}
            Err(cause) if cause.kind() == ErrorKind::NotFound => {}
            Err(cause) => return Err(failed(&path)(cause)),
        }
    }
    Ok(())
}

/// Makes durable which files are in a folder.
///
/// # Errors
/// It cannot be synced.
pub(super) fn sync_folder(folder: &Path) -> Result<()> {
    if cfg!(unix) {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder))
    } else {
        Ok(())
    }
}

/// The same for a folder and all that are in it.
///
/// # Errors
/// As [`sync_folder`].
pub(super) fn sync_folders(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        if entry.file_type().map_err(failed(folder))?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    sync_folder(folder)
}

/// The folder a file stands in.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Runs what blocks on a thread that may.
///
/// # Errors
/// What `work` says.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}
