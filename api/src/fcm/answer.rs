//! What the answers of FCM and of its token service mean.

use naryad_domain::channel::SendError;
use serde::{Deserialize, de::DeserializeOwned};

use crate::provider::Answer;

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

/// Of a message.
pub(super) fn verdict(answer: &Answer) -> Verdict {
    let failure = answer.read::<Failed>().map(|failed| failed.error);
    let status = match (answer.status, &failure) {
        (200, None) if answer.read::<Sent>().is_some() => return Verdict::Told(Ok(())),
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
        (429, _) => answer.busy(),
        (503, _) if answer.retry_after.is_some() => answer.busy(),
        (400 | 403 | 404 | 413, _) if failure.is_some() => SendError::Refused(answer.word(own)),
        _ => SendError::Down(answer.word(own)),
    }))
}

/// Of the token service.
pub(super) fn granted<T: DeserializeOwned>(answer: &Answer) -> Result<T, SendError> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    match (answer.status, answer.read::<Refusal>()) {
        (200, None) => answer.read().ok_or_else(|| SendError::Down("no access token in a 200".to_owned())),
        (429, _) => Err(answer.busy()),
        (200 | 400 | 401 | 403, Some(refusal)) => {
            Err(SendError::Refused(format!("no access: {}", answer.word(Some(&refusal.error)))))
        }
        _ => Err(SendError::Down(format!("the token service: {}", answer.word(None)))),
    }
}
