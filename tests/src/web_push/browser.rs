//! A browser: its keys, and what it reads.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::json;
use web_push_native::{
    Auth,
    p256::{
        SecretKey,
        elliptic_curve::{rand_core::OsRng, sec1::ToEncodedPoint},
    },
};

/// What stands before the first record: salt, its length, that of a key, and the key (RFC 8188, section 2.1).
const HEADER: usize = 16 + 4 + 1 + 65;

/// A browser that has subscribed.
#[derive(Clone)]
pub struct Browser {
    endpoint: String,
    secret: SecretKey,
    auth: [u8; 16],
}

impl Browser {
    /// A new one with the path of its endpoint.
    pub(super) fn at(url: &str) -> (String, Self) {
        let path = format!("/push/{}", BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>()));
        let secret = SecretKey::random(&mut OsRng);
        let browser = Self { endpoint: format!("{url}{path}"), secret, auth: rand::random() };
        (path, browser)
    }

    /// The address that its push service gave it.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Its public key, base64url.
    pub fn p256dh(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.secret.public_key().to_encoded_point(false))
    }

    /// Its secret, base64url.
    pub fn auth(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.auth)
    }

    /// `JSON.stringify(subscription)`.
    pub fn subscription(&self) -> String {
        let keys = json!({ "p256dh": self.p256dh(), "auth": self.auth() });
        json!({ "endpoint": self.endpoint, "expirationTime": null, "keys": keys }).to_string()
    }

    /// Whether a text tells anything of where it is reached, or of its keys.
    pub fn shows_in(&self, text: &str) -> bool {
        let name = self.endpoint.rsplit('/').next().unwrap_or_default();
        [name, &self.p256dh(), &self.auth()].iter().any(|secret| text.contains(secret))
    }

    /// What the service worker is given of a body.
    pub(super) fn read(&self, body: &[u8]) -> Result<String, String> {
        let Some(([.., a, b, c, d, length], _)) = body.split_first_chunk::<21>() else {
            return Err("the body has no header".to_owned());
        };
        let record = u32::from_be_bytes([*a, *b, *c, *d]);
        if *length != 65 || body.len() < HEADER {
            return Err(format!("a key of {length} bytes"));
        }
        // More than one record is not allowed (RFC 8291, section 4).
        if record < 18 || body.len() - HEADER > record as usize {
            return Err(format!("records of {record} bytes in {}", body.len()));
        }
        let read = web_push_native::decrypt(body.to_vec(), &self.secret, &Auth::from(self.auth));
        let read = read.map_err(|error| format!("the browser cannot read it: {error}"))?;
        String::from_utf8(read).map_err(|error| error.to_string())
    }
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browser").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
