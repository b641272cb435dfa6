//! How a ticket ends: done, accepted, returned, put on hold, cancelled.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    Held, Status,
    booking::cancel_open,
    desk::At,
    fields::FillFields,
    find::{hold, require_owner, save},
    kind::Kind,
    moves::{self, By, Move},
    row,
};
use crate::{
    Code, Error, Result, calendar,
    catalogue::{Given, Missing, missing},
    db::Reader,
    id::TicketId,
    job::NewJob,
    material,
    paid::{estimate, total_minor},
    people::organization,
    photo,
    text::Text,
    visit::{self, VisitStatus},
    write::{Act, Occurred, Tx},
};

/// The kind of the job that closes a ticket nobody objected to.
pub const AUTO_CLOSE_JOB: &str = "auto_close";

/// What a ticket lacks of the demands at closing: the one function that says so, for the answer of a refusal, for the
/// document and for the phone.
///
/// # Errors
/// The database cannot be read.
pub(crate) async fn missing_of(
    reader: &Reader<'_>,
    ticket: &row::Model,
    kind: &Kind,
) -> Result<Vec<Missing>> {
    let given = Given {
        photos: photo::counts(reader, ticket.id).await?,
        material_lines: material::usage::lines(reader, ticket.id).await?,
        fields: ticket.fields.as_object().cloned().unwrap_or_default(),
        checked: visit::checked_on(&visit::of_ticket(reader, ticket.id).await?)?,
        agreed: kind.rules.demands.paid && estimate::agreed(reader, ticket.id).await?.is_some(),
    };
    Ok(missing(&kind.rules.demands, &given))
}

/// How a ticket was completed.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteTicket {
    /// On whose report the desk closes: required of the desk, not of the technician.
    #[serde(default)]
    pub reason: Option<Text<2000>>,
    /// The desk closes although evidence is missing, and answers for it: it stands in the journal.
    #[serde(default)]
    pub waive_missing: bool,
    /// Own fields of the kind, filled in at closing.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    /// What the client saw of them when it filled them in: see `FillFields`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub base_fields: Option<Map<String, Value>>,
    /// By the clock of the device; absent: now.
    #[serde(default)]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Completes a ticket.
#[derive(Clone, Debug)]
pub struct Complete {
    /// The ticket.
    pub ticket: TicketId,
    /// How.
    pub args: CompleteTicket,
}

impl Act for Complete {
    const NAME: &'static str = "ticket.complete";
    type Out = TicketId;

    fn occurred(&self) -> Option<Occurred> {
        At { occurred_at: self.args.occurred_at }.occurred()
    }

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let held = Held::take(tx, self.ticket, &[]).await?;
        let by = moves::check(Move::Complete, held.ticket.status, tx.scope())?;
        At { occurred_at: self.args.occurred_at }.check(tx, held.not_before())?;
        if by == By::Desk && self.args.reason.is_none() {
            return Err(Error::field("reason", "the desk says on whose report it closes the ticket"));
        }
        let kind = Kind::of(&tx.reader(), &held.ticket).await?;
        let mut after = held.ticket.clone();
        let CompleteTicket { fields, base_fields, .. } = self.args.clone();
        after.fields = Value::Object(FillFields { fields, base_fields }.merged(&held.ticket, &kind)?);
        let missing = missing_of(&tx.reader(), &after, &kind).await?;
        let waived = by == By::Desk && self.args.waive_missing;
        if !missing.is_empty() && !waived {
            return Err(evidence_missing(&missing));
        }
        if kind.rules.demands.paid && !waived {
            within_agreed(&tx.reader(), self.ticket).await?;
        }
        end_visits(tx, &held).await?;
        after.status = Status::Completed;
        after.completed_at = Some(tx.at());
        after.outcome_reason = self.args.reason.clone().map(Text::into_string);
        enqueue_auto_close(tx, &after).await?;
        save(tx, &held.ticket, after).await?;
        Ok(self.ticket)
    }
}

/// Passes work that comes to no more than the resident agreed to.
async fn within_agreed(reader: &Reader<'_>, ticket: TicketId) -> Result<()> {
    let Some(agreed) = estimate::agreed(reader, ticket).await? else { return Ok(()) };
    let total = total_minor(reader, ticket).await?;
    if total <= agreed.total_minor {
        return Ok(());
    }
    Err(Error::new(Code::EstimateExceeded, Code::EstimateExceeded.title())
        .with("total_minor", total)
        .with("agreed_minor", agreed.total_minor))
}

/// The refusal that lists what is missing.
fn evidence_missing(missing: &[Missing]) -> Error {
    let words: Vec<String> = missing.iter().map(Missing::message_ru).collect();
    Error::new(Code::EvidenceMissing, words.join("; ")).with("missing", missing)
}

