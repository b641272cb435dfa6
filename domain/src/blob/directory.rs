//! The blob store in a directory: the default, with nothing to set up.
//!
//! Every file is written under a temporary name, synced, and put in its place, and the folders that lead to it are
//! synced too. The file system must know hard links and file locks; [`DirectoryBlobs::open`] tries both.

use std::{
    fmt::Display,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    ops::Range,
    path::PathBuf,
    str::FromStr,
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _, BufWriter};
use tokio_util::io::ReaderStream;

use super::{
    Accept, Announced, Assembled, BlobEntry, BlobError, BlobKey, BlobRead, Blobs, ByteStream, HEAD_BYTES,
    NOTE_BYTES, NoteName, Sha256Hash, Slice, SliceKey, SliceStored, UploadKey, Usage,
    files::{Files, TempFile, found, length, names},
    key::{BLOBS, SLICES},
};
use crate::id::{OrganizationId, UploadId};

/// What goes to or comes from the disk at once, in bytes: a hop to a blocking thread should be worth it.
const CHUNK: usize = 256 * 1024;

/// A blob store in a directory. Several processes of one machine may have it open.
#[derive(Clone, Debug)]
pub struct DirectoryBlobs(Arc<Files>);

impl DirectoryBlobs {
    /// Opens the store, making the directory if need be, and sweeps what a killed process left half-written, unless
    /// another process has the store open.
    ///
    /// # Errors
    /// [`BlobError::Io`]: the directory cannot be made or written, or its file system lacks hard links or locks.
    pub async fn open(root: impl Into<PathBuf>) -> Result<Self, BlobError> {
        let root = root.into();
        let files = blocking("opening the directory", move || Files::open(&root)).await?;
        Ok(Self(Arc::new(files)))
    }

    /// Runs `work` on a thread that may block.
    async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Files) -> io::Result<T> + Send + 'static,
    ) -> Result<T, BlobError> {
        let files = Arc::clone(&self.0);
        blocking(doing, move || work(&files)).await
    }
}

async fn blocking<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, BlobError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(io::Error::other).flatten().map_err(BlobError::during(doing))
}

#[async_trait]
impl Blobs for DirectoryBlobs {
    async fn put_slice(
        &self,
        key: &SliceKey,
        mut body: ByteStream,
        limit: u64,
    ) -> Result<SliceStored, BlobError> {
        const DOING: &str = "writing a slice";
        let temp = self.0.temp();
        let file = tokio::fs::File::create_new(temp.path()).await.map_err(BlobError::during(DOING))?;
        let mut file = BufWriter::with_capacity(CHUNK, file);
        let mut stored = SliceStored { bytes: 0, complete: true };
        while let Some(chunk) = body.next().await {
            // A client that hangs up is the ordinary case this store is for, not an error to be reported.
            let Ok(chunk) = chunk else {
                stored.complete = false;
                break;
            };
            stored.bytes = stored.bytes.saturating_add(chunk.len() as u64);
            if stored.bytes > limit {
                return Err(BlobError::TooMuch { limit });
            }
            file.write_all(&chunk).await.map_err(BlobError::during(DOING))?;
        }
        if stored == (SliceStored { bytes: 0, complete: false }) {
            return Ok(stored);
        }
        file.flush().await.map_err(BlobError::during(DOING))?;
        let file = file.into_inner().into_std().await;
        let place = self.0.path(key);
        self.run(DOING, move |files| {
            file.sync_all()?;
            files.replace(&temp, &place)
        })
        .await?;
        Ok(stored)
    }

    async fn assemble(
        &self,
        upload: &UploadKey,
        slices: &[Slice],
        announced: &Announced,
        accept: Accept<'_>,
    ) -> Result<Assembled, BlobError> {
        let (upload, slices, announced) = (*upload, slices.to_vec(), *announced);
        let joined =
            self.run("joining slices", move |files| join(files, upload, &slices, announced.bytes)).await?;
        let Joined { temp, file, sha256, head } = match joined {
            Ok(joined) => joined,
            Err(offset) => return Ok(Assembled::Torn { offset }),
        };
        if sha256 != announced.sha256 {
            return Ok(Assembled::Mismatch { actual: sha256 });
        }
        if !accept(&head) {
            return Ok(Assembled::Refused { head });
        }
        let organization = announced.organization;
        let place = self.0.path(BlobKey { organization, sha256 });
        let (fresh, actual) = self
            .run("publishing an object", move |files| {
                file.sync_all()?;
                let fresh = files.publish(&temp, &place)?;
                Ok((fresh, fs::metadata(&place)?.len()))
            })
            .await?;
        if actual == announced.bytes {
            Ok(Assembled::Published { head, fresh })
        } else {
            Err(BlobError::Damaged { organization, sha256, expected: announced.bytes, actual })
        }
    }

