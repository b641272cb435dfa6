//! One message to one phone, within the limits of the providers.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::{Error, Result};

/// A message's data and visible part come to no more than this, as JSON in bytes (FCM).
pub const MAX_PAYLOAD_BYTES: usize = 4096;
/// A provider keeps a message for a phone that is off no longer than this (FCM).
pub const LONGEST_TTL: TimeDelta = TimeDelta::days(28);
/// A poke is kept for a phone that is off so long; it is one message, however often it was sent.
pub const POKE_TTL: TimeDelta = TimeDelta::days(1);

/// Where a phone is reached. It never shows itself.
#[derive(Clone, PartialEq, Eq)]
pub struct PushToken(String);

impl PushToken {
    /// The token as the phone gave it.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// For the provider and the row of the device only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PushToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PushToken")
    }
}

/// What a person sees.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Notification {
    /// One line.
    pub title: String,
    /// A few lines.
    pub body: String,
}

/// How urgent a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// When the phone is awake.
    Normal,
    /// At once: the phone is woken.
    High,
}

/// How a message is brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// How urgent it is.
    pub priority: Priority,
    /// So long it is kept for a phone that is off; whole seconds, at most [`LONGEST_TTL`]. Zero: now or never.
    pub ttl: TimeDelta,
    /// Of the messages that wait for a phone with the same key, the last one alone is brought.
    pub collapse_key: Option<String>,
}

/// A message to one phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushMessage {
    token: PushToken,
    data: BTreeMap<String, String>,
    notification: Option<Notification>,
    delivery: Delivery,
}

impl PushMessage {
    /// A message that the app reads (`data`), that a person sees (`notification`), or both.
    ///
    /// # Errors
    /// `invalid_field`: `data` has a key that is empty or reserved (`from`, `message_type`, `gcm...`, `google...`), data
    /// and notification come to more than [`MAX_PAYLOAD_BYTES`], or `ttl` is out of its range.
    pub fn new(
        token: PushToken,
        data: BTreeMap<String, String>,
        notification: Option<Notification>,
        delivery: Delivery,
    ) -> Result<Self> {
        if let Some(key) = data.keys().find(|key| is_reserved(key)) {
            return Err(Error::field("data", format!("«{key}» is reserved")));
        }
        if delivery.ttl < TimeDelta::zero() || delivery.ttl > LONGEST_TTL {
            return Err(Error::field("ttl", "must be from zero to four weeks"));
        }
        let message = Self { token, data, notification, delivery };
        match message.payload_bytes()? {
            bytes if bytes > MAX_PAYLOAD_BYTES => {
                Err(Error::field("data", format!("{bytes} bytes are more than {MAX_PAYLOAD_BYTES}")))
            }
            _ => Ok(message),
        }
    }

    /// «Pull now»: data only, and nothing of what there is to pull.
    pub fn pull(token: PushToken) -> Self {
        Self {
            token,
            data: BTreeMap::from([("kind".to_owned(), "pull".to_owned())]),
            notification: None,
            delivery: Delivery {
                priority: Priority::High,
                ttl: POKE_TTL,
                collapse_key: Some("pull".to_owned()),
            },
        }
    }

    fn payload_bytes(&self) -> Result<usize> {
        let data = serde_json::to_vec(&self.data).map_err(Error::internal)?;
        let shown =
            self.notification.as_ref().map(serde_json::to_vec).transpose().map_err(Error::internal)?;
        Ok(data.len() + shown.map_or(0, |shown| shown.len()))
    }

    /// Where it goes.
    pub fn token(&self) -> &PushToken {
        &self.token
    }

    /// What the app reads.
    pub fn data(&self) -> &BTreeMap<String, String> {
        &self.data
    }

    /// What a person sees.
    pub fn notification(&self) -> Option<&Notification> {
        self.notification.as_ref()
    }

    /// How it is brought.
    pub fn delivery(&self) -> &Delivery {
        &self.delivery
    }
}

fn is_reserved(key: &str) -> bool {
    matches!(key, "" | "from" | "message_type") || key.starts_with("gcm") || key.starts_with("google")
}
