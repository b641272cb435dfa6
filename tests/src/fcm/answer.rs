//! The answers of FCM to what it does not take.

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{LOCATION, RETRY_AFTER},
    },
};
use serde_json::{Value, json};

/// What is said to a message instead of taking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Say {
    /// 404: the app was removed from the phone.
    Unregistered,
    /// 400: this is no token.
    BadToken,
    /// 400: the message has not the right shape.
    BadRequest,
    /// 403: the token belongs to another sender.
    SenderMismatch,
    /// 404 without more: no such project.
    Elsewhere,
    /// 429, asking for a pause of so many seconds.
    Quota(Option<u32>),
    /// 503.
    Unavailable,
    /// 500.
    Internal,
    /// 401.
    Unauthorized,
    /// 200 with what is no answer of FCM: a proxy, a hotel's login page.
    Garbage,
    /// 200 with the error `UNREGISTERED` inside.
    ErrorInside,
    /// A redirect.
    Redirect,
    /// 200 with more than anybody should read.
    Endless,
    /// Nothing, ever.
    Silence,
}

impl Say {
    pub(super) fn to_answer(self) -> HttpResponse {
        match self {
            Self::Unregistered => error(404, "NOT_FOUND", &fcm("UNREGISTERED")),
            Self::BadToken => error(400, "INVALID_ARGUMENT", &fcm("INVALID_ARGUMENT")),
            Self::BadRequest => error(400, "INVALID_ARGUMENT", &violation()),
            Self::SenderMismatch => error(403, "PERMISSION_DENIED", &fcm("SENDER_ID_MISMATCH")),
            Self::Elsewhere => error(404, "NOT_FOUND", &json!([])),
            Self::Quota(pause) => {
                let mut answer = error(429, "RESOURCE_EXHAUSTED", &fcm("QUOTA_EXCEEDED"));
                if let Some(seconds) = pause {
                    answer.headers_mut().insert(RETRY_AFTER, seconds.into());
                }
                answer
            }
            Self::Unavailable => error(503, "UNAVAILABLE", &fcm("UNAVAILABLE")),
            Self::Internal => error(500, "INTERNAL", &fcm("INTERNAL")),
            Self::Unauthorized => error(401, "UNAUTHENTICATED", &json!([])),
            Self::Garbage => {
                HttpResponse::Ok().content_type("text/html").body("<html>Sign in to go on</html>")
            }
            Self::ErrorInside => HttpResponse::Ok().json(body(404, "NOT_FOUND", &fcm("UNREGISTERED"))),
            Self::Redirect => HttpResponse::Found().insert_header((LOCATION, "/elsewhere")).finish(),
            Self::Endless => HttpResponse::Ok().body(vec![b' '; 1 << 20]),
            Self::Silence => HttpResponse::NoContent().finish(),
        }
    }
}

fn fcm(code: &str) -> Value {
    json!([{ "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code }])
}

fn violation() -> Value {
    let violations = json!([{ "field": "message.data[0].value", "description": "Invalid value" }]);
    json!([{ "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations }])
}

fn error(code: u16, status: &str, details: &Value) -> HttpResponse {
    HttpResponse::build(StatusCode::from_u16(code).expect("a status")).json(body(code, status, details))
}

fn body(code: u16, status: &str, details: &Value) -> Value {
    json!({ "error": { "code": code, "message": "The request was refused.", "status": status, "details": details } })
}
