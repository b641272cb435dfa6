//! The port to the store of bytes: received slices of uploads, final objects named by their content, and small notes.
//!
//! A photo comes in slices. Each is durable before its offset counts; when the last one is there, [`Blobs::assemble`]
//! joins them, verifies the hash and publishes the object under it. Published objects never change.

use std::{ops::Range, pin::Pin, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;

#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod directory;
mod error;
mod files;
mod hash;
pub mod key;

pub use directory::DirectoryBlobs;
pub use error::BlobError;
pub use hash::Sha256Hash;
pub use key::{BlobKey, NoteName, SliceKey, UploadKey};

use crate::id::OrganizationId;

/// Bytes as they come in or go out. An error ends the stream.
pub type ByteStream = Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>;

/// Judges content by its first [`HEAD_BYTES`] bytes (fewer where there are fewer) before it is published.
pub type Accept<'a> = &'a (dyn Fn(&[u8]) -> bool + Send + Sync);

/// How much of the beginning of content [`Blobs::assemble`] shows to [`Accept`] and gives back.
pub const HEAD_BYTES: usize = 64;

/// The most a note may hold, in bytes.
pub const NOTE_BYTES: u64 = 64 * 1024;

/// How much of a slice was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceStored {
    /// The length of the durable slice, in bytes.
    pub bytes: u64,
    /// Whether the body came to its end. `false`: it broke off, and what had come until then was kept.
    pub complete: bool,
}

/// A slice as the database knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Where in the upload it begins, in bytes.
    pub offset: u64,
    /// The lock epoch under which it was received.
    pub epoch: u64,
    /// Its length in bytes.
    pub bytes: u64,
}

/// The content as the client announced it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Under which organization it is published.
    pub organization: OrganizationId,
    /// Its hash.
    pub sha256: Sha256Hash,
    /// Its length in bytes.
    pub bytes: u64,
}

/// What came of joining the slices. Only [`Published`](Assembled::Published) leaves an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assembled {
    /// The object stands under the announced hash, and is durable.
    Published {
        /// Its first bytes, as [`Accept`] saw them.
        head: Vec<u8>,
        /// `false`: the same content stood there already and was kept.
        fresh: bool,
    },
    /// The bytes are not those announced: the upload must start anew.
    Mismatch {
        /// The hash they have.
        actual: Sha256Hash,
    },
    /// The slices do not make up the announced length: one is missing, has another length than the database says, or
    /// does not follow the one before. The upload must start anew.
    Torn {
        /// Up to where they are whole, in bytes.
        offset: u64,
    },
    /// The bytes are those announced, but [`Accept`] did not like their head.
    Refused {
        /// The first bytes.
        head: Vec<u8>,
    },
}

/// An object being read.
pub struct BlobRead {
    /// The length of the whole object in bytes, whatever range was asked for.
    pub len: u64,
    /// What `stream` holds: the asked range cut to the object; empty where it begins behind the end.
    pub range: Range<u64>,
    /// The bytes of `range`.
    pub stream: ByteStream,
}

impl std::fmt::Debug for BlobRead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobRead").field("len", &self.len).field("range", &self.range).finish_non_exhaustive()
    }
}

/// One final object in a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobEntry {
    /// Its name.
    pub key: BlobKey,
    /// Its length in bytes.
    pub bytes: u64,
}

/// As what an object is handed out by a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served<'a> {
    /// What the bytes are.
    pub media_type: &'a str,
    /// `Content-Disposition`: shown or saved, and under which name.
    pub disposition: &'a str,
}

/// A request by which a client sends bytes to the store itself.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedPut {
    /// Where to.
    pub url: String,
    /// What must go along: the length and the checksum are signed.
    pub headers: Vec<(String, String)>,
}

impl std::fmt::Debug for SignedPut {
    /// Whoever has the address may send: it stands in no log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedPut").finish_non_exhaustive()
    }
}

/// What an organization keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The number of final objects.
    pub objects: u64,
    /// Their length together, in bytes. Slices of uploads under way are not counted.
    pub bytes: u64,
}

/// The store of bytes. Whatever a method wrote is durable when it returns.
///
/// Every method may fail with [`BlobError::Io`]; other errors are named where they can happen.
#[async_trait]
pub trait Blobs: Send + Sync + std::fmt::Debug {
    /// Keeps one received slice. What stands under the key is replaced as a whole; a reader never sees a mixture.
    ///
    /// When `body` breaks off (a client in a basement hung up), what came until then is kept and counted, and
    /// `complete` is `false`; when nothing had come, nothing is kept or replaced. A body that ends well is kept even
    /// if it is empty. When the future is dropped nothing may be kept: run it where a client that hangs up cannot drop it.
    ///
    /// # Errors
    /// [`BlobError::TooMuch`] as soon as more than `limit` bytes came; nothing is kept or replaced.
    async fn put_slice(&self, key: &SliceKey, body: ByteStream, limit: u64)
    -> Result<SliceStored, BlobError>;

