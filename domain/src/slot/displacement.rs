//! An emergency into a full day: the least harmful displacement is proposed, and made when it is confirmed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    board::{Board, Pick},
    booked::{Booked, Lost, Target, booked},
    judge::settings,
    list::{Ask, Found, ceil, late},
    moves::{Placement, PlannedMove, ProposedMove, Taken, take},
    need::Need,
    reschedule::{MoveCause, event_key},
    search::{SlotDocument, need_of},
    words::{self, Reason},
};
use crate::{
    Code, Error, Result, Scope, Time,
    calendar::{Span, entry::EntryKind},
    db::Reader,
    id::{TechnicianId, TicketId, VisitId},
    people::locale::Locale,
    rebooking::CauseKind,
    ticket::{Booking, Move, moves, settle},
    write::{Act, Tx},
};

/// Within what an emergency is to be begun where nothing else is said.
const SOON: TimeDelta = TimeDelta::hours(2);
/// How far ahead what gives way is moved.
const AHEAD: TimeDelta = TimeDelta::days(3);
/// How long the work may take, in minutes.
const LENGTHS: std::ops::RangeInclusive<u16> = 5..=1440;
/// How many ways to make room are thought through to the end; the most promising first.
const TRIED: usize = 60;

/// For which emergency room is to be made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindDisplacement {
    /// The ticket, an emergency.
    pub ticket_id: TicketId,
    /// The work is to begin by then; two hours from now if left out.
    #[serde(default)]
    pub by: Option<DateTime<Utc>>,
    /// How long it takes; as the kind of work says if left out.
    #[serde(default)]
    #[schema(minimum = 5, maximum = 1440)]
    pub duration_minutes: Option<u16>,
}

/// How room is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisplacementKind {
    /// Nobody gives way: there is free time, the reserve or somebody on call.
    Free,
    /// Booked visits give way.
    Displacement,
    /// There is no way.
    Nothing,
}

/// How room can be made for an emergency. Nothing is changed before `confirm` is sent to `.../apply`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DisplacementProposal {
    /// The ticket.
    pub ticket_id: TicketId,
    /// How.
    pub kind: DisplacementKind,
    /// Who comes when.
    pub slot: Option<SlotDocument>,
    /// The visits that give way.
    pub moves: Vec<ProposedMove>,
    /// How many residents are to be told.
    pub told: usize,
    /// How many tickets are to be rebooked.
    pub rebooked: usize,
    /// The body that confirms it.
    pub confirm: Option<ApplyDisplacement>,
    /// The sentence for the dispatcher.
    pub say: String,
}

/// A proposal that is confirmed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyDisplacement {
    /// The ticket.
    pub ticket_id: TicketId,
    /// Who comes when.
    pub booking: Placement,
    /// The visits that give way.
    pub moves: Vec<PlannedMove>,
    /// By when the work was to begin; a new proposal is asked for the same.
    #[serde(default)]
    pub by: Option<DateTime<Utc>>,
}

impl ApplyDisplacement {
    /// The question to which this was the answer.
    pub fn question(&self, now: Time) -> FindDisplacement {
        let minutes = (self.booking.end - self.booking.start).num_minutes();
        FindDisplacement {
            ticket_id: self.ticket_id,
            by: self.by.filter(|by| *by > now && *by <= now + AHEAD),
            duration_minutes: u16::try_from(minutes).ok().filter(|minutes| LENGTHS.contains(minutes)),
        }
    }
}

/// A way to make room.
struct Way {
    technician: TechnicianId,
    span: Span,
    gone: BTreeSet<VisitId>,
    urgent: usize,
}

