//! An answer, and what a story says about it.

use reqwest::header::{HeaderMap, HeaderName};
use serde_json::Value;
use uuid::Uuid;

/// An answer that has been held against the contract.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Method, address and body of the request, for messages.
    pub(crate) request: String,
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body as it came.
    pub bytes: Vec<u8>,
    /// Body as JSON; null if it is not JSON.
    pub body: Value,
}

impl Answer {
    /// Requires a status.
    #[track_caller]
    pub fn ok(self, status: u16) -> Self {
        assert!(self.status == status, "expected {status}, got {self}");
        self
    }

    /// Requires an error with a status and a code.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Self {
        let found = self.body["code"].as_str();
        assert!(self.status == status && found == Some(code), "expected {status} {code}, got {self}");
        self
    }

    /// The value at a JSON pointer; it must be there.
    #[track_caller]
    pub fn json(&self, pointer: &str) -> &Value {
        self.body.pointer(pointer).unwrap_or_else(|| panic!("nothing stands at `{pointer}` in {self}"))
    }

    /// The text at a JSON pointer.
    #[track_caller]
    pub fn text(&self, pointer: &str) -> &str {
        self.json(pointer).as_str().unwrap_or_else(|| panic!("no text stands at `{pointer}` in {self}"))
    }

    /// The whole number at a JSON pointer.
    #[track_caller]
    pub fn number(&self, pointer: &str) -> i64 {
        self.json(pointer)
            .as_i64()
            .unwrap_or_else(|| panic!("no whole number stands at `{pointer}` in {self}"))
    }

    /// The list at a JSON pointer; an empty pointer is the body itself.
    #[track_caller]
    pub fn list(&self, pointer: &str) -> &[Value] {
        self.json(pointer).as_array().unwrap_or_else(|| panic!("no list stands at `{pointer}` in {self}"))
    }

    /// The id at a JSON pointer.
    #[track_caller]
    pub fn id(&self, pointer: &str) -> Uuid {
        self.text(pointer)
            .parse()
            .unwrap_or_else(|error| panic!("no id stands at `{pointer}` in {self}: {error}"))
    }

    /// Requires a value at a JSON pointer.
    #[track_caller]
    pub fn has(self, pointer: &str, expected: impl Into<Value>) -> Self {
        let expected = expected.into();
        let found = self.body.pointer(pointer);
        assert!(found == Some(&expected), "expected {expected} at `{pointer}`, got {found:?} in {self}");
        self
    }

    /// A header; it must be there.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let name: HeaderName = name.parse().unwrap_or_else(|_| panic!("`{name}` is no header name"));
        let value = self.headers.get(&name).and_then(|value| value.to_str().ok());
        value.unwrap_or_else(|| panic!("no header {name} in {self}"))
    }

    /// The entity tag, for `If-Match`.
    #[track_caller]
    pub fn etag(&self) -> &str {
        self.header("etag")
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = String::from_utf8_lossy(&self.bytes);
        let shown: String = body.chars().take(4000).collect();
        write!(f, "{} for {}\n{:?}\n{shown}", self.status, self.request, self.headers)
    }
}
