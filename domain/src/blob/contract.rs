//! What every blob store must do, whatever it keeps its bytes in. Each function is one story; all may share a store and
//! run at once, since each makes its own organizations.
//!
//! A function panics where the store breaks the contract, and fails where the store itself fails.

use std::{io, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use uuid::Uuid;

use super::{
    Announced, Assembled, BlobError, BlobKey, Blobs, ByteStream, HEAD_BYTES, NOTE_BYTES, NoteName,
    Sha256Hash, Slice, SliceStored, UploadKey, Usage,
};
use crate::id::{OrganizationId, UploadId};

/// The store under test.
pub type Store = Arc<dyn Blobs>;

type Result = std::result::Result<(), BlobError>;

const MIB: u64 = 1024 * 1024;

/// The whole suite, one story after the other.
pub async fn all(blobs: Store) -> Result {
    a_photo_goes_through(Arc::clone(&blobs)).await?;
    slices_of_other_epochs_do_not_mix(Arc::clone(&blobs)).await?;
    the_same_slice_again_replaces_it(Arc::clone(&blobs)).await?;
    wrong_bytes_are_not_published(Arc::clone(&blobs)).await?;
    what_is_not_accepted_is_not_published(Arc::clone(&blobs)).await?;
    torn_slices_are_told(Arc::clone(&blobs)).await?;
    the_same_content_is_kept_once(Arc::clone(&blobs)).await?;
    small_content_is_published_in_one_go(Arc::clone(&blobs)).await?;
    racing_finishers_publish_once(Arc::clone(&blobs)).await?;
    tenants_are_apart(Arc::clone(&blobs)).await?;
    an_upload_is_published_where_it_belongs(Arc::clone(&blobs)).await?;
    a_cut_stream_keeps_what_came(Arc::clone(&blobs)).await?;
    the_limit_holds(Arc::clone(&blobs)).await?;
    ranges_are_cut_to_the_object(Arc::clone(&blobs)).await?;
    an_empty_file_is_a_file(Arc::clone(&blobs)).await?;
    eight_mebibytes_in_uneven_slices(Arc::clone(&blobs)).await?;
    removed_is_removed(Arc::clone(&blobs)).await?;
    listings_turn_pages(Arc::clone(&blobs)).await?;
    notes_are_kept(blobs).await
}

/// Bytes that look random and are the same in every run with the same seed (xorshift64*).
pub fn noise(seed: u64, length: u64) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56).to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

/// A body that comes in chunks of `chunk` bytes.
pub fn body(bytes: &Bytes, chunk: usize) -> ByteStream {
    let bytes = bytes.clone();
    let chunks: Vec<_> =
        (0..bytes.len()).step_by(chunk).map(|at| Ok(bytes.slice(at..bytes.len().min(at + chunk)))).collect();
    Box::pin(stream::iter(chunks))
}

/// A body that breaks off after `bytes`.
pub fn cut(bytes: &Bytes, chunk: usize) -> ByteStream {
    let broken = || {
        stream::iter([Err(io::Error::from(io::ErrorKind::ConnectionReset)), Ok(Bytes::from("never read"))])
    };
    Box::pin(body(bytes, chunk).chain(broken()))
}

fn any_head(_: &[u8]) -> bool {
    true
}

/// The content as it is announced by the organization of the upload.
fn announced(upload: UploadKey, bytes: &Bytes) -> Announced {
    Announced { organization: upload.organization, sha256: Sha256Hash::of(bytes), bytes: bytes.len() as u64 }
}

fn fresh_id() -> Uuid {
    Uuid::from_u128(rand::random())
}

fn new_upload() -> UploadKey {
    UploadKey { organization: OrganizationId(fresh_id()), upload: UploadId(fresh_id()) }
}

