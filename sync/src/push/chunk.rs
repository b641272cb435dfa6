//! A few acts of a push in one write: each in its own savepoint, all tickets locked before the first, the answers kept in
//! the same commit as what they answer for.

use std::{collections::BTreeMap, sync::Arc};

use naryad_domain::{
    Code, Error, Result, Scope,
    feed::EntityKind,
    id::{MutationId, ReviewId, TechnicianId, TicketId},
    review::HoldWork,
    stream::{self, Mutation, MutationStatus, Stream},
    ticket::{Standing, take_in_hand, tickets_of_visits},
    write::{Act, Attempt, Occurred, Tx},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Batch, CHUNK, Envelope, PushResult, PushedMutation, Recorded, clock, judge, judge::Verdict, schema,
};

/// The acts of a batch from `from` on, as many as fit into one write.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub(super) batch: Arc<Batch>,
    pub(super) from: usize,
}

/// What was answered, in order.
pub(super) struct Answered {
    pub(super) results: Vec<PushResult>,
    pub(super) acked_seq: i64,
}

impl Act for Chunk {
    const NAME: &'static str = "sync.push";
    type Out = Answered;

    async fn run(&self, tx: &mut Tx) -> Result<Answered> {
        let stream = stream::hold(tx, self.batch.stream).await?;
        let items = &self.batch.items[self.from..];
        let items = &items[..items.len().min(CHUNK)];
        let mut results = replays(tx, &stream, items).await?;
        let fresh = &items[results.len()..];
        let mut kept = Vec::new();
        if !fresh.is_empty() {
            let mut work = Work::begin(tx, &stream, &self.batch, fresh).await?;
            for item in fresh {
                let Some((mutation, replayed)) = work.answer(tx, item).await? else { break };
                results.push(result_of(item, &mutation, replayed));
                kept.push(mutation);
            }
            if kept.is_empty() && results.is_empty() {
                return Err(Error::restart("the first act of a chunk came out of order"));
            }
            stream::keep(tx, stream.organization_id, stream.stream_id, &kept).await?;
        }
        let acked_seq = kept.last().map_or(stream.last_seq, |last| last.seq);
        let is_last = self.from + results.len() == self.batch.items.len();
        let waiting = self.batch.waiting.filter(|_| is_last);
        stream::advance(tx, &stream, acked_seq, waiting, self.batch.app_version.as_deref()).await?;
        Ok(Answered { results, acked_seq })
    }
}

/// The answers to what was sent before, in front.
///
/// # Errors
/// `expected_seq` for a gap, `stream_forked` when something else was sent under the same number.
async fn replays(tx: &Tx, stream: &Stream, items: &[Envelope]) -> Result<Vec<PushResult>> {
    let Some(first) = items.first() else { return Ok(Vec::new()) };
    if first.seq > stream.last_seq + 1 {
        let expected = stream.last_seq + 1;
        return Err(Error::new(Code::ExpectedSeq, Code::ExpectedSeq.title()).with("expected_seq", expected));
    }
    let before: Vec<&Envelope> = items.iter().filter(|item| item.seq <= stream.last_seq).collect();
    let Some(last) = before.last() else { return Ok(Vec::new()) };
    let answered = stream::answered(&tx.reader(), stream.stream_id, first.seq, last.seq).await?;
    let answered: BTreeMap<i64, Mutation> = answered.into_iter().map(|m| (m.seq, m)).collect();
    before
        .into_iter()
        .map(|item| match answered.get(&item.seq) {
            Some(mutation) if mutation.sha256 == item.sha256 => Ok(result_of(item, mutation, true)),
            Some(_) => Err(Error::new(Code::StreamForked, Code::StreamForked.title()).with("seq", item.seq)),
            // Answered for so long ago that it is forgotten: it was dealt with.
            None => Ok(PushResult {
                seq: item.seq,
                id: item.read.as_ref().ok().map(|read| read.id),
                status: MutationStatus::Applied,
                code: Some("forgotten".to_owned()),
                result: None,
                review_id: None,
                replayed: true,
            }),
        })
        .collect()
}

