//! An HTTP client that holds every answer against the contract.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use reqwest::{
    Method, Response,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    answer::Answer,
    events::EventStream,
    openapi::{self, Contract, Seen, Sent},
};

/// A client of one node. Clones share the session, and a restarted node is found at its new address.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Arc<RwLock<String>>,
    session: Arc<Mutex<Session>>,
    /// The contract, if it is another than that of the workspace.
    contract: Option<&'static Contract>,
}

#[derive(Debug, Clone, Default)]
struct Session {
    access: Option<String>,
    refresh: Option<String>,
    credentials: Option<(String, String)>,
}

impl Client {
    pub(crate) fn new(http: reqwest::Client, base: Arc<RwLock<String>>) -> Self {
        Self { http, base, session: Arc::default(), contract: None }
    }

    /// A client of `url` without a house: the bench, or a node behind a proxy.
    pub fn of(url: &str) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .pool_idle_timeout(std::time::Duration::from_secs(60))
            .build();
        Self::new(http.expect("an HTTP client"), Arc::new(RwLock::new(url.to_owned())))
    }

    /// The same session through another address (a proxy, another node).
    pub fn through(&self, url: &str) -> Self {
        Self { base: Arc::new(RwLock::new(url.to_owned())), ..self.clone() }
    }

    /// The same client, holding answers against another contract.
    pub fn held_to(&self, contract: &'static Contract) -> Self {
        Self { contract: Some(contract), ..self.clone() }
    }

    fn contract(&self) -> &'static Contract {
        self.contract.unwrap_or_else(openapi::contract)
    }

    /// Address of the node, `http://127.0.0.1:34567`.
    pub fn url(&self) -> String {
        self.base.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Signs in with a password and keeps the tokens, if the answer brings some.
    pub async fn login(&self, login: &str, password: &str) -> Answer {
        let body = json!({ "login": login, "password": password });
        let answer = self.request(Method::POST, "/v1/auth/login").json(&body).send().await;
        if self.keep_tokens(&answer) {
            self.session().credentials = Some((login.to_owned(), password.to_owned()));
        }
        answer
    }

    /// Changes the refresh token for a new pair of tokens and keeps them.
    pub async fn refresh(&self) -> Answer {
        let token = self.session().refresh.clone().expect("a session with a refresh token");
        let body = json!({ "refresh_token": token, "rotation_id": Uuid::now_v7() });
        let answer = self.request(Method::POST, "/v1/auth/refresh").json(&body).send().await;
        self.keep_tokens(&answer);
        answer
    }

    /// Keeps `access_token` and `refresh_token` of an answer (any way of signing in); says whether there were any.
    pub fn keep_tokens(&self, answer: &Answer) -> bool {
        let token = |name: &str| answer.body.get(name).and_then(Value::as_str).map(str::to_owned);
        let Some(access) = token("access_token").filter(|_| answer.status < 300) else { return false };
        let mut session = self.session();
        session.access = Some(access);
        session.refresh = token("refresh_token").or_else(|| session.refresh.take());
        true
    }

    /// Sends this token from now on, and does not renew it.
    pub fn set_token(&self, access: &str) {
        *self.session() = Session { access: Some(access.to_owned()), ..Session::default() };
    }

    /// The access token.
    pub fn token(&self) -> Option<String> {
        self.session().access.clone()
    }

    /// The refresh token.
    pub fn refresh_token(&self) -> Option<String> {
        self.session().refresh.clone()
    }

    fn session(&self) -> std::sync::MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path).send().await
    }

    /// `POST` of JSON, with a fresh `Idempotency-Key` as our own clients send it.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.request(Method::POST, path).json(&body).key(&Uuid::now_v7().to_string()).send().await
    }

    /// `PUT` of JSON.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.request(Method::PUT, path).json(&body).send().await
    }

    /// `PATCH` of JSON onto the version that `etag` names.
    pub async fn patch(&self, path: &str, etag: &str, body: Value) -> Answer {
        self.request(Method::PATCH, path).json(&body).header("if-match", etag).send().await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.request(Method::DELETE, path).send().await
    }

    /// Any request, to be filled in and sent.
    pub fn request(&self, method: Method, path: &str) -> Call {
        Call {
            client: self.clone(),
            method,
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Vec::new(),
            contract: true,
            renew: true,
        }
    }

    /// Opens a stream of server-sent events.
    pub async fn events(&self, path: &str) -> EventStream {
        let call = self.request(Method::GET, path).header("accept", "text/event-stream");
        let response = call.transmit().await.unwrap_or_else(|error| panic!("GET {path}: {error}"));
        if response.status() != 200 {
            let answer = call.receive(response).await.unwrap_or_else(|error| panic!("GET {path}: {error}"));
            panic!("expected a stream, got {answer}");
        }
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let seen = Seen { method: "GET", path: bare(path), status: 200, content_type: kind, body: None };
        hold(self.contract().check_answer(seen), path);
        EventStream::new(response)
    }

    async fn renew(&self) -> bool {
        if self.refresh_token().is_some() && Box::pin(self.refresh()).await.status < 300 {
            return true;
        }
        let credentials = self.session().credentials.clone();
        let Some((login, password)) = credentials else { return false };
        Box::pin(self.login(&login, &password)).await.status < 300
    }
}

