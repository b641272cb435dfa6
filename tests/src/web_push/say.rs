//! The answers of push services.

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{LOCATION, RETRY_AFTER},
    },
    web::Bytes,
};
use futures_util::stream;
use serde_json::json;

/// What is said to a message that is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Say {
    /// 201: it is taken, as without anything to say.
    Taken,
    /// 404: nobody has subscribed there.
    Unknown,
    /// 410: the browser has subscribed no more.
    Gone,
    /// 413: too long for this service.
    TooLong,
    /// 429, asking for a pause of so many seconds.
    TooMany(Option<u32>),
    /// 503, asking for a pause of so many seconds.
    Unavailable(Option<u32>),
    /// 500.
    Internal,
    /// 403: the browser subscribed with another key.
    OtherKey,
    /// 400.
    BadRequest,
    /// A redirect: whoever follows it breaks the rules.
    Redirect,
    /// 200 with a page: a proxy, a hotel's login.
    Garbage,
    /// 500 with more than anybody should read.
    Endless,
    /// Nothing, ever. The message is not taken.
    Silence,
    /// The message is taken; the connection breaks before the answer.
    Lost,
    /// The message is taken; the answer never comes.
    Hung,
}

impl Say {
    /// Whether the message is taken.
    pub(super) fn takes(self) -> bool {
        matches!(self, Self::Taken | Self::Lost | Self::Hung)
    }

    pub(super) async fn answer(self) -> HttpResponse {
        match self {
            Self::Taken => HttpResponse::Created().insert_header((LOCATION, "/message/1")).finish(),
            Self::Unknown => refusal(404),
            Self::Gone => refusal(410),
            Self::TooLong => refusal(413),
            Self::TooMany(pause) => paused(refusal(429), pause),
            Self::Unavailable(pause) => paused(refusal(503), pause),
            Self::Internal => refusal(500),
            Self::OtherKey => refusal(403),
            Self::BadRequest => refusal(400),
            Self::Redirect => {
                HttpResponse::TemporaryRedirect().insert_header((LOCATION, "/elsewhere")).finish()
            }
            Self::Garbage => {
                HttpResponse::Ok().content_type("text/html").body("<html>Sign in to go on</html>")
            }
            Self::Endless => HttpResponse::InternalServerError().body(vec![b' '; 1 << 20]),
            Self::Silence | Self::Hung => std::future::pending().await,
            Self::Lost => {
                let broken = stream::iter([
                    Ok(Bytes::from_static(b"{")),
                    Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
                ]);
                HttpResponse::BadGateway().streaming(broken)
            }
        }
    }
}

/// In the words of Mozilla's.
pub(super) fn refusal(status: u16) -> HttpResponse {
    let code = StatusCode::from_u16(status).expect("a status");
    let words =
        json!({ "code": status, "errno": 999, "error": code.canonical_reason(), "message": "Not taken." });
    HttpResponse::build(code).json(words)
}

fn paused(mut answer: HttpResponse, pause: Option<u32>) -> HttpResponse {
    if let Some(seconds) = pause {
        answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    answer
}
