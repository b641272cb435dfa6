//! Photos: previews against plain decoding and encoding, near-duplicates among few and among many, uploads against a
//! plain write and a plain PutObject of the same bytes.

use std::{
    io::{Cursor, Write},
    sync::Arc,
    time::{Duration, Instant},
};

use image::{DynamicImage, ImageFormat, RgbImage, codecs::jpeg::JpegEncoder};
use naryad_api::s3::{S3Blobs, S3Settings};
use naryad_domain::{
    Clock,
    blob::{Blobs, Sha256Hash},
    clock::SystemClock,
    db::Db,
    id::{OrganizationId, PhotoId},
    photo::nearest,
};
use naryad_picture::{PerceptualHash, examine};
use naryad_tests::{Engine, photos};
use serde_json::json;
use uuid::Uuid;

use crate::{
    bulk::{self, Due, Hand},
    server::Site,
    table::{Measure, Table},
};

/// Two previews take at most so many times what decoding and two encodings take.
const PREVIEWS: f64 = 1.3;
/// A look among a million takes at most so many times one among ten thousand.
const NEAR: f64 = 2.0;
/// How often each thing is measured.
const TIMES: usize = 15;

pub(crate) async fn measure(engine: Engine, large: u64, table: &mut Table) {
    if engine == Engine::Sqlite {
        previews(table);
    }
    near(engine, large, table).await;
    uploads(engine, table).await;
}

/// A photo of twelve megapixels.
fn photo() -> Vec<u8> {
    photos::jpeg_of(12, 4000, 3000, 88)
}

fn previews(table: &mut Table) {
    let bytes = photo();
    let mut measure = Measure::at_most(Engine::Sqlite, "two previews, 12 MP", "decode + 2 encodes", PREVIEWS);
    for round in 0..=TIMES {
        let begin = Instant::now();
        let seen = examine(&bytes).expect("a photo").picture.expect("a picture");
        let ours = begin.elapsed();
        let sizes = seen.previews.map(|preview| (preview.width, preview.height));
        let begin = Instant::now();
        let plain =
            image::load_from_memory_with_format(&bytes, ImageFormat::Jpeg).expect("a photo").into_rgb8();
        for (width, height) in sizes {
            encode(&cut(&plain, width, height));
        }
        let reference = begin.elapsed();
        if round > 0 {
            measure.note(ours, reference);
        }
    }
    table.add(measure);
    // As many at once as the worker takes.
    let begin = Instant::now();
    let hands: Vec<_> = (0..2)
        .map(|_| {
            let bytes = bytes.clone();
            std::thread::spawn(move || (0..TIMES).for_each(|_| drop(examine(&bytes))))
        })
        .collect();
    hands.into_iter().for_each(|hand| hand.join().expect("a thread"));
    let rate = (2 * TIMES) as f64 / begin.elapsed().as_secs_f64();
    eprintln!(
        "photos of 12 megapixels a second, two at once: {rate:.1}; peak memory of this process: {}",
        peak()
    );
}

/// Pixels of this size, without any filter: what is encoded is no part of the comparison.
fn cut(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    DynamicImage::ImageRgb8(picture.clone()).crop_imm(0, 0, width, height).into_rgb8()
}

fn encode(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut bytes, 82).encode_image(picture).expect("a picture is encoded");
    bytes.into_inner()
}

/// The most memory this process has had, as the kernel tells it.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map_or("unknown", str::trim).to_owned()
}

