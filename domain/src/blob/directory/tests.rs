//! What is particular to the directory; the rest is proven by the contract.

use std::os::unix::fs::MetadataExt as _;

use futures_util::{FutureExt as _, stream};
use tempfile::TempDir;
use uuid::Uuid;

use super::{super::contract, *};
use crate::{Code, Error};

/// The room for a body that is not limited.
const ANY: u64 = u64::MAX;

async fn store() -> (TempDir, DirectoryBlobs) {
    let folder = tempfile::tempdir().unwrap();
    let blobs = DirectoryBlobs::open(folder.path().join("blobs")).await.unwrap();
    (folder, blobs)
}

fn upload() -> UploadKey {
    UploadKey { organization: OrganizationId(Uuid::from_u128(1)), upload: UploadId(Uuid::from_u128(2)) }
}

fn blob(content: &Bytes) -> BlobKey {
    BlobKey { organization: upload().organization, sha256: Sha256Hash::of(content) }
}

/// Puts the content in one slice and assembles it.
async fn keep(blobs: &DirectoryBlobs, content: &Bytes) -> Result<Assembled, BlobError> {
    let stored = blobs.put_slice(&upload().slice(0, 1), contract::body(content, 10), ANY).await?;
    let organization = upload().organization;
    let announced = Announced { organization, sha256: Sha256Hash::of(content), bytes: content.len() as u64 };
    blobs
        .assemble(&upload(), &[Slice { offset: 0, epoch: 1, bytes: stored.bytes }], &announced, &|_| true)
        .await
}

fn temporary(blobs: &DirectoryBlobs) -> Vec<String> {
    names(&blobs.0.path("tmp")).unwrap()
}

