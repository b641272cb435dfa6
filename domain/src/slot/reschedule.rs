//! Moves visits: all touched times are freed, then the new ones are taken, so that visits can exchange theirs. What was
//! moved stays readable, and whoever was promised another time is told.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{DeriveActiveEnum, EnumIter, FromQueryResult};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Error, Result, Time,
    calendar::{self, Span},
    db::Reader,
    id::{TechnicianId, TicketId, VisitId, new_uuid},
    notification::{self, NotificationKind},
    ticket::{self, Held},
    visit::{self, Visit, VisitStatus, Window, await_end},
    write::Tx,
};

/// In the course of what a visit was moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, EnumIter, DeriveActiveEnum)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum MoveCause {
    /// A dispatcher moved it.
    Move,
    /// The resident chose another time.
    Resident,
    /// Two visits exchanged their times or crews.
    Swap,
    /// An emergency took its time.
    Displacement,
    /// The rest of the day was planned anew.
    Repair,
    /// One of the crew cannot come.
    Withdrawal,
}

/// Where a visit stood, or stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Stand {
    /// Planned begin of the work.
    pub start: DateTime<Utc>,
    /// Planned end of the work.
    pub end: DateTime<Utc>,
    /// What the resident was told.
    pub window: Window,
    /// The crew, lead first.
    pub technicians: Vec<TechnicianId>,
}

/// A move of a visit that has taken place.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Reschedule {
    /// When it was moved.
    pub at: DateTime<Utc>,
    /// In the course of what.
    pub cause: MoveCause,
    /// From where.
    pub from: Stand,
    /// To where.
    pub to: Stand,
    /// What the resident was promised changed with it, or who comes, and he is told.
    pub told: bool,
}

/// Where a visit goes; that it may has been judged.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) visit: Visit,
    pub(crate) crew: Vec<TechnicianId>,
    pub(crate) span: Span,
    pub(crate) window: Window,
    pub(crate) override_reason: Option<String>,
}

/// What the resident is told of work that begins then: what he was promised, where it is kept; `fresh` otherwise.
pub(crate) fn window_after(visit: &Visit, span: Span, fresh: Window) -> Result<Window> {
    match visit.row.window()? {
        kept @ Window::Promised { start, end } if (start..=end).contains(&span.start) => Ok(kept),
        _ => Ok(fresh),
    }
}

/// Names an event: whoever is touched by it more than once is told once.
pub(crate) fn event_key(tx: &Tx, cause: MoveCause) -> String {
    format!("{}:{}", cause_name(cause), new_uuid(tx.clock()))
}

/// Moves visits, all at once. `held` are their tickets, locked with the calendars of the crews before and after.
pub(crate) async fn reschedule(
    tx: &mut Tx,
    held: &[&Held],
    steps: Vec<Step>,
    way: TimeDelta,
    cause: MoveCause,
    event_key: &str,
) -> Result<()> {
    for step in &steps {
        calendar::free(tx, step.visit.row.id).await?;
    }
    for step in steps {
        let before = &step.visit;
        let mut after = before.row.clone();
        after.status = VisitStatus::Planned;
        after.en_route_at = None;
        after.confirmed_at = None;
        after.planned_start = step.span.start;
        after.planned_end = step.span.end;
        after.set_window(step.window);
        after.override_reason = step.override_reason;
        let moved = visit::save_with_crew(tx, before, after, &step.crew).await?;
        calendar::enter(tx, &moved, step.span, way).await?;
        await_end(tx, &moved.row, step.span.end);
        let ticket = held.iter().find(|held| held.ticket.id == before.row.ticket_id);
        let ticket = ticket.ok_or_else(|| Error::internal("a visit of a ticket that is not held"))?;
        remember(tx, &ticket.ticket, before, &moved, cause, event_key).await?;
    }
    Ok(())
}

fn cause_name(cause: MoveCause) -> String {
    use sea_orm::ActiveEnum;
    cause.to_value()
}

pub(crate) fn stand(visit: &Visit) -> Result<Stand> {
    Ok(Stand {
        start: visit.row.planned_start,
        end: visit.row.planned_end,
        window: visit.row.window()?,
        technicians: visit.technicians(),
    })
}

/// Whether the applicant is to be told that a visit stands elsewhere: what he was promised changes, or who comes.
pub(crate) fn is_told(from: &Stand, to: &Stand) -> bool {
    from.window != to.window || from.window != Window::None && from.technicians != to.technicians
}

/// Keeps what a visit was moved from and to, and leaves its applicant a notice if he is to be told.
pub(crate) async fn remember(
    tx: &mut Tx,
    ticket: &ticket::row::Model,
    visit: &Visit,
    moved: &Visit,
    cause: MoveCause,
    event_key: &str,
) -> Result<()> {
    let (from, to) = (stand(visit)?, stand(moved)?);
    if from == to {
        return Ok(());
    }
    let told = is_told(&from, &to);
    if told {
        let same = from.window == to.window;
        let kind = if same { NotificationKind::CrewChanged } else { NotificationKind::BookingMoved };
        notification::tell_applicant(tx, ticket, Some(visit.row.id), kind, event_key).await?;
    }
    let json = |stand: &Stand| serde_json::to_value(stand).map_err(Error::internal);
    tx.execute(
        "INSERT INTO visit_reschedule
             (id, organization_id, ticket_id, visit_id, visit_version, cause, before_move, after_move, told, moved_by,
              moved_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        [
            new_uuid(tx.clock()).into(),
            visit.row.organization_id.0.into(),
            visit.row.ticket_id.0.into(),
            visit.row.id.0.into(),
            visit.row.version.into(),
            cause_name(cause).into(),
            json(&from)?.into(),
            json(&to)?.into(),
            told.into(),
            tx.scope().actor_id().into(),
            tx.now().into(),
        ],
    )
    .await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Row {
    visit_id: VisitId,
    cause: String,
    before_move: serde_json::Value,
    after_move: serde_json::Value,
    told: bool,
    moved_at: Time,
}

/// The moves of the visits of a ticket, oldest first.
pub(crate) async fn history(reader: &Reader<'_>, ticket: TicketId) -> Result<Vec<(VisitId, Reschedule)>> {
    use sea_orm::ActiveEnum;
    let sql = "SELECT visit_id, cause, before_move, after_move, told, moved_at FROM visit_reschedule
               WHERE ticket_id = $1 ORDER BY moved_at, visit_version, id";
    let rows = reader.all::<Row>(sql, [Uuid::from(ticket).into()]).await?;
    let read = |row: Row| {
        Ok((
            row.visit_id,
            Reschedule {
                at: row.moved_at,
                cause: MoveCause::try_from_value(&row.cause).map_err(Error::internal)?,
                from: serde_json::from_value(row.before_move).map_err(Error::internal)?,
                to: serde_json::from_value(row.after_move).map_err(Error::internal)?,
                told: row.told,
            },
        ))
    };
    rows.into_iter().map(read).collect()
}
