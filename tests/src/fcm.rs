//! A stand-in of Firebase Cloud Messaging (HTTP v1) and of its token service, as strict as they are: it checks the
//! signature and the claims of every assertion, the end of every access token, and the shape of every message.

mod account;
mod answer;
mod message;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    http::header::{AUTHORIZATION, CONTENT_TYPE},
    web::{self, Bytes, Data},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use uuid::Uuid;

use self::account::Account;
pub use self::answer::Say;
use crate::{HandClock, House};

/// How long an access token counts, in seconds.
pub const ACCESS_SECONDS: i64 = 3599;

/// A running stand-in. What breaks its rules fails the test when it is dropped.
#[derive(Debug)]
pub struct Fcm {
    url: String,
    account: PathBuf,
    desk: Data<Desk>,
    handle: ServerHandle,
    _folder: TempDir,
}

#[derive(Debug)]
struct Desk {
    clock: HandClock,
    account: Account,
    held: watch::Sender<bool>,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    /// Access tokens by their end.
    granted: BTreeMap<String, DateTime<Utc>>,
    grants: usize,
    /// What is said to the next messages.
    says: VecDeque<Say>,
    /// What is said to the next who ask for access.
    access_says: VecDeque<Say>,
    unregistered: BTreeSet<String>,
    asked: usize,
    taken: Vec<Value>,
    /// When each of them was taken.
    times: Vec<Instant>,
    complaints: Vec<String>,
}

impl Desk {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn grant(&mut self, now: DateTime<Utc>) -> String {
        let token = format!("ya29.{}", Uuid::now_v7().simple());
        self.granted.insert(token.clone(), now + TimeDelta::seconds(ACCESS_SECONDS));
        self.grants += 1;
        token
    }
}

impl Fcm {
    /// Starts on a free port of the loopback, living by `clock`.
    pub async fn start(clock: &HandClock) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let folder = tempfile::tempdir().expect("a temporary directory");
        let account = Account::generate(&format!("{url}/token"));
        let path = folder.path().join("service-account.json");
        std::fs::write(&path, account.file().to_string()).expect("a file of the account");
        let desk = Data::new(Desk {
            clock: clock.clone(),
            account,
            held: watch::Sender::new(false),
            book: Mutex::default(),
        });
        let shared = desk.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .route("/token", web::post().to(grant))
                .route("/v1/projects/{project}/messages:send", web::post().to(send))
                .default_service(web::to(elsewhere))
        });
        let server = server.disable_signals().workers(1).listen(listener).expect("it listens").run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url, account: path, desk, handle, _folder: folder }
    }

    /// Lets a house that is not open yet push through it.
    pub fn serve(&self, house: &House) {
        house.set("NARYAD_FCM_SERVICE_ACCOUNT_FILE", &self.account.to_string_lossy());
        house.set("NARYAD_FCM_ENDPOINT", &self.url);
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where messages go.
    pub fn send_address(&self) -> String {
        format!("{}/v1/projects/{}/messages:send", self.url, account::PROJECT)
    }

    /// The file of its service account.
    pub fn account_file(&self) -> &Path {
        &self.account
    }

    /// The next messages get these answers, one each.
    pub fn say(&self, says: impl IntoIterator<Item = Say>) {
        self.desk.book().says.extend(says);
    }

    /// The next who ask for access get these answers.
    pub fn say_to_access(&self, says: impl IntoIterator<Item = Say>) {
        self.desk.book().access_says.extend(says);
    }

    /// The app was removed from the phone with this token.
    pub fn unregister(&self, token: &str) {
        self.desk.book().unregistered.insert(token.to_owned());
    }

    /// No access token counts any more.
    pub fn revoke_access(&self) {
        self.desk.book().granted.clear();
    }

    /// Messages that come are kept waiting for their answers until [`Fcm::release`].
    pub fn hold(&self) {
        self.desk.held.send_replace(true);
    }

    /// Those that wait are answered.
    pub fn release(&self) {
        self.desk.held.send_replace(false);
    }

    /// How many messages came, whatever was said to them.
    pub fn asked(&self) -> usize {
        self.desk.book().asked
    }

    /// The messages that were taken, in order.
    pub fn taken(&self) -> Vec<Value> {
        self.desk.book().taken.clone()
    }

    /// The messages that were taken after the first `seen`, in order, each with its time.
    pub fn taken_after(&self, seen: usize) -> Vec<(Instant, Value)> {
        let book = self.desk.book();
        let from = seen.min(book.taken.len());
        let taken = book.times[from..].iter().zip(&book.taken[from..]);
        taken.map(|(at, message)| (*at, message.clone())).collect()
    }

    /// An access token for somebody who has no account: he need not ask the token service.
    pub fn access(&self) -> String {
        self.desk.book().grant(self.desk.clock.now())
    }

    /// The tokens of the messages that were taken, in order.
    pub fn reached(&self) -> Vec<String> {
        let token = |message: &Value| message["token"].as_str().unwrap_or_default().to_owned();
        self.desk.book().taken.iter().map(token).collect()
    }

    /// How many access tokens were given.
    pub fn grants(&self) -> usize {
        self.desk.book().grants
    }

    /// What broke the rules so far; the test no longer fails for it.
    pub fn take_complaints(&self) -> Vec<String> {
        std::mem::take(&mut self.desk.book().complaints)
    }
}

