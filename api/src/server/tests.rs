//! The service as a client sees it, without a socket where none is needed.

use std::{pin::Pin, time::Duration};

use actix_web::{
    HttpResponse,
    body::{MessageBody, to_bytes},
    get,
    http::{StatusCode, header},
    post,
    test::{TestRequest, call_service, init_service, try_call_service},
    web,
};
use bytes::Bytes;
use chrono::TimeDelta;
use naryad_domain::{
    Scope,
    auth::{AccessClaims, Role, token},
    clock::ManualClock,
    feed::Poke,
    id::{FamilyId, JobId, OrganizationId, TicketId, UserId},
    job::{self, NewJob},
    testing::{self, TestDb},
    write::{Act, Tx},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::{
    config::Config,
    extract::{IfMatch, Json, PathId},
};

/// What is to happen by itself has this long.
const PATIENCE: Duration = Duration::from_secs(30);

struct House {
    app: App,
    clock: ManualClock,
    organization: OrganizationId,
    _database: TestDb,
    _dir: tempfile::TempDir,
}

async fn house(change: impl FnOnce(&mut Config)) -> House {
    let dir = tempfile::tempdir().unwrap();
    let database = testing::sqlite().await;
    let organization = testing::house(&database.db).await.organization;
    let mut config =
        Config { data: dir.path().to_owned(), listen: "127.0.0.1:0".parse().unwrap(), ..Config::default() };
    change(&mut config);
    let app = App::assemble(config, database.db.clone()).await.unwrap();
    House { app, clock: database.clock.clone(), organization, _database: database, _dir: dir }
}

impl House {
    fn token(&self, role: Role) -> String {
        let clock = self.app.clock();
        let (sub, family) = (UserId::new(clock).0, FamilyId::new(clock));
        let claims = AccessClaims::new(sub, self.organization, role, family, TimeDelta::minutes(15), clock);
        format!("Bearer {}", token::issue(&self.app.keys, &claims).unwrap())
    }

    async fn dead_job(&self) -> JobId {
        self.app.db.write(Scope::system(self.organization), Enqueue).await.unwrap();
        let minute = TimeDelta::seconds(60);
        let claimed = job::claim(&self.app.db, self.organization, minute).await.unwrap().unwrap();
        job::fail(&self.app.db, claimed.lease, 1, 1, "no luck").await.unwrap();
        claimed.lease.job
    }
}

struct Enqueue;

impl Act for Enqueue {
    const NAME: &'static str = "test.enqueue";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> naryad_domain::Result<()> {
        let (organization, run_at) = (tx.scope().organization(), tx.now());
        tx.enqueue(NewJob { organization, kind: "test", payload: json!({}), run_at, dedup_key: None });
        Ok(())
    }
}

/// An answer, read to its end.
struct Seen {
    status: u16,
    headers: header::HeaderMap,
    body: Bytes,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Status, code, and the first field that is not acceptable.
    fn problem(&self) -> (u16, String, String) {
        assert_eq!(self.header("content-type"), crate::problem::MEDIA_TYPE);
        let body = self.json();
        assert_eq!(body["status"], self.status);
        assert_eq!(body["request_id"], self.header("x-request-id"));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (self.status, text(&body["code"]), text(&body["errors"][0]["field"]))
    }
}

macro_rules! ask {
    ($service:expr, $request:expr) => {{
        let response = match try_call_service(&$service, $request.to_request()).await {
            Ok(response) => response.map_into_boxed_body().into_parts().1,
            // What leaves the service as an error is rendered by the server.
            Err(error) => error.error_response(),
        };
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Seen { status, headers, body: to_bytes(response.into_body()).await.ok().unwrap() }
    }};
}

fn is(problem: &(u16, String, String), status: u16, code: &str, field: &str) {
    assert_eq!((problem.0, problem.1.as_str(), problem.2.as_str()), (status, code, field));
}

/// What is around every real request, around routes that show what extractors do.
macro_rules! stage {
    ($house:expr) => {
        init_service(
            ActixApp::new()
                .app_data(web::Data::new($house.app.clone()))
                .service(take_order)
                .service(show_version)
                .service(show_id)
                .service(break_down)
                .wrap(from_fn(request::around))
                .wrap(TracingLogger::<RequestSpan>::new()),
        )
        .await
    };
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    lines: Vec<u32>,
}

#[post("/orders")]
async fn take_order(Json(order): Json<Order>) -> HttpResponse {
    HttpResponse::Ok().json(order.lines.len())
}

#[post("/version")]
async fn show_version(version: IfMatch) -> HttpResponse {
    HttpResponse::Ok().json(version.0)
}

#[get("/things/{id}/{other}")]
async fn show_id(ids: PathId<(TicketId, UserId)>) -> HttpResponse {
    HttpResponse::Ok().json(ids.0)
}

