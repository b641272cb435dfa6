//! The way to the server by HTTP.

use std::{
    sync::{PoisonError, RwLock},
    time::Duration,
};

use async_trait::async_trait;

use super::transport::{Method, Request, Response, Transport, TransportError};

/// To make a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// Between two pieces of an answer.
const READ: Duration = Duration::from_secs(30);

/// For everything.
const TOTAL: Duration = Duration::from_secs(120);

/// HTTP to one server, whose address may change.
#[derive(Debug)]
pub struct Http {
    client: reqwest::Client,
    base: RwLock<String>,
}

impl Http {
    /// A way to `base`, `https://host[:port]`.
    ///
    /// # Errors
    /// The TLS of this machine cannot be set up.
    pub fn new(base: &str) -> Result<Self, TransportError> {
        let client = reqwest::Client::builder()
            .no_proxy()
            // What redirects is a hotel's login page, not our server.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .read_timeout(READ)
            .timeout(TOTAL)
            .build()
            .map_err(|error| torn(&error))?;
        Ok(Self { client, base: RwLock::new(base.to_owned()) })
    }

    /// From now on the server is there.
    pub fn set_base(&self, base: &str) {
        base.clone_into(&mut self.base.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn url(&self, path: &str) -> String {
        let base = self.base.read().unwrap_or_else(PoisonError::into_inner);
        format!("{}{path}", base.trim_end_matches('/'))
    }
}

fn torn(error: &reqwest::Error) -> TransportError {
    TransportError(error.to_string())
}

#[async_trait]
impl Transport for Http {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let method = match request.method {
            Method::Head => reqwest::Method::HEAD,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
        };
        let mut asked = self.client.request(method, self.url(&request.path));
        for (name, value) in &request.headers {
            asked = asked.header(*name, value);
        }
        let answer = asked.body(request.body).send().await.map_err(|error| torn(&error))?;
        let status = answer.status().as_u16();
        let headers = answer
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect();
        let body = answer.bytes().await.map_err(|error| torn(&error))?.to_vec();
        Ok(Response { status, headers, body })
    }
}
