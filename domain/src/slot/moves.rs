//! Moves that are proposed, sent back and made: the same checks for an emergency that needs room and for a day that is
//! planned anew.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    board::{Board, Pick},
    booked::{Booked, Target},
    need::{Need, needs},
    reschedule::{MoveCause, Stand, Step, reschedule},
};
use crate::{
    Error, Result,
    calendar::Span,
    id::{OrganizationId, TechnicianId, TicketId, VisitId},
    people::organization,
    rebooking::{self, CauseKind},
    ticket::{Booking, Held, require_technicians},
    visit::{Visit, VisitStatus, Window, ticket_of},
    write::Tx,
};

/// The most moves of one confirmation.
pub(crate) const LIMIT: usize = 200;

/// A crew and a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// The crew, lead first.
    pub technicians: Vec<TechnicianId>,
    /// Begin of the work, whole seconds.
    pub start: DateTime<Utc>,
    /// End of the work.
    pub end: DateTime<Utc>,
    /// What the resident is promised.
    pub window: Window,
}

impl Placement {
    pub(crate) fn of(target: &Target) -> Self {
        Self {
            technicians: target.crew.clone(),
            start: target.span.start,
            end: target.span.end,
            window: target.window,
        }
    }

    pub(crate) fn booking(&self) -> Result<Booking> {
        Booking::parse(&self.technicians, self.start, self.end, Some(self.window))
    }
}

/// A move of a booked visit, as it is confirmed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedMove {
    /// The visit.
    pub visit_id: VisitId,
    /// Its version when the move was proposed.
    pub version: i64,
    /// Where it goes; null: its ticket is to be rebooked.
    #[schema(required)]
    pub to: Option<Placement>,
}

/// A move of a booked visit, as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ProposedMove {
    /// The visit.
    pub visit_id: VisitId,
    /// Its version.
    pub version: i64,
    /// Its ticket.
    pub ticket_id: TicketId,
    /// Number of the ticket.
    pub number: String,
    /// Its address.
    pub address: String,
    /// The term of the ticket ends within a day.
    pub urgent: bool,
    /// Where it stands.
    pub from: Stand,
    /// Where it goes; null: its ticket is to be rebooked.
    pub to: Option<Placement>,
    /// What the resident was promised changes, or who comes: he is to be told.
    pub told: bool,
}

impl ProposedMove {
    pub(crate) fn of(booked: &Booked, target: Option<&Target>, urgent: bool) -> Self {
        Self {
            visit_id: booked.visit.row.id,
            version: booked.visit.row.version,
            ticket_id: booked.need.ticket,
            number: booked.need.number.clone(),
            address: booked.need.address.clone(),
            urgent,
            from: booked.stand(),
            to: target.map(Placement::of),
            told: target.is_none_or(|target| booked.is_told_of(target)),
        }
    }

    pub(crate) fn planned(&self) -> PlannedMove {
        PlannedMove { visit_id: self.visit_id, version: self.version, to: self.to.clone() }
    }
}

/// Moves under the locks of everything they touch, judged together with the bookings that go with them.
pub(crate) struct Taken {
    /// The tickets of the bookings first, in their order, then those of the moved visits.
    pub(crate) held: Vec<Held>,
    pub(crate) moves: Vec<(Visit, Option<Booking>)>,
    pub(crate) board: Board,
    /// The calendar or a visit is not what it was when the moves were proposed.
    pub(crate) stale: bool,
}

