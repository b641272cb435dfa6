//! The rest of a day planned anew: what lost its time, what can no longer be kept. Proposed with the fewest moves, and
//! made when it is confirmed.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    board::{Board, Pick},
    booked::{Booked, Lost, Target, booked, by_id, is_urgent},
    moves::{LIMIT, Placement, PlannedMove, ProposedMove, take},
    need::{Need, needs},
    reschedule::{MoveCause, event_key},
    words,
};
use crate::{
    Code, Error, Result, Scope, Time,
    auth::Role,
    calendar::Span,
    db::{Reader, placeholders},
    id::{OrganizationId, TechnicianId, TicketId, VisitId},
    notification::{self, NotificationKind},
    people::{locale::Locale, organization, technician},
    rebooking::CauseKind,
    ticket::{self, Booking, Move, moves, settle},
    visit::{VisitStatus, Window},
    write::{Act, Tx},
};

/// How much longer a visit that has not ended in time is expected to last.
const LONGER: TimeDelta = TimeDelta::minutes(30);

/// Whose day is planned anew, and until when.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindRepair {
    /// Whose visits are looked at; everybody's if left out.
    #[serde(default)]
    pub technician_id: Option<TechnicianId>,
    /// New times end by then; the end of the day, by the clock of the organization, if left out.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
}

/// A visit that lasts longer than planned while others wait behind it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Overrun {
    /// The visit.
    pub visit_id: VisitId,
    /// Its ticket.
    pub ticket_id: TicketId,
    /// Number of the ticket.
    pub number: String,
    /// The crew, lead first.
    pub technicians: Vec<TechnicianId>,
    /// When it was to end.
    pub planned_end: DateTime<Utc>,
    /// By how many seconds it lasts longer.
    pub late_by_s: i64,
    /// The visits behind it that can no longer be kept.
    pub behind: Vec<VisitId>,
}

/// A ticket that lost its time and gets another.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProposedBooking {
    /// The ticket.
    pub ticket_id: TicketId,
    /// Its version.
    pub version: i64,
    /// Its number.
    pub number: String,
    /// Its address.
    pub address: String,
    /// Its term ends within a day.
    pub urgent: bool,
    /// Who comes when.
    pub to: Placement,
}

/// A ticket for which nothing is free.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LeftOver {
    /// The ticket: it stays among those to be rebooked.
    pub ticket_id: TicketId,
    /// Its number.
    pub number: String,
    /// Its address.
    pub address: String,
}

/// How the rest of a day can be planned. Nothing is changed before `confirm` is sent to `.../apply`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RepairProposal {
    /// New times end by then.
    pub until: DateTime<Utc>,
    /// Visits that last longer than planned.
    pub overruns: Vec<Overrun>,
    /// Tickets that get a new time.
    pub bookings: Vec<ProposedBooking>,
    /// Visits that are moved.
    pub moves: Vec<ProposedMove>,
    /// Tickets for which nothing is free.
    pub left: Vec<LeftOver>,
    /// How many tickets' residents are to be told.
    pub told: usize,
    /// How many visits and tickets wait for the next proposal: one confirmation holds two hundred of each.
    pub more: usize,
    /// The body that confirms it; null where there is nothing to do.
    pub confirm: Option<ApplyRepair>,
    /// The sentence for the dispatcher.
    pub say: String,
}

/// A new time of a ticket, as it is confirmed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RepairBooking {
    /// The ticket.
    pub ticket_id: TicketId,
    /// Its version when it was proposed.
    pub version: i64,
    /// Who comes when.
    pub to: Placement,
}

/// A proposal that is confirmed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyRepair {
    /// What was asked for; a new proposal is asked for the same.
    #[serde(default)]
    pub technician_id: Option<TechnicianId>,
    /// The same.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// Tickets that get a new time.
    pub bookings: Vec<RepairBooking>,
    /// Visits that are moved.
    pub moves: Vec<PlannedMove>,
}

/// A ticket as the repair leaves it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RepairedTicket {
    /// The ticket.
    pub ticket_id: TicketId,
    /// Its number.
    pub number: String,
    /// The sentence to read to the resident.
    pub say: String,
}

/// What a repair has done.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RepairDone {
    /// The touched tickets.
    pub tickets: Vec<RepairedTicket>,
    /// How many people are told.
    pub told: i64,
}

