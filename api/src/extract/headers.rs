//! `Idempotency-Key` and `If-Match`.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header};
use naryad_domain::{Code, Error, Result, write::IdempotencyKey};

use super::body::RawBody;
use crate::problem::Problem;

/// The optional `Idempotency-Key` of a POST: the same request again gets the stored answer, another request 422.
///
/// It is bound to method and path, and to the body when the handler has read it.
#[derive(Clone, Debug)]
pub struct Idempotency(HttpRequest);

impl Idempotency {
    /// The key, if the client sent one. Called when the body has been read, so that another body is noticed.
    ///
    /// # Errors
    /// `invalid_field` when the header is not 1 to 255 visible ASCII characters.
    pub fn key(&self) -> Result<Option<IdempotencyKey>> {
        let Some(value) = self.0.headers().get("Idempotency-Key") else { return Ok(None) };
        let route = format!("{} {}", self.0.method(), self.0.path());
        let body = self.0.extensions().get::<RawBody>().cloned().unwrap_or_default();
        // What is not text has no visible characters, and is refused as such.
        IdempotencyKey::new(&route, value.to_str().unwrap_or_default(), &body.0).map(Some)
    }
}

impl FromRequest for Idempotency {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.clone())))
    }
}

/// The version in `If-Match`, as an ETag of ours gave it: `"7"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IfMatch(pub i64);

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(if_match(request).map_err(Problem))
    }
}

fn if_match(request: &HttpRequest) -> Result<IfMatch> {
    let mut values = request.headers().get_all(header::IF_MATCH);
    let Some(value) = values.next() else {
        return Err(Error::new(Code::VersionRequired, Code::VersionRequired.title()));
    };
    let version = value
        .to_str()
        .ok()
        .filter(|_| values.next().is_none())
        .and_then(|text| text.strip_prefix('"')?.strip_suffix('"'))
        .filter(|digits| !digits.starts_with('+'))
        .and_then(|digits| digits.parse().ok());
    // An ETag that is not ours matches nothing that we have.
    version.map(IfMatch).ok_or_else(|| {
        Error::new(Code::VersionStale, "If-Match must be an ETag of this service, such as \"7\"")
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn of(values: &[&str]) -> Result<i64, Code> {
        let mut request = TestRequest::patch();
        for value in values {
            request = request.append_header((header::IF_MATCH, *value));
        }
        if_match(&request.to_http_request()).map(|version| version.0).map_err(|error| error.code())
    }

    #[test]
    fn only_an_etag_of_ours_matches() {
        assert_eq!(of(&[r#""7""#]), Ok(7));
        assert_eq!(of(&[]), Err(Code::VersionRequired));
        for stale in ["7", r#"W/"7""#, "*", r#""x""#, r#""7", "8""#, r#""""#, r#"""#, r#""+7""#, r#"" 7""#] {
            assert_eq!(of(&[stale]), Err(Code::VersionStale), "{stale}");
        }
        assert_eq!(of(&[r#""7""#, r#""7""#]), Err(Code::VersionStale));
    }

    #[test]
    fn a_key_that_is_no_visible_text_is_refused() {
        let key = |value: &[u8]| {
            let value = actix_web::http::header::HeaderValue::from_bytes(value).unwrap();
            let request = TestRequest::post().append_header(("Idempotency-Key", value)).to_http_request();
            Idempotency(request).key()
        };
        assert!(key(b"0190-abc").unwrap().is_some());
        for bad in [&b""[..], b"with space", "кириллица".as_bytes(), &[b'x'; 256]] {
            assert_eq!(key(bad).unwrap_err().fields()[0].field, "Idempotency-Key");
        }
        assert_eq!(Idempotency(TestRequest::post().to_http_request()).key().unwrap(), None);
    }
}