/// A request that is being filled in.
#[derive(Debug, Clone)]
#[must_use]
pub struct Call {
    client: Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
    contract: bool,
    renew: bool,
}

impl Call {
    /// A JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.bytes("application/json", body.to_string().into_bytes())
    }

    /// Any body: malformed JSON, a slice of a photo.
    pub fn bytes(mut self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", kind)
    }

    /// A header; another value of the same name is replaced.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().unwrap_or_else(|_| panic!("`{name}` is no header name"));
        let value = HeaderValue::from_str(value).unwrap_or_else(|_| panic!("`{value}` is no header value"));
        self.headers.insert(name, value);
        self
    }

    /// An `Idempotency-Key`.
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// An expired token is answered with 401 instead of being renewed behind the story's back.
    pub fn as_it_is(mut self) -> Self {
        self.renew = false;
        self
    }

    /// For addresses that are no part of the contract on purpose: unknown paths, pages for people, metrics.
    pub fn outside_contract(mut self) -> Self {
        self.contract = false;
        self
    }

    /// Sends it; the story fails when no answer comes.
    pub async fn send(self) -> Answer {
        let line = format!("{} {}", self.method, self.path);
        self.try_send().await.unwrap_or_else(|error| panic!("{line}: no answer: {error:?}"))
    }

    /// Sends it where the connection may break.
    ///
    /// # Errors
    /// No answer, or only a part of one, came.
    pub async fn try_send(self) -> reqwest::Result<Answer> {
        let answer = self.receive(self.transmit().await?).await?;
        let expired = answer.status == 401 && answer.body["code"] == "token_expired";
        // The story moved the clock beyond the life of an access token: the client signs on as a real one would.
        if expired && self.renew && self.client.renew().await {
            return self.receive(self.transmit().await?).await;
        }
        Ok(answer)
    }

    async fn transmit(&self) -> reqwest::Result<Response> {
        let url = format!("{}{}", self.client.url(), self.path);
        let mut request = self.client.http.request(self.method.clone(), url).headers(self.headers.clone());
        if let Some(token) = self.client.token().filter(|_| !self.headers.contains_key("authorization")) {
            request = request.bearer_auth(token);
        }
        if !self.body.is_empty() {
            request = request.body(self.body.clone());
        }
        request.send().await
    }

    async fn receive(&self, response: Response) -> reqwest::Result<Answer> {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let bytes = response.bytes().await?.to_vec();
        let shown = String::from_utf8_lossy(&self.body).chars().take(2000).collect::<String>();
        let answer = Answer {
            request: format!("{} {} {shown}", self.method, self.path),
            status,
            headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            bytes,
        };
        if self.contract {
            self.hold_against_contract(&answer);
        }
        Ok(answer)
    }

    fn hold_against_contract(&self, answer: &Answer) {
        let contract = self.client.contract();
        let (method, path) = (self.method.as_str(), bare(&self.path));
        let kind = answer.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let seen =
            Seen { method, path, status: answer.status, content_type: kind, body: Some(&answer.bytes) };
        hold(contract.check_answer(seen), &answer.to_string());
        if answer.status < 300 {
            let query = query_names(&self.path);
            let kind = self.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
            let sent = Sent { method, path, query: &query, content_type: kind, body: &self.body };
            hold(contract.check_request(sent), &answer.to_string());
        }
    }
}

fn hold(outcome: Result<(), Vec<String>>, context: &str) {
    if let Err(wrong) = outcome {
        panic!("openapi.yaml and the service disagree:\n  {}\nin {context}", wrong.join("\n  "));
    }
}

/// The path without its query.
fn bare(path: &str) -> &str {
    path.split('?').next().unwrap_or(path)
}

fn query_names(path: &str) -> Vec<String> {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split('=').next().unwrap_or(pair).to_owned()).collect()
}

#[cfg(test)]
mod tests;