async fn put(blobs: &Store, upload: UploadKey, offset: u64, epoch: u64, bytes: &Bytes) -> Result {
    let length = bytes.len() as u64;
    let key = upload.slice(offset, epoch);
    let stored = blobs.put_slice(&key, body(bytes, 60_000), length).await?;
    assert_eq!(blobs.slice_length(&key).await?, Some(length));
    assert_eq!(stored, SliceStored { bytes: length, complete: true });
    Ok(())
}

/// Puts the content in one slice and assembles it.
async fn keep(
    blobs: &Store,
    upload: UploadKey,
    content: &Bytes,
) -> std::result::Result<Assembled, BlobError> {
    put(blobs, upload, 0, 1, content).await?;
    let slices = [Slice { offset: 0, epoch: 1, bytes: content.len() as u64 }];
    blobs.assemble(&upload, &slices, &announced(upload, content), &any_head).await
}

fn published(content: &Bytes, fresh: bool) -> Assembled {
    Assembled::Published { head: content.iter().copied().take(HEAD_BYTES).collect(), fresh }
}

async fn whole(
    blobs: &Store,
    organization: OrganizationId,
    sha256: Sha256Hash,
) -> std::result::Result<Option<Bytes>, BlobError> {
    let Some(read) = blobs.read(organization, &sha256, None).await? else { return Ok(None) };
    assert_eq!(read.range, 0..read.len);
    let bytes = collect(read.stream).await?;
    assert_eq!(bytes.len() as u64, read.len);
    Ok(Some(bytes))
}

async fn collect(stream: ByteStream) -> std::result::Result<Bytes, BlobError> {
    let chunks: Vec<Bytes> =
        stream.try_collect().await.map_err(BlobError::during("reading what was stored"))?;
    Ok(chunks.concat().into())
}

async fn nothing_is_published(
    blobs: &Store,
    organization: OrganizationId,
    candidates: &[Sha256Hash],
) -> Result {
    for sha256 in candidates {
        assert!(!blobs.exists(organization, sha256).await?);
        assert_eq!(blobs.length(organization, sha256).await?, None);
        assert!(blobs.read(organization, sha256, None).await?.is_none());
    }
    assert_eq!(blobs.usage(organization).await?, Usage::default());
    Ok(())
}

/// Three slices, put, assembled, read; the head is shown and given back.
pub async fn a_photo_goes_through(blobs: Store) -> Result {
    let (upload, content) = (new_upload(), noise(1, 300_000));
    let mut slices = Vec::new();
    for (offset, end) in [(0, 100), (100, 200_001), (200_001, 300_000)] {
        put(&blobs, upload, offset as u64, 7, &content.slice(offset..end)).await?;
        slices.push(Slice { offset: offset as u64, epoch: 7, bytes: (end - offset) as u64 });
    }
    nothing_is_published(&blobs, upload.organization, &[Sha256Hash::of(&content)]).await?;
    let seen = |head: &[u8]| *head == content[..HEAD_BYTES];
    let assembled = blobs.assemble(&upload, &slices, &announced(upload, &content), &seen).await?;
    assert_eq!(assembled, published(&content, true));
    let sha256 = Sha256Hash::of(&content);
    assert_eq!(whole(&blobs, upload.organization, sha256).await?, Some(content));
    assert!(blobs.exists(upload.organization, &sha256).await?);
    assert_eq!(blobs.length(upload.organization, &sha256).await?, Some(300_000));
    assert_eq!(blobs.usage(upload.organization).await?, Usage { objects: 1, bytes: 300_000 });
    Ok(())
}

/// An old receiver still writes while a new one has taken over: only the slices named by the database count.
pub async fn slices_of_other_epochs_do_not_mix(blobs: Store) -> Result {
    let (upload, content) = (new_upload(), noise(2, 5_000));
    put(&blobs, upload, 2_000, 4, &content.slice(2_000..)).await?;
    put(&blobs, upload, 0, 2, &content.slice(..2_000)).await?;
    put(&blobs, upload, 2_000, 3, &noise(3, 4_000)).await?;
    put(&blobs, upload, 0, 1, &noise(4, 2_000)).await?;
    let slices =
        [Slice { offset: 0, epoch: 2, bytes: 2_000 }, Slice { offset: 2_000, epoch: 4, bytes: 3_000 }];
    let assembled = blobs.assemble(&upload, &slices, &announced(upload, &content), &any_head).await?;
    assert_eq!(assembled, published(&content, true));
    assert_eq!(whole(&blobs, upload.organization, Sha256Hash::of(&content)).await?, Some(content));
    Ok(())
}

