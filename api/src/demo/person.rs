//! A person with a phone or a screen: signs in, asks over HTTP, and takes no answer that was not expected.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::TimeDelta;
use naryad_domain::{Clock, Result, Time, clock::ManualClock, id::new_uuid};
use reqwest::{
    Body, Client, Method,
    header::{HeaderMap, HeaderValue},
};
use serde_json::{Value, json};

use super::{
    reply::{Reply, unexpected},
    world::{Colleague, Neighbour, PASSWORD},
};

/// What all persons share: the server, the clock of the demo, the folder of the text messages.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) http: Client,
    pub(super) base: String,
    pub(super) clock: ManualClock,
    pub(super) outbox: PathBuf,
}

/// Somebody who is signed in. Clones share the session.
#[derive(Clone, Debug)]
pub(super) struct Person {
    /// Full name.
    pub(super) name: String,
    /// What he is, for a Russian reader.
    pub(super) post: &'static str,
    wire: Arc<Wire>,
    session: Arc<Mutex<Session>>,
}

#[derive(Clone, Debug)]
struct Session {
    access: String,
    refresh: String,
    until: Time,
}

/// A request of a person who is not signed in yet.
const NOBODY: Option<&str> = None;

impl Wire {
    async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        headers: HeaderMap,
        body: Option<Body>,
    ) -> Result<Reply> {
        // Nobody is infinitely fast, and what happens later has a later time.
        self.clock.advance(TimeDelta::seconds(3));
        let asked = format!("{method} {path}");
        let mut request = self.http.request(method, format!("{}{path}", self.base)).headers(headers);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        match request.send().await {
            Ok(response) => Reply::read(asked, response).await,
            Err(cause) => Err(unexpected(format!("{asked}: no answer")).caused_by(cause)),
        }
    }

    async fn enter(&self, path: &str, body: &Value) -> Result<Reply> {
        self.send(Method::POST, path, NOBODY, json_headers(), Some(body.to_string().into())).await
    }

    fn session(&self, reply: &Reply) -> Result<Session> {
        let seconds = reply.body["expires_in"].as_i64().unwrap_or_default();
        Ok(Session {
            access: reply.text("/access_token")?.to_owned(),
            refresh: reply.text("/refresh_token")?.to_owned(),
            until: self.clock.now() + TimeDelta::seconds(seconds),
        })
    }

    /// The six digits in the newest message to a phone. The names of the files sort by time.
    fn code_for(&self, phone: &str) -> Result<String> {
        let unread = |cause: std::io::Error| unexpected(format!("{}: {cause}", self.outbox.display()));
        let files = std::fs::read_dir(&self.outbox).map_err(unread)?;
        let mut files =
            files.map(|file| file.map(|file| file.path())).collect::<Result<Vec<_>, _>>().map_err(unread)?;
        files.sort();
        for file in files.iter().rev() {
            let message: Value =
                serde_json::from_slice(&std::fs::read(file).map_err(unread)?).unwrap_or_default();
            let text = message["text"].as_str().filter(|_| message["to"] == phone).unwrap_or_default();
            let mut words = text.split(|letter: char| !letter.is_ascii_digit());
            if let Some(code) = words.find(|word| word.len() == 6) {
                return Ok(code.to_owned());
            }
        }
        Err(unexpected(format!("no code for {phone} in {}", self.outbox.display())))
    }
}

fn json_headers() -> HeaderMap {
    HeaderMap::from_iter([(reqwest::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))])
}

impl Person {
    fn new(name: &str, post: &'static str, wire: &Arc<Wire>, session: Session) -> Self {
        let session = Arc::new(Mutex::new(session));
        Self { name: name.to_owned(), post, wire: Arc::clone(wire), session }
    }

    /// A member of staff signs in with his password.
    pub(super) async fn staff(wire: &Arc<Wire>, colleague: &Colleague) -> Result<Self> {
        let body = json!({ "login": colleague.login, "password": PASSWORD });
        let reply = wire.enter("/v1/auth/login", &body).await?.ok(200)?;
        Ok(Self::new(&colleague.full_name, colleague.post, wire, wire.session(&reply)?))
    }

    /// A resident signs in by the code that comes to his phone.
    pub(super) async fn resident(wire: &Arc<Wire>, neighbour: &Neighbour) -> Result<Self> {
        let phone = &neighbour.phone;
        wire.enter("/v1/auth/otp/request", &json!({ "phone": phone })).await?.ok(204)?;
        let body = json!({ "phone": phone, "code": wire.code_for(phone)? });
        let reply = wire.enter("/v1/auth/otp/verify", &body).await?.ok(200)?;
        Ok(Self::new(&neighbour.full_name, "житель", wire, wire.session(&reply)?))
    }

    /// The access token, renewed before it runs out: the day is longer than its life.
    async fn token(&self) -> Result<String> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if session.until > self.wire.clock.now() + TimeDelta::minutes(1) {
            return Ok(session.access);
        }
        let rotation = new_uuid(&self.wire.clock);
        let body = json!({ "refresh_token": session.refresh, "rotation_id": rotation });
        let renewed = self.wire.session(&self.wire.enter("/v1/auth/refresh", &body).await?.ok(200)?)?;
        let access = renewed.access.clone();
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(access)
    }

    /// Any request with any body.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Option<Body>,
    ) -> Result<Reply> {
        let token = self.token().await?;
        self.wire.send(method, path, Some(&token), headers, body).await
    }

    /// `GET`.
    pub(super) async fn get(&self, path: &str) -> Result<Reply> {
        self.send(Method::GET, path, HeaderMap::new(), None).await
    }

    /// `POST` of JSON under a fresh idempotency key.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Reply> {
        let mut headers = json_headers();
        let key = HeaderValue::from_str(&new_uuid(&self.wire.clock).to_string());
        headers.insert("idempotency-key", key.map_err(naryad_domain::Error::internal)?);
        self.send(Method::POST, path, headers, Some(body.to_string().into())).await
    }

    /// `POST` of nothing: the address says it all.
    pub(super) async fn press(&self, path: &str) -> Result<Reply> {
        self.send(Method::POST, path, HeaderMap::new(), None).await
    }

    /// The clock on his wall.
    pub(super) fn clock(&self) -> &ManualClock {
        &self.wire.clock
    }
}
