//! Acts on a visit: the way, the work, the end, another time.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Visit, VisitMove, VisitStatus, Window, assignee, check, overrun::await_end, row, save, ticket_of,
};
use crate::{
    Code, Error, Result, calendar,
    calendar::Span,
    catalogue::{Missing, PhotoKind},
    deadline,
    id::{TechnicianId, TicketId, VisitId},
    notification::{self, NotificationKind},
    paid::estimate,
    photo, rebooking, slot,
    text::Text,
    ticket::{
        At, Held, Kind, Move, Status, check_crew, check_window, moves, require_staff_side,
        require_technicians, save as save_ticket,
    },
    write::{Act, Occurred, Tx},
};

/// The rows of a crew, lead first.
pub(crate) fn crew_rows(visit: &row::Model, technicians: &[TechnicianId]) -> Vec<assignee::Model> {
    technicians
        .iter()
        .enumerate()
        .map(|(index, technician)| assignee::Model {
            visit_id: visit.id,
            technician_id: *technician,
            ticket_id: visit.ticket_id,
            organization_id: visit.organization_id,
            lead: index == 0,
        })
        .collect()
}

/// Takes hold of the visit's ticket, and of the visit, which the scope may work on.
pub(super) async fn take(tx: &mut Tx, id: VisitId, more: &[TechnicianId]) -> Result<(Held, Visit)> {
    let scope = *tx.scope();
    let ticket = ticket_of(&tx.reader(), &scope, id).await?;
    let held = Held::take(tx, ticket, more).await?;
    let visit = held.visit(id)?.clone();
    match scope.technician() {
        // He sees the ticket by another of its visits.
        Some(technician) if !visit.has(technician) && scope.granted() != Some(ticket) => {
            Err(Error::not_found("visit"))
        }
        None if !scope.is_desk() => Err(Error::new(Code::Forbidden, Code::Forbidden.title())),
        _ => Ok((held, visit)),
    }
}

/// A departure that is older is no news to the applicant.
const ON_THE_WAY: TimeDelta = TimeDelta::minutes(15);

/// The crew is on its way.
#[derive(Clone, Copy, Debug)]
pub struct EnRoute {
    /// The visit.
    pub visit: VisitId,
    /// When.
    pub args: At,
}

impl Act for EnRoute {
    const NAME: &'static str = "visit.en_route";
    type Out = TicketId;

    fn occurred(&self) -> Option<Occurred> {
        self.args.occurred()
    }

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let (held, visit) = take(tx, self.visit, &[]).await?;
        check(VisitMove::EnRoute, visit.row.status)?;
        self.args.check(tx, held.ticket.registered_at)?;
        let mut after = visit.row.clone();
        after.status = VisitStatus::EnRoute;
        after.en_route_at = Some(tx.at());
        save(tx, &visit.row, after).await?;
        // What a phone tells long after it was so helps nobody who waits at the door.
        if tx.now() - tx.at() <= ON_THE_WAY {
            let event = format!("on_the_way:{}:{}", self.visit, visit.row.version);
            let (kind, visit) = (NotificationKind::OnTheWay, Some(self.visit));
            notification::tell_applicant(tx, &held.ticket, visit, kind, &event).await?;
        }
        Ok(held.ticket.id)
    }
}

/// Work begins.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// The visit.
    pub visit: VisitId,
    /// When.
    pub args: At,
}

impl Act for Start {
    const NAME: &'static str = "visit.start";
    type Out = TicketId;

    fn occurred(&self) -> Option<Occurred> {
        self.args.occurred()
    }

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let (held, visit) = take(tx, self.visit, &[]).await?;
        check(VisitMove::Start, visit.row.status)?;
        moves::check(Move::Start, held.ticket.status, tx.scope())?;
        let paid = Kind::of(&tx.reader(), &held.ticket).await?.rules.demands.paid;
        estimate::require_agreed(&tx.reader(), held.ticket.id, paid).await?;
        self.args.check(tx, visit.row.en_route_at.unwrap_or(held.ticket.registered_at))?;
        let mut after = visit.row.clone();
        after.status = VisitStatus::Started;
        after.started_at = Some(tx.at());
        if tx.at() >= after.planned_end {
            await_end(tx, &after, tx.at() + (after.planned_end - after.planned_start));
        }
        save(tx, &visit.row, after).await?;
        let mut ticket = held.ticket.clone();
        ticket.status = Status::InProgress;
        save_ticket(tx, &held.ticket, ticket).await?;
        Ok(held.ticket.id)
    }
}

