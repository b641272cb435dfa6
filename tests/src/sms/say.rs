//! How the gateways fail.

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{LOCATION, RETRY_AFTER},
    },
    web::Bytes,
};
use futures_util::stream;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::Value;

use super::Dialect;

/// What is said to a message that is as it should be.
#[derive(Clone, Debug, PartialEq)]
pub enum Say {
    /// These words with this status, whatever the dialect. The message is not taken.
    Words(u16, Value),
    /// Not now, in the words of the dialect, inside 200 where it speaks so. The message is not taken.
    Later,
    /// 429, asking for a pause of so many seconds. The message is not taken.
    TooMany(Option<u32>),
    /// 503, asking for a pause of so many seconds. The message is not taken.
    Unavailable(Option<u32>),
    /// 500. The message is not taken.
    Internal,
    /// 200 with what is no answer of theirs: a proxy, a hotel's login page. The message is not taken.
    Garbage,
    /// A redirect. The message is not taken.
    Redirect,
    /// 200 with more than anybody should read. The message is not taken.
    Endless,
    /// Nothing, ever. The message is not taken.
    Silence,
    /// The message is taken; the connection breaks before the answer is whole.
    Lost,
    /// The message is taken; the answer never comes.
    Hung,
    /// The message is taken; the answer is not theirs.
    Garbled,
}

impl Say {
    /// Whether the message is taken all the same.
    pub(super) fn takes(&self) -> bool {
        matches!(self, Self::Lost | Self::Hung | Self::Garbled)
    }

    pub(super) async fn answer(self, dialect: Dialect) -> HttpResponse {
        match self {
            Self::Words(status, words) => {
                HttpResponse::build(StatusCode::from_u16(status).expect("a status")).json(words)
            }
            Self::Later => dialect.later(),
            Self::TooMany(pause) => paused(HttpResponse::TooManyRequests().finish(), pause),
            Self::Unavailable(pause) => paused(HttpResponse::ServiceUnavailable().finish(), pause),
            Self::Internal => HttpResponse::InternalServerError().body("Internal Server Error"),
            Self::Garbage | Self::Garbled => {
                HttpResponse::Ok().content_type("text/html").body("<html>Sign in to go on</html>")
            }
            Self::Redirect => HttpResponse::Found().insert_header((LOCATION, "/elsewhere")).finish(),
            Self::Endless => HttpResponse::Ok().body(vec![b' '; 1 << 20]),
            Self::Silence | Self::Hung => std::future::pending().await,
            Self::Lost => {
                let broken = stream::iter([
                    Ok(Bytes::from_static(b"{")),
                    Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
                ]);
                HttpResponse::Ok().content_type("application/json").streaming(broken)
            }
        }
    }
}

fn paused(mut answer: HttpResponse, pause: Option<u32>) -> HttpResponse {
    if let Some(seconds) = pause {
        answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    answer
}

/// Failures by dice: the same seed throws the same, message by message as they come.
#[derive(Debug)]
pub struct Weather {
    dice: StdRng,
    percent: u32,
    kinds: Vec<Say>,
}

impl Weather {
    /// So many of a hundred messages are answered badly: 500, garbage, an answer that is lost or garbled after the message
    /// was taken, and «later» in the words of the dialect.
    pub fn bad(seed: u64, percent: u32) -> Self {
        let kinds = [Say::Internal, Say::Garbage, Say::Lost, Say::Garbled, Say::Later];
        Self::of(seed, percent, kinds)
    }

    /// So many of a hundred messages are answered in one of these ways. Each [`Say::Silence`] and [`Say::Hung`] costs a
    /// time-out in real seconds.
    pub fn of(seed: u64, percent: u32, kinds: impl IntoIterator<Item = Say>) -> Self {
        Self { dice: StdRng::seed_from_u64(seed), percent, kinds: kinds.into_iter().collect() }
    }

    pub(super) fn next(&mut self) -> Option<Say> {
        let bad = self.dice.random_range(0..100) < self.percent && !self.kinds.is_empty();
        bad.then(|| self.kinds[self.dice.random_range(0..self.kinds.len())].clone())
    }
}
