//! A call is logged, and what follows when the applicant does not answer (R103).

use chrono::TimeDelta;
use sea_orm::EntityTrait;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    again::{self, CALL_AGAIN_JOB, VAIN},
    list::{CallDocument, DESK},
    row::{CallOutcome, CallParty, CallsEnd, Model},
};
use crate::{
    Result,
    alert::{self, NewAlert},
    catalogue::UnansweredCalls,
    id::{CallId, TicketId},
    job::NewJob,
    notification::{self, News, NotificationKind, Person},
    people::{locale::Locale, resident},
    text::{PhoneNumber, Text},
    ticket::{self, Held, Kind, Move, Status, moves},
    write::{Act, Tx},
};

/// After how many calls in vain the policy of the kind of work is asked.
const CALLS: i64 = 3;
/// Whoever did not answer is called again after this.
const AGAIN_AFTER: TimeDelta = TimeDelta::minutes(30);
/// Why a ticket was cancelled whose applicant did not answer.
const REASON: &str = "Заявитель не ответил на три звонка диспетчера.";

/// A call that was made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogCall {
    /// Who was called.
    #[serde(default)]
    pub party: CallParty,
    /// How it went.
    pub outcome: CallOutcome,
    /// The number that was called; absent: the applicant's, as the ticket has it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub phone: Option<PhoneNumber>,
    /// What was said.
    #[serde(default)]
    pub note: Option<Text<2000>>,
}

/// Logs a call about a ticket. An applicant who did not answer is called again after 30 minutes: the desk is reminded by
/// an alert `call_again`; one before that is noted and does not count. The third call in a row without an answer ends as
/// the kind of work says: the ticket is cancelled, or the desk decides (an alert `called_in_vain`); either way the
/// applicant is written to.
#[derive(Clone, Debug)]
pub struct Log {
    /// The ticket.
    pub ticket: TicketId,
    /// The call.
    pub args: LogCall,
}

impl Act for Log {
    const NAME: &'static str = "ticket.call";
    type Out = CallDocument;

    async fn run(&self, tx: &mut Tx) -> Result<CallDocument> {
        tx.scope().require(DESK)?;
        let held = Held::take(tx, self.ticket, &[]).await?;
        let (scope, ticket) = (*tx.scope(), &held.ticket);
        let phone = self.args.phone.as_ref().map(|phone| phone.as_str().to_owned());
        let to_applicant = self.args.party == CallParty::Applicant;
        let shown = ticket::shows_applicant(&tx.reader(), &scope, ticket).await?;
        let mut call = Model {
            id: CallId::new(tx.clock()),
            organization_id: ticket.organization_id,
            desk_organization_id: scope.organization(),
            ticket_id: ticket.id,
            party: self.args.party,
            outcome: self.args.outcome,
            phone: phone.or_else(|| ticket.applicant_phone.clone().filter(|_| to_applicant && shown)),
            note: self.args.note.clone().map(Text::into_string),
            called_by: scope.actor_id(),
            called_at: tx.now(),
            unanswered: 0,
            next_at: None,
            ended: None,
        };
        if to_applicant {
            let last = again::last(&tx.reader(), ticket.id).await?;
            let vain = self.args.outcome != CallOutcome::Answered && ticket.status < Status::Completed;
            let policy = policy(tx, &held).await?;
            if vain && policy != UnansweredCalls::Off {
                // Work that was returned begins anew.
                let returned_at = ticket::returned_at(&tx.reader(), ticket).await?;
                let row = last.as_ref().filter(|last| returned_at.is_none_or(|at| at < last.called_at));
                let before = row.map_or(0, |last| last.unanswered % CALLS);
                // Nobody is given up within a minute: one before its time is noted, and counts for nothing.
                let early = row.and_then(|last| last.next_at).filter(|at| call.called_at < *at);
                call.unanswered = if early.is_some() { before } else { before + 1 };
                if early.is_some() {
                    call.next_at = early;
                } else if call.unanswered < CALLS {
                    call.next_at = Some(call.called_at + AGAIN_AFTER);
                } else if policy == UnansweredCalls::Cancel && may_cancel(tx, &held) {
                    call.ended = Some(CallsEnd::Cancelled);
                } else {
                    call.ended = Some(CallsEnd::Review);
                }
            }
            again::called(tx, ticket.id, last).await?;
        }
        tx.insert(&call).await?;
        if let Some(next_at) = call.next_at {
            tx.enqueue(NewJob {
                organization: ticket.organization_id,
                kind: CALL_AGAIN_JOB,
                payload: serde_json::json!({ "call": call.id, "ticket": ticket.id }),
                run_at: next_at,
                dedup_key: Some(format!("{CALL_AGAIN_JOB}:{}", call.id)),
            });
        }
        if let Some(end) = call.ended {
            in_vain(tx, &held, &call, end).await?;
        }
        Ok(CallDocument::of(call, &scope, shown))
    }
}