/// Takes hold of what moves and bookings touch and judges them. Nothing is written.
///
/// # Errors
/// `not_found` for a visit out of sight, `invalid_field` for a move that can never be made.
pub(crate) async fn take(
    tx: &mut Tx,
    staff: OrganizationId,
    bookings: &[(TicketId, Booking)],
    moves: &[PlannedMove],
) -> Result<Taken> {
    if moves.len() > LIMIT || bookings.len() > LIMIT {
        return Err(Error::field("moves", format!("must be at most {LIMIT}")));
    }
    let scope = *tx.scope();
    let mut tickets: Vec<TicketId> = Vec::new();
    let mut technicians: BTreeSet<TechnicianId> = BTreeSet::new();
    for (ticket, booking) in bookings {
        if tickets.contains(ticket) {
            return Err(Error::field("bookings", "names a ticket twice"));
        }
        tickets.push(*ticket);
        technicians.extend(&booking.technicians);
    }
    let mut seen = BTreeSet::new();
    let mut targets = Vec::with_capacity(moves.len());
    for step in moves {
        if !seen.insert(step.visit_id) {
            return Err(Error::field("moves", "names a visit twice"));
        }
        let ticket = ticket_of(&tx.reader(), &scope, step.visit_id).await?;
        if !tickets.contains(&ticket) {
            tickets.push(ticket);
        }
        let booking = step.to.as_ref().map(Placement::booking).transpose()?;
        technicians.extend(booking.iter().flat_map(|booking| booking.technicians.iter()));
        targets.push((ticket, booking));
    }
    let more: Vec<TechnicianId> = technicians.iter().copied().collect();
    let held = Held::take_all(tx, &tickets, &more).await?;
    require_technicians(tx, staff, &more).await?;
    let mut stale = false;
    let mut taken = Vec::with_capacity(moves.len());
    for (step, (ticket, booking)) in moves.iter().zip(targets) {
        let visit = held.iter().find(|held| held.ticket.id == ticket).map(|held| held.visit(step.visit_id));
        let visit = visit.ok_or_else(|| Error::not_found("visit"))??.clone();
        stale |= visit.row.version != step.version
            || visit.row.status != VisitStatus::Planned
            || visit.row.staff_organization_id != staff;
        technicians.extend(visit.technicians());
        taken.push((visit, booking));
    }
    let (board, clean) = judge(tx, staff, &technicians, bookings, &taken, &tickets).await?;
    Ok(Taken { held, moves: taken, board, stale: stale || !clean })
}

async fn judge(
    tx: &Tx,
    staff: OrganizationId,
    technicians: &BTreeSet<TechnicianId>,
    bookings: &[(TicketId, Booking)],
    moves: &[(Visit, Option<Booking>)],
    tickets: &[TicketId],
) -> Result<(Board, bool)> {
    let reader = tx.reader();
    let settings = organization::settings_of(&reader, staff).await?;
    let placed = moves.iter().filter_map(|(_, booking)| booking.as_ref());
    let spans: Vec<Span> = bookings.iter().map(|(_, b)| b.span).chain(placed.map(|b| b.span)).collect();
    let start = spans.iter().map(|span| span.start).min().unwrap_or(tx.now());
    let end = spans.iter().map(|span| span.end).max().unwrap_or(tx.now());
    // The way before lies in the range as well.
    let range = Span { start: start - chrono::TimeDelta::hours(4), end };
    let ids: Vec<TechnicianId> = technicians.iter().copied().collect();
    let mut board = Board::read(&reader, tx.now(), staff, settings, Pick::These(&ids), range).await?;
    let moving: BTreeSet<VisitId> = moves.iter().map(|(visit, _)| visit.row.id).collect();
    board.forget(|entry| entry.visit.is_some_and(|visit| moving.contains(&visit)));
    let needs = needs(&reader, tickets).await?;
    let mut clean = true;
    let mut place = |need: Option<&Need>, booking: &Booking, visit: Option<VisitId>| {
        let Some(need) = need.filter(|need| need.staff == staff) else {
            clean = false;
            return;
        };
        clean &=
            booking.span.end > tx.now() && board.judge(need, &booking.technicians, booking.span).is_clean();
        board.note(&booking.technicians, booking.span, need.place, visit);
    };
    for (ticket, booking) in bookings {
        place(needs.get(ticket), booking, None);
    }
    for (visit, booking) in moves {
        if let Some(booking) = booking {
            place(needs.get(&visit.row.ticket_id), booking, Some(visit.row.id));
        }
    }
    Ok((board, clean))
}

impl Taken {
    /// Makes the moves. All touched times are free first; the bookings come after.
    pub(crate) async fn make(
        &mut self,
        tx: &mut Tx,
        cause: MoveCause,
        lost: CauseKind,
        event_key: &str,
    ) -> Result<()> {
        let mut steps = Vec::new();
        for (visit, booking) in std::mem::take(&mut self.moves) {
            if let Some(booking) = booking {
                steps.push(Step {
                    visit,
                    crew: booking.technicians,
                    span: booking.span,
                    window: booking.window,
                    override_reason: None,
                });
                continue;
            }
            let held = self.held.iter_mut().find(|held| held.ticket.id == visit.row.ticket_id);
            let held = held.ok_or_else(|| Error::not_found("ticket"))?;
            let why = rebooking::Cause { kind: lost, event_key: event_key.to_owned() };
            rebooking::displace(tx, held, visit.row.id, &why).await?;
        }
        let held: Vec<&Held> = self.held.iter().collect();
        reschedule(tx, &held, steps, self.board.way(), cause, event_key).await
    }
}