fn result_of(item: &Envelope, mutation: &Mutation, replayed: bool) -> PushResult {
    PushResult {
        seq: item.seq,
        id: item.read.as_ref().ok().map(|read| read.id),
        status: mutation.status,
        code: mutation.code.clone(),
        result: mutation.result.as_deref().and_then(|text| serde_json::from_str(text).ok()),
        review_id: mutation.review_id,
        replayed,
    }
}

/// What all acts of a chunk are judged by.
struct Work<'a> {
    stream: &'a Stream,
    batch: &'a Batch,
    scope: Scope,
    technician: TechnicianId,
    tickets: BTreeMap<TicketId, Standing>,
    visits: BTreeMap<Uuid, TicketId>,
    /// What is known under the identifiers of this chunk, from whatever stream.
    known: BTreeMap<MutationId, Mutation>,
    /// The last act of this stream about each ticket.
    last: BTreeMap<TicketId, Mutation>,
}

/// An act that is to be answered.
struct Answer {
    status: MutationStatus,
    code: Option<String>,
    result: Value,
    review: Option<ReviewId>,
}

impl Answer {
    fn refused(error: &Error) -> Self {
        Self {
            status: MutationStatus::Refused,
            code: Some(error.code().name().to_owned()),
            result: told(error),
            review: None,
        }
    }
}

/// What the phone is told of a refusal, beside its code.
fn told(error: &Error) -> Value {
    let mut told = error.details().clone();
    told.insert("message".to_owned(), error.message().into());
    if !error.fields().is_empty() {
        told.insert("errors".to_owned(), json!(error.fields()));
    }
    Value::Object(told)
}

impl<'a> Work<'a> {
    /// Locks and reads at once what the acts need.
    async fn begin(tx: &mut Tx, stream: &'a Stream, batch: &'a Batch, items: &[Envelope]) -> Result<Self> {
        let read: Vec<&PushedMutation> = items.iter().filter_map(|item| item.read.as_ref().ok()).collect();
        let technician = TechnicianId(stream.user_id.0);
        let mut named: Vec<TicketId> = read.iter().filter_map(|read| read.ticket_id).collect();
        named.sort_unstable();
        named.dedup();
        let tickets = take_in_hand(tx, technician, &named).await?;
        let visits: Vec<Uuid> = read
            .iter()
            .filter_map(|read| Uuid::parse_str(read.args.get("visit_id")?.as_str()?).ok())
            .collect();
        let visits = if visits.is_empty() { BTreeMap::new() } else { tickets_of_visits(tx, &visits).await? };
        let ids = read.iter().map(|read| read.id);
        let known = stream::known(&tx.reader(), stream.organization_id, ids).await?;
        let last = stream::last_about(&tx.reader(), stream.stream_id, tickets.keys().copied()).await?;
        Ok(Self {
            stream,
            batch,
            scope: *tx.scope(),
            technician,
            tickets,
            visits,
            known: known.into_iter().filter_map(|m| Some((m.mutation_id?, m))).collect(),
            last: last.into_iter().filter_map(|m| Some((m.ticket_id?, m))).collect(),
        })
    }

