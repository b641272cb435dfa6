//! JSON bodies.

use std::pin::Pin;

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use naryad_domain::{Code, Error, Result};
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The most that a JSON body may have, in bytes.
pub(super) const LIMIT: usize = 1024 * 1024;

/// A JSON body. The name is the one that `utoipa` recognises, so that the documented body is always the one that is
/// read.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

/// The bytes of the body, kept for the comparison of requests under one idempotency key.
#[derive(Clone, Debug, Default)]
pub(super) struct RawBody(pub(super) Bytes);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move {
            is_json(&request)?;
            let raw = read(&request, &mut payload).await?;
            let value = parse(&raw)?;
            request.extensions_mut().insert(RawBody(raw));
            Ok(Self(value))
        })
    }
}

/// A body that is JSON, or XML as others publish it; the content type says which.
#[derive(Clone, Debug)]
pub enum JsonOrXml<T> {
    /// JSON, read.
    Json(T),
    /// XML, as it came.
    Xml(String),
}

impl<T: DeserializeOwned + 'static> FromRequest for JsonOrXml<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move {
            let kind = request.content_type().trim().to_ascii_lowercase();
            if !matches!(kind.as_str(), "application/xml" | "text/xml") {
                is_json(&request)
                    .map_err(|refusal| refusal.with("accepted", ["application/json", "application/xml"]))?;
                return Ok(Self::Json(parse(&read(&request, &mut payload).await?)?));
            }
            let raw = read(&request, &mut payload).await?;
            let text = String::from_utf8(raw.into())
                .map_err(|cause| Error::new(Code::Malformed, "not UTF-8").caused_by(cause))?;
            Ok(Self::Xml(text))
        })
    }
}

fn is_json(request: &HttpRequest) -> Result<()> {
    let encoded = request.headers().get(header::CONTENT_ENCODING).is_some_and(|value| value != "identity");
    if request.content_type().trim().eq_ignore_ascii_case("application/json") && !encoded {
        return Ok(());
    }
    Err(Error::new(Code::UnsupportedMedia, "send application/json, not compressed")
        .with("accepted", ["application/json"]))
}

async fn read(request: &HttpRequest, payload: &mut Payload) -> Result<Bytes> {
    let too_large = || Error::new(Code::TooLarge, Code::TooLarge.title()).with("limit", LIMIT);
    let announced =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > LIMIT) {
        return Err(too_large());
    }
    let mut raw = BytesMut::with_capacity(announced.unwrap_or(0));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|cause| {
            Error::new(Code::Malformed, "the body did not come to its end").caused_by(cause)
        })?;
        if raw.len() + chunk.len() > LIMIT {
            return Err(too_large());
        }
        raw.extend_from_slice(&chunk);
    }
    Ok(raw.freeze())
}

/// Reads JSON; what does not fit names its path.
fn parse<T: DeserializeOwned>(raw: &[u8]) -> Result<T> {
    // A list would be taken as the fields of the object in their order, which nobody has documented.
    if raw.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Error::field("body", "must be a JSON object"));
    }
    let mut json = serde_json::Deserializer::from_slice(raw);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|failure| {
        let path = failure.path().to_string();
        let cause = failure.into_inner();
        if cause.is_data() { Error::field(field(&path, &cause), reason(&cause)) } else { malformed(cause) }
    })?;
    json.end().map_err(malformed)?;
    Ok(value)
}

/// The same for a text that does not come from a request.
pub(crate) fn from_text<T: DeserializeOwned>(text: &str) -> Result<T> {
    parse(text.as_bytes())
}

/// The same for a value that does not come from a request.
pub(crate) fn from_value<T: DeserializeOwned>(value: &serde_json::Value) -> Result<T> {
    parse(value.to_string().as_bytes())
}

fn malformed(cause: serde_json::Error) -> Error {
    Error::new(Code::Malformed, format!("not JSON: line {} column {}", cause.line(), cause.column()))
        .caused_by(cause)
}

/// A field that is missing is named by the message and not by the path, which ends at its parent.
fn field(path: &str, cause: &serde_json::Error) -> String {
    let text = cause.to_string();
    let missing = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    match (path, missing) {
        (".", None) => "body".to_owned(),
        (".", Some(name)) => name.to_owned(),
        (path, Some(name)) => format!("{path}.{name}"),
        (path, None) => path.to_owned(),
    }
}

/// The message without the position, which says nothing to whoever filled in a form.
fn reason(cause: &serde_json::Error) -> String {
    let text = cause.to_string();
    text.rsplit_once(" at line ").map_or_else(|| text.clone(), |(message, _)| message.to_owned())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the errors are looked at")]
    struct Order {
        title: String,
        lines: Vec<Line>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the errors are looked at")]
    struct Line {
        amount: u32,
    }

    fn refused(text: &str) -> (Code, String, String) {
        let error = parse::<Order>(text.as_bytes()).unwrap_err();
        let field = error.fields().first().map_or_else(String::new, |field| field.field.clone());
        let message = error.fields().first().map_or_else(String::new, |field| field.message.clone());
        (error.code(), field, message)
    }

    #[test]
    fn what_does_not_fit_is_named_by_its_path() {
        let (code, field, message) = refused(r#"{"title":"t","lines":[{"amount":1},{"amount":"x"}]}"#);
        assert_eq!((code, field.as_str()), (Code::InvalidField, "lines[1].amount"));
        assert_eq!(message, r#"invalid type: string "x", expected u32"#);
        let named = |text: &str| refused(text).1;
        assert_eq!(named(r#"{"title":"t","lines":[],"colour":1}"#), "colour");
        assert_eq!(named(r#"{"title":"t","lines":[{"amount":1,"size":2}]}"#), "lines[0].size");
        assert_eq!(named(r#"{"lines":[]}"#), "title");
        assert_eq!(named(r#"{"title":"t","lines":[{}]}"#), "lines[0].amount");
        assert_eq!(named("[]"), "body");
        assert_eq!(refused(r#"{"title":"a","title":"b","lines":[]}"#).0, Code::InvalidField);
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        for text in ["", "{", r#"{"title":"t","lines":[]} x"#, "\u{0}", r#"{"title": tru}"#] {
            assert_eq!(refused(text).0, Code::Malformed, "{text}");
        }
    }
}
