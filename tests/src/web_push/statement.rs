//! What whoever sends says of himself (RFC 8292), checked by another library than the one that signs.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, de::DeserializeOwned};
use web_push_native::p256::ecdsa::{Signature, VerifyingKey, signature::Verifier};

use super::request::Refused;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    aud: String,
    exp: i64,
    sub: String,
}

/// The `applicationServerKey` as a browser takes it: an uncompressed point, base64url.
pub(super) fn public_key(text: &str) -> Result<VerifyingKey, String> {
    let point = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|error| error.to_string())?;
    if point.len() != 65 {
        return Err(format!("a key of {} bytes", point.len()));
    }
    VerifyingKey::from_sec1_bytes(&point).map_err(|error| error.to_string())
}

/// Whether `authorization` says at `now` who sends to the service at `origin`, and is signed by `key`.
pub(super) fn check(authorization: &str, origin: &str, key: &str, now: DateTime<Utc>) -> Result<(), Refused> {
    let unsigned = |complaint: String| Refused::new(401, complaint);
    let (token, told) = parameters(authorization).map_err(unsigned)?;
    let claims = read(token, told).map_err(unsigned)?;
    if told != key {
        return Err(Refused::new(403, "the browser subscribed with another key"));
    }
    claims.check(origin, now).map_err(|complaint| Refused::new(403, complaint))
}

/// `t` and `k` of `vapid t=..., k=...`.
fn parameters(authorization: &str) -> Result<(&str, &str), String> {
    let list = authorization.strip_prefix("vapid ").ok_or("another scheme than vapid")?;
    let (mut token, mut key) = (None, None);
    for parameter in list.split(',') {
        let place = match parameter.trim().split_once('=') {
            Some(("t", value)) => token.replace(value),
            Some(("k", value)) => key.replace(value),
            _ => return Err("a parameter that is neither t nor k".to_owned()),
        };
        if place.is_some() {
            return Err("a parameter twice".to_owned());
        }
    }
    token.zip(key).ok_or_else(|| "t or k is missing".to_owned())
}

/// The claims, if `key` signed them.
fn read(token: &str, key: &str) -> Result<Claims, String> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else { return Err("no three parts".to_owned()) };
    let said: Header = decode(header)?;
    if (said.alg.as_str(), said.typ.as_str()) != ("ES256", "JWT") {
        return Err(format!("signed by {}", said.alg));
    }
    let signed = &token[..header.len() + 1 + claims.len()];
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|error| error.to_string())?;
    let signature = Signature::from_slice(&signature).map_err(|error| error.to_string())?;
    public_key(key)?
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| "the signature is not of the key k".to_owned())?;
    decode(claims)
}

impl Claims {
    fn check(&self, origin: &str, now: DateTime<Utc>) -> Result<(), String> {
        if self.aud != origin {
            return Err(format!("said to {}", self.aud));
        }
        let (now, latest) = (now.timestamp(), (now + TimeDelta::hours(24)).timestamp());
        if self.exp <= now || self.exp > latest {
            return Err(format!("it is {now}, and it counts until {}", self.exp));
        }
        let address = self.sub.strip_prefix("mailto:").is_some_and(|address| {
            address.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
        });
        if !address && !self.sub.starts_with("https://") {
            return Err(format!("nobody is reached at `{}`", self.sub));
        }
        Ok(())
    }
}

fn decode<T: DeserializeOwned>(part: &str) -> Result<T, String> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}