/// The visit under way is done; a booked one whose time has come is done as well; what lies ahead is cancelled.
async fn end_visits(tx: &mut Tx, held: &Held) -> Result<()> {
    let at = tx.at();
    let own = tx.scope().technician();
    let someone_started = held.open().any(|visit| visit.row.status == VisitStatus::Started);
    for visit in held.open() {
        let mine = own.is_some_and(|technician| visit.has(technician));
        let done = match visit.row.status {
            VisitStatus::Started => true,
            VisitStatus::EnRoute => !someone_started,
            _ => !someone_started && (mine || visit.row.planned_start <= at),
        };
        let mut after = visit.row.clone();
        if done {
            after.status = VisitStatus::Done;
            after.ended_at = Some(at);
        } else {
            after.status = VisitStatus::Cancelled;
        }
        visit::save(tx, &visit.row, after).await?;
        if done {
            calendar::truncate(tx, visit.row.id, at).await?;
        } else {
            calendar::free(tx, visit.row.id).await?;
        }
    }
    Ok(())
}

/// Nobody objects within the term of the organization: the ticket closes by itself.
async fn enqueue_auto_close(tx: &mut Tx, ticket: &row::Model) -> Result<()> {
    let settings = organization::settings_of(&tx.reader(), ticket.organization_id).await?;
    tx.enqueue(NewJob {
        organization: ticket.organization_id,
        kind: AUTO_CLOSE_JOB,
        payload: serde_json::json!({ "ticket": ticket.id, "return_count": ticket.return_count }),
        // From when the service learned of it: work recorded without a network still leaves the term to object.
        run_at: tx.now() + TimeDelta::days(settings.auto_close_days.into()),
        dedup_key: Some(format!("{AUTO_CLOSE_JOB}:{}:{}", ticket.id, ticket.return_count)),
    });
    Ok(())
}

/// Accepts completed work.
#[derive(Clone, Copy, Debug)]
pub struct Accept {
    /// The ticket.
    pub ticket: TicketId,
}

impl Act for Accept {
    const NAME: &'static str = "ticket.accept";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let before = hold(tx, self.ticket).await?;
        let scope = *tx.scope();
        moves::check(Move::Accept, before.status, &scope)?;
        require_owner(&scope, &before)?;
        let mut after = before.clone();
        after.status = Status::Closed;
        after.closed_at = Some(tx.at());
        save(tx, &before, after).await?;
        Ok(self.ticket)
    }
}

/// Closes a completed ticket to which nobody objected; one that was returned or accepted meanwhile is left alone.
#[derive(Clone, Copy, Debug)]
pub struct AutoClose {
    /// The ticket.
    pub ticket: TicketId,
    /// The number of returns when the job was enqueued.
    pub return_count: i64,
}

impl Act for AutoClose {
    const NAME: &'static str = "ticket.auto_close";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let before = hold(tx, self.ticket).await?;
        if before.status != Status::Completed || before.return_count != self.return_count {
            return Ok(());
        }
        let mut after = before.clone();
        after.status = Status::Closed;
        after.closed_at = Some(tx.at());
        save(tx, &before, after).await
    }
}

/// Why.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Why {
    /// The reason.
    pub reason: Text<2000>,
}

/// Cancels a ticket.
#[derive(Clone, Debug)]
pub struct Cancel {
    /// The ticket.
    pub ticket: TicketId,
    /// Why.
    pub args: Why,
}

impl Act for Cancel {
    const NAME: &'static str = "ticket.cancel";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let held = Held::take(tx, self.ticket, &[]).await?;
        let scope = *tx.scope();
        let by = moves::check(Move::Cancel, held.ticket.status, &scope)?;
        require_owner(&scope, &held.ticket)?;
        if by == By::Resident && held.visits.iter().any(|visit| visit.row.started_at.is_some()) {
            return Err(Error::new(Code::IllegalMove, "work has begun")
                .with("status", held.ticket.status)
                .with("legal", Vec::<&str>::new()));
        }
        cancel_held(tx, &held, self.args.reason.as_str()).await?;
        Ok(self.ticket)
    }
}

/// Cancels a ticket that is held and may be cancelled.
///
/// # Errors
/// What the database says.
pub(crate) async fn cancel_held(tx: &mut Tx, held: &Held, reason: &str) -> Result<()> {
    cancel_open(tx, held, Some(reason)).await?;
    let mut after = held.ticket.clone();
    after.status = Status::Cancelled;
    after.cancelled_at = Some(tx.at());
    after.outcome_reason = Some(reason.to_owned());
    after.hold_reason = None;
    after.hold_until = None;
    save(tx, &held.ticket, after).await
}

/// Why a ticket waits, and until when.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldTicket {
    /// What it waits for.
    pub reason: Text<2000>,
    /// Until when.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
}

/// Puts a ticket on hold; its visits are taken away.
#[derive(Clone, Debug)]
pub struct Hold {
    /// The ticket.
    pub ticket: TicketId,
    /// Why, until when.
    pub args: HoldTicket,
}

impl Act for Hold {
    const NAME: &'static str = "ticket.hold";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let held = Held::take(tx, self.ticket, &[]).await?;
        moves::check(Move::Hold, held.ticket.status, tx.scope())?;
        if self.args.until.is_some_and(|until| until <= tx.at() || !calendar::is_plausible(until)) {
            return Err(Error::field("until", "must be a plausible moment in the future"));
        }
        let reason = self.args.reason.as_str();
        cancel_open(tx, &held, Some(reason)).await?;
        let mut after = held.ticket.clone();
        after.status = Status::OnHold;
        after.hold_reason = Some(reason.to_owned());
        after.hold_until = self.args.until;
        save(tx, &held.ticket, after).await?;
        Ok(self.ticket)
    }
}
