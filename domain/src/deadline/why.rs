//! Why a term was missed: only what facts tell, each with its moment.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DeadlineKind, row::Model};
use crate::{
    Result, Time,
    db::{Reader, placeholders},
    handover,
    id::TicketId,
    place::Zone,
    text::when,
    ticket, visit,
    visit::VisitStatus,
};

/// A fact by which a term was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeadlineReason)]
pub enum Why {
    /// The ticket came when the term, which counts from the damage, had passed.
    RegisteredLate,
    /// The applicant has not been told.
    NotTold,
    /// He was told after the term.
    ToldLate,
    /// The contractor did not answer the offer.
    NotAnswered,
    /// Nobody was booked.
    NotAssigned,
    /// The first booking was made after the term.
    AssignedLate,
    /// It was made for a time after the term.
    BookedLate,
    /// A booking was cancelled.
    BookingCancelled,
    /// Nobody has come.
    NotStarted,
    /// The work began after the term.
    StartedLate,
    /// The crew stood before a closed door.
    NoAccess,
    /// A visit ended without the work being done.
    Unfinished,
    /// The work was put on hold.
    OnHold,
    /// The work was not accepted and came back.
    Returned,
    /// The work began in time and took longer.
    FinishedLate,
    /// The work began in time and is not done.
    NotFinished,
}

/// A fact with its moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DeadlineWhy)]
pub struct Reason {
    /// What it is.
    pub code: Why,
    /// When it was, if it has a moment.
    pub at: Option<DateTime<Utc>>,
    /// The same in words, by the clock of the building.
    pub text: String,
}

/// What is known of a ticket beside its row.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    visits: Vec<visit::row::Model>,
    offers: Vec<handover::row::Model>,
    held: Vec<Time>,
    returned: Vec<Time>,
}

#[derive(FromQueryResult)]
struct EventRow {
    subject_id: TicketId,
    act: String,
    recorded_at: Time,
}

/// The facts of some tickets: their visits, what was offered to contractors, and from the journal when they were held and
/// returned.
pub(super) async fn facts(
    reader: &Reader<'_>,
    tickets: &BTreeSet<TicketId>,
) -> Result<BTreeMap<TicketId, Facts>> {
    let mut facts: BTreeMap<TicketId, Facts> = BTreeMap::new();
    if tickets.is_empty() {
        return Ok(facts);
    }
    let visits = visit::row::Entity::find()
        .filter(visit::row::Column::TicketId.is_in(tickets.iter().copied()))
        .order_by_asc(visit::row::Column::CreatedAt)
        .all(reader)
        .await?;
    for visit in visits {
        facts.entry(visit.ticket_id).or_default().visits.push(visit);
    }
    let offers = handover::row::Entity::find()
        .filter(handover::row::Column::TicketId.is_in(tickets.iter().copied()))
        .all(reader)
        .await?;
    for offer in offers {
        facts.entry(offer.ticket_id).or_default().offers.push(offer);
    }
    let mut values = Vec::new();
    let list = placeholders(tickets.iter().map(|id| id.0), &mut values);
    let sql = format!(
        "SELECT subject_id, act, recorded_at FROM event
         WHERE subject_kind = 'ticket' AND subject_id IN ({list}) AND act IN ('ticket.hold', 'ticket.return')
         ORDER BY recorded_at"
    );
    for event in reader.all::<EventRow>(&sql, values).await? {
        let known = facts.entry(event.subject_id).or_default();
        if event.act == "ticket.hold" { &mut known.held } else { &mut known.returned }
            .push(event.recorded_at);
    }
    Ok(facts)
}

