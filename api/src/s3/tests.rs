//! The contract of the port, held against a real S3 server: `NARYAD_TEST_S3` names its address.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use naryad_domain::{
    blob::{Announced, BlobKey, Blobs, Served, Sha256Hash, UploadKey, contract},
    id::{OrganizationId, UploadId},
};
use uuid::Uuid;

use super::*;

/// A store in a bucket of its own.
async fn store() -> (S3Blobs, tempfile::TempDir) {
    let endpoint =
        std::env::var("NARYAD_TEST_S3").expect("scripts/s3.sh -- COMMAND starts a server and names it");
    let settings = S3Settings {
        bucket: format!("b-{}", Uuid::from_u128(rand::random()).simple()),
        endpoint: Some(endpoint),
        region: "us-east-1".to_owned(),
        access_key_id: "test".to_owned(),
        secret_access_key: "test".to_owned(),
        path_style: true,
        prefix: "house-1/".to_owned(),
    };
    let folder = tempfile::tempdir().unwrap();
    let store = S3Blobs::open(&settings, folder.path().join("spool")).unwrap();
    store.make_bucket().await.unwrap();
    store.probe().await.unwrap();
    (store, folder)
}

#[tokio::test]
async fn the_contract_holds() {
    let (store, _folder) = store().await;
    contract::all(Arc::new(store)).await.unwrap();
}

#[tokio::test]
async fn the_store_itself_refuses_wrong_bytes_and_never_overwrites() {
    let (store, _folder) = store().await;
    let content = contract::noise(1, 5000);
    let put = async |sha256: Sha256Hash, if_absent: bool| {
        let (mut spooled, _) = store.spool.take("test", contract::body(&content, 1000), 5000).await.unwrap();
        spooled.sha256 = sha256;
        store.put_spooled("test", "house-1/blobs/x", &spooled, if_absent).await
    };
    assert!(put(Sha256Hash::of(b"other"), true).await.is_err(), "the checksum is verified there");
    assert_eq!(store.head("house-1/blobs/x").await.unwrap(), None);
    assert!(put(Sha256Hash::of(&content), true).await.unwrap());
    assert!(!put(Sha256Hash::of(&content), true).await.unwrap(), "the first one stands");
}

#[tokio::test]
async fn a_link_gives_one_object_as_what_it_is() {
    let (store, _folder) = store().await;
    let organization = OrganizationId(Uuid::from_u128(rand::random()));
    let content = contract::noise(2, 9000);
    let sha256 = Sha256Hash::of(&content);
    store.put(organization, &sha256, content.clone()).await.unwrap();
    let served = Served { media_type: "image/jpeg", disposition: "inline; filename=\"a.jpg\"" };
    let key = BlobKey { organization, sha256 };
    let url = store.sign_read(&key, &served, Duration::from_secs(60)).await.unwrap().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let whole = http.get(&url).send().await.unwrap();
    assert_eq!(whole.headers()["content-type"], "image/jpeg");
    assert_eq!(whole.headers()["content-disposition"], served.disposition);
    assert_eq!(whole.bytes().await.unwrap(), content);
    let part = http.get(&url).header("range", "bytes=10-19").send().await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.bytes().await.unwrap(), content.slice(10..20));
    let tampered = url.replace("a.jpg", "b.exe");
    assert_eq!(http.get(&tampered).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_signed_upload_takes_only_the_announced_bytes() {
    let (store, _folder) = store().await;
    let upload = UploadKey {
        organization: OrganizationId(Uuid::from_u128(rand::random())),
        upload: UploadId(Uuid::from_u128(rand::random())),
    };
    let content = contract::noise(3, 3000);
    let organization = upload.organization;
    let announced = Announced { organization, sha256: Sha256Hash::of(&content), bytes: 3000 };
    let slice = upload.slice(0, 1);
    let signed = store.sign_slice(&slice, &announced, Duration::from_secs(60)).await.unwrap().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let send = async |bytes: Bytes| {
        let mut request = http.put(&signed.url).body(bytes);
        for (name, value) in
            signed.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"))
        {
            request = request.header(name, value);
        }
        request.send().await.unwrap().status()
    };
    assert!(!send(contract::noise(4, 3000)).await.is_success(), "another hash");
    assert!(!send(contract::noise(3, 3001)).await.is_success(), "another length");
    assert_eq!(store.slice_length(&slice).await.unwrap(), None);
    assert!(send(content).await.is_success());
    assert_eq!(store.slice_length(&slice).await.unwrap(), Some(3000));
}

#[test]
fn names_of_others_are_passed_over() {
    let organization = OrganizationId(Uuid::from_u128(7));
    let key = BlobKey { organization, sha256: Sha256Hash::of(b"x") };
    assert_eq!(blob_key(&key.to_string()), Some(key));
    let upload = UploadKey { organization, upload: UploadId(Uuid::from_u128(8)) };
    assert_eq!(upload_key(&upload.slice(5, 1).to_string()), Some(upload));
    for name in
        ["", "blobs", "blobs/x/y/z", "blobs/../../etc", &key.to_string().to_uppercase(), "slices/a/b/c"]
    {
        assert_eq!((blob_key(name), upload_key(name)), (None, None), "{name}");
    }
    assert_eq!(content_range("bytes 2-5/10"), Some((2, 10)));
    assert_eq!(content_range("bytes */10"), None);
}
