//! The port for text messages, and the outbox folder that stands for a provider until there is one.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::file::Draft;
use crate::{Clock, Error, Result, id::new_uuid};

/// Sends text messages.
#[async_trait::async_trait]
pub trait Sms: Send + Sync + std::fmt::Debug {
    /// Hands `text` for the phone `to` (E.164, `+79161234567`) to the provider. `text` may hold a code: no
    /// implementation logs it.
    ///
    /// # Errors
    /// `unavailable` or `internal` when the provider did not take it.
    async fn send(&self, to: &str, text: &str) -> Result<()>;
}

/// Writes each message as a file `<time>-<uuid>.json` of `{"to", "text"}` into a folder, readable by the owner only.
/// A file appears whole or not at all; the names sort by time.
#[derive(Debug)]
pub struct OutboxSms {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
}

#[derive(serde::Serialize)]
struct Message<'a> {
    to: &'a str,
    text: &'a str,
}

impl OutboxSms {
    /// An outbox in `folder`, which is made (for the owner only) where it does not exist.
    ///
    /// # Errors
    /// `internal` when the folder cannot be made.
    pub fn open(folder: PathBuf, clock: Arc<dyn Clock>) -> Result<Self> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder).map_err(|cause| unwritable(&folder, &cause))?;
        Ok(Self { folder, clock })
    }
}

#[async_trait::async_trait]
impl Sms for OutboxSms {
    async fn send(&self, to: &str, text: &str) -> Result<()> {
        let name =
            format!("{}-{}.json", self.clock.now().format("%Y%m%dT%H%M%S%.6fZ"), new_uuid(&*self.clock));
        let target = self.folder.join(name);
        let bytes = serde_json::to_vec(&Message { to, text }).map_err(Error::internal)?;
        let folder = self.folder.clone();
        tokio::task::spawn_blocking(move || {
            Draft::beside(&target, &bytes)
                .and_then(|draft| draft.publish(&target))
                .map_err(|cause| unwritable(&folder, &cause))
        })
        .await
        .map_err(Error::internal)?
    }
}

fn unwritable(folder: &Path, cause: &std::io::Error) -> Error {
    Error::internal(format!("SMS outbox {}: {cause}", folder.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use chrono::TimeDelta;
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::ManualClock;

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

        sms.send("+79161234567", "Код: 012345").await.unwrap();
        clock.advance(TimeDelta::seconds(60));
        sms.send("+79161234568", "Мастер «Анна» в пути").await.unwrap();

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
        sms.send("+79161234567", "one").await.unwrap();
        sms.send("+79161234567", "two").await.unwrap();
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
        sms.send("+79161234567", "Код: 012345").await.unwrap();
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
        let failure = sms.send("+79161234567", "Код: 012345").await.unwrap_err();
        assert!(!format!("{failure:?}").contains("012345"), "the text is in the log");
    }
}
