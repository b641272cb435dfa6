//! The blob store on S3: beyond one machine, any node reads and continues what another has begun.
//!
//! Whatever is written is spooled to a file of this node first: its length and hash are known before the store is asked
//! to keep it, a request that failed can be repeated as it was, and the memory it takes does not grow with its length.
//! The store verifies the hash too, and publishes an object only where there is none.

mod client;
mod spool;
#[cfg(test)]
mod tests;

use std::{ops::Range, path::PathBuf, time::Duration};

use async_trait::async_trait;
use aws_sdk_s3::{Client, primitives::ByteStream as Body, types::Object};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use naryad_domain::{
    blob::{
        Accept, Announced, Assembled, BlobEntry, BlobError, BlobKey, BlobRead, Blobs, ByteStream, HEAD_BYTES,
        NOTE_BYTES, NoteName, Served, Sha256Hash, SignedPut, Slice, SliceKey, SliceStored, UploadKey, Usage,
        key::{BLOBS, SLICES},
    },
    id::OrganizationId,
};

pub use self::client::S3Settings;
pub(crate) use self::client::secret;
use self::{
    client::{Failure, failure},
    spool::{Spool, Spooled},
};

/// How often a publication that collides with another is looked at again.
const COLLISIONS: u32 = 5;

/// A blob store in a bucket. Cheap to clone.
#[derive(Clone, Debug)]
pub struct S3Blobs {
    client: Client,
    bucket: String,
    prefix: String,
    spool: Spool,
}

impl S3Blobs {
    /// A store in the bucket that the settings name; bytes under way are spooled in `folder`, which is made if need be.
    ///
    /// # Errors
    /// The settings are incomplete, or the folder cannot be made.
    pub fn open(settings: &S3Settings, folder: PathBuf) -> naryad_domain::Result<Self> {
        Ok(Self {
            client: settings.client()?,
            bucket: settings.bucket.clone(),
            prefix: settings.prefix.clone(),
            spool: Spool::open(folder)?,
        })
    }

    /// Makes the bucket; whoever runs a house on a real store makes it there, with the rights that are fit.
    ///
    /// # Errors
    /// The store refuses, or does not answer.
    pub async fn make_bucket(&self) -> Result<(), BlobError> {
        let made = self.client.create_bucket().bucket(&self.bucket).send().await;
        made.map(drop).map_err(|error| failure(error).during("making the bucket"))
    }

