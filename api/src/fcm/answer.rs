//! What the answers of FCM and of its token service mean.

use chrono::{DateTime, TimeDelta};
use naryad_domain::{Time, channel::SendError};
use reqwest::{RequestBuilder, Response, header::RETRY_AFTER};
use serde::{Deserialize, de::DeserializeOwned};

/// A longer answer is not theirs, in bytes.
const LONGEST: usize = 64 * 1024;

/// An answer that came whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<TimeDelta>,
    pub(super) body: Vec<u8>,
}

/// What became of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was taken or not.
    Told(Result<(), SendError>),
    /// The access token is not accepted.
    Stranger,
}

#[derive(Deserialize)]
struct Sent {
    #[serde(rename = "name")]
    _name: String,
}

#[derive(Deserialize)]
struct Failed {
    error: Failure,
}

#[derive(Deserialize)]
struct Failure {
    code: Option<u16>,
    #[serde(default)]
    details: Vec<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(rename = "@type", default)]
    kind: String,
    #[serde(rename = "errorCode")]
    error_code: Option<String>,
}

impl Failure {
    /// The code of FCM's own detail.
    fn fcm(&self) -> Option<&str> {
        let own = |detail: &&Detail| detail.kind.ends_with("google.firebase.fcm.v1.FcmError");
        self.details.iter().find(own)?.error_code.as_deref()
    }

    /// The shape of the request is at fault, whatever else is said.
    fn is_bad_request(&self) -> bool {
        self.details.iter().any(|detail| detail.kind.ends_with("google.rpc.BadRequest"))
    }
}

impl Answer {
    /// Asks, and reads the answer to its end.
    pub(super) async fn of(request: RequestBuilder, now: Time) -> Result<Self, SendError> {
        let mut response = request.send().await.map_err(|failure| down(&failure))?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|failure| down(&failure))? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST {
                return Err(SendError::Down("an answer that does not end".to_owned()));
            }
        }
        Ok(Self { status: response.status().as_u16(), retry_after: retry_after(&response, now), body })
    }

    fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Of a message.
    pub(super) fn verdict(&self) -> Verdict {
        let failure = self.read::<Failed>().map(|failed| failed.error);
        let status = match (self.status, &failure) {
            (200, None) if self.read::<Sent>().is_some() => return Verdict::Told(Ok(())),
            (200, None) => return Verdict::Told(Err(SendError::Down("200 without a name".to_owned()))),
            // A failure in the clothes of a success.
            (200, Some(failure)) => failure.code.unwrap_or(200),
            (status, _) => status,
        };
        let own = failure.as_ref().and_then(Failure::fcm);
        let shape = failure.as_ref().is_some_and(Failure::is_bad_request);
        Verdict::Told(Err(match (status, own) {
            (401, _) => return Verdict::Stranger,
            (404, Some("UNREGISTERED")) => SendError::Dead,
            (400, Some("INVALID_ARGUMENT")) if !shape => SendError::Dead,
            (429, _) => SendError::Busy { retry_after: self.retry_after },
            (503, _) if self.retry_after.is_some() => SendError::Busy { retry_after: self.retry_after },
            (400 | 403 | 404 | 413, _) if failure.is_some() => SendError::Refused(self.word(own)),
            _ => SendError::Down(self.word(own)),
        }))
    }

    /// Of the token service.
    pub(super) fn granted<T: DeserializeOwned>(&self) -> Result<T, SendError> {
        #[derive(Deserialize)]
        struct Refusal {
            error: String,
        }
        match (self.status, self.read::<Refusal>()) {
            (200, None) => self.read().ok_or_else(|| SendError::Down("no access token in a 200".to_owned())),
            (429, _) => Err(SendError::Busy { retry_after: self.retry_after }),
            (200 | 400 | 401 | 403, Some(refusal)) => {
                Err(SendError::Refused(format!("no access: {}", self.word(Some(&refusal.error)))))
            }
            _ => Err(SendError::Down(format!("the token service: {}", self.word(None)))),
        }
    }

    /// Status and code for the log; a code is a word, and anything else might be anything.
    fn word(&self, code: Option<&str>) -> String {
        let plain = |code: &&str| {
            code.len() <= 40 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        match code.filter(plain) {
            Some(code) => format!("{} {code}", self.status),
            None => self.status.to_string(),
        }
    }
}

/// Seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(response: &Response, now: Time) -> Option<TimeDelta> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    pause(text, now)
}

pub(super) fn pause(text: &str, now: Time) -> Option<TimeDelta> {
    let text = text.trim();
    let asked = match text.parse::<u32>() {
        Ok(seconds) => TimeDelta::seconds(seconds.into()),
        Err(_) => DateTime::parse_from_rfc2822(text).ok()?.to_utc() - now,
    };
    Some(asked.max(TimeDelta::zero()))
}

/// Without the address: a project is nobody's business.
fn down(failure: &reqwest::Error) -> SendError {
    let what = match failure {
        failure if failure.is_timeout() => "time is up",
        failure if failure.is_connect() => "no connection",
        _ => "the connection broke",
    };
    SendError::Down(what.to_owned())
}
