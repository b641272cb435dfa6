//! What a dispatcher decides about held work: it is done as it was recorded, it stands with the ticket as evidence, or it
//! goes back to the technician with a word.

use chrono::{DateTime, Utc};
use naryad_domain::{
    Code, Error, Result, Scope,
    auth::Role,
    db::Reader,
    id::{ReviewId, TicketId, UserId},
    journal, people,
    photo::{self, PhotoDocument},
    review::{self, HoldWork, ReviewDocument, ReviewState, Settle},
    stream::{self, Mutation},
    text::Text,
    ticket,
    write::{Act, Attempt, Occurred, Tx},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::push::{PushedMutation, Recorded};

/// An act that waits, as it was recorded.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HeldMutation {
    /// Its number in its stream.
    pub seq: i64,
    /// What kind of act.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its arguments, as they were sent.
    #[schema(value_type = Object)]
    pub args: Value,
    /// Why it is held: a code of the list of errors.
    pub code: Option<String>,
    /// What more was said of it.
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
    /// When it took place, by the clock of the device.
    pub device_at: Option<DateTime<Utc>>,
    /// When it took place, by the best knowledge: this is what terms are judged by.
    pub corrected_at: DateTime<Utc>,
    /// The clock of the device was wrong by more than five minutes.
    pub drift: bool,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// The version of the ticket's document that the phone held.
    pub base_version: Option<i64>,
}

/// A review with everything a decision needs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReviewDetails {
    /// The review.
    pub review: ReviewDocument,
    /// Name of the technician.
    pub technician_name: String,
    /// Where the ticket stands now.
    pub ticket_status: Option<ticket::Status>,
    /// Its number.
    pub ticket_number: Option<String>,
    /// What waits.
    pub mutations: Vec<HeldMutation>,
    /// The photos that came with it.
    pub photos: Vec<PhotoDocument>,
    /// What happened to the ticket that the technician could not know when he recorded the first of it, and since: the
    /// events of its journal, the latest 50.
    pub meanwhile: Vec<journal::Entry>,
}

/// A review with everything a decision needs; for the desks.
///
/// # Errors
/// `not_found` out of sight, `forbidden` for everybody else.
pub async fn details(reader: &Reader<'_>, scope: &Scope, id: ReviewId) -> Result<ReviewDetails> {
    let review = review::find(reader, scope, id).await?;
    let mutations = stream::of_review(reader, id).await?;
    let ticket = match review.ticket_id {
        Some(ticket) => Some(ticket::find(reader, scope, ticket).await?),
        None => None,
    };
    let since = mutations.iter().map(|mutation| mutation.corrected_at).chain(review.known_at).min();
    let meanwhile = match (&ticket, since) {
        (Some(ticket), Some(since)) => meanwhile(reader, ticket.id, since).await?,
        _ => Vec::new(),
    };
    Ok(ReviewDetails {
        technician_name: people::user::name_of(reader, UserId(review.technician_id.0)).await?,
        ticket_status: ticket.as_ref().map(|ticket| ticket.status),
        ticket_number: ticket.map(|ticket| ticket.number),
        mutations: mutations.iter().map(shown).collect(),
        photos: photo::of_review(reader, scope, id).await?,
        meanwhile,
        review,
    })
}

fn pushed(mutation: &Mutation) -> Option<PushedMutation> {
    serde_json::from_str(&mutation.payload).ok()
}

fn occurred(mutation: &Mutation) -> Occurred {
    Occurred { device: mutation.device_at.unwrap_or(mutation.corrected_at), corrected: mutation.corrected_at }
}

fn shown(mutation: &Mutation) -> HeldMutation {
    HeldMutation {
        seq: mutation.seq,
        kind: mutation.kind.clone(),
        args: pushed(mutation).map_or(Value::Null, |pushed| pushed.args),
        code: mutation.code.clone(),
        result: mutation.result.as_deref().and_then(|text| serde_json::from_str(text).ok()),
        device_at: mutation.device_at,
        corrected_at: mutation.corrected_at,
        drift: crate::push::drifted(occurred(mutation)),
        received_at: mutation.received_at,
        base_version: mutation.base_version,
    }
}

/// How many changes are shown.
const MOST_CHANGES: u64 = 50;