    async fn put(
        &self,
        organization: OrganizationId,
        sha256: &Sha256Hash,
        content: Bytes,
    ) -> Result<bool, BlobError> {
        let sha256 = *sha256;
        if Sha256Hash::of(&content) != sha256 {
            return Err(BlobError::wrong_hash());
        }
        let place = self.0.path(BlobKey { organization, sha256 });
        let expected = content.len() as u64;
        let (fresh, actual) = self
            .run("publishing content", move |files| {
                let temp = files.temp();
                let mut file = File::create_new(temp.path())?;
                file.write_all(&content)?;
                file.sync_all()?;
                let fresh = files.publish(&temp, &place)?;
                Ok((fresh, fs::metadata(&place)?.len()))
            })
            .await?;
        if actual == expected {
            Ok(fresh)
        } else {
            Err(BlobError::Damaged { organization, sha256, expected, actual })
        }
    }

    async fn read(
        &self,
        organization: OrganizationId,
        sha256: &Sha256Hash,
        range: Option<Range<u64>>,
    ) -> Result<Option<BlobRead>, BlobError> {
        let during = || BlobError::during("reading an object");
        let path = self.0.path(BlobKey { organization, sha256: *sha256 });
        let Some(mut file) = found(tokio::fs::File::open(path).await).map_err(during())? else {
            return Ok(None);
        };
        let len = file.metadata().await.map_err(during())?.len();
        let asked = range.unwrap_or(0..len);
        let start = asked.start.min(len);
        let range = start..asked.end.clamp(start, len);
        file.seek(io::SeekFrom::Start(range.start)).await.map_err(during())?;
        let part = file.take(range.end - range.start);
        let stream = Box::pin(ReaderStream::with_capacity(part, CHUNK));
        Ok(Some(BlobRead { len, range, stream }))
    }

    async fn length(
        &self,
        organization: OrganizationId,
        sha256: &Sha256Hash,
    ) -> Result<Option<u64>, BlobError> {
        let path = self.0.path(BlobKey { organization, sha256: *sha256 });
        self.run("looking for an object", move |_| length(&path)).await
    }

    async fn remove(&self, organization: OrganizationId, sha256: &Sha256Hash) -> Result<bool, BlobError> {
        let path = self.0.path(BlobKey { organization, sha256: *sha256 });
        self.run("removing an object", move |files| files.remove(&path)).await
    }

    async fn remove_slices(&self, upload: &UploadKey) -> Result<(), BlobError> {
        let folder = self.0.path(upload);
        self.run("removing slices", move |files| files.remove_folder(&folder)).await?;
        Ok(())
    }

    async fn list(&self, after: Option<&BlobKey>, limit: usize) -> Result<Vec<BlobEntry>, BlobError> {
        let after = after.copied();
        self.run("listing objects", move |files| {
            let mut page = Vec::new();
            for organization in organizations(files, BLOBS)? {
                if after.is_some_and(|after| organization < after.organization) {
                    continue;
                }
                let after =
                    after.filter(|after| after.organization == organization).map(|after| after.sha256);
                each_object(files, organization, after, &mut |entry| {
                    if page.len() < limit {
                        page.push(entry);
                    }
                    page.len() < limit
                })?;
                if page.len() >= limit {
                    break;
                }
            }
            Ok(page)
        })
        .await
    }

    async fn list_uploads(
        &self,
        after: Option<&UploadKey>,
        limit: usize,
    ) -> Result<Vec<UploadKey>, BlobError> {
        let after = after.copied();
        self.run("listing uploads", move |files| {
            let mut page = Vec::new();
            for organization in organizations(files, SLICES)? {
                for name in names(&files.path(format_args!("{SLICES}/{organization}")))? {
                    let Some(upload) = ours::<UploadId>(&name) else { continue };
                    let key = UploadKey { organization, upload };
                    if page.len() < limit && after.is_none_or(|after| key > after) {
                        page.push(key);
                    }
                }
            }
            Ok(page)
        })
        .await
    }

