//! Booking: the executor, the plan and its withdrawal.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Executor, Held, Status,
    find::{self, require_owner, save},
    moves::{self, Move},
};
use crate::{
    Code, Error, Result,
    calendar::{self, Span},
    deadline, handover,
    id::{OrganizationId, TechnicianId, TicketId, VisitId},
    notification,
    people::user,
    rebooking, slot,
    text::Text,
    visit::{self, Visit, VisitStatus, Window},
    write::{Act, Tx},
};

/// The largest crew.
pub const CREW_LIMIT: usize = 10;

/// A crew at a time.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanVisit {
    /// Made by the client (UUIDv7).
    #[serde(default)]
    pub visit_id: Option<VisitId>,
    /// A time that is kept: it says who comes when, and the three members below are left out.
    #[serde(default)]
    pub hold_token: Option<Uuid>,
    /// The crew, lead first; 1 to 10.
    #[serde(default)]
    pub technicians: Vec<TechnicianId>,
    /// Begin of the work, whole seconds.
    #[serde(default)]
    pub start: Option<DateTime<Utc>>,
    /// End of the work.
    #[serde(default)]
    pub end: Option<DateTime<Utc>>,
    /// What the resident is told; absent: as it was kept, or the planned time as it is.
    #[serde(default)]
    pub window: Option<Window>,
    /// Why the dispatcher books against a shift, a trade, an area or the reserve: it stands in the journal.
    #[serde(default)]
    pub override_reason: Option<Text<2000>>,
}

/// A crew and its time, checked.
#[derive(Clone, Debug)]
pub(crate) struct Booking {
    pub(crate) technicians: Vec<TechnicianId>,
    pub(crate) span: Span,
    pub(crate) window: Window,
}

impl Booking {
    /// Checks what stands in a request.
    pub(crate) fn parse(
        technicians: &[TechnicianId],
        start: DateTime<Utc>,
        end: DateTime<Utc>,
        window: Option<Window>,
    ) -> Result<Self> {
        check_crew(technicians)?;
        let span = Span::parse("", start, end)?;
        let window = window.unwrap_or(Window::Promised { start: span.start, end: span.end });
        check_window(window, span)?;
        Ok(Self { technicians: technicians.to_vec(), span, window })
    }

    /// Passes what lies ahead, with people of the staff.
    pub(crate) async fn check(&self, tx: &Tx, staff: OrganizationId) -> Result<()> {
        if self.span.end <= tx.now() {
            return Err(Error::field("end", "is in the past"));
        }
        require_technicians(tx, staff, &self.technicians).await
    }
}

impl PlanVisit {
    /// Who comes when: as the request says, or as it was kept.
    async fn booking(&self, tx: &Tx, ticket: TicketId) -> Result<Booking> {
        let Some(token) = self.hold_token else {
            let missing = |name: &str| Error::field(name, "is required without a hold_token");
            let start = self.start.ok_or_else(|| missing("start"))?;
            let end = self.end.ok_or_else(|| missing("end"))?;
            return Booking::parse(&self.technicians, start, end, self.window);
        };
        for (name, given) in [
            ("technicians", !self.technicians.is_empty()),
            ("start", self.start.is_some()),
            ("end", self.end.is_some()),
        ] {
            if given {
                return Err(Error::field(name, "the kept time says it already"));
            }
        }
        let kept = slot::hold::mine(tx, token, ticket).await?;
        let span = kept.span();
        let window = match self.window {
            Some(window) => window,
            None => kept.promise()?,
        };
        check_window(window, span)?;
        Ok(Booking { technicians: kept.crew()?, span, window })
    }
}

/// Books a crew for a ticket.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The ticket.
    pub ticket: TicketId,
    /// The crew and the time.
    pub args: PlanVisit,
}

/// Checks a crew's list: not empty, nobody twice.
pub(crate) fn check_crew(technicians: &[TechnicianId]) -> Result<()> {
    if technicians.is_empty() || technicians.len() > CREW_LIMIT {
        return Err(Error::field("technicians", format!("must be 1 to {CREW_LIMIT}")));
    }
    for (index, technician) in technicians.iter().enumerate() {
        if technicians[..index].contains(technician) {
            return Err(Error::field(format!("technicians[{index}]"), "stands in the crew twice"));
        }
    }
    Ok(())
}