    /// Whether the store does what this one rests on: answers, refuses wrong bytes, and keeps what is there.
    ///
    /// # Errors
    /// What it does not do, in plain words.
    pub async fn probe(&self) -> Result<(), String> {
        let content = Bytes::from(format!("probe {}", uuid::Uuid::from_u128(rand::random())));
        let name = self.name(format_args!("notes/doctor-{}", Sha256Hash::of(&content)));
        let body = Box::pin(futures_util::stream::iter([Ok(content.clone())]));
        let said = |error: BlobError| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            format!("{error}: {}", cause.unwrap_or_default())
        };
        let (mut spooled, _) = self.spool.take("probing", body, content.len() as u64).await.map_err(said)?;
        spooled.sha256 = Sha256Hash::of(b"other");
        if self.put_spooled("probing", &name, &spooled, true).await.is_ok() {
            let _ = self.delete("probing", &name).await;
            return Err("it takes bytes of another SHA-256 than announced".to_owned());
        }
        spooled.sha256 = Sha256Hash::of(&content);
        self.put_spooled("probing", &name, &spooled, true).await.map_err(said)?;
        let again = self.put_spooled("probing", &name, &spooled, true).await;
        self.delete("probing", &name).await.map_err(said)?;
        match again {
            Ok(false) => Ok(()),
            Ok(true) => Err("it overwrites in spite of If-None-Match".to_owned()),
            Err(error) => Err(said(error)),
        }
    }

    fn name(&self, key: impl std::fmt::Display) -> String {
        format!("{}{key}", self.prefix)
    }

    /// The length of an object in bytes.
    async fn head(&self, name: &str) -> Result<Option<u64>, BlobError> {
        let head = self.client.head_object().bucket(&self.bucket).key(name).send().await;
        match head {
            Ok(head) => Ok(head.content_length().and_then(|length| u64::try_from(length).ok())),
            Err(error) => match failure(error) {
                Failure::Absent => Ok(None),
                other => Err(other.during("looking for an object")),
            },
        }
    }

    /// Writes what was spooled; the store refuses bytes of another hash. `if_absent`: `false` where there is something.
    async fn put_spooled(
        &self,
        doing: &'static str,
        name: &str,
        spooled: &Spooled,
        if_absent: bool,
    ) -> Result<bool, BlobError> {
        let length =
            i64::try_from(spooled.bytes).map_err(std::io::Error::other).map_err(BlobError::during(doing))?;
        for _ in 0..COLLISIONS {
            let body = Body::from_path(spooled.path()).await.map_err(std::io::Error::other);
            let put = self
                .client
                .put_object()
                .bucket(&self.bucket)
                .key(name)
                .content_length(length)
                .checksum_sha256(BASE64_STANDARD.encode(spooled.sha256.0))
                .set_if_none_match(if_absent.then(|| "*".to_owned()))
                .body(body.map_err(BlobError::during(doing))?)
                .send()
                .await;
            match put.map_err(failure) {
                Ok(_) => return Ok(true),
                Err(Failure::Present) if if_absent => return Ok(false),
                // Another writes to the same name at this moment.
                Err(Failure::Collision) if if_absent => {}
                Err(other) => return Err(other.during(doing)),
            }
        }
        Err(Failure::Collision.during(doing))
    }

    /// Publishes what was spooled and verified. Returns whether it was not there already.
    async fn publish(&self, organization: OrganizationId, spooled: &Spooled) -> Result<bool, BlobError> {
        let sha256 = spooled.sha256;
        let name = self.name(BlobKey { organization, sha256 });
        if self.put_spooled("publishing an object", &name, spooled, true).await? {
            return Ok(true);
        }
        let expected = spooled.bytes;
        match self.head(&name).await? {
            Some(actual) if actual == expected => Ok(false),
            Some(actual) => Err(BlobError::Damaged { organization, sha256, expected, actual }),
            None => Err(Failure::Collision.during("publishing an object")),
        }
    }

    /// Reads an object, or the part of it.
    async fn get(
        &self,
        doing: &'static str,
        name: &str,
        range: Option<Range<u64>>,
    ) -> Result<Option<BlobRead>, BlobError> {
        if let Some(asked) = &range
            && asked.end <= asked.start
        {
            let Some(len) = self.head(name).await? else { return Ok(None) };
            return Ok(Some(nothing(len, asked.start)));
        }
        let header = range.as_ref().map(|range| format!("bytes={}-{}", range.start, range.end - 1));
        let got = self.client.get_object().bucket(&self.bucket).key(name).set_range(header).send().await;
        let got = match got.map_err(failure) {
            Ok(got) => got,
            Err(Failure::Absent) => return Ok(None),
            Err(Failure::BehindTheEnd) => {
                let Some(len) = self.head(name).await? else { return Ok(None) };
                return Ok(Some(nothing(len, range.map_or(0, |range| range.start))));
            }
            Err(other) => return Err(other.during(doing)),
        };
        let unreadable =
            || BlobError::during(doing)(std::io::Error::other("the store does not tell the length"));
        let part =
            got.content_length().and_then(|length| u64::try_from(length).ok()).ok_or_else(unreadable)?;
        let (start, len) = match got.content_range() {
            Some(told) => content_range(told).ok_or_else(unreadable)?,
            None => (0, part),
        };
        // A store that does not know ranges answers with the whole.
        if range.is_some() && got.content_range().is_none() && range != Some(0..len) {
            return Err(unreadable());
        }
        let stream = Box::pin(futures_util::stream::unfold(got.body, |mut body| async move {
            let chunk = body.next().await?;
            Some((chunk.map_err(std::io::Error::other), body))
        }));
        Ok(Some(BlobRead { len, range: start..start + part, stream }))
    }

    /// One page of names behind `after`, with their lengths, in their order.
    async fn page(&self, folder: &str, after: Option<String>) -> Result<(Vec<Object>, bool), BlobError> {
        let listed = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(self.name(folder))
            .set_start_after(after)
            .send()
            .await
            .map_err(|error| failure(error).during("listing objects"))?;
        let more = listed.is_truncated().unwrap_or(false);
        Ok((listed.contents.unwrap_or_default(), more))
    }

    /// Shows every name in a folder behind `after`, without the prefix, until `see` returns `false`.
    async fn walk(
        &self,
        folder: &str,
        after: Option<String>,
        mut see: impl FnMut(&str, u64) -> bool + Send,
    ) -> Result<(), BlobError> {
        let mut after = after;
        loop {
            let (objects, more) = self.page(folder, after.take()).await?;
            for object in &objects {
                let Some(name) = object.key().and_then(|name| name.strip_prefix(&self.prefix)) else {
                    continue;
                };
                if !see(name, object.size().unwrap_or(0).unsigned_abs()) {
                    return Ok(());
                }
            }
            after = objects.last().and_then(|object| object.key().map(str::to_owned));
            if !more || after.is_none() {
                return Ok(());
            }
        }
    }

    async fn delete(&self, doing: &'static str, name: &str) -> Result<(), BlobError> {
        let deleted = self.client.delete_object().bucket(&self.bucket).key(name).send().await;
        deleted.map(drop).map_err(|error| failure(error).during(doing))
    }
}

