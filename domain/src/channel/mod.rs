//! The ways to a person: the ports to the providers that bring messages, and what each of them may say.
//!
//! A provider that took a message has not proved that anybody read it. The adapters stand in the API's crate; each keeps
//! its own time-outs, its circuit breaker and its rate.

mod mail;
mod sms;
mod vapid;
mod web_push;

use std::sync::Arc;

use chrono::TimeDelta;

pub use self::{
    mail::{Mail, MailMessage, OutboxMail},
    sms::{OutboxSms, Sms, SmsMessage, SmsStatus},
    vapid::VapidKey,
    web_push::{Subscription, WebPush, WebPushMessage},
};
use crate::push::Push;

/// What a provider calls a message that it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Its name there; by it the provider is asked what became of the message.
    pub reference: Option<String>,
}

/// Why a provider did not take a message. The words are for the log: no address, no key and no person stands in them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The address is gone, or was never one: nothing will ever arrive there.
    #[error("the provider knows no such address")]
    Dead,
    /// Not now; certainly not taken.
    #[error("the provider asks to come again later")]
    Busy {
        /// Not before so much time has passed, if the provider says so.
        retry_after: Option<TimeDelta>,
    },
    /// The provider does not answer, or not as it should: come again later. It may have taken the message.
    #[error("the provider does not answer as it should: {0}")]
    Down(String),
    /// The message or our settings are at fault: the same again would be refused again. The address may be good.
    #[error("the provider refuses: {0}")]
    Refused(String),
}

impl SendError {
    /// The stable word of it, for metrics and the delivery log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Dead => "dead",
            Self::Busy { .. } => "busy",
            Self::Down(_) => "down",
            Self::Refused(_) => "refused",
        }
    }
}

/// The ways that are open.
#[derive(Clone, Debug)]
pub struct Channels {
    /// Pushes to phones, if a provider is set.
    pub push: Option<Arc<dyn Push>>,
    /// Pushes to browsers, if it is set up.
    pub web_push: Option<Arc<dyn WebPush>>,
    /// Text messages.
    pub sms: Arc<dyn Sms>,
    /// E-mail.
    pub mail: Arc<dyn Mail>,
}