/// Checks that a window is one, and that the work begins in it.
pub(crate) fn check_window(window: Window, span: Span) -> Result<()> {
    let (Window::Promised { start, end } | Window::Wished { start, end }) = window else { return Ok(()) };
    if start >= end {
        return Err(Error::field("window.end", "must be after start"));
    }
    if !calendar::is_plausible(start) || !calendar::is_plausible(end) {
        return Err(Error::field("window.start", "is not a plausible date"));
    }
    if matches!(window, Window::Promised { .. }) && !(start..=end).contains(&span.start) {
        return Err(Error::field("window", "the work must begin within the promised window"));
    }
    Ok(())
}

/// Only the dispatchers of the organization that executes book its staff: a contractor's, once the ticket was passed.
pub(crate) fn require_staff_side(tx: &Tx, staff: OrganizationId) -> Result<()> {
    if tx.scope().organization() == staff {
        return Ok(());
    }
    Err(Error::new(Code::Forbidden, "only the dispatchers of the executing organization book its staff"))
}

/// All of the crew are active technicians of the organization.
pub(crate) async fn require_technicians(
    tx: &Tx,
    staff: OrganizationId,
    technicians: &[TechnicianId],
) -> Result<()> {
    let found = user::Entity::find()
        .filter(user::Column::Id.is_in(technicians.iter().map(|id| crate::id::UserId(id.0))))
        .filter(user::Column::OrganizationId.eq(staff))
        .filter(user::Column::Role.eq(crate::auth::Role::Technician))
        .all(&tx.reader())
        .await?;
    for (index, technician) in technicians.iter().enumerate() {
        match found.iter().find(|user| user.id.0 == technician.0) {
            None => return Err(Error::not_found("technician").with("field", format!("technicians[{index}]"))),
            Some(user) if !user.active => {
                return Err(Error::field(format!("technicians[{index}]"), "does not work here any more"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

impl Act for Plan {
    const NAME: &'static str = "ticket.plan";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let args = &self.args;
        // Out of sight is out of sight, whatever the body says.
        find::find(&tx.reader(), tx.scope(), self.ticket).await?;
        let booking = args.booking(tx, self.ticket).await?;
        let held = Held::take(tx, self.ticket, &booking.technicians).await?;
        moves::check(Move::Plan, held.ticket.status, tx.scope())?;
        let staff = held.ticket.staff_organization();
        require_staff_side(tx, staff)?;
        booking.check(tx, staff).await?;
        let id = match args.visit_id {
            Some(id) => VisitId::from_client(id.0, "visit_id")?,
            None => VisitId::new(tx.clock()),
        };
        if let Some(token) = args.hold_token {
            slot::hold::confirm(tx, token, booking.technicians.len(), id).await?;
        }
        let need = slot::need(&tx.reader(), self.ticket).await?;
        let reason = args.override_reason.as_deref();
        let wanted =
            slot::Wanted { need: &need, crew: &booking.technicians, span: booking.span, visit: None };
        let admitted = slot::admit(tx, &[wanted], reason).await?;
        let reason = reason.filter(|_| admitted.overridden);
        settle(tx, &held, id, &booking, admitted.way, reason).await?;
        Ok(self.ticket)
    }
}

/// Books what has been admitted: the visit, its time, and where the ticket stands by it.
pub(crate) async fn settle(
    tx: &mut Tx,
    held: &Held,
    id: VisitId,
    booking: &Booking,
    way: TimeDelta,
    override_reason: Option<&str>,
) -> Result<Visit> {
    let visit = insert_visit(tx, held, id, booking, override_reason).await?;
    calendar::enter(tx, &visit, booking.span, way).await?;
    visit::await_end(tx, &visit.row, booking.span.end);
    let mut after = held.ticket.clone();
    if after.status != Status::InProgress {
        after.status = Status::Planned;
    }
    after.hold_reason = None;
    after.hold_until = None;
    if after.executor()? == Executor::Nobody {
        after.set_executor(Executor::OwnStaff);
    }
    save(tx, &held.ticket, after).await?;
    deadline::promised(tx, held.ticket.id).await?;
    rebooking::resolve(tx, visit.row.ticket_id, id).await?;
    let promised = booking.window != Window::None;
    notification::booked(tx, &held.ticket, &visit.row, promised, &visit.technicians()).await?;
    Ok(visit)
}

async fn insert_visit(
    tx: &mut Tx,
    held: &Held,
    id: VisitId,
    booking: &Booking,
    override_reason: Option<&str>,
) -> Result<Visit> {
    let (ticket, span) = (&held.ticket, booking.span);
    if visit::row::Entity::find_by_id(id).one(&tx.reader()).await?.is_some() {
        return Err(Error::new(Code::AlreadyExists, "a visit with this id is booked already"));
    }
    let mut row = visit::row::Model {
        id,
        organization_id: ticket.organization_id,
        staff_organization_id: ticket.staff_organization(),
        ticket_id: ticket.id,
        status: VisitStatus::Planned,
        window_kind: visit::WindowKind::None,
        window_start: None,
        window_end: None,
        planned_start: span.start,
        planned_end: span.end,
        en_route_at: None,
        started_at: None,
        ended_at: None,
        reason: None,
        override_reason: override_reason.map(str::to_owned),
        version: 1,
        created_at: tx.now(),
        changed_at: None,
        checklist: None,
        checklist_at: None,
        confirmed_at: None,
    };
    row.set_window(booking.window);
    tx.insert(&row).await?;
    let crew = visit::crew_rows(&row, &booking.technicians);
    tx.insert_all(&crew).await?;
    Ok(Visit { row, crew })
}

/// Takes all open visits away that have not begun.
pub(crate) async fn cancel_open(tx: &mut Tx, held: &Held, reason: Option<&str>) -> Result<()> {
    rebooking::called_off(tx, &held.ticket, held.open()).await?;
    for visit in held.open() {
        let mut after = visit.row.clone();
        if visit.row.status == VisitStatus::Started {
            after.status = VisitStatus::Unfinished;
            after.ended_at = Some(tx.at());
        } else {
            after.status = VisitStatus::Cancelled;
        }
        after.reason = reason.map(str::to_owned);
        visit::save(tx, &visit.row, after).await?;
        if visit.row.status == VisitStatus::Started {
            calendar::truncate(tx, visit.row.id, tx.at()).await?;
        } else {
            calendar::free(tx, visit.row.id).await?;
        }
    }
    Ok(())
}

/// Takes the booked visits of a planned ticket away.
#[derive(Clone, Copy, Debug)]
pub struct Unplan {
    /// The ticket.
    pub ticket: TicketId,
}

impl Act for Unplan {
    const NAME: &'static str = "ticket.unplan";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let held = Held::take(tx, self.ticket, &[]).await?;
        moves::check(Move::Unplan, held.ticket.status, tx.scope())?;
        cancel_open(tx, &held, None).await?;
        let mut after = held.ticket.clone();
        after.status = Status::Registered;
        save(tx, &held.ticket, after).await?;
        Ok(self.ticket)
    }
}

/// Who executes.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChooseExecutor {
    /// Nobody, own staff or a contractor.
    pub executor: Executor,
}

/// Chooses who executes a ticket (R31).
#[derive(Clone, Copy, Debug)]
pub struct SetExecutor {
    /// The ticket.
    pub ticket: TicketId,
    /// Who.
    pub args: ChooseExecutor,
}

impl Act for SetExecutor {
    const NAME: &'static str = "ticket.executor";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let scope = *tx.scope();
        let mut held = Held::take(tx, self.ticket, &[]).await?;
        require_owner(&scope, &held.ticket)?;
        moves::check(Move::Executor, held.ticket.status, &scope)?;
        if let Executor::Contractor { organization_id } = self.args.executor {
            if organization_id == scope.organization() {
                return Err(Error::field("executor.organization_id", "is the organization itself"));
            }
            handover::require_link(&tx.reader(), &held.ticket, organization_id).await?;
        }
        if held.ticket.executor()? == self.args.executor {
            return Ok(self.ticket);
        }
        // Another executor's staff is booked by another desk: the visit is taken away.
        let own = [Executor::Nobody, Executor::OwnStaff];
        let keeps = self.args.executor == Executor::OwnStaff && own.contains(&held.ticket.executor()?);
        if !keeps {
            displace_all(tx, &mut held).await?;
        }
        let mut after = held.ticket.clone();
        after.set_executor(self.args.executor);
        save(tx, &held.ticket, after).await?;
        deadline::promised(tx, self.ticket).await?;
        Ok(self.ticket)
    }
}

/// What another desk had booked loses its time: the applicant is told, and the ticket is to be rebooked.
async fn displace_all(tx: &mut Tx, held: &mut Held) -> Result<()> {
    let event_key = format!("executor:{}:{}", held.ticket.id, held.ticket.version);
    let cause = rebooking::Cause { kind: rebooking::CauseKind::Executor, event_key };
    let visits: Vec<VisitId> = held.open().map(|visit| visit.row.id).collect();
    for visit in visits {
        rebooking::displace(tx, held, visit, &cause).await?;
    }
    Ok(())
}