    /// Joins slices of an upload to the announced content and publishes it under its organization and its hash; the
    /// upload may be of another organization.
    /// The slices stay: remove them when the database knows of the object.
    ///
    /// `slices` stand in the order of their offsets. Judged in this order: the slices against their lengths
    /// ([`Assembled::Torn`]), the hash ([`Assembled::Mismatch`]), the head by `accept` ([`Assembled::Refused`]).
    /// Content that is published already is never overwritten.
    ///
    /// # Errors
    /// [`BlobError::Damaged`] when the object that stands there already has another length.
    async fn assemble(
        &self,
        upload: &UploadKey,
        slices: &[Slice],
        announced: &Announced,
        accept: Accept<'_>,
    ) -> Result<Assembled, BlobError>;

    /// Publishes small content under its hash in one go: a preview, a document of ours. Returns whether it was not there
    /// already; what is there is kept.
    ///
    /// # Errors
    /// [`BlobError::Io`] also when the content does not have the hash; [`BlobError::Damaged`] as
    /// [`assemble`](Blobs::assemble).
    async fn put(
        &self,
        organization: OrganizationId,
        sha256: &Sha256Hash,
        content: Bytes,
    ) -> Result<bool, BlobError>;

    /// Reads an object, or the part of it in `range` (bytes, the end exclusive). `None` if there is none.
    async fn read(
        &self,
        organization: OrganizationId,
        sha256: &Sha256Hash,
        range: Option<Range<u64>>,
    ) -> Result<Option<BlobRead>, BlobError>;

    /// The length of an object in bytes. `None` if there is none.
    async fn length(
        &self,
        organization: OrganizationId,
        sha256: &Sha256Hash,
    ) -> Result<Option<u64>, BlobError>;

    /// Whether there is an object.
    async fn exists(&self, organization: OrganizationId, sha256: &Sha256Hash) -> Result<bool, BlobError> {
        Ok(self.length(organization, sha256).await?.is_some())
    }

    /// Removes an object; whoever reads it may finish. Returns whether there was one.
    async fn remove(&self, organization: OrganizationId, sha256: &Sha256Hash) -> Result<bool, BlobError>;

    /// Removes every slice of an upload, of every epoch. It is no error if there is none.
    async fn remove_slices(&self, upload: &UploadKey) -> Result<(), BlobError>;

    /// Lists objects of all organizations in the order of their keys, `limit` at most, those behind `after`.
    /// For collecting orphans: an empty page is the end.
    async fn list(&self, after: Option<&BlobKey>, limit: usize) -> Result<Vec<BlobEntry>, BlobError>;

    /// Lists uploads that have slices, in the order of their keys, `limit` at most, those behind `after`.
    /// For collecting orphans: an empty page is the end.
    async fn list_uploads(
        &self,
        after: Option<&UploadKey>,
        limit: usize,
    ) -> Result<Vec<UploadKey>, BlobError>;

    /// Adds up what an organization keeps.
    async fn usage(&self, organization: OrganizationId) -> Result<Usage, BlobError>;

    /// Keeps a small value under a name, in place of what stood there.
    ///
    /// # Errors
    /// [`BlobError::TooMuch`] over [`NOTE_BYTES`].
    async fn put_note(&self, name: &NoteName, value: Bytes) -> Result<(), BlobError>;

    /// The value under a name. `None` if there is none.
    async fn get_note(&self, name: &NoteName) -> Result<Option<Bytes>, BlobError>;

    /// The length of one slice in bytes. `None` if there is none.
    async fn slice_length(&self, key: &SliceKey) -> Result<Option<u64>, BlobError>;

    /// A link to one object that whoever has it may read for so long. `None`: this store is behind the service, which
    /// signs links of its own.
    async fn sign_read(
        &self,
        _key: &BlobKey,
        _served: &Served<'_>,
        _lasts: Duration,
    ) -> Result<Option<String>, BlobError> {
        Ok(None)
    }

    /// A request that puts exactly the announced bytes as a slice. `None`: this store takes nothing from clients.
    async fn sign_slice(
        &self,
        _key: &SliceKey,
        _announced: &Announced,
        _lasts: Duration,
    ) -> Result<Option<SignedPut>, BlobError> {
        Ok(None)
    }
}