    async fn usage(&self, organization: OrganizationId) -> Result<Usage, BlobError> {
        self.run("adding up objects", move |files| {
            let mut usage = Usage::default();
            each_object(files, organization, None, &mut |entry| {
                usage.objects += 1;
                usage.bytes += entry.bytes;
                true
            })?;
            Ok(usage)
        })
        .await
    }

    async fn slice_length(&self, key: &SliceKey) -> Result<Option<u64>, BlobError> {
        let path = self.0.path(key);
        self.run("looking for a slice", move |_| length(&path)).await
    }

    async fn put_note(&self, name: &NoteName, value: Bytes) -> Result<(), BlobError> {
        if value.len() as u64 > NOTE_BYTES {
            return Err(BlobError::TooMuch { limit: NOTE_BYTES });
        }
        let place = self.0.path(name);
        self.run("writing a note", move |files| {
            let temp = files.temp();
            let mut file = File::create_new(temp.path())?;
            file.write_all(&value)?;
            file.sync_all()?;
            files.replace(&temp, &place)
        })
        .await
    }

    async fn get_note(&self, name: &NoteName) -> Result<Option<Bytes>, BlobError> {
        let path = self.0.path(name);
        self.run("reading a note", move |_| Ok(found(fs::read(&path))?.map(Bytes::from))).await
    }
}

/// Slices joined to one file that has no place yet.
struct Joined {
    temp: TempFile,
    file: File,
    sha256: Sha256Hash,
    head: Vec<u8>,
}

/// Joins the slices, or tells up to which offset they are whole.
fn join(
    files: &Files,
    upload: UploadKey,
    slices: &[Slice],
    announced: u64,
) -> io::Result<Result<Joined, u64>> {
    let temp = files.temp();
    let mut file = File::create_new(temp.path())?;
    let mut hasher = Sha256::new();
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let mut buffer = vec![0; CHUNK];
    let mut offset = 0;
    for slice in slices {
        let path = files.path(upload.slice(slice.offset, slice.epoch));
        let Some(mut source) = found(File::open(path))? else { return Ok(Err(offset)) };
        if slice.offset != offset || source.metadata()?.len() != slice.bytes {
            return Ok(Err(offset));
        }
        loop {
            let count = source.read(&mut buffer)?;
            let Some(part @ [_, ..]) = buffer.get(..count) else { break };
            hasher.update(part);
            head.extend(part.iter().take(HEAD_BYTES - head.len()));
            file.write_all(part)?;
            offset += count as u64;
        }
    }
    if offset != announced {
        return Ok(Err(offset));
    }
    Ok(Ok(Joined { temp, file, sha256: Sha256Hash(hasher.finalize().into()), head }))
}

/// Reads a name that we write; another way of writing the same identifier or hash is not ours.
fn ours<T: FromStr + Display>(name: &str) -> Option<T> {
    name.parse::<T>().ok().filter(|value| value.to_string() == name)
}

/// The organizations that have something in a folder, sorted.
fn organizations(files: &Files, folder: &str) -> io::Result<Vec<OrganizationId>> {
    Ok(names(&files.path(folder))?.iter().filter_map(|name| ours(name)).collect())
}

/// Shows the objects of an organization behind `after`, in the order of their hashes, until `see` returns `false`.
/// What is not named like an object is not ours and is passed over.
fn each_object(
    files: &Files,
    organization: OrganizationId,
    after: Option<Sha256Hash>,
    see: &mut dyn FnMut(BlobEntry) -> bool,
) -> io::Result<()> {
    let passed = after.map(|after| hex::encode(&after.0[..1]));
    for prefix in names(&files.path(format_args!("{BLOBS}/{organization}")))? {
        if passed.as_ref().is_some_and(|passed| prefix < *passed) {
            continue;
        }
        let folder = files.path(format_args!("{BLOBS}/{organization}/{prefix}"));
        for name in names(&folder)? {
            let Some(sha256) = ours::<Sha256Hash>(&name) else { continue };
            if after.is_some_and(|after| sha256 <= after) {
                continue;
            }
            let key = BlobKey { organization, sha256 };
            let path = files.path(key);
            if path.parent() != Some(&folder) {
                continue;
            }
            // Removed since it was listed: it is not there any more.
            let Some(bytes) = length(&path)? else { continue };
            if !see(BlobEntry { key, bytes }) {
                return Ok(());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
