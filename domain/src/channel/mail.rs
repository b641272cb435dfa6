//! The port for e-mail, and the outbox folder that stands for a server until there is one.

use std::{path::PathBuf, sync::Arc};

use uuid::Uuid;

use super::{SendError, Taken, sms::Outbox};
use crate::{Clock, Result};

/// One e-mail. It never shows itself.
#[derive(Clone, PartialEq, Eq)]
pub struct MailMessage {
    /// The notification's identifier: the `Message-ID` is made from it, so that a double is known as one.
    pub id: Uuid,
    /// The address of the recipient, `name@example.org`.
    pub to: String,
    /// One line without line breaks.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

impl std::fmt::Debug for MailMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailMessage").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Hands e-mails to a server.
#[async_trait::async_trait]
pub trait Mail: Send + Sync + std::fmt::Debug {
    /// Hands one over. `Ok`: the server took it.
    ///
    /// # Errors
    /// What the caller can do about it.
    async fn send(&self, message: &MailMessage) -> Result<Taken, SendError>;
}

/// Writes each e-mail as a file of `{"to", "subject", "text"}` into a folder, readable by the owner only.
#[derive(Debug)]
pub struct OutboxMail(Outbox);

#[derive(serde::Serialize)]
struct Written<'a> {
    to: &'a str,
    subject: &'a str,
    text: &'a str,
}

impl OutboxMail {
    /// An outbox in `folder`, which is made (for the owner only) where it does not exist.
    ///
    /// # Errors
    /// `internal` when the folder cannot be made.
    pub fn open(folder: PathBuf, clock: Arc<dyn Clock>) -> Result<Self> {
        Outbox::open(folder, clock).map(Self)
    }
}

#[async_trait::async_trait]
impl Mail for OutboxMail {
    async fn send(&self, message: &MailMessage) -> Result<Taken, SendError> {
        let MailMessage { to, subject, text, .. } = message;
        self.0.write(&Written { to, subject, text }).await?;
        Ok(Taken::default())
    }
}
