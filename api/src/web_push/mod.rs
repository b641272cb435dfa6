//! Web Push: messages to browsers through the push services of their makers (RFC 8030), encrypted for the browser alone
//! (RFC 8291), signed by our key (RFC 8292).

mod cipher;
mod key;
mod reach;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    error::Error as StdError,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use naryad_domain::{
    Clock, Error, Result,
    channel::{SendError, Subscription, Taken, VapidKey, WebPush, WebPushMessage},
    push::Priority,
};
use reqwest::{
    Client, Response, Url,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE},
};

pub(crate) use self::key::routes;
use self::{
    cipher::{Reader, Unsealed},
    reach::{NotPublic, Reach},
};
use crate::provider::{Answer, Guard, down};

/// A service that does not take a connection in this time is down.
const CONNECT: Duration = Duration::from_secs(3);
/// One request.
const REQUEST: Duration = Duration::from_secs(8);
/// No push service keeps a message longer: four weeks, in seconds.
const LONGEST_TTL: i64 = 28 * 24 * 3600;
/// A topic is no longer (RFC 8030, section 5.4).
const LONGEST_TOPIC: usize = 32;
/// Messages a second to one service at most.
const PER_SECOND: u32 = 50;
/// Services with a guard of their own at once: the makers of browsers are few, and anybody may name others.
const GUARDS: usize = 32;

/// Who sends to browsers.
#[derive(Clone, Debug)]
pub struct WebPushSettings {
    /// The P-256 key, PEM; made where there is none.
    pub key_file: PathBuf,
    /// Where push services reach whoever runs this: `mailto:` or `https:`.
    pub contact: String,
    /// An origin on the loopback that endpoints may have: for tests.
    pub stand_in: Option<String>,
}

/// The way to browsers.
#[derive(Debug)]
pub struct BrowserPush {
    http: Client,
    reach: Reach,
    key: VapidKey,
    contact: String,
    /// One for each push service, so that one that is down holds back no other.
    guards: Mutex<BTreeMap<String, Arc<Guard>>>,
    clock: Arc<dyn Clock>,
}

impl BrowserPush {
    /// Reads the key, or makes it.
    ///
    /// # Errors
    /// The key can neither be read nor made; `invalid_field`: the contact is none, or the stand-in is not on the loopback.
    pub fn open(settings: &WebPushSettings, clock: Arc<dyn Clock>) -> Result<Self> {
        let reach = Reach::of(settings.stand_in.as_deref())?;
        Ok(Self {
            http: reach.client()?,
            reach,
            key: VapidKey::load_or_create(&settings.key_file)?,
            contact: contact(&settings.contact)?,
            guards: Mutex::default(),
            clock,
        })
    }

    fn guard(&self, audience: &str) -> Arc<Guard> {
        let mut guards = self.guards.lock().unwrap_or_else(PoisonError::into_inner);
        if guards.len() >= GUARDS && !guards.contains_key(audience) {
            guards.clear();
        }
        let made = || Arc::new(Guard::new("web_push", PER_SECOND, Arc::clone(&self.clock)));
        Arc::clone(guards.entry(audience.to_owned()).or_insert_with(made))
    }

    async fn deliver(
        &self,
        to: Url,
        audience: &str,
        message: &WebPushMessage,
        body: Vec<u8>,
    ) -> Result<Taken, SendError> {
        let now = self.clock.now();
        let unsigned = |_| SendError::Refused("the statement about us could not be signed".to_owned());
        let authorization = self.key.authorization(audience, &self.contact, now).map_err(unsigned)?;
        let mut request = self
            .http
            .post(to)
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_ENCODING, "aes128gcm")
            .header(CONTENT_TYPE, "application/octet-stream")
            .header("TTL", message.ttl.num_seconds().clamp(0, LONGEST_TTL))
            .header("Urgency", urgency(message.priority));
        if let Some(topic) = &message.topic {
            request = request.header("Topic", topic);
        }
        let response = request.body(body).send().await.map_err(|failure| unreached(&failure))?;
        // A page that somebody on the way shows instead of the service comes as 200 too; the service itself says 201.
        let is_page = |response: &Response| {
            let kind = response.headers().get(CONTENT_TYPE);
            kind.is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"text/html"))
        };
        // Of a message that was taken the words are not waited for.
        match response.status().as_u16() {
            201 | 202 => return Ok(Taken::default()),
            200 if !is_page(&response) => return Ok(Taken::default()),
            _ => {}
        }
        Err(meaning(&Answer::whole(response, now).await?))
    }
}

#[async_trait::async_trait]
impl WebPush for BrowserPush {
    async fn send(&self, message: &WebPushMessage) -> Result<Taken, SendError> {
        let to = self.reach.endpoint(&message.subscription.endpoint).ok_or(SendError::Dead)?;
        if message.topic.as_deref().is_some_and(|topic| !is_topic(topic)) {
            return Err(SendError::Refused("a topic of other letters".to_owned()));
        }
        let body = Reader::of(&message.subscription)
            .and_then(|reader| reader.seal(&message.payload))
            .map_err(unsealed)?;
        let audience = to.origin().ascii_serialization();
        self.guard(&audience).call(self.deliver(to, &audience, message, body)).await
    }

    fn public_key(&self) -> &str {
        self.key.public_key()
    }
}

/// Refuses a subscription to a push service that is not reached from here; `path` is where it stands in the request, and
/// `stand_in` is `web_push_stand_in`.
///
/// # Errors
/// `invalid_field` at `path`.
pub(crate) fn check_reach(subscription: &Subscription, stand_in: Option<&str>, path: &str) -> Result<()> {
    let reach = Reach::of(stand_in).map_err(Error::internal)?;
    let refused = || Error::field(path, "the endpoint must be the public address of a push service");
    reach.endpoint(&subscription.endpoint).map(drop).ok_or_else(refused)
}

/// An address that push services take (RFC 8292, section 2.1).
fn contact(text: &str) -> Result<String> {
    let is_mail = text.strip_prefix("mailto:").is_some_and(|address| {
        address.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
    });
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if (is_mail || text.starts_with("https://")) && is_plain {
        Ok(text.to_owned())
    } else {
        Err(Error::field("web_push_contact", "must be `mailto:` and an address, or https"))
    }
}

fn urgency(priority: Priority) -> &'static str {
    match priority {
        Priority::Normal => "normal",
        Priority::High => "high",
    }
}

fn is_topic(topic: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=LONGEST_TOPIC).contains(&topic.len()) && topic.bytes().all(is_letter)
}

fn unsealed(why: Unsealed) -> SendError {
    match why {
        Unsealed::NoKeys => SendError::Dead,
        Unsealed::TooLong => SendError::Refused("the payload is too long".to_owned()),
        Unsealed::Failed => SendError::Down("the payload could not be encrypted".to_owned()),
    }
}

fn unreached(failure: &reqwest::Error) -> SendError {
    let mut cause = failure.source();
    while let Some(source) = cause {
        if source.is::<NotPublic>() {
            return SendError::Refused(NotPublic.to_string());
        }
        cause = source.source();
    }
    down(failure)
}

/// What an answer means that is no success.
fn meaning(answer: &Answer) -> SendError {
    match answer.status {
        404 | 410 => SendError::Dead,
        408 | 429 => answer.by_status(),
        // 401 and 403: the subscription was made with another key; 413: too long for this service.
        400..500 => SendError::Refused(answer.word(None)),
        _ => answer.by_status(),
    }
}
