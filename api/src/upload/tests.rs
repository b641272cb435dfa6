//! The upload protocol as a client speaks it, over a real connection.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use naryad_domain::{
    Scope,
    auth::{AccessClaims, Role, token},
    blob::Sha256Hash,
    id::{FamilyId, MaterialId, PhotoId, new_uuid},
    material::store::{Create, CreateMaterial},
    testing::{self, TestDb},
    ticket::Register,
};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::{
    config::Config,
    server::{self, Listening},
};

const BYTES: &str = "application/offset+octet-stream";

/// A service that listens, with one ticket in it.
struct House {
    app: App,
    listening: Option<Listening>,
    client: reqwest::Client,
    house: testing::House,
    ticket: String,
    token: String,
    database: TestDb,
    _dir: tempfile::TempDir,
}

impl House {
    async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let database = testing::sqlite().await;
        let house = testing::house(&database.db).await;
        let config = Config {
            data: dir.path().to_owned(),
            listen: "127.0.0.1:0".parse().unwrap(),
            ..Config::default()
        };
        let app = App::assemble(config, database.db.clone()).await.unwrap();
        let args = json!({
            "request_type_id": house.kind, "premises_id": house.premises, "description": "Запах в подвале.",
            "applicant_name": "Иван Ильин", "applicant_phone": "8 (912) 345-67-89",
        });
        let register = Register { args: serde_json::from_value(args).unwrap() };
        let ticket = database.db.write(house.desk(), register).await.unwrap().to_string();
        let (sub, family) = (house.dispatcher.0, FamilyId::new(app.clock()));
        let minutes = TimeDelta::minutes(15);
        let claims =
            AccessClaims::new(sub, house.organization, Role::Dispatcher, family, minutes, app.clock());
        let token = format!("Bearer {}", token::issue(&app.keys, &claims).unwrap());
        let listening = Some(server::listen(&app).unwrap());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { app, listening, client, house, ticket, token, database, _dir: dir }
    }

    fn address(&self) -> std::net::SocketAddr {
        self.listening.as_ref().unwrap().address
    }

    /// A request of a client that speaks the protocol.
    fn ask(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.client
            .request(method, format!("http://{}{path}", self.address()))
            .header("Authorization", &self.token)
            .header("Tus-Resumable", "1.0.0")
    }

    async fn announce(&self, bytes: &[u8]) -> String {
        let id = new_uuid(self.app.clock()).to_string();
        let args = json!({
            "photo_id": id, "kind": "before", "sha256": Sha256Hash::of(bytes), "bytes": bytes.len(),
            "position": { "latitude": 55.75, "longitude": 37.61, "accuracy_m": 7.5 },
        });
        let path = format!("/v1/tickets/{}/photos", self.ticket);
        let answer = self.ask("POST", &path).json(&args).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        let ticket: Value = answer.json().await.unwrap();
        assert!(ticket["photos"].as_array().unwrap().iter().any(|photo| photo["id"] == id.as_str()));
        id
    }

    fn create(&self, photo: &str, bytes: &[u8]) -> RequestBuilder {
        self.ask("POST", "/v1/uploads")
            .header("Upload-Length", bytes.len())
            .header("Upload-Metadata", metadata(photo, &Sha256Hash::of(bytes).to_string()))
    }

    /// Announces the bytes and starts their upload.
    async fn begin(&self, bytes: &[u8]) -> (String, String) {
        let photo = self.announce(bytes).await;
        let answer = self.create(&photo, bytes).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), header(&answer, "upload-offset")), (201, "0"));
        let location = header(&answer, "location").to_owned();
        (photo, location)
    }

    fn append(&self, location: &str, offset: usize, bytes: &[u8]) -> RequestBuilder {
        self.ask("PATCH", location)
            .header("Upload-Offset", offset)
            .header("Content-Type", BYTES)
            .body(bytes.to_vec())
    }

    async fn offset(&self, location: &str) -> String {
        let answer = self.ask("HEAD", location).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        header(&answer, "upload-offset").to_owned()
    }

    async fn close(mut self) {
        testing::assert_sound(&self.database.db).await;
        self.listening.take().unwrap().stop().await;
    }
}