/// Proposes.
///
/// # Errors
/// `not_found` for a ticket out of sight, `forbidden` for all but the desk that books, `invalid_field` for a ticket that
/// is no emergency.
pub async fn displacement(
    reader: &Reader<'_>,
    scope: &Scope,
    now: Time,
    args: &FindDisplacement,
    locale: Locale,
) -> Result<DisplacementProposal> {
    let need = need_of(reader, scope, args.ticket_id).await?;
    if !need.emergency {
        return Err(Error::field("ticket_id", "is no emergency: only for one others give way"));
    }
    let duration = match args.duration_minutes {
        Some(minutes) if !LENGTHS.contains(&minutes) => {
            return Err(Error::field("duration_minutes", "must be from 5 to 1440"));
        }
        Some(minutes) => TimeDelta::minutes(minutes.into()),
        None => need.duration,
    };
    let by = args.by.unwrap_or(now + SOON);
    if by <= now || by > now + AHEAD {
        return Err(Error::field("by", "must be within three days from now"));
    }
    let settings = settings(reader, &need).await?;
    let until = now + AHEAD.min(TimeDelta::days(settings.slot_horizon_days.into()));
    let around = TimeDelta::hours(12);
    let range = Span { start: now - around, end: until + around };
    let board = Board::read(reader, now, need.staff, settings, Pick::Everybody, range).await?;
    let ask = Ask {
        range: Span { start: now, end: by + duration },
        duration,
        crew: 1,
        limit: 1,
        per_day: usize::MAX,
    };
    if let Some(free) = board.list(&need, &ask).first() {
        return Ok(proposal(&board, &need, locale, Some(free), Vec::new(), args.by));
    }
    let booked = booked(reader, &board, &[]).await?;
    let best = ways(&board, &need, &booked, by, duration)
        .into_iter()
        .take(TRIED)
        .filter_map(|way| tried(&board, &need, &booked, way, until))
        .min_by_key(|(cost, ..)| *cost);
    Ok(match best {
        None => proposal(&board, &need, locale, None, Vec::new(), args.by),
        Some((_, way, targets)) => {
            let late_by_s = late(&need, way.span.end);
            let reasons = match need.term {
                Some(term) if late_by_s == 0 => vec![Reason::InTerm(term)],
                Some(_) => vec![Reason::Late(late_by_s)],
                None => Vec::new(),
            };
            let found = Found { crew: vec![way.technician], span: way.span, late_by_s, reasons };
            let moves = targets.iter().map(|(visit, target)| {
                let booked = &booked[visit];
                ProposedMove::of(booked, target.as_ref(), booked.is_urgent(now))
            });
            proposal(&board, &need, locale, Some(&found), moves.collect(), args.by)
        }
    })
}

/// The ways to make room, the most promising first: few urgent visits, few visits, early.
fn ways(
    board: &Board,
    need: &Need,
    booked: &BTreeMap<VisitId, Booked>,
    by: Time,
    duration: TimeDelta,
) -> Vec<Way> {
    let mut earliest: BTreeMap<(TechnicianId, BTreeSet<VisitId>), Time> = BTreeMap::new();
    for (id, person) in board.people.iter().filter(|(_, person)| person.kept) {
        let mut start = ceil(board.now + board.way(), 300);
        while start <= by {
            let span = Span { start, end: start + duration };
            let met: Option<BTreeSet<VisitId>> = person
                .met(board.with_way(span))
                .map(|entry| {
                    let visit = entry.visit.filter(|_| entry.kind == EntryKind::Booking)?;
                    booked.get(&visit).is_some_and(Booked::is_movable).then_some(visit)
                })
                .collect();
            if let Some(gone) = met.filter(|gone| !gone.is_empty())
                && board.judge(need, &[*id], span).soft.is_empty()
            {
                earliest.entry((*id, gone)).or_insert(start);
            }
            start += TimeDelta::minutes(5);
        }
    }
    let mut ways: Vec<Way> = earliest
        .into_iter()
        .map(|((technician, gone), start)| Way {
            urgent: gone.iter().filter(|id| booked[id].is_urgent(board.now)).count(),
            technician,
            span: Span { start, end: start + duration },
            gone,
        })
        .collect();
    ways.sort_by_key(|way| (way.urgent, way.gone.len(), way.span.start));
    ways
}

type Cost = (usize, usize, usize, usize, Time);
type Targets = Vec<(VisitId, Option<Target>)>;