#[tokio::test]
async fn it_keeps_the_contract_and_leaves_nothing_half_written() {
    let (_folder, blobs) = store().await;
    contract::all(Arc::new(blobs.clone())).await.unwrap();
    assert_eq!(temporary(&blobs), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_openings_of_one_directory_keep_the_contract_together() {
    let (folder, one) = store().await;
    let other = DirectoryBlobs::open(folder.path().join("blobs")).await.unwrap();
    let one = tokio::spawn(contract::all(Arc::new(one)));
    let other = tokio::spawn(contract::all(Arc::new(other)));
    one.await.unwrap().unwrap();
    other.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_was_kept_is_there_when_it_is_opened_again() {
    let (folder, blobs) = store().await;
    let content = contract::noise(1, 1_000);
    keep(&blobs, &content).await.unwrap();
    drop(blobs);
    let blobs = DirectoryBlobs::open(folder.path().join("blobs")).await.unwrap();
    assert!(matches!(keep(&blobs, &content).await.unwrap(), Assembled::Published { fresh: false, .. }));
}

#[tokio::test]
async fn leftovers_are_swept_by_the_first_to_open_and_by_nobody_else() {
    let (folder, blobs) = store().await;
    let root = folder.path().join("blobs");
    let left = root.join("tmp").join("half-a-photo");
    fs::write(&left, "half").unwrap();
    let second = DirectoryBlobs::open(&root).await.unwrap();
    assert!(left.exists(), "it may be what the first one is writing");
    drop(blobs);
    let third = DirectoryBlobs::open(&root).await.unwrap();
    assert!(left.exists(), "it may be what the second one is writing");
    drop((second, third));
    let alone = DirectoryBlobs::open(&root).await.unwrap();
    assert_eq!(temporary(&alone), [""; 0]);
}

#[tokio::test]
async fn a_dropped_receiver_leaves_no_file() {
    let (_folder, blobs) = store().await;
    let body = stream::iter([Ok(Bytes::from("half"))]).chain(stream::pending());
    let key = upload().slice(0, 1);
    let mut receiving = blobs.put_slice(&key, Box::pin(body), ANY);
    while temporary(&blobs).is_empty() {
        assert!(receiving.as_mut().now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    drop(receiving);
    assert_eq!(temporary(&blobs), [""; 0]);
    assert!(!blobs.0.path(key).exists());
}

#[tokio::test]
async fn a_published_object_is_never_written_again() {
    let (_folder, blobs) = store().await;
    let content = contract::noise(2, 1_000);
    keep(&blobs, &content).await.unwrap();
    let before = fs::metadata(blobs.0.path(blob(&content))).unwrap();
    keep(&blobs, &content).await.unwrap();
    let after = fs::metadata(blobs.0.path(blob(&content))).unwrap();
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()));
}

#[tokio::test]
async fn a_damaged_object_is_reported_and_left() {
    let (_folder, blobs) = store().await;
    let content = contract::noise(3, 1_000);
    keep(&blobs, &content).await.unwrap();
    let path = blobs.0.path(blob(&content));
    File::options().write(true).open(&path).unwrap().set_len(999).unwrap();
    let error = keep(&blobs, &content).await.unwrap_err();
    assert!(matches!(error, BlobError::Damaged { expected: 1_000, actual: 999, .. }), "{error}");
    assert_eq!(fs::metadata(&path).unwrap().len(), 999);
    assert_eq!(Error::from(error).code(), Code::Internal);
}

#[tokio::test]
async fn what_others_put_into_the_directory_is_not_listed() {
    let (_folder, blobs) = store().await;
    let content = contract::noise(4, 1_000);
    keep(&blobs, &content).await.unwrap();
    let mine = blobs.0.path(blob(&content));
    let (prefix, organization) = (mine.parent().unwrap(), mine.ancestors().nth(2).unwrap());
    let shouted = blob(&content).sha256.to_string().to_uppercase();
    for stray in [
        organization.join("README"),
        organization.with_file_name("lost+found"),
        prefix.join("notes.txt"),
        prefix.join(&shouted),
        blobs.0.path("slices/README"),
        blobs.0.path(upload()).with_file_name("README"),
    ] {
        fs::write(stray, "stray").unwrap();
    }
    fs::create_dir(organization.join("zz")).unwrap();
    fs::copy(&mine, organization.join("zz").join(mine.file_name().unwrap())).unwrap();
    assert_eq!(blobs.list(None, 10).await.unwrap(), [BlobEntry { key: blob(&content), bytes: 1_000 }]);
    assert_eq!(blobs.usage(upload().organization).await.unwrap(), Usage { objects: 1, bytes: 1_000 });
    assert_eq!(blobs.list_uploads(None, 10).await.unwrap(), [upload()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slices_may_arrive_while_the_upload_is_being_removed() {
    let (_folder, blobs) = store().await;
    let arriving = tokio::spawn({
        let blobs = blobs.clone();
        async move {
            for offset in 0..100 {
                blobs.put_slice(&upload().slice(offset, 1), contract::body(&Bytes::from("x"), 1), 1).await?;
            }
            Ok::<(), BlobError>(())
        }
    });
    while !arriving.is_finished() {
        blobs.remove_slices(&upload()).await.unwrap();
    }
    arriving.await.unwrap().unwrap();
    blobs.remove_slices(&upload()).await.unwrap();
    assert_eq!(blobs.list_uploads(None, 10).await.unwrap(), []);
    assert_eq!(temporary(&blobs), [""; 0]);
}

#[tokio::test]
async fn a_store_that_fails_is_unavailable_and_tells_the_log_why() {
    let (folder, blobs) = store().await;
    fs::remove_dir_all(folder.path().join("blobs")).unwrap();
    let error = Error::from(keep(&blobs, &Bytes::from("x")).await.unwrap_err());
    assert_eq!(error.code(), Code::Unavailable);
    let cause = std::error::Error::source(&error).unwrap();
    assert_eq!(cause.to_string(), "the blob store failed while writing a slice");
    let cause = cause.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::NotFound);
    assert!(!error.to_string().contains(&*folder.path().to_string_lossy()), "no path reaches the user");
}

#[tokio::test]
async fn a_directory_that_cannot_be_one_fails_at_open() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = DirectoryBlobs::open(file.path()).await.unwrap_err();
    assert!(matches!(error, BlobError::Io { doing: "opening the directory", .. }), "{error}");
}

#[tokio::test]
async fn too_much_tells_the_limit() {
    let (_folder, blobs) = store().await;
    let body = contract::body(&Bytes::from("four"), 2);
    let error = Error::from(blobs.put_slice(&upload().slice(0, 1), body, 3).await.unwrap_err());
    assert_eq!((error.code(), &error.details()["limit"]), (Code::TooLarge, &3.into()));
    assert_eq!(temporary(&blobs), [""; 0]);
}
