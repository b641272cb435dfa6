//! Pushes to phones: the port to a provider, what may be sent through it, and the pokes of the technicians' phones.
//!
//! A poke says «pull now» and nothing else. Losing one is harmless, so it is given up quietly when the provider stays
//! away.

mod message;
mod poke;
#[cfg(test)]
mod tests;

pub(crate) use self::poke::{Reached, enqueue_pokes};
pub use self::{
    message::{
        Delivery, LONGEST_TTL, MAX_PAYLOAD_BYTES, Notification, POKE_TTL, Priority, PushMessage, PushToken,
    },
    poke::{JOB as POKE_JOB, POKE_AFTER, POKE_ATTEMPTS, Phone, PhonePoke, Settle, phones},
};

use crate::channel::SendError;

/// Hands messages to a provider that brings them to phones.
#[async_trait::async_trait]
pub trait Push: Send + Sync + std::fmt::Debug {
    /// Hands one message over. `Ok`: the provider took it, which is no proof that the phone shows it.
    ///
    /// # Errors
    /// What the caller can do about it, see [`SendError`].
    async fn send(&self, message: &PushMessage) -> Result<(), SendError>;
}