/// A preview is put in one go: once, under its own hash only, empty content too.
pub async fn small_content_is_published_in_one_go(blobs: Store) -> Result {
    let (organization, content) = (OrganizationId(fresh_id()), noise(71, 40_000));
    let sha256 = Sha256Hash::of(&content);
    let wrong = blobs.put(organization, &Sha256Hash::of(b"other"), content.clone()).await;
    assert!(matches!(wrong, Err(BlobError::Io { .. })), "{wrong:?}");
    nothing_is_published(&blobs, organization, &[sha256, Sha256Hash::of(b"other")]).await?;
    assert!(blobs.put(organization, &sha256, content.clone()).await?);
    assert!(!blobs.put(organization, &sha256, content.clone()).await?, "it is kept");
    assert_eq!(whole(&blobs, organization, sha256).await?, Some(content));
    assert!(blobs.put(organization, &Sha256Hash::of(b""), Bytes::new()).await?);
    assert_eq!(blobs.usage(organization).await?, Usage { objects: 2, bytes: 40_000 });
    Ok(())
}

/// A retry under the same epoch replaces the slice as a whole, a shorter one too.
pub async fn the_same_slice_again_replaces_it(blobs: Store) -> Result {
    let (upload, content) = (new_upload(), noise(5, 900));
    put(&blobs, upload, 0, 1, &noise(6, 2_000)).await?;
    assert_eq!(keep(&blobs, upload, &content).await?, published(&content, true));
    assert_eq!(whole(&blobs, upload.organization, Sha256Hash::of(&content)).await?, Some(content));
    Ok(())
}

/// A flipped bit is a mismatch with the actual hash; nothing is published under either hash, and `accept` is not asked.
pub async fn wrong_bytes_are_not_published(blobs: Store) -> Result {
    let (upload, content) = (new_upload(), noise(7, 10_000));
    let mut flipped = content.to_vec();
    flipped[9_999] ^= 1;
    let flipped = Bytes::from(flipped);
    put(&blobs, upload, 0, 1, &flipped).await?;
    let slices = [Slice { offset: 0, epoch: 1, bytes: 10_000 }];
    let asked = std::sync::atomic::AtomicBool::new(false);
    let accept = |_: &[u8]| !asked.swap(true, std::sync::atomic::Ordering::SeqCst);
    let assembled = blobs.assemble(&upload, &slices, &announced(upload, &content), &accept).await?;
    let actual = Sha256Hash::of(&flipped);
    assert_eq!(assembled, Assembled::Mismatch { actual });
    assert!(!asked.into_inner(), "what the network broke must not be judged as a photo");
    nothing_is_published(&blobs, upload.organization, &[Sha256Hash::of(&content), actual]).await?;
    // The upload starts anew under the next epoch and succeeds.
    put(&blobs, upload, 0, 2, &content).await?;
    let slices = [Slice { offset: 0, epoch: 2, bytes: 10_000 }];
    let assembled = blobs.assemble(&upload, &slices, &announced(upload, &content), &any_head).await?;
    assert_eq!(assembled, published(&content, true));
    Ok(())
}

