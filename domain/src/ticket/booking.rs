//! Booking: the executor, the plan and its withdrawal.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Executor, Held, Status,
    find::{require_owner, save},
    moves::{self, Move},
};
use crate::{
    Code, Error, Result,
    calendar::{self, Span},
    handover,
    id::{OrganizationId, TechnicianId, TicketId, VisitId},
    people::user,
    rebooking,
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
    /// The crew, lead first; 1 to 10.
    pub technicians: Vec<TechnicianId>,
    /// Begin of the work, whole seconds.
    pub start: DateTime<Utc>,
    /// End of the work.
    pub end: DateTime<Utc>,
    /// What the resident is told; absent: the planned time is promised as it is.
    #[serde(default)]
    pub window: Option<Window>,
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
        check_crew(&args.technicians)?;
        let span = Span::parse("", args.start, args.end)?;
        let window = args.window.unwrap_or(Window::Promised { start: span.start, end: span.end });
        check_window(window, span)?;
        let held = Held::take(tx, self.ticket, &args.technicians).await?;
        moves::check(Move::Plan, held.ticket.status, tx.scope())?;
        let staff = held.ticket.staff_organization();
        require_staff_side(tx, staff)?;
        if span.end <= tx.now() {
            return Err(Error::field("end", "is in the past"));
        }
        require_technicians(tx, staff, &args.technicians).await?;
        let id = match args.visit_id {
            Some(id) => VisitId::from_client(id.0, "visit_id")?,
            None => VisitId::new(tx.clock()),
        };
        let visit = insert_visit(tx, &held, id, &args.technicians, span, window).await?;
        calendar::book(tx, &visit, span).await?;
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
        rebooking::resolve(tx, self.ticket, id).await?;
        Ok(self.ticket)
    }
}

async fn insert_visit(
    tx: &mut Tx,
    held: &Held,
    id: VisitId,
    technicians: &[TechnicianId],
    span: Span,
    window: Window,
) -> Result<Visit> {
    let ticket = &held.ticket;
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
        version: 1,
        created_at: tx.now(),
    };
    row.set_window(window);
    tx.insert(&row).await?;
    let crew = visit::crew_rows(&row, technicians);
    tx.insert_all(&crew).await?;
    Ok(Visit { row, crew })
}

/// Takes all open visits away that have not begun.
pub(crate) async fn cancel_open(tx: &mut Tx, held: &Held, reason: Option<&str>) -> Result<()> {
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
        let held = Held::take(tx, self.ticket, &[]).await?;
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
        let mut after = held.ticket.clone();
        after.set_executor(self.args.executor);
        // Another executor's staff is booked by another desk: the visit is taken away.
        let own = [Executor::Nobody, Executor::OwnStaff];
        let keeps = self.args.executor == Executor::OwnStaff && own.contains(&held.ticket.executor()?);
        if !keeps {
            cancel_open(tx, &held, None).await?;
            if after.status == Status::Planned {
                after.status = Status::Registered;
            }
        }
        save(tx, &held.ticket, after).await?;
        Ok(self.ticket)
    }
}