#[get("/broken")]
async fn break_down() -> HttpResponse {
    panic!("the handler is broken")
}

#[actix_web::test]
async fn a_body_is_refused_for_what_it_is() {
    let house = house(|_| {}).await;
    let stage = stage!(house);
    let order = || TestRequest::post().uri("/orders");
    let json = ("Content-Type", "application/json; charset=utf-8");

    let fine = ask!(stage, order().insert_header(json).set_payload(r#"{"lines":[1,2]}"#));
    assert_eq!((fine.status, fine.json()), (200, json!(2)));

    let seen = ask!(stage, order().set_payload(r#"{"lines":[]}"#));
    is(&seen.problem(), 415, "unsupported_media", "");
    let seen =
        ask!(stage, order().insert_header(("Content-Type", "text/json")).set_payload(r#"{"lines":[]}"#));
    is(&seen.problem(), 415, "unsupported_media", "");
    let packed = order().insert_header(json).insert_header(("Content-Encoding", "gzip"));
    is(&ask!(stage, packed.set_payload(r#"{"lines":[]}"#)).problem(), 415, "unsupported_media", "");
    is(&ask!(stage, order().insert_header(json).set_payload("{")).problem(), 400, "malformed_request", "");
    is(&ask!(stage, order().insert_header(json)).problem(), 400, "malformed_request", "");
    let wrong = order().insert_header(json).set_payload(r#"{"lines":[1,-2]}"#);
    is(&ask!(stage, wrong).problem(), 422, "invalid_field", "lines[1]");
    let unknown = order().insert_header(json).set_payload(r#"{"lines":[],"note":""}"#);
    is(&ask!(stage, unknown).problem(), 422, "invalid_field", "note");

    let long = |length: usize| {
        let filler = "1,".repeat(length);
        order().insert_header(json).set_payload(format!("{{\"lines\":[{filler}1]}}"))
    };
    assert_eq!(ask!(stage, long(100_000)).status, 200);
    let seen = ask!(stage, long(600_000));
    is(&seen.problem(), 413, "too_large", "");
    assert_eq!(seen.json()["limit"], 1024 * 1024);
}

#[actix_web::test]
async fn versions_and_identifiers_are_read_strictly() {
    let house = house(|_| {}).await;
    let stage = stage!(house);
    let version = || TestRequest::post().uri("/version");
    assert_eq!(ask!(stage, version().insert_header(("If-Match", "\"7\""))).json(), json!(7));
    is(&ask!(stage, version()).problem(), 428, "version_required", "");
    is(&ask!(stage, version().insert_header(("If-Match", "W/\"7\""))).problem(), 412, "version_stale", "");

    let (one, other) = (TicketId::new(house.app.clock()), UserId::new(house.app.clock()));
    let things = |path: String| TestRequest::get().uri(&path);
    assert_eq!(ask!(stage, things(format!("/things/{one}/{other}"))).json(), json!([one, other]));
    is(&ask!(stage, things(format!("/things/{one}/7"))).problem(), 404, "not_found", "");
    is(&ask!(stage, things(format!("/things/%2e/{other}"))).problem(), 404, "not_found", "");
}

#[actix_web::test]
async fn a_panic_is_a_problem_of_this_request_only() {
    let house = house(|_| {}).await;
    let stage = stage!(house);
    let broken = ask!(stage, TestRequest::get().uri("/broken").insert_header(("X-Request-Id", "abc")));
    is(&broken.problem(), 500, "internal", "");
    assert_eq!(broken.header("x-request-id"), "abc");
    assert!(!broken.json().to_string().contains("handler is broken"), "the cause stays in the log");
    assert_eq!(ask!(stage, TestRequest::post().uri("/version")).status, 428, "the next one is served");
}

#[actix_web::test]
async fn a_token_says_who_asks() {
    let house = house(|_| {}).await;
    let service = init_service(service(house.app.clone())).await;
    let dead = || TestRequest::get().uri("/v1/jobs/dead");

    let seen = ask!(service, dead());
    is(&seen.problem(), 401, "token_missing", "");
    assert_eq!(seen.header("www-authenticate"), "Bearer");
    for garbage in ["Bearer x", "Bearer", "Basic YTpi", "", "Bearer \u{e4}"] {
        let seen = ask!(service, dead().insert_header(("Authorization", garbage)));
        is(&seen.problem(), 401, "token_invalid", "");
        assert_eq!(seen.header("www-authenticate"), r#"Bearer error="invalid_token""#);
    }
    // A resident without a login is none of ours, whoever signed the token.
    let seen = ask!(service, dead().insert_header(("Authorization", house.token(Role::Resident))));
    is(&seen.problem(), 401, "token_invalid", "");
    let seen = ask!(service, dead().insert_header(("Authorization", house.token(Role::Technician))));
    is(&seen.problem(), 403, "forbidden", "");

    let manager = house.token(Role::Manager);
    let seen = ask!(service, dead().insert_header(("Authorization", manager.clone())));
    assert_eq!((seen.status, seen.json()), (200, json!([])));
    house.clock.advance(TimeDelta::minutes(15));
    let seen = ask!(service, dead().insert_header(("Authorization", manager)));
    is(&seen.problem(), 401, "token_expired", "");
}

#[actix_web::test]
async fn an_undocumented_parameter_is_refused_and_not_ignored() {
    let house = house(|_| {}).await;
    let service = init_service(service(house.app.clone())).await;
    let asked =
        |path: &str| TestRequest::get().uri(path).insert_header(("Authorization", house.token(Role::Admin)));
    is(&ask!(service, asked("/v1/jobs/dead?limitt=5")).problem(), 422, "invalid_field", "limitt");
    is(&ask!(service, TestRequest::get().uri("/v1/jobs/dead?x=1")).problem(), 401, "token_missing", "");
    assert_eq!(ask!(service, asked("/v1/jobs/dead?")).status, 200);
}

#[actix_web::test]
async fn what_no_route_takes_is_told_apart() {
    let house = house(|_| {}).await;
    let service = init_service(service(house.app.clone())).await;
    is(&ask!(service, TestRequest::get().uri("/v1/nothing")).problem(), 404, "not_found", "");
    let seen = ask!(service, TestRequest::delete().uri("/v1/jobs/dead"));
    is(&seen.problem(), 405, "method_not_allowed", "");
    assert_eq!(seen.header("allow"), "GET");
    let seen = ask!(service, TestRequest::get().uri("/v1/jobs/x/rerun"));
    assert_eq!((seen.status, seen.header("allow")), (405, "POST"));
}

#[actix_web::test]
async fn a_request_id_comes_back_if_it_is_one() {
    let house = house(|_| {}).await;
    let service = init_service(service(house.app.clone())).await;
    let asked = |id: &str| TestRequest::get().uri("/healthz").insert_header(("X-Request-Id", id.to_owned()));
    assert_eq!(ask!(service, asked("7f-a.b")).header("x-request-id"), "7f-a.b");
    for bad in ["", "with space", &"x".repeat(129)] {
        let given = ask!(service, asked(bad)).header("x-request-id").to_owned();
        assert_eq!(uuid::Uuid::parse_str(&given).unwrap().get_version_num(), 7, "{bad}");
    }
}

#[actix_web::test]
async fn a_repeated_post_is_answered_and_not_done_again() {
    let house = house(|_| {}).await;
    let service = init_service(service(house.app.clone())).await;
    let (one, other) = (house.dead_job().await, house.dead_job().await);
    let manager = house.token(Role::Manager);
    let rerun = |job: JobId| {
        let path = format!("/v1/jobs/{job}/rerun");
        TestRequest::post().uri(&path).insert_header(("Authorization", manager.clone()))
    };
    let key = ("Idempotency-Key", "k1");
    assert_eq!(ask!(service, rerun(one).insert_header(key)).status, 204);
    assert_eq!(ask!(service, rerun(one).insert_header(key)).status, 204, "the stored answer");
    is(&ask!(service, rerun(one)).problem(), 409, "job_not_dead", "");
    assert_eq!(ask!(service, rerun(other).insert_header(key)).status, 204, "another address, another key");
    let bad = rerun(one).insert_header(("Idempotency-Key", "with space"));
    is(&ask!(service, bad).problem(), 422, "invalid_field", "Idempotency-Key");
}

#[actix_web::test]
async fn signing_in_is_slow_for_those_who_guess() {
    let house = house(|config| config.auth_per_minute = 2).await;
    let service = init_service(service(house.app.clone())).await;
    let from = |address: &str| {
        TestRequest::get().uri("/v1/auth/nothing").peer_addr(format!("{address}:1").parse().unwrap())
    };
    assert_eq!(ask!(service, from("10.0.0.1")).status, 404);
    assert_eq!(ask!(service, from("10.0.0.1")).status, 404);
    let seen = ask!(service, from("10.0.0.1"));
    is(&seen.problem(), 429, "too_many_requests", "");
    assert!((1..=30).contains(&seen.header("retry-after").parse::<u32>().unwrap()));
    assert_eq!(ask!(service, from("10.0.0.2")).status, 404, "another address is another client");
    let forged = from("10.0.0.1").insert_header(("X-Forwarded-For", "10.0.0.9"));
    assert_eq!(ask!(service, forged).status, 429, "the header counts only behind a proxy");
    assert_eq!(ask!(service, TestRequest::get().uri("/healthz")).status, 200);
}

#[actix_web::test]
async fn readiness_ends_when_the_shutdown_begins() {
    let house = house(|_| {}).await;
    let service = init_service(service(house.app.clone())).await;
    assert_eq!(ask!(service, TestRequest::get().uri("/readyz")).status, 200);
    house.app.stop.cancel();
    let seen = ask!(service, TestRequest::get().uri("/readyz"));
    is(&seen.problem(), 503, "unavailable", "");
    assert!(!seen.header("retry-after").is_empty());
    assert_eq!(ask!(service, TestRequest::get().uri("/healthz")).status, 200);
}

#[actix_web::test]
async fn the_pages_need_no_other_network() {
    let house = house(|_| {}).await;
    let service = init_service(service(house.app.clone())).await;
    assert_eq!(ask!(service, TestRequest::get().uri("/docs/")).status, 200);
    let contract = ask!(service, TestRequest::get().uri("/openapi.yaml"));
    assert_eq!(contract.body, crate::openapi::yaml().unwrap());
    let errors = ask!(service, TestRequest::get().uri("/docs/errors"));
    for code in Code::ALL {
        assert!(String::from_utf8_lossy(&errors.body).contains(&format!("id=\"{}\"", code.name())));
    }
    let packed =
        ask!(service, TestRequest::get().uri("/openapi.yaml").insert_header(("Accept-Encoding", "gzip")));
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.body.len() < contract.body.len() / 2);
}

/// The next piece of a stream; `None` at its end.
async fn piece<B: MessageBody>(body: &mut Pin<Box<B>>) -> Option<String> {
    let next = std::future::poll_fn(|context| body.as_mut().poll_next(context));
    let next = tokio::time::timeout(PATIENCE, next).await.expect("the stream says something");
    next.map(|bytes| String::from_utf8(bytes.ok().unwrap().to_vec()).unwrap())
}

macro_rules! watch {
    ($house:expr) => {{
        let service = init_service(service($house.app.clone())).await;
        let watch = TestRequest::get().uri("/v1/events").insert_header(("Accept-Encoding", "gzip"));
        let watch = watch.insert_header(("Authorization", $house.token(Role::Dispatcher)));
        let response = call_service(&service, watch.to_request()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers().get("content-type").unwrap(), "text/event-stream");
        let mut body = Box::pin(response.into_body());
        assert_eq!(piece(&mut body).await.unwrap(), ": open\n\n");
        body
    }};
}

#[actix_web::test]
async fn a_stream_says_what_kind_of_things_changed_in_ones_own_house() {
    let house = house(|_| {}).await;
    let mut body = watch!(house);
    let pokes = house.app.db.pokes();
    let poke = |organization, entity: &str| {
        let mut poke = Poke::new(organization);
        poke.entities.insert(entity.to_owned());
        pokes.relay(poke);
    };
    poke(OrganizationId::new(house.app.clock()), "premises");
    poke(house.organization, "ticket");
    assert_eq!(piece(&mut body).await.unwrap(), "event: poke\ndata: {\"entities\":[\"ticket\"]}\n\n");
    for _ in 0..2000 {
        poke(house.organization, "ticket");
    }
    assert_eq!(piece(&mut body).await.unwrap(), "event: resync\ndata: {}\n\n");
}

#[actix_web::test]
async fn a_stream_ends_with_its_token_and_with_the_service() {
    let house = house(|_| {}).await;
    let mut body = watch!(house);
    house.clock.advance(TimeDelta::minutes(15));
    assert_eq!(piece(&mut body).await, None);

    let mut body = watch!(house);
    house.app.stop.cancel();
    assert_eq!(piece(&mut body).await, None);
}

#[actix_web::test]
async fn streams_are_for_the_desk() {
    let house = house(|_| {}).await;
    let service = init_service(service(house.app.clone())).await;
    for (role, status) in [(Role::Technician, 403), (Role::Integration, 403)] {
        let watch = TestRequest::get().uri("/v1/events").insert_header(("Authorization", house.token(role)));
        assert_eq!(ask!(service, watch).status, status);
    }
}

/// A real server stops although a stream and an idle connection are open, and a write whose client has gone ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_waits_for_what_runs_and_for_nothing_else() {
    let house = house(|_| {}).await;
    let listening = listen(&house.app).unwrap();
    let base = format!("http://{}", listening.address);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    assert_eq!(client.get(format!("{base}/healthz")).send().await.unwrap().status(), 200);
    let stream =
        client.get(format!("{base}/v1/events")).header("Authorization", house.token(Role::Dispatcher));
    let stream = stream.send().await.unwrap();

    let stopped = async {
        listening.drain(&house.app).await;
        house.app.db.close().await;
        listening.stop().await;
    };
    tokio::time::timeout(PATIENCE / 2, stopped).await.expect("the server stops");
    assert!(stream.text().await.unwrap().starts_with(": open"));
    assert!(client.get(format!("{base}/healthz")).send().await.is_err(), "nobody listens any more");
}
