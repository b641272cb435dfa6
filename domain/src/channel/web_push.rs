//! The port for pushes to browsers (RFC 8030, 8291, 8292).

use aws_lc_rs::agreement::{ECDH_P256, ParsedPublicKey, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
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

/// A `PushSubscription` as browsers write it; what else stands there is not needed.
#[derive(Deserialize)]
struct Written {
    endpoint: String,
    keys: WrittenKeys,
}

#[derive(Deserialize)]
struct WrittenKeys {
    p256dh: String,
    auth: String,
}

impl Subscription {
    /// Reads and checks what a browser wrote, `JSON.stringify(subscription)`; `path` is where it stands in the request.
    ///
    /// # Errors
    /// `invalid_field` at `path`, saying what is wrong with it.
    pub fn from_browser(text: &str, path: &str) -> Result<Self> {
        // Without the words of the parser: they may repeat what stands there.
        let Written { endpoint, keys } = serde_json::from_str(text)
            .map_err(|_| Error::field(path, "must be the PushSubscription of a browser as JSON"))?;
        let unpadded = |key: String| key.trim_end_matches('=').to_owned();
        let read = Self { endpoint, p256dh: unpadded(keys.p256dh), auth: unpadded(keys.auth) };
        read.check(path)?;
        Ok(read)
    }

    /// Checks a subscription that came from outside; `path` is where it stands in the request. Whether the address is one
    /// of the open internet is looked at by whoever sends there.
    ///
    /// # Errors
    /// `invalid_field` at `path`, saying what is no address or no key.
    pub fn check(&self, path: &str) -> Result<()> {
        let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).unwrap_or_default();
        let loopback = ["http://127.0.0.1:", "http://[::1]:", "http://localhost:"];
        let reachable = self.endpoint.starts_with("https://")
            || loopback.iter().any(|prefix| self.endpoint.starts_with(prefix));
        let plain = self.endpoint.bytes().all(|byte| byte.is_ascii_graphic());
        if !reachable || self.endpoint.len() > 1024 || !plain {
            return Err(Error::field(path, "the endpoint must be an https address"));
        }
        if !is_point(&decoded(&self.p256dh)) {
            return Err(Error::field(path, "p256dh must be an uncompressed point of P-256 in base64url"));
        }
        if decoded(&self.auth).len() != 16 {
            return Err(Error::field(path, "auth must be 16 bytes in base64url"));
        }
        Ok(())
    }
}

/// Whether these bytes are a point of the curve, written out in full.
fn is_point(bytes: &[u8]) -> bool {
    let written_out = bytes.len() == 65 && bytes.first() == Some(&4);
    written_out && ParsedPublicKey::try_from(&UnparsedPublicKey::new(&ECDH_P256, bytes)).is_ok()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// The browser of RFC 8291, appendix A.
    fn written() -> Value {
        json!({
            "endpoint": "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
            "expirationTime": null,
            "keys": {
                "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
                "auth": "BTBZMqHH6r4Tts7J_aSIgg",
            },
        })
    }

    #[test]
    fn what_a_browser_writes_is_read() {
        let mut text = written();
        let read = Subscription::from_browser(&text.to_string(), "push_token").unwrap();
        assert_eq!(text["endpoint"], read.endpoint);
        text["keys"]["auth"] = json!("BTBZMqHH6r4Tts7J_aSIgg==");
        text["contentEncoding"] = json!("aes128gcm");
        assert!(
            Subscription::from_browser(&text.to_string(), "push_token").unwrap() == read,
            "the same browser"
        );
        assert_eq!(format!("{read:?}"), "Subscription");
    }

    #[test]
    fn what_is_no_subscription_is_refused_without_being_repeated() {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let point = URL_SAFE_NO_PAD.decode(written()["keys"]["p256dh"].as_str().unwrap()).unwrap();
        let hybrid = encode(&[&[6], &point[1..]].concat());
        let compressed = encode(&[&[2], &point[1..33]].concat());
        let off_the_curve = encode(&[[4].as_slice(), &[1; 64]].concat());
        let long = format!("https://push.example/{}", "x".repeat(1024));
        for (pointer, value) in [
            ("/endpoint", "http://push.example/SECRET"),
            ("/endpoint", "push.example/SECRET"),
            ("/endpoint", "https://push.example/SECRET x"),
            ("/endpoint", "https://push.example/SECRET\n"),
            ("/endpoint", "https://пуш.example/SECRET"),
            ("/endpoint", &long),
            ("/keys/p256dh", "SECRET"),
            ("/keys/p256dh", &hybrid),
            ("/keys/p256dh", &compressed),
            ("/keys/p256dh", &off_the_curve),
            ("/keys/p256dh", &encode(&[0; 65])),
            ("/keys/auth", "SECRET"),
            ("/keys/auth", &encode(&[7; 17])),
        ] {
            let mut text = written();
            *text.pointer_mut(pointer).unwrap() = json!(value);
            let refusal = Subscription::from_browser(&text.to_string(), "push_token").unwrap_err();
            assert_eq!(refusal.fields()[0].field, "push_token", "{pointer}: {value}");
            assert!(!refusal.to_string().contains("SECRET"), "{refusal}");
        }
        for text in [
            "",
            "SECRET",
            "\"SECRET\"",
            "{}",
            r#"{"endpoint":"SECRET"}"#,
            r#"{"endpoint":1,"keys":"SECRET"}"#,
        ] {
            let refusal = Subscription::from_browser(text, "push_token").unwrap_err();
            assert!(!refusal.to_string().contains("SECRET"), "{refusal}");
        }
    }

    proptest! {
        /// Whatever comes, nothing panics.
        #[test]
        fn any_text_is_a_subscription_or_none(text in "\\PC{0,80}", key in "[A-Za-z0-9_=-]{0,100}") {
            let _ = Subscription::from_browser(&text, "push_token");
            let mut wild = written();
            wild["endpoint"] = json!(text);
            wild["keys"]["p256dh"] = json!(key);
            let _ = Subscription::from_browser(&wild.to_string(), "push_token");
        }
    }
}
