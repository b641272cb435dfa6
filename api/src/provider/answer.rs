//! An answer of a service outside, and what it says whatever the service.

use chrono::{DateTime, TimeDelta};
use naryad_domain::{Time, channel::SendError};
use reqwest::{RequestBuilder, Response, header::RETRY_AFTER};
use serde::de::DeserializeOwned;

/// A longer answer is not theirs, in bytes.
const LONGEST: usize = 64 * 1024;

/// An answer that came whole. It never shows its body: a phone may stand in it.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<TimeDelta>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Asks, and reads the answer to its end.
    ///
    /// # Errors
    /// `Down`: there was no answer, or no end of it.
    pub(crate) async fn of(request: RequestBuilder, now: Time) -> Result<Self, SendError> {
        let response = request.send().await.map_err(|failure| down(&failure))?;
        Self::whole(response, now).await
    }

    /// Reads an answer that has begun to its end.
    ///
    /// # Errors
    /// `Down`: there is no end of it.
    pub(crate) async fn whole(mut response: Response, now: Time) -> Result<Self, SendError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|failure| down(&failure))? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST {
                return Err(SendError::Down("an answer that does not end".to_owned()));
            }
        }
        Ok(Self { status: response.status().as_u16(), retry_after: retry_after(&response, now), body })
    }

    /// The body, if it is JSON of this shape.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Status and code for the log; a code is a word, and anything else might be anything.
    pub(crate) fn word(&self, code: Option<&str>) -> String {
        let plain = |code: &&str| {
            code.len() <= 40 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        match code.filter(plain) {
            Some(code) => format!("{} {code}", self.status),
            None => self.status.to_string(),
        }
    }

    /// What it means where the status alone speaks.
    pub(crate) fn by_status(&self) -> SendError {
        match self.status {
            429 => self.busy(),
            503 if self.retry_after.is_some() => self.busy(),
            _ => SendError::Down(self.word(None)),
        }
    }

    /// Later; when it says so, then not before.
    pub(crate) fn busy(&self) -> SendError {
        SendError::Busy { retry_after: self.retry_after }
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
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

/// Without the words of the client: the address stands in them.
pub(crate) fn down(failure: &reqwest::Error) -> SendError {
    let what = match failure {
        failure if failure.is_timeout() => "time is up",
        failure if failure.is_connect() => "no connection",
        _ => "the connection broke",
    };
    SendError::Down(what.to_owned())
}
