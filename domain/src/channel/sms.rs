//! The port for text messages, and the outbox folder that stands for a provider until there is one.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;
use uuid::Uuid;

use super::{SendError, Taken};
use crate::{Clock, Error, Result, auth::Draft, id::new_uuid};

/// One text message. It never shows itself: the text may hold a code.
#[derive(Clone, PartialEq, Eq)]
pub struct SmsMessage {
    /// Its identifier here. The same message again has the same one.
    pub id: Uuid,
    /// The phone, E.164: `+79161234567`.
    pub to: String,
    /// The text.
    pub text: String,
}

impl std::fmt::Debug for SmsMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmsMessage").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What became of a text message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SmsStatus {
    /// On its way.
    Underway,
    /// The phone has it.
    Delivered,
    /// It will not arrive; a word for the log.
    Failed(String),
    /// The provider knows no such message: it was never taken.
    Unknown,
}

/// Sends text messages.
#[async_trait::async_trait]
pub trait Sms: Send + Sync + std::fmt::Debug {
    /// Hands a message to the provider. No implementation logs its text or its phone.
    ///
    /// # Errors
    /// What the caller can do about it.
    async fn send(&self, message: &SmsMessage) -> Result<Taken, SendError>;

    /// What became of the message that the provider calls `reference`. `None`: this provider cannot say.
    ///
    /// # Errors
    /// The provider does not answer.
    async fn status(&self, message: &SmsMessage, reference: &str) -> Result<Option<SmsStatus>, SendError>;

    /// The name that the provider will give the message, where we choose it: by it a message whose answer was lost is
    /// asked for before it is sent again.
    fn reference_of(&self, id: Uuid) -> Option<String>;
}

/// Writes each message as a file `<time>-<uuid>.json` of `{"to", "text"}` into a folder, readable by the owner only.
#[derive(Debug)]
pub struct OutboxSms(Outbox);

#[derive(Serialize)]
struct Written<'a> {
    to: &'a str,
    text: &'a str,
}

impl OutboxSms {
    /// An outbox in `folder`, which is made (for the owner only) where it does not exist.
    ///
    /// # Errors
    /// `internal` when the folder cannot be made.
    pub fn open(folder: PathBuf, clock: Arc<dyn Clock>) -> Result<Self> {
        Outbox::open(folder, clock).map(Self)
    }
}

#[async_trait::async_trait]
impl Sms for OutboxSms {
    async fn send(&self, message: &SmsMessage) -> Result<Taken, SendError> {
        let SmsMessage { to, text, .. } = message;
        self.0.write(&Written { to, text }).await?;
        Ok(Taken::default())
    }

    async fn status(&self, _: &SmsMessage, _: &str) -> Result<Option<SmsStatus>, SendError> {
        Ok(None)
    }

    fn reference_of(&self, _: Uuid) -> Option<String> {
        None
    }
}

/// A folder of messages. A file appears whole or not at all; the names sort by time.
#[derive(Debug)]
pub(super) struct Outbox {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
}

impl Outbox {
    pub(super) fn open(folder: PathBuf, clock: Arc<dyn Clock>) -> Result<Self> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder).map_err(|cause| Error::internal(unwritable(&folder, &cause)))?;
        Ok(Self { folder, clock })
    }

    pub(super) async fn write(&self, message: &impl Serialize) -> Result<(), SendError> {
        let name =
            format!("{}-{}.json", self.clock.now().format("%Y%m%dT%H%M%S%.6fZ"), new_uuid(&*self.clock));
        let target = self.folder.join(name);
        let bytes = serde_json::to_vec(message).map_err(|cause| SendError::Refused(cause.to_string()))?;
        let folder = self.folder.clone();
        let writing = tokio::task::spawn_blocking(move || {
            Draft::beside(&target, &bytes)
                .and_then(|draft| draft.publish(&target))
                .map_err(|cause| SendError::Down(unwritable(&folder, &cause)))
        });
        writing.await.map_err(|cause| SendError::Down(cause.to_string()))?
    }
}

fn unwritable(folder: &Path, cause: &std::io::Error) -> String {
    format!("outbox {}: {cause}", folder.display())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use chrono::TimeDelta;
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::ManualClock;

    fn message(to: &str, text: &str) -> SmsMessage {
        SmsMessage { id: Uuid::now_v7(), to: to.to_owned(), text: text.to_owned() }
    }

    fn messages(folder: &Path) -> Vec<(String, Value)> {
        let mut found: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let content = serde_json::from_slice(&fs::read(entry.path()).unwrap()).unwrap();
                (entry.file_name().into_string().unwrap(), content)
            })
            .collect();
        found.sort_by(|one, other| one.0.cmp(&other.0));
        found
    }

    #[tokio::test]
    async fn each_message_is_a_file_in_the_order_of_time() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("outbox/sms");
        let clock = ManualClock::at("2026-03-01T12:00:00.5Z".parse().unwrap());
        let sms = OutboxSms::open(folder.clone(), Arc::new(clock.clone())).unwrap();

        sms.send(&message("+79161234567", "Код: 012345")).await.unwrap();
        clock.advance(TimeDelta::seconds(60));
        sms.send(&message("+79161234568", "Мастер «Анна» в пути")).await.unwrap();

        let found = messages(&folder);
        let contents: Vec<_> = found.iter().map(|(_, content)| content.clone()).collect();
        assert_eq!(
            contents,
            [
                json!({ "to": "+79161234567", "text": "Код: 012345" }),
                json!({ "to": "+79161234568", "text": "Мастер «Анна» в пути" }),
            ]
        );
        assert!(found[0].0.starts_with("20260301T120000.500000Z-"), "{}", found[0].0);
        assert!(found[1].0.starts_with("20260301T120100.500000Z-"), "{}", found[1].0);
    }

    #[tokio::test]
    async fn two_messages_of_one_instant_are_two_files() {
        let home = tempfile::tempdir().unwrap();
        let clock = ManualClock::at("2026-03-01T12:00:00Z".parse().unwrap());
        let sms = OutboxSms::open(home.path().to_owned(), Arc::new(clock)).unwrap();
        sms.send(&message("+79161234567", "one")).await.unwrap();
        sms.send(&message("+79161234567", "two")).await.unwrap();
        assert_eq!(messages(home.path()).len(), 2);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn only_the_owner_may_read() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("outbox");
        let clock = ManualClock::at("2026-03-01T12:00:00Z".parse().unwrap());
        let sms = OutboxSms::open(folder.clone(), Arc::new(clock)).unwrap();
        sms.send(&message("+79161234567", "Код: 012345")).await.unwrap();
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join(&messages(&folder)[0].0)), 0o600);
    }

    #[tokio::test]
    async fn a_message_that_cannot_be_written_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("outbox");
        let clock = ManualClock::at("2026-03-01T12:00:00Z".parse().unwrap());
        let sms = OutboxSms::open(folder.clone(), Arc::new(clock)).unwrap();
        fs::remove_dir(&folder).unwrap();
        let failure = sms.send(&message("+79161234567", "Код: 012345")).await.unwrap_err();
        assert!(!format!("{failure:?}").contains("012345"), "the text is in the log");
    }
}