/// Content of the right hash and the wrong kind is refused before it is published.
pub async fn what_is_not_accepted_is_not_published(blobs: Store) -> Result {
    let (upload, content) = (new_upload(), Bytes::from("%PDF-1.7 is no photo"));
    put(&blobs, upload, 0, 1, &content).await?;
    let slices = [Slice { offset: 0, epoch: 1, bytes: content.len() as u64 }];
    let assembled = blobs
        .assemble(&upload, &slices, &announced(upload, &content), &|head| !head.starts_with(b"%PDF"))
        .await?;
    assert_eq!(assembled, Assembled::Refused { head: content.to_vec() });
    nothing_is_published(&blobs, upload.organization, &[Sha256Hash::of(&content)]).await
}

/// A missing slice, one of another length, a gap, an overlap and a short total are told with the offset that is whole.
pub async fn torn_slices_are_told(blobs: Store) -> Result {
    let (upload, content) = (new_upload(), noise(8, 3_000));
    put(&blobs, upload, 0, 1, &content.slice(..1_000)).await?;
    put(&blobs, upload, 1_000, 1, &content.slice(1_000..)).await?;
    let slice = |offset, epoch, bytes| Slice { offset, epoch, bytes };
    let cases = [
        (vec![slice(0, 1, 1_000), slice(1_000, 2, 2_000)], 1_000, "missing"),
        (vec![slice(0, 1, 1_000), slice(1_000, 1, 1_999)], 1_000, "longer than known"),
        (vec![slice(0, 1, 1_001), slice(1_000, 1, 2_000)], 0, "shorter than known"),
        (vec![slice(1_000, 1, 2_000)], 0, "a gap"),
        (vec![slice(0, 1, 1_000), slice(0, 1, 1_000)], 1_000, "an overlap"),
        (vec![slice(0, 1, 1_000)], 1_000, "short"),
        (vec![], 0, "nothing"),
    ];
    for (slices, offset, case) in cases {
        let assembled = blobs.assemble(&upload, &slices, &announced(upload, &content), &any_head).await?;
        assert_eq!(assembled, Assembled::Torn { offset }, "{case}");
    }
    nothing_is_published(&blobs, upload.organization, &[Sha256Hash::of(&content)]).await
}

/// Two uploads of the same content of one organization leave one object.
pub async fn the_same_content_is_kept_once(blobs: Store) -> Result {
    let (upload, content) = (new_upload(), noise(9, 2_500));
    let again = UploadKey { upload: UploadId(fresh_id()), ..upload };
    assert_eq!(keep(&blobs, upload, &content).await?, published(&content, true));
    assert_eq!(keep(&blobs, again, &content).await?, published(&content, false));
    assert_eq!(whole(&blobs, upload.organization, Sha256Hash::of(&content)).await?, Some(content));
    assert_eq!(blobs.usage(upload.organization).await?, Usage { objects: 1, bytes: 2_500 });
    Ok(())
}

/// Several nodes finish the same upload at once: all succeed, one published.
pub async fn racing_finishers_publish_once(blobs: Store) -> Result {
    let (upload, content) = (new_upload(), noise(10, 400_000));
    put(&blobs, upload, 0, 1, &content).await?;
    let slices = [Slice { offset: 0, epoch: 1, bytes: 400_000 }];
    let promised = announced(upload, &content);
    let finishers = (0..8).map(|_| blobs.assemble(&upload, &slices, &promised, &any_head));
    let mut fresh = 0;
    for assembled in futures_util::future::join_all(finishers).await {
        let assembled = assembled?;
        fresh += usize::from(assembled == published(&content, true));
        assert!(matches!(assembled, Assembled::Published { .. }), "{assembled:?}");
    }
    assert_eq!(fresh, 1);
    assert_eq!(whole(&blobs, upload.organization, promised.sha256).await?, Some(content));
    Ok(())
}