/// Why the clock of a ticket ended late, or is late by now.
///
/// # Errors
/// `internal` when the stored zone is none.
pub(super) fn reasons(
    row: &Model,
    ticket: &ticket::row::Model,
    facts: Option<&Facts>,
    now: Time,
) -> Result<Vec<Reason>> {
    let zone = Zone::stored(&row.zone, format_args!("deadline {}", row.id))?.tz();
    let nothing = Facts::default();
    let facts = facts.unwrap_or(&nothing);
    let Some(due) = row.judged_by() else { return Ok(Vec::new()) };
    // Facts after the end of the clock have not made it late.
    let end = row.met_at.unwrap_or(now);
    let mut found = Vec::new();
    if ticket.registered_at > due {
        found.push((Why::RegisteredLate, Some(ticket.registered_at)));
    } else {
        match row.kind {
            DeadlineKind::Inform => match ticket.informed_at {
                None => found.push((Why::NotTold, None)),
                Some(at) => found.push((Why::ToldLate, Some(at))),
            },
            DeadlineKind::Accept => {
                let offer = facts.offers.iter().find(|offer| offer.id.0 == row.subject_id);
                found.push((Why::NotAnswered, offer.and_then(|offer| offer.ended_at)));
            }
            DeadlineKind::Assign => {
                found.push(assigned(facts, due).unwrap_or((Why::NotAssigned, None)));
            }
            DeadlineKind::Answer | DeadlineKind::Callback | DeadlineKind::Reply => {}
            DeadlineKind::Localize | DeadlineKind::Resolve | DeadlineKind::CheckVisit => {
                work(row, facts, due, end, &mut found);
            }
        }
    }
    Ok(found
        .into_iter()
        .map(|(code, at)| Reason { code, at, text: code.text(at.map(|at| when::moment(at, zone))) })
        .collect())
}

type Fact = (Why, Option<Time>);

/// Who was booked, and when, where that was late.
fn assigned(facts: &Facts, due: Time) -> Option<Fact> {
    let mut standing = facts.visits.iter().filter(|visit| visit.status != VisitStatus::Cancelled);
    let Some(first) = standing.next() else { return Some((Why::NotAssigned, None)) };
    (first.created_at > due).then_some((Why::AssignedLate, Some(first.created_at)))
}

fn work(row: &Model, facts: &Facts, due: Time, end: Time, found: &mut Vec<Fact>) {
    let of = |status: VisitStatus| facts.visits.iter().filter(move |visit| visit.status == status);
    let until = |at: &Time| *at <= end;
    for cancelled in of(VisitStatus::Cancelled).filter(|visit| visit.planned_start <= due) {
        found.push((Why::BookingCancelled, Some(cancelled.planned_start)));
    }
    for at in of(VisitStatus::NoAccess).filter_map(|visit| visit.ended_at).filter(until) {
        found.push((Why::NoAccess, Some(at)));
    }
    for at in of(VisitStatus::Unfinished).filter_map(|visit| visit.ended_at).filter(until) {
        found.push((Why::Unfinished, Some(at)));
    }
    found.extend(facts.held.iter().filter(|at| until(at)).map(|at| (Why::OnHold, Some(*at))));
    found.extend(facts.returned.iter().filter(|at| until(at)).map(|at| (Why::Returned, Some(*at))));
    if let Some(late) = assigned(facts, due) {
        found.push(late);
        return;
    }
    let standing = facts.visits.iter().filter(|visit| visit.status != VisitStatus::Cancelled);
    let planned = standing.clone().map(|visit| visit.planned_start).min();
    let started = standing.filter_map(|visit| visit.started_at).min();
    match (started, planned) {
        (Some(at), _) if at > due => found.push((Why::StartedLate, Some(at))),
        (Some(_), _) if row.met_at.is_some() => found.push((Why::FinishedLate, row.met_at)),
        (Some(_), _) => found.push((Why::NotFinished, None)),
        (None, Some(at)) if at > due => found.push((Why::BookedLate, Some(at))),
        (None, _) => found.push((Why::NotStarted, None)),
    }
}

impl Why {
    fn text(self, at: Option<String>) -> String {
        let words = match self {
            Self::RegisteredLate => "заявка поступила, когда срок уже прошёл",
            Self::NotTold => "срок заявителю не сообщён",
            Self::ToldLate => "срок сообщён заявителю с опозданием",
            Self::NotAnswered => "подрядчик не ответил на предложение",
            Self::NotAssigned => "исполнитель не назначен",
            Self::AssignedLate => "исполнитель назначен после срока",
            Self::BookedLate => "выезд назначен на время после срока",
            Self::BookingCancelled => "назначенный выезд отменён",
            Self::NotStarted => "работы не начаты",
            Self::StartedLate => "работы начаты после срока",
            Self::NoAccess => "нет доступа в помещение",
            Self::Unfinished => "выезд завершён без выполнения работ",
            Self::OnHold => "выполнение отложено",
            Self::Returned => "работа возвращена на доработку",
            Self::FinishedLate => "работы начаты вовремя, завершены после срока",
            Self::NotFinished => "работы начаты вовремя и не завершены",
        };
        match at {
            Some(at) => format!("{words}: {at}"),
            None => words.to_owned(),
        }
    }
}