async fn near(engine: Engine, large: u64, table: &mut Table) {
    let mut sides = Vec::new();
    for photos in [10_000, large] {
        let site = Site::found(engine).await;
        let town = site.settle(2, 1).await;
        let clock = SystemClock::default();
        let hand = Hand::open(&site.location()).await;
        bulk::fill(&hand, &town, 1, 0, clock.now().timestamp(), Due::Far).await;
        bulk::photos(&hand, &town, photos, clock.now().timestamp()).await;
        hand.close().await;
        let db = Db::open(&site.location(), 4, Arc::new(clock)).await.expect("the database can be opened");
        sides.push((site, town.organization, db));
    }
    let mut measure = Measure::at_most(engine, "near-duplicate", "10k : large", NEAR);
    for round in 0..=TIMES * 20 {
        let hash = PerceptualHash((round as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut times = [Duration::ZERO; 2];
        for ((_, organization, db), time) in sides.iter().zip(&mut times) {
            let begin = Instant::now();
            nearest(&db.reader(), *organization, hash, PhotoId(Uuid::nil())).await.expect("a look");
            *time = begin.elapsed();
        }
        if round > 0 {
            measure.note(times[1], times[0]);
        }
    }
    table.add(measure);
    for (site, _, db) in sides {
        db.close().await;
        site.remove().await;
    }
}

/// Two mebibytes by tus into each store, announced and created beforehand, against the plain write of the same bytes.
async fn uploads(engine: Engine, table: &mut Table) {
    let noise = noise_of(2 * 1024 * 1024);
    plain_directory(engine, &noise, table).await;
    if let Ok(endpoint) = std::env::var("NARYAD_TEST_S3") {
        plain_bucket(engine, &endpoint, &noise, table).await;
    } else {
        eprintln!("NARYAD_TEST_S3 names no server: uploads into a bucket are not measured");
    }
}

/// Bytes that begin as a JPEG; no two calls give the same.
fn noise_of(length: usize) -> impl Fn(u64) -> Vec<u8> {
    move |seed| {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0];
        while bytes.len() < length {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend(state.to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}

async fn plain_directory(engine: Engine, noise: &impl Fn(u64) -> Vec<u8>, table: &mut Table) {
    let site = Site::found(engine).await;
    let folder = site.data().join("plain");
    std::fs::create_dir_all(&folder).expect("a folder");
    let reference = async |bytes: &[u8], round: usize| {
        let (new, place) = (folder.join("new"), folder.join(round.to_string()));
        let mut file = std::fs::File::create(&new).expect("a file");
        file.write_all(bytes).and_then(|()| file.sync_all()).expect("it is written");
        std::fs::rename(&new, &place).expect("it is put in place");
        std::fs::File::open(&folder).and_then(|folder| folder.sync_all()).expect("the folder is synced");
    };
    send(engine, "upload, directory", "write + fsync", site, &[], noise, reference, table).await;
}

async fn plain_bucket(engine: Engine, endpoint: &str, noise: &impl Fn(u64) -> Vec<u8>, table: &mut Table) {
    let site = Site::found(engine).await;
    let settings = S3Settings {
        bucket: format!("bench-{}", Uuid::now_v7().simple()),
        endpoint: Some(endpoint.to_owned()),
        region: "us-east-1".to_owned(),
        access_key_id: "test".to_owned(),
        secret_access_key: "test".to_owned(),
        path_style: true,
        prefix: String::new(),
    };
    let store = S3Blobs::open(&settings, site.data().join("spool")).expect("a store");
    store.make_bucket().await.expect("a bucket");
    let reference = async |bytes: &[u8], _: usize| {
        let sha256 = Sha256Hash::of(bytes);
        store.put(OrganizationId(Uuid::nil()), &sha256, bytes.to_vec().into()).await.expect("it is put");
    };
    let more = [
        ("NARYAD_S3_BUCKET", settings.bucket.as_str()),
        ("NARYAD_S3_ENDPOINT", endpoint),
        ("NARYAD_S3_ACCESS_KEY_ID", "test"),
        ("NARYAD_S3_SECRET_ACCESS_KEY", "test"),
    ];
    send(engine, "upload, bucket", "PutObject", site, &more, noise, reference, table).await;
}

#[expect(clippy::too_many_arguments, reason = "both stores are measured by the same steps")]
async fn send(
    engine: Engine,
    what: &'static str,
    against: &'static str,
    site: Site,
    more: &[(&str, &str)],
    noise: &impl Fn(u64) -> Vec<u8>,
    reference: impl AsyncFn(&[u8], usize),
    table: &mut Table,
) {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let town = site.settle(1, 1).await;
    let server = site.serve(more).await;
    let token = town.token(site.data());
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let base = format!("http://{}", server.address);
    let ticket = Uuid::now_v7();
    let registered =
        http.post(format!("{base}/v1/tickets")).bearer_auth(&token).json(&town.registration(ticket, 0));
    assert!(registered.send().await.expect("an answer").status().is_success());
    let mut measure = Measure::printed(engine, what, against);
    for round in 0..=TIMES {
        let bytes = noise(round as u64 + 1);
        let (photo, sha256) = (Uuid::now_v7(), photos::sha256(&bytes));
        let announced =
            json!({ "photo_id": photo, "kind": "before", "sha256": sha256, "bytes": bytes.len() });
        let announced =
            http.post(format!("{base}/v1/tickets/{ticket}/photos")).bearer_auth(&token).json(&announced);
        assert!(announced.send().await.expect("an answer").status().is_success());
        let metadata = format!(
            "photo_id {},sha256 {}",
            BASE64_STANDARD.encode(photo.to_string()),
            BASE64_STANDARD.encode(&sha256)
        );
        let begin = Instant::now();
        let sent = http
            .post(format!("{base}/v1/uploads"))
            .bearer_auth(&token)
            .header("Tus-Resumable", "1.0.0")
            .header("Upload-Length", bytes.len())
            .header("Upload-Metadata", metadata)
            .header("Content-Type", "application/offset+octet-stream")
            .body(bytes.clone());
        assert_eq!(sent.send().await.expect("an answer").status(), 201);
        let ours = begin.elapsed();
        let begin = Instant::now();
        reference(&bytes, round).await;
        let plain = begin.elapsed();
        if round > 0 {
            measure.note(ours, plain);
        }
    }
    table.add(measure);
    server.stop().await;
    site.remove().await;
}