/// One organization neither sees nor removes nor joins what another one keeps.
pub async fn tenants_are_apart(blobs: Store) -> Result {
    let (upload, content) = (new_upload(), noise(11, 1_200));
    let stranger = UploadKey { organization: OrganizationId(fresh_id()), ..upload };
    assert_eq!(keep(&blobs, upload, &content).await?, published(&content, true));
    let sha256 = Sha256Hash::of(&content);
    nothing_is_published(&blobs, stranger.organization, &[sha256]).await?;
    let slices = [Slice { offset: 0, epoch: 1, bytes: 1_200 }];
    let assembled = blobs.assemble(&stranger, &slices, &announced(stranger, &content), &any_head).await?;
    assert_eq!(assembled, Assembled::Torn { offset: 0 });
    assert!(!blobs.remove(stranger.organization, &sha256).await?);
    blobs.remove_slices(&stranger).await?;
    assert_eq!(keep(&blobs, stranger, &content).await?, published(&content, true));
    assert!(blobs.remove(stranger.organization, &sha256).await?);
    assert_eq!(whole(&blobs, upload.organization, sha256).await?, Some(content.clone()));
    let assembled = blobs.assemble(&upload, &slices, &announced(upload, &content), &any_head).await?;
    assert_eq!(assembled, published(&content, false), "the slices of the owner are untouched");
    Ok(())
}

/// A contractor's upload is published where the photo belongs, and nowhere else.
pub async fn an_upload_is_published_where_it_belongs(blobs: Store) -> Result {
    let (upload, content) = (new_upload(), noise(12, 900));
    let home = OrganizationId(fresh_id());
    let sha256 = Sha256Hash::of(&content);
    put(&blobs, upload, 0, 1, &content).await?;
    let slices = [Slice { offset: 0, epoch: 1, bytes: 900 }];
    let promised = Announced { organization: home, ..announced(upload, &content) };
    let assembled = blobs.assemble(&upload, &slices, &promised, &any_head).await?;
    assert_eq!(assembled, published(&content, true));
    assert_eq!(whole(&blobs, home, sha256).await?, Some(content));
    nothing_is_published(&blobs, upload.organization, &[sha256]).await
}

/// The client hangs up: what came is durable and the upload goes on from there; if nothing came, nothing changes.
pub async fn a_cut_stream_keeps_what_came(blobs: Store) -> Result {
    let (upload, content) = (new_upload(), noise(12, 700_000));
    let stored =
        blobs.put_slice(&upload.slice(0, 1), cut(&content.slice(..450_001), 50_000), 700_000).await?;
    assert_eq!(stored, SliceStored { bytes: 450_001, complete: false });
    let stored = blobs.put_slice(&upload.slice(0, 1), cut(&Bytes::new(), 1), 700_000).await?;
    assert_eq!(stored, SliceStored { bytes: 0, complete: false });
    put(&blobs, upload, 450_001, 2, &content.slice(450_001..)).await?;
    let slices =
        [Slice { offset: 0, epoch: 1, bytes: 450_001 }, Slice { offset: 450_001, epoch: 2, bytes: 249_999 }];
    let assembled = blobs.assemble(&upload, &slices, &announced(upload, &content), &any_head).await?;
    assert_eq!(assembled, published(&content, true));
    assert_eq!(whole(&blobs, upload.organization, Sha256Hash::of(&content)).await?, Some(content));
    Ok(())
}

/// A body over the limit is an error at once and leaves what stood there; one of exactly the limit is taken.
pub async fn the_limit_holds(blobs: Store) -> Result {
    let (upload, content) = (new_upload(), noise(13, 1_000));
    let key = upload.slice(0, 1);
    put(&blobs, upload, 0, 1, &content).await?;
    let endless = Box::pin(stream::repeat_with(|| Ok(Bytes::from_static(&[7; 100]))));
    let failure = blobs.put_slice(&key, endless, 1_000).await;
    assert!(matches!(failure, Err(BlobError::TooMuch { limit: 1_000 })), "{failure:?}");
    let failure = blobs.put_slice(&key, cut(&noise(14, 1_001), 1_001), 1_000).await;
    assert!(matches!(failure, Err(BlobError::TooMuch { limit: 1_000 })), "{failure:?}");
    let slices = [Slice { offset: 0, epoch: 1, bytes: 1_000 }];
    let assembled = blobs.assemble(&upload, &slices, &announced(upload, &content), &any_head).await?;
    assert_eq!(assembled, published(&content, true));
    Ok(())
}

