//! What the gateways know, and how a message is taken.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use actix_web::HttpResponse;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

use super::{
    Dialect,
    say::{Say, Weather},
};
use crate::HandClock;

/// SMSC takes the same again only after so much time.
const SAME_AGAIN: TimeDelta = TimeDelta::seconds(60);

/// A message that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Whose it is.
    pub dialect: Dialect,
    /// What the gateway calls it.
    pub reference: String,
    /// The phone, in digits.
    pub to: String,
    /// What it says.
    pub text: String,
    /// The name that the phone shows.
    pub sender: Option<String>,
    /// When it was taken.
    pub at: DateTime<Utc>,
    /// What became of it, in the code of its dialect.
    pub status: i64,
}

/// A message that is to be taken.
pub(super) struct Take {
    pub(super) dialect: Dialect,
    /// The name that the sender chose.
    pub(super) name: Option<String>,
    pub(super) to: String,
    pub(super) text: String,
    pub(super) sender: Option<String>,
}

#[derive(Debug)]
pub(super) struct Desk {
    clock: HandClock,
    pub(super) held: watch::Sender<bool>,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) says: VecDeque<Say>,
    pub(super) weather: Option<Weather>,
    pub(super) disconnected: BTreeSet<String>,
    pub(super) asked: usize,
    pub(super) looked: usize,
    pub(super) lost: usize,
    pub(super) sent: Vec<Sent>,
    pub(super) complaints: Vec<String>,
}

impl Desk {
    pub(super) fn new(clock: &HandClock) -> Self {
        Self { clock: clock.clone(), held: watch::Sender::new(false), book: Mutex::default() }
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn complain(&self, complaint: String) {
        self.book().complaints.push(complaint);
    }

    /// A message came that is as it should be.
    pub(super) async fn take(&self, take: Take) -> HttpResponse {
        let _ = self.held.subscribe().wait_for(|held| !held).await;
        let dialect = take.dialect;
        let say = {
            let book = &mut *self.book();
            book.says.pop_front().or_else(|| book.weather.as_mut().and_then(Weather::next))
        };
        let Some(say) = say else { return self.keep(take) };
        if say.takes() {
            let kept = self.keep(take);
            // What is not taken anyhow is told as it is.
            if !is_taken(&kept) {
                return kept;
            }
            self.book().lost += 1;
        }
        say.answer(dialect).await
    }

    fn keep(&self, take: Take) -> HttpResponse {
        let Take { dialect, name, to, text, sender } = take;
        let mut book = self.book();
        if book.disconnected.contains(&to) {
            return dialect.dead(&to);
        }
        let at = self.clock.now();
        let of_the_phone = book.sent.iter().filter(|sent| sent.dialect == dialect && sent.to == to);
        let mut same = of_the_phone.clone().filter(|sent| sent.text == text);
        if dialect == Dialect::Smsc && same.any(|sent| at - sent.at < SAME_AGAIN) {
            return super::smsc::error(9, "duplicate request, wait a minute");
        }
        let other =
            of_the_phone.clone().any(|sent| Some(&sent.reference) == name.as_ref() && sent.text != text);
        let reference = name.unwrap_or_else(|| dialect.name_of(book.sent.len() + 1));
        if other {
            book.complaints.push(format!("two messages are called {reference}"));
        }
        let status = dialect.status_at_first();
        let sent = Sent { dialect, reference, to, text, sender, at, status };
        let answer = dialect.taken(&sent);
        book.sent.push(sent);
        answer
    }

    /// The newest message of this name, to this phone where that is asked.
    pub(super) fn find(&self, dialect: Dialect, reference: &str, to: Option<&str>) -> Option<Sent> {
        let mut book = self.book();
        book.looked += 1;
        let meant = |sent: &&Sent| {
            sent.dialect == dialect && sent.reference == reference && to.is_none_or(|to| sent.to == to)
        };
        book.sent.iter().rev().find(meant).cloned()
    }
}

/// Marks the answers that say so.
pub(super) struct Kept;

fn is_taken(answer: &HttpResponse) -> bool {
    answer.extensions().get::<Kept>().is_some()
}

impl Dialect {
    fn name_of(self, number: usize) -> String {
        match self {
            Self::Smsc | Self::SmsAero => (10_000 + number).to_string(),
            Self::SmsRu => format!("202603-{:07}", 1_000_000 + number),
        }
    }

    fn status_at_first(self) -> i64 {
        match self {
            Self::Smsc => -1,
            Self::SmsRu => 100,
            Self::SmsAero => 0,
        }
    }
}