/// What calls in vain end in: an emergency is never cancelled by them.
async fn policy(tx: &Tx, held: &Held) -> Result<UnansweredCalls> {
    let kind = Kind::of(&tx.reader(), &held.ticket).await?;
    let emergency = kind.emergency || held.ticket.emergency;
    Ok(match kind.rules.unanswered_calls(emergency) {
        UnansweredCalls::Cancel if emergency => UnansweredCalls::Review,
        policy => policy,
    })
}

/// Only the owner's desk cancels, and only what nobody has begun.
fn may_cancel(tx: &Tx, held: &Held) -> bool {
    let ticket = &held.ticket;
    ticket.organization_id == tx.scope().organization()
        && ticket.status != Status::InProgress
        && moves::check(Move::Cancel, ticket.status, tx.scope()).is_ok()
        && held.visits.iter().all(|visit| visit.row.started_at.is_none())
}

/// Nobody answers: the ticket is cancelled or the desk is told, and the applicant is written to.
async fn in_vain(tx: &mut Tx, held: &Held, call: &Model, end: CallsEnd) -> Result<()> {
    let ticket = &held.ticket;
    let (person, locale) = to(tx, ticket).await?;
    let outcome = match (end, locale) {
        (CallsEnd::Cancelled, Locale::Ru) => "Заявка отменена.",
        (CallsEnd::Cancelled, Locale::En) => "The request is cancelled.",
        (CallsEnd::Review, Locale::Ru) => "Решение по заявке примет диспетчер.",
        (CallsEnd::Review, Locale::En) => "The dispatcher decides what becomes of the request.",
    };
    match end {
        CallsEnd::Cancelled => ticket::cancel_held(tx, held, REASON).await?,
        CallsEnd::Review => {
            let alert = NewAlert {
                kind: VAIN,
                organization: ticket.organization_id,
                executor: ticket.executor_organization_id,
                ticket: Some(ticket.id),
            };
            alert::raise(tx, alert).await?;
        }
    }
    let Some(person) = person else { return Ok(()) };
    let event = format!("called_in_vain:{}", call.id);
    let mut news = News::of(ticket, None, NotificationKind::CalledInVain, event);
    news.facts.insert("outcome".to_owned(), outcome.into());
    notification::tell(tx, &person, news).await?;
    Ok(())
}

/// Who does not answer the phone is written to by e-mail, if an address is known (R103); in which language.
async fn to(tx: &Tx, ticket: &ticket::row::Model) -> Result<(Option<Person>, Locale)> {
    let row = match ticket.resident_id {
        Some(resident) => resident::Entity::find_by_id(resident).one(&tx.reader()).await?,
        None => None,
    };
    if let Some(email) = row.as_ref().and_then(|row| row.email.clone()) {
        // An address alone says nothing of a language.
        return Ok((Some(Person::Mail(email)), Locale::default()));
    }
    let locale = row.map_or(Locale::default(), |row| Locale::stored(&row.locale));
    Ok((Person::applicant(ticket), locale))
}
