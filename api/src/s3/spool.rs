//! Bytes under way: in a file of this node, until the store has them.

use std::{io, path::PathBuf, sync::Arc};

use futures_util::StreamExt as _;
use naryad_domain::{
    Error, Result,
    blob::{BlobError, ByteStream, HEAD_BYTES, Sha256Hash},
};
use sha2::{Digest as _, Sha256};
use tempfile::{NamedTempFile, TempPath};
use tokio::io::{AsyncWriteExt as _, BufWriter};

/// What goes to the disk at once, in bytes.
const CHUNK: usize = 256 * 1024;

/// A folder for files that nobody needs after this process.
#[derive(Clone, Debug)]
pub(super) struct Spool(Arc<PathBuf>);

/// A file being written.
pub(super) struct Spooling {
    path: TempPath,
    file: BufWriter<tokio::fs::File>,
    hasher: Sha256,
    head: Vec<u8>,
    bytes: u64,
}

/// A file of known length and hash; it is removed when this is dropped.
pub(super) struct Spooled {
    path: TempPath,
    pub(super) bytes: u64,
    pub(super) sha256: Sha256Hash,
    pub(super) head: Vec<u8>,
}

impl Spooled {
    pub(super) fn path(&self) -> &std::path::Path {
        &self.path
    }
}

impl Spool {
    /// Makes the folder, and sweeps what a killed process left in it. What is younger than a day may be in use by
    /// another process.
    pub(super) fn open(folder: PathBuf) -> Result<Self> {
        let unusable = |cause: io::Error| Error::internal(format!("{}: {cause}", folder.display()));
        std::fs::create_dir_all(&folder).map_err(unusable)?;
        for entry in std::fs::read_dir(&folder).map_err(unusable)?.flatten() {
            let age =
                entry.metadata().and_then(|facts| facts.modified()).ok().and_then(|at| at.elapsed().ok());
            if age.is_some_and(|age| age.as_secs() > 24 * 3600) {
                // Another process may sweep too.
                let _ = std::fs::remove_file(entry.path());
            }
        }
        Ok(Self(Arc::new(folder)))
    }

    pub(super) async fn begin(&self, doing: &'static str) -> std::result::Result<Spooling, BlobError> {
        let folder = Arc::clone(&self.0);
        let made = tokio::task::spawn_blocking(move || NamedTempFile::new_in(&*folder)).await;
        let (file, path) =
            made.map_err(io::Error::other).flatten().map_err(BlobError::during(doing))?.into_parts();
        Ok(Spooling {
            path,
            file: BufWriter::with_capacity(CHUNK, tokio::fs::File::from_std(file)),
            hasher: Sha256::new(),
            head: Vec::with_capacity(HEAD_BYTES),
            bytes: 0,
        })
    }

    /// Takes a body in; `false`: it broke off, and what came until then is there.
    pub(super) async fn take(
        &self,
        doing: &'static str,
        mut body: ByteStream,
        limit: u64,
    ) -> std::result::Result<(Spooled, bool), BlobError> {
        let mut spooling = self.begin(doing).await?;
        let mut complete = true;
        while let Some(chunk) = body.next().await {
            // A client that hangs up is the ordinary case, not an error to be reported.
            let Ok(chunk) = chunk else {
                complete = false;
                break;
            };
            if spooling.bytes.saturating_add(chunk.len() as u64) > limit {
                return Err(BlobError::TooMuch { limit });
            }
            spooling.write(doing, &chunk).await?;
        }
        Ok((spooling.end(doing).await?, complete))
    }
}

impl Spooling {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    async fn write(&mut self, doing: &'static str, chunk: &[u8]) -> std::result::Result<(), BlobError> {
        self.hasher.update(chunk);
        self.head.extend(chunk.iter().take(HEAD_BYTES - self.head.len()));
        self.bytes += chunk.len() as u64;
        self.file.write_all(chunk).await.map_err(BlobError::during(doing))
    }

    /// Writes a stream to its end; one that breaks off is an error.
    pub(super) async fn append(
        &mut self,
        doing: &'static str,
        mut stream: ByteStream,
    ) -> std::result::Result<(), BlobError> {
        while let Some(chunk) = stream.next().await {
            self.write(doing, &chunk.map_err(BlobError::during(doing))?).await?;
        }
        Ok(())
    }

    pub(super) async fn end(mut self, doing: &'static str) -> std::result::Result<Spooled, BlobError> {
        self.file.flush().await.map_err(BlobError::during(doing))?;
        Ok(Spooled {
            path: self.path,
            bytes: self.bytes,
            sha256: Sha256Hash(self.hasher.finalize().into()),
            head: self.head,
        })
    }
}
