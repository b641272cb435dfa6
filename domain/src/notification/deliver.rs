//! One message on its way: written, sent, asked after, and taken up the ladder.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde::Deserialize;

use uuid::Uuid;

use super::{
    Ladder, NotificationKind, NotificationState, Rung,
    book::{Book, Contact},
    queue::Try,
    row::Model,
    words::{Words, of_ticket},
};
use crate::{
    Error, Result, Scope, Time,
    channel::{Channels, MailMessage, SendError, SmsMessage, SmsStatus, Subscription, Taken, WebPushMessage},
    db::Db,
    id::new_uuid,
    job::discreet,
    people::locale::Locale,
    push::{Delivery, Notification, Phone, Priority, PushMessage, Settle},
    ticket::{self, InformedHow},
};

/// So often a provider that does not answer is asked with a message before the next step, where there is one.
const PATIENCE: i64 = 4;
/// So often on the last step: then the message is among those that did not arrive.
const ATTEMPTS: i64 = 10;
/// The pause after the first attempt; it doubles.
const PAUSE: TimeDelta = TimeDelta::seconds(5);
/// The longest pause.
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(10);
/// A busy provider is waited for so long on the last step.
const LONGEST_WAIT: TimeDelta = TimeDelta::days(1);
/// What became of a text message is asked so long after it was taken; the next time after twice as long.
const ASK_AFTER: TimeDelta = TimeDelta::seconds(20);
/// What nobody could begin to say for so long is not said any more: the worker stood still, or a backup was restored.
const STALE: TimeDelta = TimeDelta::days(3);
/// Whoever has been busy with a message for so long begins nothing new with it.
const LONGEST_TURN: TimeDelta = TimeDelta::seconds(20);
/// A push is kept so long for a phone that is off.
const KEPT: TimeDelta = TimeDelta::days(1);

/// What became of a message.
#[derive(Clone, Debug)]
pub struct Done {
    pub(super) before: Model,
    pub(super) after: Model,
    pub(super) tries: Vec<Try>,
}

impl Done {
    /// What happened last on its way, for metrics: the way and a stable word.
    pub fn last(&self) -> Option<(&'static str, &'static str)> {
        self.tries.last().map(|tried| (tried.rung, tried.outcome))
    }
}

/// Takes a message as far as it gets now. Never fails: what goes wrong stands in the outcome.
pub async fn deliver(db: &Db, channels: &Channels, book: &Book, message: Model) -> Done {
    let mut way = Way {
        db,
        channels,
        contact: book.contact(&message),
        book,
        now: db.clock().now(),
        before: message.clone(),
        message,
        tries: Vec::new(),
        dead: Vec::new(),
    };
    if let Err(error) = way.go().await {
        let why = discreet(&error.to_string());
        tracing::warn!(notification = %way.before.id, why, cause = ?std::error::Error::source(&error), "a message could not be brought on its way");
        way.message = way.before.clone();
        way.stumble("house", &why);
    }
    way.end().await
}

struct Way<'a> {
    db: &'a Db,
    channels: &'a Channels,
    book: &'a Book,
    contact: Contact,
    now: Time,
    before: Model,
    message: Model,
    tries: Vec<Try>,
    dead: Vec<Phone>,
}

/// What came of one step.
enum Step {
    /// There is nothing more to do now.
    Rest,
    /// The next one, at once.
    Climb,
}