    /// Answers one act, and says whether its answer was given before. `None`: it needs a write of its own.
    async fn answer(&mut self, tx: &mut Tx, item: &Envelope) -> Result<Option<(Mutation, bool)>> {
        let received = tx.now();
        let mut mutation = Mutation {
            seq: item.seq,
            mutation_id: None,
            kind: String::new(),
            schema: 0,
            ticket_id: None,
            payload: item.payload.clone(),
            base_version: None,
            after_version: None,
            stale: false,
            sha256: item.sha256.clone(),
            device_at: None,
            corrected_at: received,
            received_at: received,
            status: MutationStatus::Refused,
            code: None,
            result: None,
            review_id: None,
        };
        let read = match &item.read {
            Ok(read) => read,
            Err(why) => {
                let error = Error::new(Code::Malformed, why.clone());
                settle(&mut mutation, Answer::refused(&error));
                return Ok(Some((mutation, false)));
            }
        };
        let occurred = clock::occurred(self.batch, read, received);
        mutation.kind.clone_from(&read.kind);
        mutation.schema = read.schema;
        mutation.ticket_id = read.ticket_id.filter(|id| self.tickets.contains_key(id));
        mutation.base_version = read.base_version;
        mutation.device_at = Some(occurred.device);
        mutation.corrected_at = occurred.corrected;
        if let Some(known) = self.known.get(&read.id) {
            return Ok(Some(again(mutation, known)));
        }
        mutation.mutation_id = Some(read.id);
        mutation.stale = self.is_stale(read);
        let Some(outcome) = self.judge(tx, read, occurred).await? else { return Ok(None) };
        let answer = match outcome {
            Outcome::Done(mut result) => {
                if clock::drifted(occurred) {
                    let drift = (occurred.device - occurred.corrected).num_seconds();
                    result = with(result, "drift_seconds", drift);
                }
                let status = if mutation.stale { MutationStatus::Merged } else { MutationStatus::Applied };
                Answer { status, code: None, result, review: None }
            }
            Outcome::Refused(error) => Answer::refused(&error),
            Outcome::Held { error, recorded } => {
                let held = self.hold(tx, read, occurred, recorded.as_deref(), &error).await?;
                let Some(review) = held else { return Ok(None) };
                Answer {
                    status: MutationStatus::HeldForReview,
                    review: Some(review),
                    ..Answer::refused(&error)
                }
            }
        };
        settle(&mut mutation, answer);
        if let Some(ticket) = mutation.ticket_id {
            let touched = tx.changes(EntityKind::Ticket, ticket.0);
            mutation.after_version =
                self.tickets.get(&ticket).map(|standing| standing.doc_version + i64::from(touched));
            self.last.insert(ticket, mutation.clone());
        }
        self.known.insert(read.id, mutation.clone());
        Ok(Some((mutation, false)))
    }

    /// Whether somebody else has changed the ticket since the phone saw it: what this stream itself did in between does
    /// not count, for the phone recorded it one after another.
    fn is_stale(&self, read: &PushedMutation) -> bool {
        let (Some(ticket), Some(base)) = (read.ticket_id, read.base_version) else { return false };
        let Some(standing) = self.tickets.get(&ticket) else { return false };
        let now = standing.doc_version;
        match self.last.get(&ticket).and_then(|last| Some((last.after_version?, last.stale))) {
            Some((after, stale)) if base < after => stale || now > after,
            _ => now > base,
        }
    }

