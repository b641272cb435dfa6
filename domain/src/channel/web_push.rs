//! The port for pushes to browsers (RFC 8030, 8291, 8292).

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{SendError, Taken};
use crate::{Error, Result, push::Priority};

/// Where a browser is reached, as its `PushSubscription` says. It never shows itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// Address of the push service, https.
    #[schema(max_length = 1024)]
    pub endpoint: String,
    /// Public key of the browser: an uncompressed point on P-256, base64url.
    #[schema(max_length = 88)]
    pub p256dh: String,
    /// Secret of the browser: 16 bytes, base64url.
    #[schema(max_length = 24)]
    pub auth: String,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Subscription")
    }
}

impl Subscription {
    /// Checks a subscription that came from outside; `path` is where it stands in the request.
    ///
    /// # Errors
    /// `invalid_field` naming what is no address or no key. That the point is on the curve is seen when it is used.
    pub fn check(&self, path: &str) -> Result<()> {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).unwrap_or_default();
        let loopback = ["http://127.0.0.1:", "http://[::1]:", "http://localhost:"];
        let reachable = self.endpoint.starts_with("https://")
            || loopback.iter().any(|prefix| self.endpoint.starts_with(prefix));
        if !reachable || self.endpoint.len() > 1024 || self.endpoint.contains(char::is_whitespace) {
            return Err(Error::field(format!("{path}.endpoint"), "must be an https address"));
        }
        if decoded(&self.p256dh).len() != 65 {
            return Err(Error::field(format!("{path}.p256dh"), "must be 65 bytes in base64url"));
        }
        if decoded(&self.auth).len() != 16 {
            return Err(Error::field(format!("{path}.auth"), "must be 16 bytes in base64url"));
        }
        Ok(())
    }
}

/// A message to one browser.
#[derive(Clone, Debug)]
pub struct WebPushMessage {
    /// Where it goes.
    pub subscription: Subscription,
    /// What the service worker reads, JSON; it is encrypted for the browser. At most 3993 bytes.
    pub payload: Vec<u8>,
    /// How urgent it is.
    pub priority: Priority,
    /// So long the push service keeps it for a browser that is closed; whole seconds.
    pub ttl: TimeDelta,
    /// Of the messages that wait with the same topic the last one alone is brought; at most 32 characters of base64url.
    pub topic: Option<String>,
}

/// Hands messages to the push services of browsers.
#[async_trait::async_trait]
pub trait WebPush: Send + Sync + std::fmt::Debug {
    /// Hands one message over.
    ///
    /// # Errors
    /// [`SendError::Dead`]: the subscription is gone and is to be deleted.
    async fn send(&self, message: &WebPushMessage) -> Result<Taken, SendError>;

    /// The public key that browsers subscribe with (`applicationServerKey`), base64url.
    fn public_key(&self) -> &str;
}
