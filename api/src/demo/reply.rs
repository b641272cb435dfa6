//! An answer of the server, and what the demo expects of it.

use naryad_domain::{Code, Error, Result};
use reqwest::{Response, header::HeaderMap};
use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    asked: String,
    status: u16,
    headers: HeaderMap,
    /// The body as JSON; null if it is not JSON.
    pub(super) body: Value,
}

/// The failure of a demo: an answer it did not expect.
pub(super) fn unexpected(message: impl Into<String>) -> Error {
    Error::new(Code::Internal, message)
}

impl Reply {
    pub(super) async fn read(asked: String, response: Response) -> Result<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        match response.bytes().await {
            Ok(bytes) => {
                let body = serde_json::from_slice(&bytes).unwrap_or_default();
                Ok(Self { asked, status, headers, body })
            }
            Err(cause) => Err(unexpected(format!("{asked}: the answer broke off")).caused_by(cause)),
        }
    }

    /// Passes an answer of this status.
    pub(super) fn ok(self, status: u16) -> Result<Self> {
        if self.status == status { Ok(self) } else { Err(self.instead_of(&status.to_string())) }
    }

    /// Passes a refusal of this status and code.
    pub(super) fn refused(self, status: u16, code: &str) -> Result<Self> {
        if self.status == status && self.body["code"] == code {
            return Ok(self);
        }
        Err(self.instead_of(&format!("{status} {code}")))
    }

    /// Passes an answer with this text at a JSON pointer.
    pub(super) fn with(self, pointer: &str, expected: &str) -> Result<Self> {
        if self.text(pointer)? == expected {
            return Ok(self);
        }
        Err(self.instead_of(&format!("«{expected}» at {pointer}")))
    }

    /// The failure that this answer is where another was expected.
    pub(super) fn instead_of(&self, expected: &str) -> Error {
        unexpected(format!("{}: expected {expected}, got {} {}", self.asked, self.status, self.body))
    }

    /// The text at a JSON pointer.
    pub(super) fn text(&self, pointer: &str) -> Result<&str> {
        let found = self.body.pointer(pointer).and_then(Value::as_str);
        found.ok_or_else(|| self.instead_of(&format!("a text at {pointer}")))
    }

    /// The list at a JSON pointer.
    pub(super) fn list(&self, pointer: &str) -> Result<&[Value]> {
        let found = self.body.pointer(pointer).and_then(Value::as_array);
        found.map(Vec::as_slice).ok_or_else(|| self.instead_of(&format!("a list at {pointer}")))
    }

    /// A header.
    pub(super) fn header(&self, name: &str) -> Result<&str> {
        let found = self.headers.get(name).and_then(|value| value.to_str().ok());
        found.ok_or_else(|| self.instead_of(&format!("a header {name}")))
    }
}
