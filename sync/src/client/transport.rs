//! The way to the server, so narrow that a test stands in for it.

use async_trait::async_trait;

/// The methods the protocol needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Asks how far an upload is.
    Head,
    /// Everything else.
    Post,
    /// Sends bytes of an upload.
    Patch,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Path from the root, `/v1/...`.
    pub path: String,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// Body; empty for none.
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// No answer, or half of one. Whether the server has done what was asked is not known.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct TransportError(pub String);

/// Sends a request and waits for its whole answer. Gives up by itself after a while.
#[async_trait]
pub trait Transport: Send + Sync + std::fmt::Debug {
    /// One request, one answer; never sent twice by itself.
    async fn send(&self, request: Request) -> Result<Response, TransportError>;
}