/// Ranges inside, across and behind the end, and empty ones.
pub async fn ranges_are_cut_to_the_object(blobs: Store) -> Result {
    let (upload, content) = (new_upload(), noise(15, 600_000));
    assert_eq!(keep(&blobs, upload, &content).await?, published(&content, true));
    let reversed = std::ops::Range { start: 10, end: 4 };
    let cases = [
        (0..600_000, 0..600_000),
        (0..1, 0..1),
        (299_999..300_001, 299_999..300_001),
        (599_999..600_000, 599_999..600_000),
        (590_000..u64::MAX, 590_000..600_000),
        (600_000..600_001, 600_000..600_000),
        (u64::MAX - 1..u64::MAX, 600_000..600_000),
        (5..5, 5..5),
        (reversed, 10..10),
    ];
    for (asked, range) in cases {
        let read = blobs.read(upload.organization, &Sha256Hash::of(&content), Some(asked.clone())).await?;
        let Some(read) = read else { unreachable!("the object is there") };
        assert_eq!((read.len, &read.range), (600_000, &range), "asked for {asked:?}");
        let expected: Bytes = content
            .iter()
            .copied()
            .skip(range.start as usize)
            .take((range.end - range.start) as usize)
            .collect();
        assert_eq!(collect(read.stream).await?, expected, "asked for {asked:?}");
    }
    Ok(())
}

/// No bytes are content too, from no slice or from an empty one.
pub async fn an_empty_file_is_a_file(blobs: Store) -> Result {
    let (upload, content) = (new_upload(), Bytes::new());
    let assembled = blobs.assemble(&upload, &[], &announced(upload, &content), &any_head).await?;
    assert_eq!(assembled, published(&content, true));
    assert_eq!(keep(&blobs, upload, &content).await?, published(&content, false));
    assert_eq!(whole(&blobs, upload.organization, Sha256Hash::of(&content)).await?, Some(content));
    assert_eq!(blobs.usage(upload.organization).await?, Usage { objects: 1, bytes: 0 });
    Ok(())
}

/// 8 MiB in slices of uneven lengths, among them empty ones and some of one byte.
pub async fn eight_mebibytes_in_uneven_slices(blobs: Store) -> Result {
    let (upload, content) = (new_upload(), noise(16, 8 * MIB));
    let lengths = [1, 0, 1, 5 * MIB, 65_536, 262_144, 262_143, 262_145, 0, MIB + 1];
    let (mut slices, mut offset) = (Vec::new(), 0);
    for (epoch, bytes) in (1..).zip(lengths) {
        slices.push(Slice { offset, epoch, bytes });
        offset += bytes;
    }
    slices.push(Slice { offset, epoch: 99, bytes: 8 * MIB - offset });
    for slice in &slices {
        let part = content.slice(slice.offset as usize..(slice.offset + slice.bytes) as usize);
        put(&blobs, upload, slice.offset, slice.epoch, &part).await?;
    }
    let assembled = blobs.assemble(&upload, &slices, &announced(upload, &content), &any_head).await?;
    assert_eq!(assembled, published(&content, true));
    assert_eq!(whole(&blobs, upload.organization, Sha256Hash::of(&content)).await?, Some(content));
    Ok(())
}