    /// Does it, or says why not.
    async fn judge(&self, tx: &mut Tx, read: &PushedMutation, occurred: Occurred) -> Result<Option<Outcome>> {
        let held = |code: Code, recorded: Option<Recorded>| {
            Ok(Some(Outcome::Held {
                error: Error::new(code, code.title()),
                recorded: recorded.map(Box::new),
            }))
        };
        if read.schema > schema::NEWEST {
            return held(Code::SchemaUnknown, None);
        }
        let args = schema::upgrade(&read.kind, read.schema, read.args.clone());
        let recorded = match Recorded::parse(&read.kind, args) {
            Ok(Some(recorded)) => recorded,
            Ok(None) => return held(Code::UnknownType, None),
            Err(error) => return Ok(Some(Outcome::Refused(error))),
        };
        let Some(ticket) = read.ticket_id else {
            return Ok(Some(Outcome::Refused(Error::field("ticket_id", "is required of this kind of act"))));
        };
        let Some(standing) = self.tickets.get(&ticket) else {
            return Ok(Some(Outcome::Refused(Error::not_found("ticket"))));
        };
        if let Some(visit) = recorded.visit() {
            match self.visits.get(&visit.0) {
                Some(of) if *of == ticket => {}
                _ => {
                    let error = Error::field("args.visit_id", "is no visit of this ticket");
                    return Ok(Some(Outcome::Refused(error)));
                }
            }
        }
        if !self.stream.user_active {
            return held(Code::UserInactive, Some(recorded));
        }
        let may = if recorded.moves() { standing.in_hand } else { standing.in_hand || standing.was_there };
        if !may {
            return held(Code::NotAssigned, Some(recorded));
        }
        Ok(match recorded.attempt(tx, self.scope, Some(occurred), ticket).await? {
            Attempt::Done(result) => Some(Outcome::Done(result)),
            Attempt::OutOfOrder => None,
            Attempt::Refused(error) if error.code() == Code::NotFound && recorded.visit().is_some() => {
                return held(Code::NotAssigned, Some(recorded));
            }
            Attempt::Refused(error) => Some(match judge::verdict(error.code()) {
                Verdict::Refused => Outcome::Refused(error),
                Verdict::Held => Outcome::Held { error, recorded: Some(Box::new(recorded)) },
            }),
        })
    }

    /// Keeps it for the desk, with its photo. `None`: it needs a write of its own.
    async fn hold(
        &self,
        tx: &mut Tx,
        read: &PushedMutation,
        occurred: Occurred,
        recorded: Option<&Recorded>,
        why: &Error,
    ) -> Result<Option<ReviewId>> {
        let ticket = read.ticket_id.and_then(|id| Some((id, self.tickets.get(&id)?.owner)));
        let code = why.code().name().to_owned();
        let known_at = self.stream.pulled_at;
        let act = HoldWork { technician: self.technician, ticket, code, known_at };
        let savepoint = tx.savepoint().await?;
        let review = match tx.attempt(self.scope, Some(occurred), &act).await? {
            Attempt::Done(review) => review,
            Attempt::Refused(error) => return Err(error),
            Attempt::OutOfOrder => {
                tx.roll_back_to(savepoint).await?;
                return Ok(None);
            }
        };
        if let (Some(recorded), Some((ticket, _))) = (recorded, ticket) {
            match recorded.keep_photo(tx, self.scope, Some(occurred), ticket, review).await? {
                Attempt::Done(_) => {}
                Attempt::Refused(error) => {
                    tracing::info!(%ticket, %error, "a held photo could not be kept beside the ticket");
                }
                Attempt::OutOfOrder => {
                    tx.roll_back_to(savepoint).await?;
                    return Ok(None);
                }
            }
        }
        tx.release(savepoint).await?;
        Ok(Some(review))
    }
}

/// The same act came by another stream, or twice by this: its answer stands.
fn again(mut mutation: Mutation, known: &Mutation) -> (Mutation, bool) {
    if known.sha256 != mutation.sha256 {
        let error = Error::new(Code::MutationIdReused, Code::MutationIdReused.title());
        settle(&mut mutation, Answer::refused(&error));
        return (mutation, false);
    }
    let Mutation { status, code, result, review_id, .. } = known.clone();
    (Mutation { status, code, result, review_id, ..mutation }, true)
}

/// What came of one act.
enum Outcome {
    Done(Value),
    Refused(Error),
    Held { error: Error, recorded: Option<Box<Recorded>> },
}

fn settle(mutation: &mut Mutation, answer: Answer) {
    mutation.status = answer.status;
    mutation.code = answer.code;
    mutation.result = (!answer.result.is_null()).then(|| answer.result.to_string());
    mutation.review_id = answer.review;
}

fn with(result: Value, key: &str, value: i64) -> Value {
    let mut object = match result {
        Value::Object(object) => object,
        _ => serde_json::Map::new(),
    };
    object.insert(key.to_owned(), value.into());
    Value::Object(object)
}
