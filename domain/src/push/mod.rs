//! Pushes to phones: the port to a provider, what may be sent through it, and the pokes of the technicians' phones.
//!
//! A poke says «pull now» and nothing else. Losing one is harmless, so it is given up quietly when the provider stays
//! away.

mod message;
mod poke;
#[cfg(test)]
mod tests;

use chrono::TimeDelta;

pub(crate) use self::poke::{Reached, enqueue_pokes};
pub use self::{
    message::{
        Delivery, LONGEST_TTL, MAX_PAYLOAD_BYTES, Notification, POKE_TTL, Priority, PushMessage, PushToken,
    },
    poke::{JOB as POKE_JOB, POKE_AFTER, POKE_ATTEMPTS, Phone, PhonePoke, Settle, phones},
};

/// Hands messages to a provider that brings them to phones.
#[async_trait::async_trait]
pub trait Push: Send + Sync + std::fmt::Debug {
    /// Hands one message over. `Ok`: the provider took it, which is no proof that the phone shows it.
    ///
    /// # Errors
    /// What the caller can do about it, see [`PushError`].
    async fn send(&self, message: &PushMessage) -> Result<(), PushError>;
}

/// Why a provider did not take a message. The words are for the log: no token, no key and no person stands in them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The phone is gone: its token is to be deleted.
    #[error("the provider no longer knows the token")]
    TokenDead,
    /// Not now.
    #[error("the provider asks to come again later")]
    Busy {
        /// Not before so much time has passed, if the provider says so.
        retry_after: Option<TimeDelta>,
    },
    /// The provider does not answer, or not as it should: come again later.
    #[error("the provider does not answer as it should: {0}")]
    Down(String),
    /// The message or our settings are at fault: the same again would be refused again. The token may be good.
    #[error("the provider refuses: {0}")]
    Refused(String),
}
