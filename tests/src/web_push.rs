//! A stand-in of the push services of browsers (RFC 8030, 8291, 8292), as strict as they are: it checks who asks, by whose
//! key, and every header; and a browser that subscribed there opens what was encrypted for it.

mod browser;
mod request;
mod say;
mod statement;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    web::{self, Bytes, Data},
};
use serde_json::Value;
use tokio::sync::watch;

use self::request::Refused;
pub use self::{browser::Browser, say::Say};
use crate::{HandClock, House};

/// Where push services reach whoever runs the house.
pub const CONTACT: &str = "mailto:duty@dom.example";

/// A running stand-in. What breaks its rules fails the test when it is dropped.
#[derive(Debug)]
pub struct PushService {
    url: String,
    desk: Data<Desk>,
    handle: ServerHandle,
}

#[derive(Debug)]
struct Desk {
    url: String,
    clock: HandClock,
    held: watch::Sender<bool>,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    /// By the path of the endpoint.
    subscribed: BTreeMap<String, Subscribed>,
    /// What is said to the next messages.
    says: VecDeque<Say>,
    asked: usize,
    taken: Vec<Pushed>,
    complaints: Vec<String>,
}

#[derive(Clone, Debug)]
struct Subscribed {
    browser: Browser,
    /// The key it subscribed with: messages signed by another are refused.
    key: String,
    gone: bool,
}

/// A message that was taken, as the browser reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pushed {
    /// Which browser it is for.
    pub endpoint: String,
    /// So many seconds it is kept.
    pub ttl: u32,
    /// How urgent it is; `normal` where nothing was said.
    pub urgency: String,
    /// Of those that wait with the same one the last is brought.
    pub topic: Option<String>,
    /// What the service worker reads.
    pub text: String,
}

impl Pushed {
    /// The text as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("a push is JSON")
    }
}

impl Desk {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PushService {
    /// Starts on a free port of the loopback, living by `clock`.
    pub async fn start(clock: &HandClock) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let desk = Data::new(Desk {
            url: url.clone(),
            clock: clock.clone(),
            held: watch::Sender::new(false),
            book: Mutex::default(),
        });
        let shared = desk.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .route("/push/{name}", web::post().to(push))
                .default_service(web::to(elsewhere))
        });
        let server = server.disable_signals().workers(1).listen(listener).expect("it listens").run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url, desk, handle }
    }

    /// Lets a house that is not open yet push to browsers through it.
    pub fn serve(&self, house: &House) {
        house.set("NARYAD_WEB_PUSH_CONTACT", CONTACT);
        house.set("NARYAD_WEB_PUSH_STAND_IN", &self.url);
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A browser that subscribes with the public key of a house, as it does: with what is no key it does not.
    pub fn subscribe(&self, key: &str) -> Browser {
        statement::public_key(key).expect("browsers subscribe with a point of P-256 alone");
        let (path, browser) = Browser::at(&self.url);
        let subscribed = Subscribed { browser: browser.clone(), key: key.to_owned(), gone: false };
        self.desk.book().subscribed.insert(path, subscribed);
        browser
    }

    /// The person has withdrawn his consent, or the browser was removed.
    pub fn unsubscribe(&self, browser: &Browser) {
        let mut book = self.desk.book();
        let mine = book.subscribed.values_mut().find(|one| one.browser.endpoint() == browser.endpoint());
        mine.expect("a browser that subscribed here").gone = true;
    }

    /// The next messages get these answers, one each.
    pub fn say(&self, says: impl IntoIterator<Item = Say>) {
        self.desk.book().says.extend(says);
    }

    /// Messages that come are kept waiting for their answers until [`PushService::release`].
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
    pub fn taken(&self) -> Vec<Pushed> {
        self.desk.book().taken.clone()
    }

    /// The messages that were taken for one browser, in order.
    pub fn taken_for(&self, browser: &Browser) -> Vec<Pushed> {
        let mut taken = self.taken();
        taken.retain(|pushed| pushed.endpoint == browser.endpoint());
        taken
    }

    /// What broke the rules so far; the test no longer fails for it.
    pub fn take_complaints(&self) -> Vec<String> {
        std::mem::take(&mut self.desk.book().complaints)
    }
}

impl Drop for PushService {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
        let complaints = self.take_complaints();
        if !std::thread::panicking() {
            assert!(complaints.is_empty(), "the push service was misused: {complaints:?}");
        }
    }
}

/// A message for one browser.
async fn push(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    desk.book().asked += 1;
    let _ = desk.held.subscribe().wait_for(|held| !held).await;
    let found = desk.book().subscribed.get(request.path()).cloned();
    let Some(subscribed) = found else {
        return complain(&desk, Refused::new(404, "nobody has subscribed at this address"));
    };
    if subscribed.gone {
        return Say::Gone.answer().await;
    }
    let pushed = match request::check(&request, &body, &subscribed, &desk.url, desk.clock.now()) {
        Ok(pushed) => pushed,
        Err(refused) => return complain(&desk, refused),
    };
    let say = desk.book().says.pop_front();
    if say.is_none_or(Say::takes) {
        desk.book().taken.push(pushed);
    }
    say.unwrap_or(Say::Taken).answer().await
}

fn complain(desk: &Desk, Refused { status, complaint }: Refused) -> HttpResponse {
    desk.book().complaints.push(complaint);
    say::refusal(status)
}

async fn elsewhere(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    let complaint = format!("nothing is at {} {}", request.method(), request.path());
    complain(&desk, Refused { status: 404, complaint })
}