impl Way<'_> {
    async fn go(&mut self) -> Result<()> {
        if self.message.state == NotificationState::Sent {
            if let Step::Rest = self.ask().await? {
                return Ok(());
            }
            self.climb();
        }
        let mut ladder = match &self.message.ladder {
            Some(ladder) => Ladder::deserialize(ladder).map_err(Error::internal)?,
            None => Ladder::default(),
        };
        if self.message.ladder.is_none() {
            match self.prepare().await? {
                Some(prepared) => ladder = prepared,
                None => return Ok(()),
            }
        }
        loop {
            let Some(step) = ladder.at(self.message.rung) else {
                self.settle(NotificationState::Failed);
                return Ok(());
            };
            if step.rung == Rung::Call {
                self.log(Rung::Call, "asked", None);
                self.settle(NotificationState::Call);
                return Ok(());
            }
            if self.message.attempt == 0 && self.wait_for_the_morning() {
                return Ok(());
            }
            let last = ladder.at(self.message.rung + 1).is_none();
            match self.step(step.rung, step.wait(), last).await? {
                Step::Rest => return Ok(()),
                Step::Climb => self.climb(),
            }
            // The next provider would be waited for beyond the lease.
            if self.db.clock().now() - self.now > LONGEST_TURN {
                return Ok(());
            }
        }
    }

    /// Writes the message and finds the ways that can be gone. `None`: it rests.
    async fn prepare(&mut self) -> Result<Option<Ladder>> {
        let (kind, organization) = (self.message.kind, self.message.organization_id);
        if self.now - self.message.created_at > STALE && kind != NotificationKind::AuthorityNotice {
            self.note("house", "stale", None);
            self.settle(NotificationState::Superseded);
            return Ok(None);
        }
        let (name, _) = self.book.organization(organization);
        let mut locale = self.contact.locale;
        if self.message.user_id.is_some() {
            locale = Locale::Ru;
        }
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        if let Some(id) = self.message.ticket_id.filter(|_| kind.is_of_ticket()) {
            let ticket = ticket::document(&self.db.reader(), &Scope::system(organization), id).await?;
            values.extend(of_ticket(&ticket, self.message.visit_id, locale));
        }
        if self.wait_for_the_morning() {
            return Ok(None);
        }
        if let serde_json::Value::Object(facts) = &self.message.facts {
            for (name, value) in facts {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                values.insert(name.clone(), text);
            }
        }
        let words = if kind.is_verbatim() {
            let mut take = |name: &str| values.remove(name).unwrap_or_default();
            let title =
                Some(take("title")).filter(|title| !title.is_empty()).unwrap_or_else(|| take("subject"));
            Words { brief: title.clone(), title, body: take("text") }
        } else {
            values.insert("organization".to_owned(), name.to_owned());
            self.book.texts.words(organization, kind, locale).render(kind, &values)?
        };
        self.message.title = Some(words.title);
        self.message.brief = Some(words.brief);
        self.message.body = Some(words.body);
        let possible = self.book.rules.ladder(organization, kind).possible(|rung| self.is_open(rung));
        let muted = self.book.preferences.muted(organization, &self.message.person);
        let wanted = match self.message.can_be_muted() {
            true => possible.possible(|rung| !muted.contains(&rung)),
            false => possible.clone(),
        };
        self.message.ladder = Some(serde_json::to_value(&wanted).map_err(Error::internal)?);
        if wanted.0.is_empty() && !possible.0.is_empty() {
            self.note("house", "muted", None);
            self.settle(NotificationState::Superseded);
            return Ok(None);
        }
        if wanted.0.is_empty() {
            self.note("house", "unreachable", None);
            self.message.last_error = Some("no way to this person is known".to_owned());
        }
        Ok(Some(wanted))
    }

    fn is_open(&self, rung: Rung) -> bool {
        let Contact { phones, browsers, number, mail, .. } = &self.contact;
        match rung {
            Rung::Push => {
                (self.channels.push.is_some() && !phones.is_empty())
                    || (self.channels.web_push.is_some() && !browsers.is_empty())
            }
            Rung::Sms | Rung::Call => number.is_some(),
            Rung::Mail => mail.is_some(),
        }
    }

    /// Whether it rests until nobody is woken by it.
    fn wait_for_the_morning(&mut self) -> bool {
        let Model { organization_id, person, .. } = &self.message;
        if !self.message.waits_for_the_morning() {
            return false;
        }
        let zone = self.contact.zone.unwrap_or(self.book.organization(*organization_id).1);
        let hours = self.book.preferences.quiet(*organization_id, person);
        let Some(end) = hours.end(self.now, zone) else { return false };
        // Whoever is visited early is told at night.
        let visit = self.book.visit(&self.message);
        if visit.is_some_and(|visit| visit > self.now && visit <= end + TimeDelta::hours(1)) {
            return false;
        }
        self.message.next_at = Some(end);
        true
    }

    async fn step(&mut self, rung: Rung, wait: TimeDelta, last: bool) -> Result<Step> {
        let patience = *self.message.await_until.get_or_insert(self.now + wait);
        if self.message.attempt >= if last { ATTEMPTS } else { PATIENCE } {
            self.log(rung, "given_up", None);
            return Ok(Step::Climb);
        }
        match self.send(rung).await {
            Ok(Taken { reference }) => {
                self.log(rung, "taken", reference.clone());
                self.message.attempt = 0;
                self.message.last_error = None;
                self.message.await_until = Some(self.now + wait);
                self.message.reference = reference;
                match rung {
                    Rung::Push => self.await_sign(self.now + wait),
                    Rung::Sms if self.message.reference.is_some() => self.await_sign(self.now + ASK_AFTER),
                    Rung::Sms | Rung::Mail | Rung::Call => self.arrive(NotificationState::Taken).await,
                }
                Ok(Step::Rest)
            }
            Err(failure @ (SendError::Dead | SendError::Refused(_))) => {
                self.failed(rung, &failure);
                Ok(Step::Climb)
            }
            Err(failure @ SendError::Busy { .. }) => {
                let SendError::Busy { retry_after } = &failure else { return Ok(Step::Climb) };
                let pause = retry_after.unwrap_or(PAUSE).clamp(TimeDelta::seconds(1), LONGEST_PAUSE);
                self.failed(rung, &failure);
                let over = if last { self.message.created_at + LONGEST_WAIT } else { patience };
                if self.now >= over {
                    return Ok(Step::Climb);
                }
                self.message.next_at =
                    Some((self.now + pause).min(over.max(self.now + TimeDelta::seconds(1))));
                Ok(Step::Rest)
            }
            Err(failure @ SendError::Down(_)) => {
                self.failed(rung, &failure);
                self.message.attempt += 1;
                let (most, over) = if last { (ATTEMPTS, false) } else { (PATIENCE, self.now >= patience) };
                if over || self.message.attempt >= most {
                    return Ok(Step::Climb);
                }
                self.message.next_at = Some(self.now + pause(self.message.attempt));
                Ok(Step::Rest)
            }
        }
    }

    /// What became of a message that a provider took.
    async fn ask(&mut self) -> Result<Step> {
        let ladder = self.message.ladder.clone().unwrap_or_default();
        let ladder = Ladder::deserialize(&ladder).map_err(Error::internal)?;
        let Some(step) = ladder.at(self.message.rung) else { return Ok(Step::Climb) };
        let until = self.message.await_until.unwrap_or(self.now);
        let last = ladder.at(self.message.rung + 1).is_none();
        if let (Rung::Sms, Some(reference)) = (step.rung, self.message.reference.clone()) {
            match self.channels.sms.status(&self.text_message(), &reference).await {
                Ok(Some(SmsStatus::Delivered)) => {
                    self.log(Rung::Sms, "delivered", None);
                    self.arrive(NotificationState::Delivered).await;
                    return Ok(Step::Rest);
                }
                Ok(Some(SmsStatus::Failed(why))) => {
                    self.log(Rung::Sms, "failed", Some(discreet(&why)));
                    self.message.last_error = Some(discreet(&why));
                    return Ok(Step::Climb);
                }
                Ok(Some(SmsStatus::Unknown)) => {
                    self.log(Rung::Sms, "unknown", None);
                    self.message.last_error = Some("the provider knows no such message".to_owned());
                    return Ok(Step::Climb);
                }
                Ok(None) => {
                    self.arrive(NotificationState::Taken).await;
                    return Ok(Step::Rest);
                }
                Ok(Some(SmsStatus::Underway)) | Err(_) => {}
            }
            if self.now < until {
                let sent = until - step.wait();
                let next = self.now + (self.now - sent).clamp(ASK_AFTER, LONGEST_PAUSE);
                self.message.next_at = Some(next.min(until));
                return Ok(Step::Rest);
            }
        }
        if last {
            // It was taken, and nothing more can be known.
            self.log(step.rung, "no_sign", None);
            self.settle(NotificationState::Taken);
            return Ok(Step::Rest);
        }
        self.log(step.rung, "no_sign", None);
        Ok(Step::Climb)
    }

    async fn send(&mut self, rung: Rung) -> Result<Taken, SendError> {
        match rung {
            Rung::Push => self.push().await,
            Rung::Sms => self.sms().await,
            Rung::Mail => {
                let Some(to) = self.contact.mail.clone() else { return Err(SendError::Dead) };
                let letter = MailMessage {
                    id: self.message.id.0,
                    to,
                    subject: self.message.title.clone().unwrap_or_default(),
                    text: self.message.body.clone().unwrap_or_default(),
                };
                self.channels.mail.send(&letter).await
            }
            Rung::Call => Err(SendError::Dead),
        }
    }

    fn text_message(&self) -> SmsMessage {
        SmsMessage {
            id: self.message.id.0,
            to: self.contact.number.clone().unwrap_or_default(),
            text: self.message.body.clone().unwrap_or_default(),
        }
    }

    async fn sms(&self) -> Result<Taken, SendError> {
        if self.contact.number.is_none() {
            return Err(SendError::Dead);
        }
        let message = self.text_message();
        // An answer was lost, perhaps: it is asked whether the provider has it before it gets it again.
        if self.message.attempt > 0
            && let Some(reference) = self.channels.sms.reference_of(message.id)
        {
            match self.channels.sms.status(&message, &reference).await? {
                None | Some(SmsStatus::Unknown) => {}
                Some(_) => return Ok(Taken { reference: Some(reference) }),
            }
        }
        self.channels.sms.send(&message).await
    }

    /// To all phones and browsers; taken when one took it.
    async fn push(&mut self) -> Result<Taken, SendError> {
        let (phones, browsers) = (self.contact.phones.clone(), self.contact.browsers.clone());
        let to_phone = async |phone: Phone| {
            let outcome = match (&self.channels.push, self.push_message(&phone)) {
                (Some(push), Ok(message)) => push.send(&message).await,
                (None, _) => Err(SendError::Dead),
                (_, Err(error)) => Err(SendError::Refused(error.to_string())),
            };
            (outcome, phone)
        };
        let to_browser = async |browser: Phone| {
            let message = serde_json::from_str::<Subscription>(browser.token.expose())
                .map_err(|_| SendError::Dead)
                .and_then(|subscription| self.web_message(subscription));
            let outcome = match (&self.channels.web_push, message) {
                (Some(push), Ok(message)) => push.send(&message).await.map(drop),
                (None, _) => Err(SendError::Refused("nothing is pushed to browsers here".to_owned())),
                (_, Err(failure)) => Err(failure),
            };
            (outcome, browser)
        };
        let (phones, browsers) = tokio::join!(
            join_all(phones.into_iter().filter(|_| self.channels.push.is_some()).map(to_phone)),
            join_all(browsers.into_iter().map(to_browser))
        );
        let outcomes = phones.into_iter().chain(browsers);
        let (mut taken, mut worst) = (false, SendError::Dead);
        for (outcome, device) in outcomes {
            match outcome {
                Ok(()) => taken = true,
                Err(SendError::Dead) => self.dead.push(device),
                Err(failure @ (SendError::Down(_) | SendError::Busy { .. })) => worst = failure,
                Err(failure) if worst == SendError::Dead => worst = failure,
                Err(_) => {}
            }
        }
        if taken { Ok(Taken::default()) } else { Err(worst) }
    }

    fn data(&self) -> BTreeMap<String, String> {
        let mut data = BTreeMap::from([
            ("kind".to_owned(), "notification".to_owned()),
            ("notification_id".to_owned(), self.message.id.to_string()),
        ]);
        if let Some(ticket) = self.message.ticket_id {
            data.insert("ticket_id".to_owned(), ticket.to_string());
        }
        data
    }

    fn shown(&self) -> Notification {
        Notification {
            title: self.message.title.clone().unwrap_or_default(),
            body: self.message.brief.clone().unwrap_or_default(),
        }
    }

    fn priority(&self) -> Priority {
        match self.message.lane {
            super::Lane::Urgent => Priority::High,
            super::Lane::Normal | super::Lane::Bulk => Priority::Normal,
        }
    }

    fn push_message(&self, phone: &Phone) -> Result<PushMessage> {
        let delivery = Delivery {
            priority: self.priority(),
            ttl: KEPT,
            collapse_key: Some(self.message.id.0.simple().to_string()),
        };
        PushMessage::new(phone.token.clone(), self.data(), Some(self.shown()), delivery)
    }

    fn web_message(&self, subscription: Subscription) -> Result<WebPushMessage, SendError> {
        let payload = serde_json::json!({ "data": self.data(), "notification": self.shown() });
        Ok(WebPushMessage {
            subscription,
            payload: serde_json::to_vec(&payload).map_err(|cause| SendError::Refused(cause.to_string()))?,
            priority: self.priority(),
            ttl: KEPT,
            topic: Some(self.message.id.0.simple().to_string()),
        })
    }

    fn await_sign(&mut self, look_at: Time) {
        self.message.state = NotificationState::Sent;
        self.message.next_at = Some(look_at.min(self.message.await_until.unwrap_or(look_at)));
    }

    fn climb(&mut self) {
        self.message.state = NotificationState::Queued;
        self.message.rung += 1;
        self.message.attempt = 0;
        self.message.await_until = None;
        self.message.reference = None;
        self.message.next_at = Some(self.now);
    }

    fn settle(&mut self, state: NotificationState) {
        self.message.state = state;
        self.message.next_at = None;
        self.message.await_until = None;
        self.message.settled_at = Some(self.now);
    }

    /// It has arrived: what the applicant has learned by it stands in his ticket (R19). That this could not be written is no
    /// reason to send it again.
    async fn arrive(&mut self, state: NotificationState) {
        self.settle(state);
        if let Err(error) = informed(self.db, &self.message, InformedHow::Message).await {
            let cause = std::error::Error::source(&error);
            tracing::error!(notification = %self.message.id, %error, ?cause, "that the applicant was told stands in no ticket");
        }
    }

    fn failed(&mut self, rung: Rung, failure: &SendError) {
        let why = discreet(&failure.to_string());
        self.log(rung, failure.name(), Some(why.clone()));
        self.message.last_error = Some(why);
    }

    fn log(&mut self, rung: Rung, outcome: &'static str, detail: Option<String>) {
        self.note(rung.name(), outcome, detail);
    }

    fn note(&mut self, rung: &'static str, outcome: &'static str, detail: Option<String>) {
        let at = self.now;
        // Two of one instant stand in the order in which they were tried.
        let after = self.tries.last().map_or(Uuid::nil(), |last| Uuid::from_u128(last.id.as_u128() + 1));
        let id = new_uuid(&**self.db.clock()).max(after);
        self.tries.push(Try { id, rung, outcome, detail, at });
    }

    /// Something of ours went wrong: again later, and in the end among what did not arrive.
    fn stumble(&mut self, rung: &'static str, why: &str) {
        self.note(rung, "error", Some(why.to_owned()));
        self.message.attempt += 1;
        self.message.last_error = Some(why.to_owned());
        if self.message.attempt >= ATTEMPTS {
            self.settle(NotificationState::Failed);
        } else {
            self.message.next_at = Some(self.now + pause(self.message.attempt));
        }
    }

    async fn end(self) -> Done {
        let Self { db, before, message, tries, dead, .. } = self;
        if !dead.is_empty() {
            let forget = Settle { dead, again: None };
            if let Err(error) = db.write(Scope::system(before.organization_id), forget).await {
                tracing::warn!(%error, "dead tokens could not be taken from their devices");
            }
        }
        Done { before, after: message, tries }
    }
}

/// The applicant has learned the term.
pub(super) async fn informed(db: &Db, message: &Model, how: InformedHow) -> Result<()> {
    let Some(ticket) = message.ticket_id.filter(|_| message.tells_the_term()) else { return Ok(()) };
    db.write(Scope::system(message.organization_id), ticket::Informed { ticket, how }).await
}

fn pause(attempt: i64) -> TimeDelta {
    let doubled = PAUSE * 2_i32.pow(u32::try_from(attempt.clamp(1, 12) - 1).unwrap_or_default());
    doubled.min(LONGEST_PAUSE)
}
