//! Bytes through a bad network, into a directory and into a bucket: whole or not at all.

use std::sync::Arc;

use naryad_api::s3::{S3Blobs, S3Settings};
use naryad_tests::{
    Answer, Client, Engine, House,
    estate::{Estate, announce, bring, location, open_upload, send_slice},
    faulty::{Faulty, Mood},
    on_both, photos, proves,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::Method;
use uuid::Uuid;

/// The real S3 server of this run.
fn server() -> String {
    std::env::var("NARYAD_TEST_S3").expect("scripts/s3.sh -- COMMAND starts a server and names it")
}

/// Puts the house on a bucket of its own, which it reaches at `endpoint`.
async fn on_a_bucket(house: &House, endpoint: &str) {
    let settings = S3Settings {
        bucket: format!("story-{}", Uuid::now_v7().simple()),
        endpoint: Some(server()),
        region: "us-east-1".to_owned(),
        access_key_id: "test".to_owned(),
        secret_access_key: "test".to_owned(),
        path_style: true,
        prefix: String::new(),
    };
    let store = S3Blobs::open(&settings, house.data().join("spool")).expect("a store");
    store.make_bucket().await.expect("a bucket");
    house.set("NARYAD_S3_BUCKET", &settings.bucket);
    house.set("NARYAD_S3_ENDPOINT", endpoint);
    house.set("NARYAD_S3_ACCESS_KEY_ID", "test");
    house.set("NARYAD_S3_SECRET_ACCESS_KEY", "test");
}

async fn offset(client: &Client, upload: &str) -> usize {
    let answer = client.request(Method::HEAD, upload).header("Tus-Resumable", "1.0.0").send().await.ok(200);
    answer.header("Upload-Offset").parse().unwrap()
}

/// A POST without a body.
async fn ask(client: &Client, upload: &str, what: &str) -> Answer {
    client.request(Method::POST, &format!("{upload}/{what}")).send().await
}

async fn bytes_of(client: &Client, photo: Uuid) -> Vec<u8> {
    client.get(&format!("/v1/photos/{photo}?size=original")).await.ok(200).bytes
}

/// Cut anywhere, by the network, by SIGKILL, by another node: the bytes are those that were sent.
async fn cut_anywhere(house: &House) {
    let estate = Estate::found(house, "УК Дом").await;
    let ticket = estate.register("HVS-BURST", "Прорвало трубу в ванной.").await.id("/id");
    let desk = &estate.dispatcher;
    let mut random = StdRng::seed_from_u64(41);
    for seed in 0..4 {
        let whole = photos::jpeg_of(seed, 900, 700, 92);
        let photo = announce(desk, ticket, "before", &whole).await;
        let upload = location(&open_upload(desk, photo, &whole).await.ok(201));
        let mut stands = 0;
        let mut node: Option<Arc<naryad_tests::Node>> = None;
        while stands < whole.len() {
            let client = node.as_ref().map_or_else(|| house.client(), |node| house.client_of(node));
            client.set_token(&desk.token().unwrap());
            let end = random.random_range(stands + 1..=whole.len());
            send_slice(&client, &upload, stands, &whole[stands..end]).await.ok(204);
            // The node dies with what it knows; another one goes on from what is durable.
            match house.engine() {
                Engine::Postgres if node.is_none() => {
                    let more = house.serve_more(&["--no-worker"]).await;
                    house.kill9().await;
                    node = Some(more);
                }
                Engine::Postgres => {
                    house.open().await;
                    if let Some(node) = node.take() {
                        node.kill9().await;
                    }
                }
                Engine::Sqlite => {
                    house.kill9().await;
                    house.open().await;
                }
            }
            let client = node.as_ref().map_or_else(|| house.client(), |node| house.client_of(node));
            client.set_token(&desk.token().unwrap());
            let stood = offset(&client, &upload).await;
            assert_eq!(stood, end, "what was answered stands");
            stands = stood;
        }
        if !house.main().is_running().await {
            house.open().await;
        }
        if let Some(node) = node {
            node.kill9().await;
        }
        assert_eq!(bytes_of(desk, photo).await, whole);
    }
    let verified = house.naryad(&["photos", "verify", "--deep"]).await;
    assert!(verified.stdout.contains(" 0 findings"), "{}", verified.stdout);
}

on_both! {
    closed,
    /// In a bucket: any node continues any upload, whatever died before.
    async fn an_upload_survives_its_nodes_in_a_bucket(house: &House) {
        proves!(R2);
        on_a_bucket(house, &server()).await;
        house.open().await;
        cut_anywhere(house).await;
    }
}

on_both! {
    /// In a directory: the same.
    async fn an_upload_survives_its_nodes_in_a_directory(house: &House) {
        cut_anywhere(house).await;
    }
}

on_both! {
    closed,
    /// A store that fails in every way: what is not kept is not acknowledged, what was acknowledged is kept, and when the
    /// store is well again everything goes on from where it stood.
    async fn a_failing_bucket_loses_nothing(house: &House) {
        let store = Faulty::before(&server()).await;
        house.tolerate_error("the store of photos does not answer now");
        on_a_bucket(house, store.url()).await;
        house.open().await;
        let estate = Estate::found(house, "УК Дом").await;
        let ticket = estate.register("HVS-BURST", "Прорвало трубу в ванной.").await.id("/id");
        let desk = &estate.dispatcher;
        let whole = photos::jpeg_of(21, 400, 300, 90);
        let half = whole.len() / 2;
        let photo = announce(desk, ticket, "before", &whole).await;
        let upload = location(&open_upload(desk, photo, &whole).await.ok(201));
        for mood in [Mood::Status(500), Mood::Status(503), Mood::Status(412), Mood::Half, Mood::Gone] {
            store.be(mood);
            let refused = send_slice(desk, &upload, 0, &whole[..half]).await.problem(503, "unavailable");
            assert!(!refused.header("retry-after").is_empty());
            store.be(Mood::Well);
            assert_eq!(offset(desk, &upload).await, 0, "{mood:?}");
        }
        send_slice(desk, &upload, 0, &whole[..half]).await.ok(204);
        // The last byte is kept, and its judgement fails: the next question judges it.
        send_slice(desk, &upload, half, &whole[half..whole.len() - 1]).await.ok(204);
        store.be(Mood::Status(503));
        send_slice(desk, &upload, whole.len() - 1, &whole[whole.len() - 1..]).await.problem(503, "unavailable");
        desk.get(&format!("/v1/photos/{photo}")).await.problem(404, "not_found");
        assert!(store.faults() > 6, "the store did fail: {}", store.faults());
        store.be(Mood::Well);
        let stands = offset(desk, &upload).await;
        if stands < whole.len() {
            send_slice(desk, &upload, stands, &whole[stands..]).await.ok(204);
        }
        assert_eq!(bytes_of(desk, photo).await, whole);
    }
}

on_both! {
    closed,
    /// A bucket hands out its own links and takes uploads past the service; they are verified all the same.
    async fn a_bucket_signs_what_it_serves_and_takes(house: &House) {
        on_a_bucket(house, &server()).await;
        house.open().await;
        let estate = Estate::found(house, "УК Дом").await;
        let ticket = estate.register("HVS-BURST", "Прорвало трубу в ванной.").await.id("/id");
        let desk = &estate.dispatcher;
        let whole = photos::jpeg_of(5, 400, 300, 90);
        let photo = announce(desk, ticket, "before", &whole).await;
        let upload = location(&open_upload(desk, photo, &whole).await.ok(201));
        ask(desk, &upload, "arrived").await.problem(409, "offset_mismatch");
        let signed = ask(desk, &upload, "signed").await.ok(201);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut put = http.put(signed.text("/url")).body(whole.clone());
        for (name, value) in signed.json("/headers").as_object().unwrap() {
            if !name.eq_ignore_ascii_case("content-length") {
                put = put.header(name, value.as_str().unwrap());
            }
        }
        assert!(put.send().await.unwrap().status().is_success());
        ask(desk, &upload, "arrived").await.ok(204);
        assert_eq!(bytes_of(desk, photo).await, whole);
        let link = desk.get(&format!("/v1/photos/{photo}/link?size=original")).await.ok(200);
        let served = http.get(link.text("/url")).send().await.unwrap();
        assert_eq!(served.headers()["content-type"], "image/jpeg");
        assert_eq!(served.bytes().await.unwrap(), whole);
        let doctor = house.naryad(&["doctor"]).await;
        assert!(doctor.stdout.contains("verifies and never overwrites"), "{}", doctor.stdout);
    }
}

on_both! {
    /// Behind the service: a link needs no token, counts for a while and for one object; clients cannot go past it.
    async fn a_directory_is_linked_by_the_service(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let ticket = estate.register("HVS-BURST", "Прорвало трубу в ванной.").await.id("/id");
        let desk = &estate.dispatcher;
        let whole = photos::jpeg_of(6, 400, 300, 90);
        let photo = bring(desk, ticket, "before", &whole).await;
        let link = desk.get(&format!("/v1/photos/{photo}/link")).await.ok(200);
        let path = link.text("/url").to_owned();
        let nobody = house.client();
        let served = nobody.get(&path).await.ok(200);
        assert_eq!(served.bytes, whole);
        assert_eq!(served.header("content-type"), "image/jpeg");
        let part = nobody.request(Method::GET, &path).header("Range", "bytes=5-9").send().await.ok(206);
        assert_eq!(part.bytes, &whole[5..10]);
        let mut forged = path.clone();
        forged.replace_range(path.len() - 1.., if path.ends_with('A') { "B" } else { "A" });
        nobody.get(&forged).await.problem(404, "not_found");
        house.clock().advance_minutes(16);
        nobody.get(&path).await.problem(404, "not_found");
        let second = photos::jpeg_of(7, 400, 300, 90);
        let photo = announce(desk, ticket, "after", &second).await;
        let upload = location(&open_upload(desk, photo, &second).await.ok(201));
        ask(desk, &upload, "signed").await.problem(409, "unsupported_store");
    }
}

on_both! {
    /// The client that browsers use, as it is published: cut off, and resumed.
    async fn tus_js_client_is_cut_and_resumed(house: &House) {
        let folder = std::env::var("NARYAD_TEST_TUS_JS").expect("scripts/tus-js.sh prints it");
        let estate = Estate::found(house, "УК Дом").await;
        let ticket = estate.register("HVS-BURST", "Прорвало трубу в ванной.").await.id("/id");
        let desk = &estate.dispatcher;
        let whole = photos::jpeg_of(8, 1200, 900, 92);
        let file = house.data().join("photo.jpg");
        std::fs::write(&file, &whole).unwrap();
        let photo = announce(desk, ticket, "before", &whole).await;
        let ran = tokio::process::Command::new("node")
            .arg("upload.mjs")
            .arg(format!("{}/v1/uploads", house.main().url()))
            .args([&desk.token().unwrap(), &photo.to_string(), &photos::sha256(&whole)])
            .arg(&file)
            .current_dir(folder)
            .output()
            .await
            .expect("node runs");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let told: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
        assert!(told["cut"].as_u64() < told["size"].as_u64(), "it was cut: {told}");
        assert_eq!(bytes_of(desk, photo).await, whole);
    }
}