/// Why a visit ended without the work being done.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndVisit {
    /// The reason.
    pub reason: Text<2000>,
    /// By the clock of the device; absent: now.
    #[serde(default)]
    pub occurred_at: Option<DateTime<Utc>>,
}

impl EndVisit {
    fn at(&self) -> At {
        At { occurred_at: self.occurred_at }
    }
}

/// The crew leaves before the work is done.
#[derive(Clone, Debug)]
pub struct Unfinished {
    /// The visit.
    pub visit: VisitId,
    /// Why.
    pub args: EndVisit,
}

impl Act for Unfinished {
    const NAME: &'static str = "visit.unfinished";
    type Out = TicketId;

    fn occurred(&self) -> Option<Occurred> {
        self.args.at().occurred()
    }

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let (held, visit) = take(tx, self.visit, &[]).await?;
        check(VisitMove::Unfinished, visit.row.status)?;
        self.args.at().check(tx, held.not_before())?;
        end_in_vain(tx, &held, &visit, VisitStatus::Unfinished, &self.args.reason).await
    }
}

/// Nobody opened.
#[derive(Clone, Debug)]
pub struct NoAccess {
    /// The visit.
    pub visit: VisitId,
    /// What was met.
    pub args: EndVisit,
}

impl Act for NoAccess {
    const NAME: &'static str = "visit.no_access";
    type Out = TicketId;

    fn occurred(&self) -> Option<Occurred> {
        self.args.at().occurred()
    }

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let (held, visit) = take(tx, self.visit, &[]).await?;
        check(VisitMove::NoAccess, visit.row.status)?;
        self.args.at().check(tx, held.not_before())?;
        let photos = photo::counts(&tx.reader(), held.ticket.id).await?;
        if photos.get(&PhotoKind::NoAccess).copied().unwrap_or(0) == 0 {
            let missing = [Missing::Photo { kind: PhotoKind::NoAccess, needed: 1, given: 0 }];
            return Err(Error::new(Code::EvidenceMissing, missing[0].message_ru()).with("missing", missing));
        }
        end_in_vain(tx, &held, &visit, VisitStatus::NoAccess, &self.args.reason).await
    }
}

/// Ends a visit that did not complete the ticket: it returns to the desk unless another visit stands.
async fn end_in_vain(
    tx: &mut Tx,
    held: &Held,
    visit: &Visit,
    status: VisitStatus,
    reason: &str,
) -> Result<TicketId> {
    let mut after = visit.row.clone();
    after.status = status;
    after.ended_at = Some(tx.at());
    after.reason = Some(reason.to_owned());
    save(tx, &visit.row, after).await?;
    calendar::truncate(tx, visit.row.id, tx.at()).await?;
    let others = held.open().any(|other| other.row.id != visit.row.id);
    if !others && matches!(held.ticket.status, Status::Planned | Status::InProgress) {
        let cause = match status {
            VisitStatus::NoAccess => rebooking::CauseKind::NoAccess,
            _ => rebooking::CauseKind::Unfinished,
        };
        rebooking::wait_again(tx, &visit.row, cause).await?;
    }
    stand_on_others(tx, held, visit.row.id).await
}

/// Where the ticket stands when this visit is over: by the visits that are left.
async fn stand_on_others(tx: &mut Tx, held: &Held, over: VisitId) -> Result<TicketId> {
    let mut ticket = held.ticket.clone();
    let left: Vec<VisitStatus> = held.open().filter(|v| v.row.id != over).map(|v| v.row.status).collect();
    if matches!(ticket.status, Status::Planned | Status::InProgress) {
        ticket.status = if left.contains(&VisitStatus::Started) {
            Status::InProgress
        } else if left.is_empty() {
            Status::Registered
        } else {
            Status::Planned
        };
    }
    save_ticket(tx, &held.ticket, ticket).await?;
    deadline::promised(tx, held.ticket.id).await?;
    Ok(held.ticket.id)
}

