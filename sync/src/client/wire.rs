//! Requests and answers: who asks, and what an answer that is none means.

use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::{
    Client,
    error::{Error, Problem, Result},
    store::streams,
    transport::{Method, Request, Response},
};

/// Which keys open a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// Only an access token.
    Token,
    /// An access token, or else the delivery key of the stream: push and uploads.
    Delivery,
}

/// A POST of JSON.
pub(super) fn post(path: &str, body: &Value) -> Request {
    Request {
        method: Method::Post,
        path: path.to_owned(),
        headers: vec![("Content-Type", "application/json".to_owned())],
        body: body.to_string().into_bytes(),
    }
}

/// Reads the body of an answer. One that cannot be read was torn, or came from a stranger: the question is asked again.
pub(super) fn read<T: DeserializeOwned>(response: &Response) -> Result<T> {
    serde_json::from_slice(&response.body)
        .map_err(|error| Error::Unreachable(format!("an answer that cannot be read: {error}")))
}

/// The problem in an answer, if the server itself gave it. What a proxy or a hotel's login page says is no word of his:
/// it must never cost a session.
fn problem(method: Method, response: &Response) -> Option<Problem> {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let code = body.get("code").and_then(Value::as_str).unwrap_or_default().to_owned();
    // HEAD has no body; that the upload protocol is named tells who answered.
    let ours = !code.is_empty() || (method == Method::Head && response.header("Tus-Resumable").is_some());
    let retry_after = response.header("Retry-After").and_then(|value| value.trim().parse().ok());
    (ours || response.status >= 500 || response.status == 429).then_some(Problem {
        status: response.status,
        code,
        body,
        retry_after,
    })
}

impl Client {
    /// Asks without saying who.
    pub(super) async fn send(&self, request: Request) -> Result<Response> {
        let method = request.method;
        let response = self.0.transport.send(request).await?;
        if (200..300).contains(&response.status) {
            return Ok(response);
        }
        Err(match problem(method, &response) {
            Some(problem) => Error::Problem(problem),
            None => Error::Unreachable(format!("a stranger answered {}", response.status)),
        })
    }

    /// Asks in the name of a stream's owner: by his access token, refreshed when it is void, or by the delivery key.
    pub(super) async fn send_as(&self, stream: Uuid, door: Door, request: &Request) -> Result<Response> {
        let mut refreshed = false;
        loop {
            let stream = self.stream(stream).await?;
            let key = stream.key.as_ref().filter(|_| door == Door::Delivery);
            let by_key = key.map(|key| format!("Delivery {key}"));
            let Some(token) = &stream.access else {
                let key = by_key.ok_or(Error::NotSignedIn)?;
                return self.send(signed(request, key)).await;
            };
            match self.send(signed(request, format!("Bearer {token}"))).await {
                Err(Error::Problem(problem)) if problem.status == 401 && !refreshed => {
                    refreshed = true;
                    self.refresh(&stream).await?;
                }
                // He may no longer sign in or work here: what he has done is delivered nevertheless.
                Err(Error::Problem(problem))
                    if matches!(problem.code.as_str(), "forbidden" | "user_inactive")
                        || problem.status == 401 =>
                {
                    let Some(key) = by_key else { return Err(Error::Problem(problem)) };
                    return self.send(signed(request, key)).await;
                }
                answered => return answered,
            }
        }
    }

    /// A stream as it stands now.
    pub(super) async fn stream(&self, id: Uuid) -> Result<streams::Stream> {
        streams::find(&mut *self.store().begin().await?, id).await
    }
}

fn signed(request: &Request, authorization: String) -> Request {
    let mut request = request.clone();
    request.headers.push(("Authorization", authorization));
    request
}