#[derive(FromQueryResult)]
struct LostRow {
    ticket_id: TicketId,
    version: i64,
    visit_id: VisitId,
}

/// A ticket to be rebooked.
struct Waiting {
    need: Need,
    version: i64,
    crew: Vec<TechnicianId>,
    length: TimeDelta,
    window: Window,
}

/// Proposes.
///
/// # Errors
/// `forbidden` for all but the desk, `not_found` for a technician of others, `invalid_field` for a time that is past or
/// beyond the horizon.
pub async fn repair(
    reader: &Reader<'_>,
    scope: &Scope,
    now: Time,
    args: &FindRepair,
    locale: Locale,
) -> Result<RepairProposal> {
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    if let Some(id) = args.technician_id {
        technician::store::find(reader, scope, id).await?;
    }
    let settings = organization::settings_of(reader, scope.organization()).await?;
    let zone = organization::store::zone(reader, scope).await?;
    let until = match args.until {
        Some(until) => until,
        None => end_of_day(now, zone.tz()),
    };
    if until <= now || until > now + TimeDelta::days(settings.slot_horizon_days.into()) {
        return Err(Error::field("until", "must be in the future and within the horizon of booking"));
    }
    let around = TimeDelta::hours(12);
    let range = Span { start: now - around, end: until + around };
    let staff = scope.organization();
    let mut board = Board::read(reader, now, staff, settings, Pick::Everybody, range).await?;
    let missed = missed(reader, staff, now).await?;
    let booked = booked(reader, &board, &missed).await?;
    let of_his = |crew: &[TechnicianId]| args.technician_id.is_none_or(|id| crew.contains(&id));
    let standing: Vec<&Booked> = booked.values().filter(|one| of_his(&one.visit.technicians())).collect();
    let overruns = overruns(&standing, now);
    let risk = at_risk(&overruns, &missed);
    // Whoever has not ended in time is busy for some while yet.
    board.forget(|entry| entry.visit.is_some_and(|visit| risk.contains(&visit)));
    for overrun in &overruns {
        if let Some(one) = booked.get(&overrun.visit_id) {
            let longer = Span { start: now, end: now + LONGER };
            board.prolong(&overrun.technicians, longer, one.need.place, overrun.visit_id);
        }
    }
    let mut risk: Vec<&Booked> =
        standing.into_iter().filter(|one| risk.contains(&one.visit.row.id)).collect();
    risk.sort_by_key(|one| order(&one.need));
    let mut waiting = waiting(reader, scope, now).await?;
    waiting.retain(|one| of_his(&one.crew));
    waiting.sort_by_key(|one| order(&one.need));
    let more = risk.len().saturating_sub(LIMIT) + waiting.len().saturating_sub(LIMIT);
    risk.truncate(LIMIT);
    waiting.truncate(LIMIT);
    let moves = move_all(&mut board, &risk, until);
    let (bookings, left) = book_all(&mut board, waiting, until);
    let told = bookings.len() + moves.iter().filter(|step| step.told).count();
    let confirm = (!bookings.is_empty() || !moves.is_empty()).then(|| ApplyRepair {
        technician_id: args.technician_id,
        until: args.until,
        bookings: bookings
            .iter()
            .map(|one| RepairBooking { ticket_id: one.ticket_id, version: one.version, to: one.to.clone() })
            .collect(),
        moves: moves.iter().map(ProposedMove::planned).collect(),
    });
    let say = words::repair(locale, bookings.len(), moves.len(), left.len());
    Ok(RepairProposal { until, overruns, bookings, moves, left, told, more, confirm, say })
}

/// Midnight that follows, by the clock of a zone.
fn end_of_day(now: Time, zone: chrono_tz::Tz) -> Time {
    let tomorrow = now.with_timezone(&zone).date_naive() + chrono::Days::new(1);
    let midnight = tomorrow.and_time(NaiveTime::MIN).and_local_timezone(zone).earliest();
    midnight.map_or(now + TimeDelta::days(1), |midnight| midnight.with_timezone(&Utc))
}