/// Thinks a way through: where each visit that gives way goes, and how much harm that is.
fn tried(
    board: &Board,
    need: &Need,
    booked: &BTreeMap<VisitId, Booked>,
    way: Way,
    until: Time,
) -> Option<(Cost, Way, Targets)> {
    let mut board = board.clone();
    board.forget(|entry| entry.visit.is_some_and(|visit| way.gone.contains(&visit)));
    if !board.judge(need, &[way.technician], way.span).is_clean() {
        return None;
    }
    board.note(&[way.technician], way.span, need.place, None);
    let mut gone: Vec<&Booked> = way.gone.iter().map(|id| &booked[id]).collect();
    gone.sort_by_key(|booked| (booked.need.term.is_none(), booked.need.term));
    let mut targets = Vec::with_capacity(gone.len());
    let (mut told, mut rebooked) = (0, 0);
    for one in gone {
        let crew = one.visit.technicians();
        let lost = Lost {
            need: &one.need,
            crew: &crew,
            length: one.length(),
            window: one.window,
            not_later_than: one.span().end,
        };
        let target = board.relocate(&lost, until);
        match &target {
            Some(target) => {
                told += usize::from(one.is_told_of(target));
                board.note(&target.crew, target.span, one.need.place, Some(one.visit.row.id));
            }
            None => {
                told += 1;
                rebooked += 1;
            }
        }
        targets.push((one.visit.row.id, target));
    }
    let cost = (way.urgent, told, rebooked, targets.len(), way.span.start);
    Some((cost, way, targets))
}

fn proposal(
    board: &Board,
    need: &Need,
    locale: Locale,
    found: Option<&Found>,
    moves: Vec<ProposedMove>,
    by: Option<Time>,
) -> DisplacementProposal {
    let slot = found.map(|found| board.show(need, found, locale));
    let kind = match (&slot, moves.is_empty()) {
        (None, _) => DisplacementKind::Nothing,
        (Some(_), true) => DisplacementKind::Free,
        (Some(_), false) => DisplacementKind::Displacement,
    };
    let told = moves.iter().filter(|step| step.told).count();
    let rebooked = moves.iter().filter(|step| step.to.is_none()).count();
    let confirm = slot.as_ref().map(|slot| ApplyDisplacement {
        ticket_id: need.ticket,
        booking: Placement {
            technicians: slot.technicians.clone(),
            start: slot.start,
            end: slot.end,
            window: slot.window,
        },
        moves: moves.iter().map(ProposedMove::planned).collect(),
        by,
    });
    let say = match &slot {
        Some(slot) => words::displaces(locale, &slot.say, moves.len(), told),
        None => words::no_room(locale),
    };
    DisplacementProposal { ticket_id: need.ticket, kind, slot, moves, told, rebooked, confirm, say }
}

/// Makes room and books the emergency.
#[derive(Clone, Debug)]
pub struct Displace {
    /// What is confirmed.
    pub args: ApplyDisplacement,
}

impl Act for Displace {
    const NAME: &'static str = "slot.displace";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let args = &self.args;
        let need = need_of(&tx.reader(), tx.scope(), args.ticket_id).await?;
        if !need.emergency {
            return Err(Error::field("ticket_id", "is no emergency: only for one others give way"));
        }
        let booking = args.booking.booking()?;
        let bookings = [(args.ticket_id, booking)];
        let mut taken = take(tx, need.staff, &bookings, &args.moves).await?;
        moves::check(Move::Plan, taken.held[0].ticket.status, tx.scope())?;
        if taken.stale {
            return Err(Error::new(Code::ProposalStale, Code::ProposalStale.title()));
        }
        require_in_the_way(&taken, &bookings[0].1, tx.now())?;
        let event = event_key(tx, MoveCause::Displacement);
        taken.make(tx, MoveCause::Displacement, CauseKind::Emergency, &event).await?;
        let id = VisitId::new(tx.clock());
        settle(tx, &taken.held[0], id, &bookings[0].1, taken.board.way(), None).await?;
        Ok(args.ticket_id)
    }
}

/// Only what stands in the way gives way, and no emergency does.
fn require_in_the_way(taken: &Taken, booking: &Booking, now: Time) -> Result<()> {
    if booking.span.start > now + AHEAD {
        return Err(Error::field("booking.start", "must be within three days from now"));
    }
    let busy = taken.board.with_way(booking.span);
    for (visit, _) in &taken.moves {
        let crew = visit.technicians();
        let meets =
            visit.row.planned_start - taken.board.way() < busy.end && busy.start < visit.row.planned_end;
        if !meets || !booking.technicians.iter().any(|id| crew.contains(id)) {
            return Err(Error::field("moves", "names a visit that does not stand in the way"));
        }
        let ticket = taken.held.iter().find(|held| held.ticket.id == visit.row.ticket_id);
        if ticket.is_none_or(|held| held.ticket.emergency) {
            return Err(Error::field("moves", "names an emergency: it gives way to nothing"));
        }
    }
    Ok(())
}