async fn meanwhile(
    reader: &Reader<'_>,
    ticket: TicketId,
    since: DateTime<Utc>,
) -> Result<Vec<journal::Entry>> {
    let subject = journal::Subject::new(journal::SubjectKind::Ticket, ticket);
    let mut found = journal::since(reader, subject, since, MOST_CHANGES).await?;
    found.retain(|event| event.act != HoldWork::NAME);
    Ok(found)
}

/// What is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Do it now, as it was recorded.
    Apply,
    /// Let photos, materials and words stand with the ticket, without moving it.
    Attach,
    /// Send it back to the technician.
    SendBack,
}

/// A decision.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideReview {
    /// What is decided.
    pub decision: Decision,
    /// A word to the technician; required when it is sent back. Where a report of work that is done is applied, it is on
    /// whose report the desk closes.
    #[serde(default)]
    pub word: Option<Text<2000>>,
    /// Close although evidence is missing, and answer for it.
    #[serde(default)]
    pub waive_missing: bool,
}

/// Decides about held work, as a whole or not at all.
#[derive(Clone, Debug)]
pub struct Decide {
    /// The review.
    pub review: ReviewId,
    /// What is decided.
    pub args: DecideReview,
}

impl Act for Decide {
    const NAME: &'static str = "review.decide";
    type Out = ReviewId;

    async fn run(&self, tx: &mut Tx) -> Result<ReviewId> {
        let desk = *tx.scope();
        let DecideReview { decision, word, waive_missing } = self.args.clone();
        if decision == Decision::SendBack && word.is_none() {
            return Err(Error::field("word", "say to the technician why it goes back"));
        }
        let review = review::take(tx, self.review).await?;
        if decision != Decision::SendBack {
            let user = UserId(review.technician_id.0);
            let name = people::user::name_of(&tx.reader(), user).await?;
            let report = Text::parse(&format!("По записи техника, присланной без связи: {name}.")).ok();
            let how = How {
                attach: decision == Decision::Attach,
                desk,
                technician: Scope::staff(review.staff_organization_id, user, Role::Technician),
                report: word.clone().or(report),
                waive_missing,
            };
            for mutation in stream::of_review(&tx.reader(), self.review).await? {
                match how.settle(tx, &mutation).await? {
                    Attempt::Done(_) => {}
                    Attempt::Refused(error) => {
                        return Err(error.with("seq", mutation.seq).with("type", &mutation.kind));
                    }
                    Attempt::OutOfOrder => {
                        return Err(Error::internal("held work asks for locks out of order"));
                    }
                }
            }
        }
        let state = match decision {
            Decision::Apply => ReviewState::Applied,
            Decision::Attach => ReviewState::Attached,
            Decision::SendBack => ReviewState::SentBack,
        };
        let settle = Settle { review: self.review, state, word: word.map(Text::into_string) };
        match tx.attempt(desk, None, &settle).await? {
            Attempt::Done(()) => Ok(self.review),
            Attempt::Refused(error) => Err(error),
            Attempt::OutOfOrder => Err(Error::internal("a review asks for locks out of order")),
        }
    }
}

/// How held work is decided about.
struct How {
    /// It stands with the ticket as evidence, instead of being done.
    attach: bool,
    desk: Scope,
    technician: Scope,
    /// On whose report the desk closes.
    report: Option<Text<2000>>,
    waive_missing: bool,
}

impl How {
    async fn settle(&self, tx: &mut Tx, mutation: &Mutation) -> Result<Attempt<Value>> {
        let recorded = match pushed(mutation) {
            Some(pushed) => Recorded::read(&pushed)?,
            None => None,
        };
        let (Some(recorded), Some(ticket)) = (recorded, mutation.ticket_id) else {
            let unknown = || Error::new(Code::UnknownType, "this version cannot do what was recorded");
            return Ok(if self.attach { Attempt::Done(Value::Null) } else { Attempt::Refused(unknown()) });
        };
        let (granted, at) = (self.technician.granting(ticket), Some(occurred(mutation)));
        if self.attach {
            return recorded.attach(tx, granted, at, ticket).await;
        }
        let (recorded, by_desk) = recorded.decided(self.report.clone(), self.waive_missing);
        recorded.attempt(tx, if by_desk { self.desk } else { granted }, at, ticket).await
    }
}