/// A part that holds nothing.
fn nothing(len: u64, start: u64) -> BlobRead {
    let start = start.min(len);
    BlobRead { len, range: start..start, stream: Box::pin(futures_util::stream::empty()) }
}

/// `bytes 2-5/10`: where it begins, and the length of the whole.
fn content_range(told: &str) -> Option<(u64, u64)> {
    let (part, len) = told.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = part.split_once('-')?;
    Some((start.parse().ok()?, len.parse().ok()?))
}

#[async_trait]
impl Blobs for S3Blobs {
    async fn put_slice(
        &self,
        key: &SliceKey,
        body: ByteStream,
        limit: u64,
    ) -> Result<SliceStored, BlobError> {
        const DOING: &str = "writing a slice";
        let (spooled, complete) = self.spool.take(DOING, body, limit).await?;
        let stored = SliceStored { bytes: spooled.bytes, complete };
        if complete || spooled.bytes > 0 {
            self.put_spooled(DOING, &self.name(key), &spooled, false).await?;
        }
        Ok(stored)
    }

    async fn assemble(
        &self,
        upload: &UploadKey,
        slices: &[Slice],
        announced: &Announced,
        accept: Accept<'_>,
    ) -> Result<Assembled, BlobError> {
        const DOING: &str = "joining slices";
        let mut joined = self.spool.begin(DOING).await?;
        for slice in slices {
            if slice.offset != joined.bytes() {
                return Ok(Assembled::Torn { offset: joined.bytes() });
            }
            let name = self.name(upload.slice(slice.offset, slice.epoch));
            let Some(read) = self.get(DOING, &name, None).await?.filter(|read| read.len == slice.bytes)
            else {
                return Ok(Assembled::Torn { offset: slice.offset });
            };
            joined.append(DOING, read.stream).await?;
            if joined.bytes() != slice.offset + slice.bytes {
                let cause = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
                return Err(BlobError::during(DOING)(cause));
            }
        }
        if joined.bytes() != announced.bytes {
            return Ok(Assembled::Torn { offset: joined.bytes() });
        }
        let spooled = joined.end(DOING).await?;
        if spooled.sha256 != announced.sha256 {
            return Ok(Assembled::Mismatch { actual: spooled.sha256 });
        }
        let head = spooled.head.clone();
        debug_assert!(head.len() <= HEAD_BYTES);
        if !accept(&head) {
            return Ok(Assembled::Refused { head });
        }
        let fresh = self.publish(announced.organization, &spooled).await?;
        Ok(Assembled::Published { head, fresh })
    }

    async fn put(
        &self,
        organization: OrganizationId,
        sha256: &Sha256Hash,
        content: Bytes,
    ) -> Result<bool, BlobError> {
        const DOING: &str = "publishing content";
        let limit = content.len() as u64;
        let body = Box::pin(futures_util::stream::iter([Ok(content)]));
        let (spooled, _) = self.spool.take(DOING, body, limit).await?;
        if spooled.sha256 != *sha256 {
            return Err(BlobError::wrong_hash());
        }
        self.publish(organization, &spooled).await
    }

    async fn read(
        &self,
        organization: OrganizationId,
        sha256: &Sha256Hash,
        range: Option<Range<u64>>,
    ) -> Result<Option<BlobRead>, BlobError> {
        let name = self.name(BlobKey { organization, sha256: *sha256 });
        self.get("reading an object", &name, range).await
    }

    async fn length(
        &self,
        organization: OrganizationId,
        sha256: &Sha256Hash,
    ) -> Result<Option<u64>, BlobError> {
        self.head(&self.name(BlobKey { organization, sha256: *sha256 })).await
    }

    async fn remove(&self, organization: OrganizationId, sha256: &Sha256Hash) -> Result<bool, BlobError> {
        let name = self.name(BlobKey { organization, sha256: *sha256 });
        let there = self.head(&name).await?.is_some();
        if there {
            self.delete("removing an object", &name).await?;
        }
        Ok(there)
    }

    async fn remove_slices(&self, upload: &UploadKey) -> Result<(), BlobError> {
        let mut names = Vec::new();
        self.walk(&format!("{upload}/"), None, |name, _| {
            names.push(self.name(name));
            true
        })
        .await?;
        for name in names {
            self.delete("removing slices", &name).await?;
        }
        Ok(())
    }