/// Slices and objects can be removed, twice, and come back; one does not remove the other.
pub async fn removed_is_removed(blobs: Store) -> Result {
    let (upload, content) = (new_upload(), noise(17, 800));
    let sha256 = Sha256Hash::of(&content);
    let other = UploadKey { upload: UploadId(fresh_id()), ..upload };
    let slices = [Slice { offset: 0, epoch: 1, bytes: 800 }];
    put(&blobs, other, 0, 1, &content).await?;
    assert_eq!(keep(&blobs, upload, &content).await?, published(&content, true));
    blobs.remove_slices(&upload).await?;
    blobs.remove_slices(&upload).await?;
    let assembled = blobs.assemble(&upload, &slices, &announced(upload, &content), &any_head).await?;
    assert_eq!(assembled, Assembled::Torn { offset: 0 });
    assert_eq!(whole(&blobs, upload.organization, sha256).await?, Some(content.clone()));
    assert!(blobs.remove(upload.organization, &sha256).await?);
    assert!(!blobs.remove(upload.organization, &sha256).await?);
    nothing_is_published(&blobs, upload.organization, &[sha256]).await?;
    let assembled = blobs.assemble(&other, &slices, &announced(other, &content), &any_head).await?;
    assert_eq!(assembled, published(&content, true), "slices of another upload stay");
    Ok(())
}

/// Pages of any size show every object and every upload once, in order.
pub async fn listings_turn_pages(blobs: Store) -> Result {
    let organizations = [OrganizationId(fresh_id()), OrganizationId(fresh_id())];
    let (mut kept, mut uploads) = (Vec::new(), Vec::new());
    // Hashes that share their first digits are the ones between which a page is hard to turn.
    let near =
        (0_u64..).map(|number| noise(number, 10 + number % 7)).filter(|bytes| Sha256Hash::of(bytes).0[0] < 3);
    for (number, content) in (0..14).zip(near) {
        let organization = organizations[usize::from(number % 3 == 0)];
        let upload = UploadKey { organization, upload: UploadId(fresh_id()) };
        assert_eq!(keep(&blobs, upload, &content).await?, published(&content, true));
        kept.push((BlobKey { organization, sha256: Sha256Hash::of(&content) }, content.len() as u64));
        uploads.push(upload);
    }
    kept.sort_unstable();
    uploads.sort_unstable();
    for limit in [1, 3, 1_000] {
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = blobs.list(after.as_ref(), limit).await?;
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            assert!(after.is_none_or(|after| after < page[0].key) && page.is_sorted_by(|a, b| a.key < b.key));
            after = Some(last.key);
            listed.extend(page);
        }
        // Other stories may be writing to the same store.
        listed.retain(|entry| organizations.contains(&entry.key.organization));
        assert_eq!(
            listed.iter().map(|entry| (entry.key, entry.bytes)).collect::<Vec<_>>(),
            kept,
            "by {limit}"
        );

        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = blobs.list_uploads(after.as_ref(), limit).await?;
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            assert!(after.is_none_or(|after| after < page[0]) && page.is_sorted_by(|a, b| a < b));
            after = Some(*last);
            listed.extend(page);
        }
        listed.retain(|upload| organizations.contains(&upload.organization));
        assert_eq!(listed, uploads, "by {limit}");
    }
    blobs.remove_slices(&uploads[0]).await?;
    let left = blobs.list_uploads(None, 100_000).await?;
    assert!(!left.contains(&uploads[0]) && left.contains(&uploads[1]));
    Ok(())
}

/// A note is kept, replaced, and not taken over its limit.
pub async fn notes_are_kept(blobs: Store) -> Result {
    let name = NoteName::new(&format!("contract-{}", fresh_id().simple()))?;
    assert_eq!(blobs.get_note(&name).await?, None);
    for value in [noise(18, 40), noise(19, 20), Bytes::new(), noise(20, NOTE_BYTES)] {
        blobs.put_note(&name, value.clone()).await?;
        assert_eq!(blobs.get_note(&name).await?, Some(value));
    }
    let failure = blobs.put_note(&name, noise(21, NOTE_BYTES + 1)).await;
    assert!(matches!(failure, Err(BlobError::TooMuch { limit: NOTE_BYTES })), "{failure:?}");
    assert_eq!(blobs.get_note(&name).await?, Some(noise(20, NOTE_BYTES)));
    Ok(())
}
