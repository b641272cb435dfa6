//! How a service outside is reached.

use std::time::Duration;

use naryad_domain::{Error, Result, channel::SendError};
use reqwest::{Client, RequestBuilder, Url, header::CONTENT_TYPE, redirect::Policy};

/// A service that does not take a connection in this time is down.
const CONNECT: Duration = Duration::from_secs(3);
/// One request.
const REQUEST: Duration = Duration::from_secs(8);
/// One message with all that it needs, in the time a job has.
const MESSAGE: Duration = Duration::from_secs(25);
const FORM: &str = "application/x-www-form-urlencoded";

/// An address that keys may be sent to.
///
/// # Errors
/// `invalid_field` naming `field`: it is neither https nor on the loopback.
pub(crate) fn address(field: &str, text: &str) -> Result<Url> {
    let url = Url::parse(text).map_err(|cause| Error::field(field, cause.to_string()))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(Error::field(field, "must be https")),
    }
}

fn is_loopback(url: &Url) -> bool {
    matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"))
}

/// A client that follows nobody elsewhere and waits for nobody long.
///
/// # Errors
/// `internal`: the machine lacks what TLS needs.
pub(crate) fn client(addresses: &[&Url]) -> Result<Client> {
    let mut builder = Client::builder().redirect(Policy::none()).connect_timeout(CONNECT).timeout(REQUEST);
    if addresses.iter().any(|url| is_loopback(url)) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(Error::internal)
}

/// Posts a form; its fields stand in the body, never in the address.
pub(crate) fn form(http: &Client, to: &Url, fields: &[(&str, &str)]) -> RequestBuilder {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    http.post(to.clone()).header(CONTENT_TYPE, FORM).body(body)
}

/// Gives one message up when it takes too long.
///
/// # Errors
/// `Down` then, and whatever went wrong before.
pub(crate) async fn in_time<T>(asking: impl Future<Output = Result<T, SendError>>) -> Result<T, SendError> {
    let late = |_| SendError::Down(format!("it took longer than {MESSAGE:?}"));
    tokio::time::timeout(MESSAGE, asking).await.map_err(late)?
}