/// The visits that nobody has begun before their end, oldest first, however long ago that was.
async fn missed(reader: &Reader<'_>, staff: OrganizationId, now: Time) -> Result<Vec<VisitId>> {
    #[derive(FromQueryResult)]
    struct Row {
        id: VisitId,
    }
    let sql =
        "SELECT id FROM visit WHERE staff_organization_id = $1 AND status = 'planned' AND planned_end <= $2
               ORDER BY planned_end LIMIT 1000";
    let rows = reader.all::<Row>(sql, [staff.0.into(), now.into()]).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Visits under way that have not ended in time, with what waits behind them.
fn overruns(standing: &[&Booked], now: Time) -> Vec<Overrun> {
    let is_under_way = |status| matches!(status, VisitStatus::EnRoute | VisitStatus::Started);
    let late =
        standing.iter().filter(|one| is_under_way(one.visit.row.status) && one.visit.row.planned_end < now);
    late.map(|one| {
        let crew = one.visit.technicians();
        let behind = standing
            .iter()
            .filter(|other| other.visit.row.status == VisitStatus::Planned)
            .filter(|other| other.visit.technicians().iter().any(|id| crew.contains(id)))
            .filter(|other| other.visit.row.planned_start < now + LONGER)
            .map(|other| other.visit.row.id)
            .collect();
        Overrun {
            visit_id: one.visit.row.id,
            ticket_id: one.need.ticket,
            number: one.need.number.clone(),
            planned_end: one.visit.row.planned_end,
            late_by_s: (now - one.visit.row.planned_end).num_seconds(),
            technicians: crew,
            behind,
        }
    })
    .filter(|overrun: &Overrun| !overrun.behind.is_empty())
    .collect()
}

/// Visits that can no longer be kept: behind one that lasts longer, or not begun before their end.
fn at_risk(overruns: &[Overrun], missed: &[VisitId]) -> BTreeSet<VisitId> {
    overruns.iter().flat_map(|overrun| &overrun.behind).chain(missed).copied().collect()
}

/// In what order they choose: emergencies, then by their term.
fn order(need: &Need) -> (bool, bool, Option<Time>, String) {
    (!need.emergency, need.term.is_none(), need.term, need.number.clone())
}

fn move_all(board: &mut Board, risk: &[&Booked], until: Time) -> Vec<ProposedMove> {
    let mut moved = Vec::with_capacity(risk.len());
    for one in risk {
        let crew = one.visit.technicians();
        let lost = Lost {
            need: &one.need,
            crew: &crew,
            length: one.length(),
            window: one.window,
            not_later_than: until,
        };
        let target = board.relocate(&lost, until);
        take_time(board, &one.need, target.as_ref(), Some(one.visit.row.id));
        moved.push(ProposedMove::of(one, target.as_ref(), one.is_urgent(board.now)));
    }
    moved
}

fn take_time(board: &mut Board, need: &Need, target: Option<&Target>, visit: Option<VisitId>) {
    if let Some(target) = target {
        board.note(&target.crew, target.span, need.place, visit);
    }
}

fn book_all(board: &mut Board, waiting: Vec<Waiting>, until: Time) -> (Vec<ProposedBooking>, Vec<LeftOver>) {
    let (mut bookings, mut left) = (Vec::new(), Vec::new());
    for one in waiting {
        // Late is better than never: the resident waits.
        let lost = Lost {
            need: &one.need,
            crew: &one.crew,
            length: one.length,
            window: one.window,
            not_later_than: until,
        };
        let target = board.relocate(&lost, until);
        take_time(board, &one.need, target.as_ref(), None);
        let urgent = is_urgent(&one.need, board.now);
        let (ticket_id, number, address) = (one.need.ticket, one.need.number, one.need.address);
        match target {
            Some(target) => {
                let to = Placement::of(&target);
                bookings.push(ProposedBooking {
                    ticket_id,
                    version: one.version,
                    number,
                    address,
                    urgent,
                    to,
                });
            }
            None => left.push(LeftOver { ticket_id, number, address }),
        }
    }
    (bookings, left)
}

/// The tickets to be rebooked, each by the visit it lost last. What is only offered to a contractor is not booked yet.
async fn waiting(reader: &Reader<'_>, scope: &Scope, now: Time) -> Result<Vec<Waiting>> {
    let sql = "SELECT r.ticket_id, t.version, r.visit_id FROM rebooking r JOIN ticket t ON t.id = r.ticket_id
               WHERE r.staff_organization_id = $1 AND r.resolved_at IS NULL AND t.status = 'registered'
                 AND NOT EXISTS (SELECT 1 FROM handover h WHERE h.ticket_id = t.id AND h.state = 'offered')
               ORDER BY r.id";
    let rows = reader.all::<LostRow>(sql, [scope.organization().0.into()]).await?;
    let last: std::collections::BTreeMap<TicketId, LostRow> =
        rows.into_iter().map(|row| (row.ticket_id, row)).collect();
    let tickets: Vec<TicketId> = last.keys().copied().collect();
    let visits: Vec<VisitId> = last.values().map(|row| row.visit_id).collect();
    let mut needs = needs(reader, &tickets).await?;
    let mut waiting = Vec::new();
    for visit in by_id(reader, &visits).await? {
        let Some(need) = needs.remove(&visit.row.ticket_id) else { continue };
        // Passed to others meanwhile: their desk books it.
        if need.staff != scope.organization() {
            continue;
        }
        let window = match visit.row.window()? {
            Window::Promised { end, .. } if end <= now => Window::None,
            window => window,
        };
        waiting.push(Waiting {
            version: last[&need.ticket].version,
            crew: visit.technicians(),
            length: visit.row.planned_end - visit.row.planned_start,
            window,
            need,
        });
    }
    Ok(waiting)
}

/// Plans the rest of the day.
#[derive(Clone, Debug)]
pub struct Repair {
    /// What is confirmed.
    pub args: ApplyRepair,
}

impl Act for Repair {
    const NAME: &'static str = "slot.repair";
    type Out = RepairDone;

    async fn run(&self, tx: &mut Tx) -> Result<RepairDone> {
        let scope = *tx.scope();
        scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
        let staff = scope.organization();
        let mut bookings: Vec<(TicketId, Booking)> = Vec::with_capacity(self.args.bookings.len());
        for one in &self.args.bookings {
            ticket::find(&tx.reader(), &scope, one.ticket_id).await?;
            bookings.push((one.ticket_id, one.to.booking()?));
        }
        let mut taken = take(tx, staff, &bookings, &self.args.moves).await?;
        let mut stale = taken.stale;
        for (one, held) in self.args.bookings.iter().zip(&taken.held) {
            stale |= held.ticket.version != one.version
                || moves::check(Move::Plan, held.ticket.status, &scope).is_err()
                || held.open().next().is_some();
        }
        if stale {
            return Err(Error::new(Code::ProposalStale, Code::ProposalStale.title()));
        }
        let event = event_key(tx, MoveCause::Repair);
        taken.make(tx, MoveCause::Repair, CauseKind::Repair, &event).await?;
        for ((_, booking), held) in bookings.iter().zip(&taken.held) {
            let id = VisitId::new(tx.clock());
            let visit = settle(tx, held, id, booking, taken.board.way(), None).await?;
            let (kind, visit) = (NotificationKind::BookingMoved, Some(visit.row.id));
            notification::tell_applicant(tx, &held.ticket, visit, kind, &event).await?;
        }
        let mut tickets = Vec::with_capacity(taken.held.len());
        for held in &taken.held {
            let document = ticket::document(&tx.reader(), &scope, held.ticket.id).await?;
            tickets.push(RepairedTicket {
                ticket_id: document.id,
                number: document.number,
                say: document.say,
            });
        }
        let told = told(tx, &event, &tickets).await?;
        Ok(RepairDone { tickets, told })
    }
}

/// How many people an event tells something, of those who asked for these tickets.
async fn told(tx: &Tx, event: &str, tickets: &[RepairedTicket]) -> Result<i64> {
    #[derive(FromQueryResult)]
    struct Count {
        n: i64,
    }
    let mut values: Vec<sea_orm::Value> = vec![event.into(), format!("{event}:%").into()];
    let list = placeholders(tickets.iter().map(|ticket| ticket.ticket_id.0), &mut values);
    let sql = format!(
        "SELECT count(DISTINCT person) AS n FROM notification
         WHERE ticket_id IN ({list}) AND (event_key = $1 OR event_key LIKE $2)"
    );
    Ok(tx.reader().one::<Count>(&sql, values).await?.map_or(0, |count| count.n))
}

impl ApplyRepair {
    /// The question to which this was the answer.
    pub fn question(&self, now: Time) -> FindRepair {
        FindRepair { technician_id: self.technician_id, until: self.until.filter(|until| *until > now) }
    }
}