impl Drop for Fcm {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
        let complaints = self.take_complaints();
        if !std::thread::panicking() {
            assert!(complaints.is_empty(), "FCM was misused: {complaints:?}");
        }
    }
}

/// The token service.
async fn grant(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    if let Some(say) = desk.book().access_says.pop_front() {
        return say.to_answer();
    }
    let form = header(&request, CONTENT_TYPE.as_str()) == Some("application/x-www-form-urlencoded");
    let now = desk.clock.now();
    let checked = if form { desk.account.check(&body, now) } else { Err("no form".to_owned()) };
    let mut book = desk.book();
    if let Err(complaint) = checked {
        book.complaints.push(complaint);
        return HttpResponse::BadRequest().json(json!({ "error": "invalid_grant" }));
    }
    let token = book.grant(now);
    HttpResponse::Ok()
        .json(json!({ "access_token": token, "expires_in": ACCESS_SECONDS, "token_type": "Bearer" }))
}

/// `messages:send`.
async fn send(
    desk: Data<Desk>,
    project: web::Path<String>,
    request: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    desk.book().asked += 1;
    let _ = desk.held.subscribe().wait_for(|held| !held).await;
    let bearer = header(&request, AUTHORIZATION.as_str()).and_then(|value| value.strip_prefix("Bearer "));
    let now = desk.clock.now();
    let counts = bearer.is_some_and(|token| desk.book().granted.get(token).is_some_and(|end| now < *end));
    if !counts {
        return Say::Unauthorized.to_answer();
    }
    if *project != account::PROJECT {
        desk.book().complaints.push(format!("another project: {project}"));
        return Say::Elsewhere.to_answer();
    }
    let json = header(&request, CONTENT_TYPE.as_str()) == Some("application/json");
    let message = match message::check(&body) {
        Ok(message) if json => message,
        Ok(_) => return complain(&desk, "no JSON by its content type".to_owned()),
        Err(complaint) => return complain(&desk, complaint),
    };
    let say = desk.book().says.pop_front();
    match say {
        Some(Say::Silence) => std::future::pending().await,
        Some(say) => say.to_answer(),
        None => take(&desk, message),
    }
}

fn take(desk: &Desk, message: Value) -> HttpResponse {
    let mut book = desk.book();
    if book.unregistered.contains(message["token"].as_str().unwrap_or_default()) {
        return Say::Unregistered.to_answer();
    }
    book.taken.push(message);
    book.times.push(Instant::now());
    let name = format!("projects/{}/messages/0:{}", account::PROJECT, book.taken.len());
    HttpResponse::Ok().json(json!({ "name": name }))
}

fn complain(desk: &Desk, complaint: String) -> HttpResponse {
    desk.book().complaints.push(complaint);
    Say::BadRequest.to_answer()
}

async fn elsewhere(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    complain(&desk, format!("nothing is at {} {}", request.method(), request.path()))
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}
