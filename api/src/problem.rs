//! Errors as HTTP tells them: RFC 9457. No other file knows the status of an error.

use actix_web::{HttpResponse, ResponseError, http::StatusCode, http::header};
use naryad_domain::{Code, Error};
use serde_json::{Map, Value, json};

use crate::request::shown;

/// The content type of an error.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// How long a client waits before it comes again when the error does not say, in seconds.
const RETRY_AFTER: u64 = 1;

/// A domain error on its way to the client.
#[derive(Debug)]
pub struct Problem(pub Error);

/// The answer of a handler.
pub type Answer<T = HttpResponse> = Result<T, Problem>;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        status(self.0.code())
    }

    fn error_response(&self) -> HttpResponse {
        render(&self.0, None)
    }
}

/// The request that failed, for the answer and for the log.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Identifier of the request.
    pub request_id: &'a str,
    /// Path of the request, without the query.
    pub path: &'a str,
}

/// The status of a code.
pub fn status(code: Code) -> StatusCode {
    match code {
        Code::Malformed | Code::ProtocolUnknown => StatusCode::BAD_REQUEST,
        Code::TokenMissing
        | Code::TokenInvalid
        | Code::TokenExpired
        | Code::TokenReused
        | Code::BadCredentials => StatusCode::UNAUTHORIZED,
        Code::Forbidden | Code::StreamOfAnother | Code::UserInactive => StatusCode::FORBIDDEN,
        Code::NotFound | Code::PreviewPending => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::AlreadyExists
        | Code::IllegalMove
        | Code::SlotTaken
        | Code::HandoverOpen
        | Code::HandoverClosed
        | Code::SlotUnavailable
        | Code::ProposalStale
        | Code::DeadlineClosed
        | Code::DisplacesBookings
        | Code::HoldUsed
        | Code::EstimateNotAgreed
        | Code::EstimateAnswered
        | Code::EstimateExceeded
        | Code::StockShort
        | Code::ReturnTermOver
        | Code::ExpectedSeq
        | Code::StreamForked
        | Code::NotAssigned
        | Code::FieldConflict
        | Code::JobNotDead
        | Code::JobWaits
        | Code::NotificationSettled
        | Code::ReviewDecided
        | Code::SurveyAnswered
        | Code::UnsupportedStore
        | Code::OffsetMismatch => StatusCode::CONFLICT,
        Code::UploadGone
        | Code::HoldExpired
        | Code::ResyncRequired
        | Code::SurveyExpired
        | Code::SurveyClosed => StatusCode::GONE,
        Code::VersionStale | Code::TusVersion => StatusCode::PRECONDITION_FAILED,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::InvalidField
        | Code::IdempotencyMismatch
        | Code::TextNotOfficial
        | Code::PreconditionRequired
        | Code::EvidenceMissing
        | Code::MutationIdReused
        | Code::UnknownType
        | Code::SchemaUnknown
        | Code::NotAPhoto => StatusCode::UNPROCESSABLE_ENTITY,
        Code::VersionRequired => StatusCode::PRECONDITION_REQUIRED,
        Code::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        // The status that tus 1.0 gives to a wrong checksum; it has no name in HTTP.
        Code::HashMismatch => StatusCode::from_u16(460).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY),
        Code::OutcomeUnknown | Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The statuses that any operation may answer with, for the documentation.
pub(crate) const STATUSES: &[u16] =
    &[400, 401, 403, 404, 405, 409, 410, 412, 413, 415, 422, 428, 429, 460, 500, 503];

/// The answer for an error.
pub fn render(error: &Error, place: Option<Place<'_>>) -> HttpResponse {
    let code = error.code();
    let mut response = HttpResponse::build(status(code));
    response.insert_header((header::CONTENT_TYPE, MEDIA_TYPE));
    match code {
        Code::TokenMissing => {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        Code::TokenInvalid | Code::TokenExpired => {
            response.insert_header((header::WWW_AUTHENTICATE, r#"Bearer error="invalid_token""#));
        }
        Code::TooManyRequests | Code::OutcomeUnknown | Code::Unavailable | Code::PreviewPending => {
            let seconds = error.details().get("retry_after").and_then(Value::as_u64).unwrap_or(RETRY_AFTER);
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        Code::MethodNotAllowed => {
            if let Some(allow) = error.details().get("allow").and_then(Value::as_str) {
                response.insert_header((header::ALLOW, allow));
            }
        }
        _ => {}
    }
    response.body(body(error, place).to_string())
}

fn body(error: &Error, place: Option<Place<'_>>) -> Value {
    let code = error.code();
    let mut body = Map::new();
    body.insert("type".to_owned(), json!(format!("/docs/errors#{}", code.name())));
    body.insert("title".to_owned(), json!(code.title()));
    body.insert("status".to_owned(), json!(status(code).as_u16()));
    body.insert("code".to_owned(), json!(code.name()));
    body.insert("detail".to_owned(), json!(error.message()));
    if let Some(place) = place {
        body.insert("instance".to_owned(), json!(place.path));
        body.insert("request_id".to_owned(), json!(place.request_id));
    }
    if !error.fields().is_empty() {
        body.insert("errors".to_owned(), json!(error.fields()));
    }
    for (name, value) in error.details() {
        // An extension member never hides a standard one.
        body.entry(name.clone()).or_insert_with(|| value.clone());
    }
    Value::Object(body)
}

/// Logs an error once, where it is answered: ours with its causes, the client's for the curious.
pub(crate) fn log(error: &Error, method: &str, place: Place<'_>) {
    let code = error.code().name();
    let (request_id, path) = (place.request_id, shown(place.path));
    let causes = causes(error);
    match error.code() {
        // To be unavailable on purpose, while it shuts down, is no failure.
        Code::Unavailable if causes.is_empty() => {
            tracing::info!(code, request_id, method, path, "{}", error.message());
        }
        Code::Internal | Code::Unavailable | Code::OutcomeUnknown => {
            tracing::error!(code, request_id, method, path, causes, "{}", error.message());
        }
        _ => tracing::debug!(code, request_id, method, path, causes, "{}", error.message()),
    }
}

/// The causes of an error, outermost first.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes.join(": ")
}

/// The schema of [`MEDIA_TYPE`]: its codes are the closed list, further members are the details of a code.
pub(crate) fn schema() -> Value {
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
    json!({
        "type": "object",
        "description": "An error (RFC 9457). Match on `code`; further members are details of that code.",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": { "type": "string", "description": "Where the code is explained." },
            "title": { "type": "string", "description": "What the code means, always the same." },
            "status": { "type": "integer", "description": "The HTTP status." },
            "code": { "type": "string", "enum": codes, "description": "The stable name." },
            "detail": { "type": "string", "description": "What happened this time." },
            "instance": { "type": "string", "description": "Path of the request." },
            "request_id": { "type": "string", "description": "Name it when you ask us." },
            "errors": {
                "type": "array",
                "description": "The fields that are not acceptable.",
                "items": { "$ref": "#/components/schemas/FieldError" },
            },
        },
        "additionalProperties": true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_documented() {
        for code in Code::ALL {
            assert!(STATUSES.contains(&status(*code).as_u16()), "{code:?}");
        }
        for documented in STATUSES {
            assert!(Code::ALL.iter().any(|code| status(*code).as_u16() == *documented), "{documented}");
        }
    }

    #[test]
    fn a_detail_cannot_hide_a_standard_member() {
        let error = Error::new(Code::SlotTaken, "занято").with("status", "planned").with("free", [1, 2]);
        let body = body(&error, Some(Place { request_id: "r1", path: "/v1/x" }));
        assert_eq!(
            body,
            json!({
                "type": "/docs/errors#slot_taken", "title": Code::SlotTaken.title(), "status": 409,
                "code": "slot_taken", "detail": "занято", "instance": "/v1/x", "request_id": "r1", "free": [1, 2],
            })
        );
    }

    #[test]
    fn the_causes_stay_in_the_log() {
        let error = Error::internal(std::io::Error::other("disk on fire"));
        assert_eq!(causes(&error), "disk on fire");
        assert!(!body(&error, None).to_string().contains("fire"));
    }

    #[test]
    fn headers_tell_what_to_do_next() {
        let header = |error: Error, name| {
            render(&error, None).headers().get(name).map(|value| value.to_str().unwrap().to_owned())
        };
        let error = |code: Code| Error::new(code, code.title());
        assert_eq!(header(error(Code::TokenMissing), header::WWW_AUTHENTICATE).unwrap(), "Bearer");
        assert_eq!(
            header(error(Code::TokenExpired), header::WWW_AUTHENTICATE).unwrap(),
            r#"Bearer error="invalid_token""#
        );
        assert_eq!(header(error(Code::Unavailable), header::RETRY_AFTER).unwrap(), "1");
        let limited = error(Code::TooManyRequests).with("retry_after", 17);
        assert_eq!(header(limited, header::RETRY_AFTER).unwrap(), "17");
        let method = error(Code::MethodNotAllowed).with("allow", "GET, POST");
        assert_eq!(header(method, header::ALLOW).unwrap(), "GET, POST");
        assert_eq!(header(error(Code::NotFound), header::RETRY_AFTER), None);
    }
}
