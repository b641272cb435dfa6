//! A request to bring a message, held against the rules.

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};

use super::{Pushed, Subscribed, statement};

/// A longer body is not taken (RFC 8030, section 7.2), in bytes.
const LONGEST: usize = 4096;
/// Four weeks, in seconds.
const LONGEST_TTL: u32 = 28 * 24 * 3600;

/// Why a request is refused.
#[derive(Debug, PartialEq)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) complaint: String,
}

impl Refused {
    pub(super) fn new(status: u16, complaint: impl Into<String>) -> Self {
        Self { status, complaint: complaint.into() }
    }
}

/// The message for the browser, or what is wrong with it.
pub(super) fn check(
    request: &HttpRequest,
    body: &[u8],
    to: &Subscribed,
    origin: &str,
    now: DateTime<Utc>,
) -> Result<Pushed, Refused> {
    let authorization = one(request, "Authorization")?.ok_or_else(|| Refused::new(401, "nobody signed"))?;
    statement::check(authorization, origin, &to.key, now)?;
    if body.len() > LONGEST {
        return Err(Refused::new(413, format!("{} bytes are too many", body.len())));
    }
    let bad = |complaint: String| Refused::new(400, complaint);
    let ttl = one(request, "TTL")?.ok_or_else(|| bad("no TTL".to_owned()))?;
    let encoding = one(request, "Content-Encoding")?.unwrap_or_default();
    if encoding != "aes128gcm" {
        return Err(bad(format!("the encoding `{encoding}`")));
    }
    Ok(Pushed {
        endpoint: to.browser.endpoint().to_owned(),
        ttl: seconds(ttl).ok_or_else(|| bad(format!("the TTL `{ttl}`")))?,
        urgency: urgency(one(request, "Urgency")?).map_err(bad)?,
        topic: topic(one(request, "Topic")?).map_err(bad)?,
        text: to.browser.read(body).map_err(bad)?,
    })
}

/// A header that is said once at most.
fn one<'a>(request: &'a HttpRequest, name: &str) -> Result<Option<&'a str>, Refused> {
    let mut said = request.headers().get_all(name);
    let first = said.next();
    if said.next().is_some() {
        return Err(Refused::new(400, format!("{name} twice")));
    }
    let text = first.map(|value| value.to_str()).transpose();
    text.map_err(|error| Refused::new(400, format!("{name}: {error}")))
}

fn seconds(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|seconds| digits && *seconds <= LONGEST_TTL)
}

fn urgency(text: Option<&str>) -> Result<String, String> {
    match text.unwrap_or("normal") {
        one @ ("very-low" | "low" | "normal" | "high") => Ok(one.to_owned()),
        other => Err(format!("the urgency `{other}`")),
    }
}

fn topic(text: Option<&str>) -> Result<Option<String>, String> {
    let Some(text) = text else { return Ok(None) };
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if plain && (1..=32).contains(&text.len()) {
        Ok(Some(text.to_owned()))
    } else {
        Err(format!("the topic `{text}`"))
    }
}
