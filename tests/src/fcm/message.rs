//! The shape of a message.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Data and notification as JSON come to no more, in bytes.
const LONGEST: usize = 4096;
/// Four weeks, in seconds.
const LONGEST_TTL: u32 = 28 * 24 * 3600;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    message: Message,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    token: String,
    #[serde(rename = "notification")]
    _notification: Option<Notification>,
    #[serde(default)]
    data: BTreeMap<String, String>,
    android: Option<Android>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Notification {
    #[serde(rename = "title")]
    _title: String,
    #[serde(rename = "body")]
    _body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Android {
    priority: Option<String>,
    ttl: Option<String>,
    collapse_key: Option<String>,
}

/// The message in a body, or what is wrong with it.
pub(super) fn check(body: &[u8]) -> Result<Value, String> {
    let raw: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let Request { message } = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if message.token.is_empty() {
        return Err("no token".to_owned());
    }
    let reserved = |key: &&String| {
        matches!(key.as_str(), "from" | "message_type") || key.starts_with("gcm") || key.starts_with("google")
    };
    if let Some(key) = message.data.keys().find(reserved) {
        return Err(format!("the key `{key}` of data is reserved"));
    }
    let length = |name: &str| raw["message"].get(name).map_or(0, |part| part.to_string().len());
    let bytes = length("data") + length("notification");
    if bytes > LONGEST {
        return Err(format!("{bytes} bytes are too many"));
    }
    if let Some(android) = message.android {
        android.check()?;
    }
    Ok(raw["message"].clone())
}

impl Android {
    fn check(&self) -> Result<(), String> {
        if let Some(priority) = &self.priority
            && !matches!(priority.as_str(), "normal" | "high")
        {
            return Err(format!("the priority `{priority}`"));
        }
        let whole = |ttl: &str| ttl.strip_suffix('s').and_then(|seconds| seconds.parse::<u32>().ok());
        if let Some(ttl) = &self.ttl
            && whole(ttl).is_none_or(|seconds| seconds > LONGEST_TTL)
        {
            return Err(format!("the ttl `{ttl}`"));
        }
        if self.collapse_key.as_ref().is_some_and(String::is_empty) {
            return Err("an empty collapse_key".to_owned());
        }
        Ok(())
    }
}