    async fn list(&self, after: Option<&BlobKey>, limit: usize) -> Result<Vec<BlobEntry>, BlobError> {
        let mut page = Vec::new();
        if limit == 0 {
            return Ok(page);
        }
        let after = after.map(|key| self.name(key));
        self.walk(&format!("{BLOBS}/"), after, |name, bytes| {
            page.extend(blob_key(name).map(|key| BlobEntry { key, bytes }));
            page.len() < limit
        })
        .await?;
        Ok(page)
    }

    async fn list_uploads(
        &self,
        after: Option<&UploadKey>,
        limit: usize,
    ) -> Result<Vec<UploadKey>, BlobError> {
        let mut page: Vec<UploadKey> = Vec::new();
        if limit == 0 {
            return Ok(page);
        }
        // Behind every slice of that upload: their names go on with a digit.
        let after = after.map(|key| self.name(format_args!("{key}/~")));
        self.walk(&format!("{SLICES}/"), after, |name, _| {
            if let Some(key) = upload_key(name)
                && page.last() != Some(&key)
            {
                if page.len() == limit {
                    return false;
                }
                page.push(key);
            }
            true
        })
        .await?;
        Ok(page)
    }

    async fn usage(&self, organization: OrganizationId) -> Result<Usage, BlobError> {
        let mut usage = Usage::default();
        self.walk(&format!("{BLOBS}/{organization}/"), None, |name, bytes| {
            if blob_key(name).is_some() {
                usage.objects += 1;
                usage.bytes += bytes;
            }
            true
        })
        .await?;
        Ok(usage)
    }

    async fn put_note(&self, name: &NoteName, value: Bytes) -> Result<(), BlobError> {
        if value.len() as u64 > NOTE_BYTES {
            return Err(BlobError::TooMuch { limit: NOTE_BYTES });
        }
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(self.name(name))
            .checksum_sha256(BASE64_STANDARD.encode(Sha256Hash::of(&value).0))
            .body(value.into())
            .send()
            .await;
        put.map(drop).map_err(|error| failure(error).during("writing a note"))
    }

    async fn get_note(&self, name: &NoteName) -> Result<Option<Bytes>, BlobError> {
        use futures_util::TryStreamExt as _;
        const DOING: &str = "reading a note";
        let Some(read) = self.get(DOING, &self.name(name), None).await? else { return Ok(None) };
        if read.len > NOTE_BYTES {
            return Err(BlobError::TooMuch { limit: NOTE_BYTES });
        }
        let chunks: Vec<Bytes> = read.stream.try_collect().await.map_err(BlobError::during(DOING))?;
        Ok(Some(chunks.concat().into()))
    }

    async fn slice_length(&self, key: &SliceKey) -> Result<Option<u64>, BlobError> {
        self.head(&self.name(key)).await
    }

    async fn sign_read(
        &self,
        key: &BlobKey,
        served: &Served<'_>,
        lasts: Duration,
    ) -> Result<Option<String>, BlobError> {
        let signed = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(self.name(key))
            .response_content_type(served.media_type)
            .response_content_disposition(served.disposition)
            .response_cache_control(format!("private, max-age={}, immutable", lasts.as_secs()))
            .presigned(client::signing(lasts)?)
            .await
            .map_err(|error| failure(error).during("signing a link"))?;
        Ok(Some(signed.uri().to_owned()))
    }

    async fn sign_slice(
        &self,
        key: &SliceKey,
        announced: &Announced,
        lasts: Duration,
    ) -> Result<Option<SignedPut>, BlobError> {
        const DOING: &str = "signing an upload";
        let length = i64::try_from(announced.bytes)
            .map_err(std::io::Error::other)
            .map_err(BlobError::during(DOING))?;
        let signed = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(self.name(key))
            .content_length(length)
            .checksum_sha256(BASE64_STANDARD.encode(announced.sha256.0))
            .presigned(client::signing(lasts)?)
            .await
            .map_err(|error| failure(error).during(DOING))?;
        let headers = signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Some(SignedPut { url: signed.uri().to_owned(), headers }))
    }
}

/// `blobs/(organization)/(two digits)/(hash)`; what is not written as we write it is not ours.
fn blob_key(name: &str) -> Option<BlobKey> {
    let mut parts = name.strip_prefix(BLOBS)?.strip_prefix('/')?.split('/');
    let key = BlobKey { organization: parts.next()?.parse().ok()?, sha256: parts.nth(1)?.parse().ok()? };
    (key.to_string() == name).then_some(key)
}

/// The upload of `slices/(organization)/(upload)/(offset)-(epoch)`.
fn upload_key(name: &str) -> Option<UploadKey> {
    let mut parts = name.strip_prefix(SLICES)?.strip_prefix('/')?.split('/');
    let key = UploadKey { organization: parts.next()?.parse().ok()?, upload: parts.next()?.parse().ok()? };
    name.starts_with(&format!("{key}/")).then_some(key)
}