/// Another time, another crew, or both.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveVisit {
    /// Begin of the work.
    pub start: DateTime<Utc>,
    /// End of the work.
    pub end: DateTime<Utc>,
    /// The crew, lead first; absent: as it is.
    #[serde(default)]
    pub technicians: Option<Vec<TechnicianId>>,
    /// What the resident is told; absent: as he was told, if the work still begins then, or else the planned time as it
    /// is.
    #[serde(default)]
    pub window: Option<Window>,
    /// The version of the visit that the dispatcher has seen.
    #[serde(default)]
    pub version: Option<i64>,
    /// Why the dispatcher books against a shift, a trade, an area or the reserve: it stands in the journal.
    #[serde(default)]
    pub override_reason: Option<Text<2000>>,
}

/// Moves a visit.
#[derive(Clone, Debug)]
pub struct MoveTo {
    /// The visit.
    pub visit: VisitId,
    /// Where to.
    pub args: MoveVisit,
}

impl Act for MoveTo {
    const NAME: &'static str = "visit.move";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let args = &self.args;
        if let Some(technicians) = &args.technicians {
            check_crew(technicians)?;
        }
        let span = Span::parse("", args.start, args.end)?;
        if let Some(window) = args.window {
            check_window(window, span)?;
        }
        let (held, visit) = take(tx, self.visit, args.technicians.as_deref().unwrap_or_default()).await?;
        if !tx.scope().is_desk() {
            return Err(Error::new(Code::Forbidden, Code::Forbidden.title()));
        }
        require_staff_side(tx, visit.row.staff_organization_id)?;
        check(VisitMove::Move, visit.row.status)?;
        if args.version.is_some_and(|seen| seen != visit.row.version) {
            return Err(Error::new(Code::VersionStale, Code::VersionStale.title()));
        }
        if span.end <= tx.now() {
            return Err(Error::field("end", "is in the past"));
        }
        let crew = args.technicians.clone().unwrap_or_else(|| visit.technicians());
        require_technicians(tx, visit.row.staff_organization_id, &crew).await?;
        let need = slot::need(&tx.reader(), held.ticket.id).await?;
        let reason = args.override_reason.as_deref();
        let wanted = slot::Wanted { need: &need, crew: &crew, span, visit: Some(self.visit) };
        let admitted = slot::admit(tx, &[wanted], reason).await?;
        let step = slot::Step {
            window: match args.window {
                Some(window) => window,
                None => {
                    slot::window_after(&visit, span, Window::Promised { start: span.start, end: span.end })?
                }
            },
            override_reason: reason.filter(|_| admitted.overridden).map(str::to_owned),
            visit,
            crew,
            span,
        };
        let event = slot::event_key(tx, slot::MoveCause::Move);
        slot::reschedule(tx, &[&held], vec![step], admitted.way, slot::MoveCause::Move, &event).await?;
        Ok(held.ticket.id)
    }
}

/// Why a visit will not take place.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelVisit {
    /// The reason.
    #[serde(default)]
    pub reason: Option<Text<2000>>,
}

/// Cancels a visit that has not begun.
#[derive(Clone, Debug)]
pub struct Cancel {
    /// The visit.
    pub visit: VisitId,
    /// Why.
    pub args: CancelVisit,
}

impl Act for Cancel {
    const NAME: &'static str = "visit.cancel";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let (held, visit) = take(tx, self.visit, &[]).await?;
        if !tx.scope().is_desk() {
            return Err(Error::new(Code::Forbidden, Code::Forbidden.title()));
        }
        check(VisitMove::Cancel, visit.row.status)?;
        let mut after = visit.row.clone();
        after.status = VisitStatus::Cancelled;
        after.reason = self.args.reason.clone().map(Text::into_string);
        save(tx, &visit.row, after).await?;
        calendar::free(tx, visit.row.id).await?;
        rebooking::called_off(tx, &held.ticket, [&visit]).await?;
        stand_on_others(tx, &held, visit.row.id).await
    }
}