fn metadata(photo: &str, sha256: &str) -> String {
    format!("filename eC5qcGc=,photo_id {}, sha256 {}", STANDARD.encode(photo), STANDARD.encode(sha256))
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

async fn problem(request: RequestBuilder) -> (u16, String) {
    let answer = request.send().await.unwrap();
    assert_eq!(header(&answer, "content-type"), crate::problem::MEDIA_TYPE);
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    (status, body["code"].as_str().unwrap().to_owned())
}

fn is(problem: &(u16, String), status: u16, code: &str) {
    assert_eq!((problem.0, problem.1.as_str()), (status, code));
}

fn jpeg(length: usize) -> Vec<u8> {
    let noise = (4..length).map(|at| u8::try_from(at * 31 % 251).unwrap());
    [0xff, 0xd8, 0xff, 0xe0].into_iter().chain(noise).collect()
}

#[actix_web::test]
async fn a_photo_is_sent_in_two_halves_and_served() {
    let house = House::open().await;
    let bytes = jpeg(5000);
    let (photo, location) = house.begin(&bytes).await;
    let half = house.append(&location, 0, &bytes[..2000]).send().await.unwrap();
    assert_eq!((half.status().as_u16(), header(&half, "upload-offset")), (204, "2000"));
    assert_eq!(header(&half, "tus-resumable"), "1.0.0");
    assert_eq!(header(&half, "upload-expires"), "Mon, 09 Mar 2026 09:00:00 GMT");

    let standing = house.ask("HEAD", &location).send().await.unwrap();
    assert_eq!(header(&standing, "upload-offset"), "2000");
    assert_eq!(header(&standing, "upload-length"), "5000");
    assert_eq!(header(&standing, "cache-control"), "no-store");
    is(&problem(house.ask("GET", &format!("/v1/photos/{photo}"))).await, 404, "not_found");

    let checksum = format!("sha256 {}", STANDARD.encode(Sha256Hash::of(&bytes[2000..]).0));
    let rest = house.append(&location, 2000, &bytes[2000..]).header("Upload-Checksum", checksum);
    let rest = rest.send().await.unwrap();
    assert_eq!((rest.status().as_u16(), header(&rest, "upload-offset")), (204, "5000"));
    let again = house.create(&photo, &bytes).send().await.unwrap();
    assert_eq!((again.status().as_u16(), header(&again, "upload-offset")), (201, "5000"));
    assert_eq!(header(&again, "location"), location);

    let path = format!("/v1/photos/{photo}?size=original");
    let served = house.ask("GET", &path).header("Accept-Encoding", "gzip").send().await.unwrap();
    let tag = format!("\"{}\"", Sha256Hash::of(&bytes));
    for (name, value) in [
        ("content-type", "image/jpeg"),
        ("content-length", "5000"),
        ("content-encoding", ""),
        ("etag", tag.as_str()),
        ("content-disposition", &format!("inline; filename=\"{photo}.jpg\"")),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox"),
        ("cache-control", "private, no-cache"),
        ("accept-ranges", "bytes"),
    ] {
        assert_eq!(header(&served, name), value, "{name}");
    }
    assert_eq!(served.bytes().await.unwrap(), bytes);

    let part = house.ask("GET", &path).header("Range", "bytes=4000-9999").send().await.unwrap();
    assert_eq!((part.status().as_u16(), header(&part, "content-range")), (206, "bytes 4000-4999/5000"));
    assert_eq!(part.bytes().await.unwrap(), bytes[4000..]);
    let behind = house.ask("GET", &path).header("Range", "bytes=5000-").send().await.unwrap();
    assert_eq!((behind.status().as_u16(), header(&behind, "content-range")), (416, "bytes */5000"));
    let known = house.ask("GET", &path).header("If-None-Match", tag).send().await.unwrap();
    assert_eq!(known.status(), 304);
    is(&problem(house.ask("GET", &format!("/v1/photos/{photo}?size=64"))).await, 422, "invalid_field");
    house.close().await;
}

#[actix_web::test]
async fn the_service_says_what_it_speaks() {
    let house = House::open().await;
    let url = format!("http://{}/v1/uploads", house.address());
    let answer = house.client.request(Method::OPTIONS, url).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    for (name, value) in [
        ("tus-version", "1.0.0"),
        ("tus-resumable", "1.0.0"),
        ("tus-extension", EXTENSIONS),
        ("tus-max-size", "26214400"),
        ("tus-checksum-algorithm", "sha256"),
    ] {
        assert_eq!(header(&answer, name), value, "{name}");
    }
    house.close().await;
}

#[actix_web::test]
async fn the_first_bytes_may_come_along() {
    let house = House::open().await;
    let bytes = jpeg(3000);
    let photo = house.announce(&bytes).await;
    let whole = |sent: &[u8]| house.create(&photo, &bytes).header("Content-Type", BYTES).body(sent.to_vec());
    let begun = whole(&bytes[..1000]).send().await.unwrap();
    assert_eq!((begun.status().as_u16(), header(&begun, "upload-offset")), (201, "1000"));
    // From the beginning again: what is here already is not taken twice.
    let again = whole(&bytes).send().await.unwrap();
    assert_eq!((again.status().as_u16(), header(&again, "upload-offset")), (201, "1000"));
    let location = header(&again, "location").to_owned();
    house.append(&location, 1000, &bytes[1000..]).send().await.unwrap().error_for_status().unwrap();
    assert_eq!(house.offset(&location).await, "3000");

    let page = b"<html>".repeat(100);
    let photo = house.announce(&page).await;
    let sent = house.create(&photo, &page).header("Content-Type", BYTES).body(page);
    is(&problem(sent).await, 422, "not_a_photo");
    is(&problem(house.ask("GET", &format!("/v1/photos/{photo}"))).await, 404, "not_found");
    house.close().await;
}

#[actix_web::test]
async fn what_is_wrong_is_said_and_moves_nothing() {
    let house = House::open().await;
    let bytes = jpeg(3000);
    let (photo, location) = house.begin(&bytes).await;
    let append = || house.append(&location, 0, &bytes);

    let url = format!("http://{}{location}", house.address());
    let plain = house.client.patch(&url).header("Upload-Offset", 0).header("Content-Type", BYTES);
    let strange = plain.try_clone().unwrap().header("Authorization", &house.token).send().await.unwrap();
    assert_eq!((strange.status().as_u16(), header(&strange, "tus-version")), (412, "1.0.0"));
    assert_eq!(header(&strange, "tus-resumable"), "1.0.0", "problems name the version too");
    is(&problem(plain.header("Tus-Resumable", "1.0.0")).await, 401, "token_missing");

    let typed = house.ask("PATCH", &location).header("Upload-Offset", 0).header("Content-Type", "image/jpeg");
    is(&problem(typed.body(bytes.clone())).await, 415, "unsupported_media");
    is(&problem(append().header("Content-Encoding", "gzip")).await, 415, "unsupported_media");
    is(&problem(house.append(&location, 1, &bytes[1..])).await, 409, "offset_mismatch");
    is(&problem(house.append(&location, 0, &[&bytes[..], b"!"].concat())).await, 413, "too_large");
    let checksum = |value: &str| append().header("Upload-Checksum", value.to_owned());
    is(&problem(checksum("md5 1B2M2Y8AsgTpgAmY7PhCfg==")).await, 400, "malformed_request");
    is(&problem(checksum("sha256 AAAA")).await, 400, "malformed_request");
    let other = STANDARD.encode(Sha256Hash::of(b"other").0);
    is(&problem(checksum(&format!("sha256 {other}"))).await, 460, "hash_mismatch");
    let nameless = house.ask("PATCH", &location).header("Content-Type", BYTES).body(bytes.clone());
    is(&problem(nameless).await, 422, "invalid_field");
    assert_eq!(house.offset(&location).await, "0");
    let nowhere = format!("/v1/uploads/{}", PhotoId::new(house.app.clock()));
    is(&problem(house.append(&nowhere, 0, &bytes)).await, 404, "not_found");

    let sha256 = Sha256Hash::of(&bytes).to_string();
    let ask = |length: &str, metadata: &str| {
        let request = house.ask("POST", "/v1/uploads").header("Upload-Length", length.to_owned());
        problem(request.header("Upload-Metadata", metadata.to_owned()))
    };
    let unknown = PhotoId::new(house.app.clock()).to_string();
    is(&ask("3000", &metadata(&unknown, &sha256)).await, 404, "not_found");
    is(&ask("26214401", &metadata(&photo, &sha256)).await, 413, "too_large");
    for (length, metadata) in [
        ("", metadata(&photo, &sha256)),
        ("-1", metadata(&photo, &sha256)),
        ("2999", metadata(&photo, &sha256)),
        ("3000", metadata(&photo, "00")),
        ("3000", metadata("1", &sha256)),
        ("3000", String::new()),
        ("3000", "photo_id,sha256".to_owned()),
        ("3000", format!("{0},{0}", metadata(&photo, &sha256))),
    ] {
        is(&ask(length, &metadata).await, 422, "invalid_field");
    }
    let wrong = house.append(&location, 0, &jpeg(3000).iter().rev().copied().collect::<Vec<_>>());
    is(&problem(wrong).await, 460, "hash_mismatch");
    assert_eq!(house.offset(&location).await, "0");
    house.close().await;
}

#[actix_web::test]
async fn only_post_gets_through_some_networks() {
    let house = House::open().await;
    let bytes = jpeg(600);
    let (_, location) = house.begin(&bytes).await;
    let sent = house
        .ask("POST", &location)
        .header("X-HTTP-Method-Override", "PATCH")
        .header("Upload-Offset", 0)
        .header("Content-Type", BYTES)
        .body(bytes);
    let sent = sent.send().await.unwrap();
    assert_eq!((sent.status().as_u16(), header(&sent, "upload-offset")), (204, "600"));
    house.close().await;
}

#[actix_web::test]
async fn an_ended_upload_is_gone() {
    let house = House::open().await;
    let bytes = jpeg(600);
    let (photo, location) = house.begin(&bytes).await;
    assert_eq!(house.ask("DELETE", &location).send().await.unwrap().status(), 204);
    is(&problem(house.append(&location, 0, &bytes)).await, 410, "upload_gone");
    assert_eq!(house.ask("HEAD", &location).send().await.unwrap().status(), 410);
    let anew = house.create(&photo, &bytes).send().await.unwrap();
    assert!(anew.status() == 201 && header(&anew, "location") != location);
    house.close().await;
}

#[actix_web::test]
async fn a_client_that_hangs_up_finds_what_it_had_sent() {
    let house = House::open().await;
    let bytes = jpeg(5000);
    let (_, location) = house.begin(&bytes).await;
    let mut connection = tokio::net::TcpStream::connect(house.address()).await.unwrap();
    let head = format!(
        "PATCH {location} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nTus-Resumable: 1.0.0\r\n\
         Upload-Offset: 0\r\nContent-Type: {BYTES}\r\nContent-Length: 5000\r\n\r\n",
        house.token
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&bytes[..3500]).await.unwrap();
    connection.shutdown().await.unwrap();
    // The server has noticed when it closes its side too.
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    assert_eq!(house.offset(&location).await, "3500");
    house.append(&location, 3500, &bytes[3500..]).send().await.unwrap().error_for_status().unwrap();
    assert_eq!(house.offset(&location).await, "5000");
    house.close().await;
}

#[actix_web::test]
async fn material_is_written_down_and_taken_off() {
    let house = House::open().await;
    let material = MaterialId::new(house.app.clock());
    let args: CreateMaterial = serde_json::from_value(
        json!({ "id": material, "code": "P20", "name": "Труба", "unit": "м", "price_minor": 12_345 }),
    )
    .unwrap();
    let admin = Scope::staff(house.house.organization, house.house.dispatcher, Role::Admin);
    house.app.db.write(admin, Create { args }).await.unwrap();
    let path = format!("/v1/tickets/{}/materials", house.ticket);
    let used = json!({ "material_id": material, "quantity": "1.5" });
    let answer = house.ask("POST", &path).json(&used).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let ticket: Value = answer.json().await.unwrap();
    let line = &ticket["materials"][0];
    assert_eq!((&line["quantity"], &line["total_minor"]), (&json!("1.5"), &json!(18_518)));
    let number = json!({ "material_id": material, "quantity": 1.5 });
    is(&problem(house.ask("POST", &path).json(&number)).await, 422, "invalid_field");
    let path = format!("{path}/{}", line["id"].as_str().unwrap());
    let answer = house.ask("DELETE", &path).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.json::<Value>().await.unwrap()["materials"], json!([]));
    is(&problem(house.ask("DELETE", &path)).await, 404, "not_found");
    house.close().await;
}
