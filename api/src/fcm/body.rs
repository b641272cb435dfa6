//! A message as FCM reads it.

use std::collections::BTreeMap;

use naryad_domain::push::{Notification, Priority, PushMessage};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Body<'a> {
    message: Message<'a>,
}

#[derive(Serialize)]
struct Message<'a> {
    token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    notification: Option<&'a Notification>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    data: &'a BTreeMap<String, String>,
    android: Android<'a>,
}

#[derive(Serialize)]
struct Android<'a> {
    priority: &'static str,
    ttl: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    collapse_key: Option<&'a str>,
}

impl<'a> Body<'a> {
    pub(super) fn of(message: &'a PushMessage) -> Self {
        let delivery = message.delivery();
        let android = Android {
            priority: match delivery.priority {
                Priority::Normal => "normal",
                Priority::High => "high",
            },
            ttl: format!("{}s", delivery.ttl.num_seconds()),
            collapse_key: delivery.collapse_key.as_deref(),
        };
        Self {
            message: Message {
                token: message.token().expose(),
                notification: message.notification(),
                data: message.data(),
                android,
            },
        }
    }
}
