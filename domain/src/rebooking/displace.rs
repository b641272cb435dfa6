//! How a booking loses its time, and how a new one makes up for it.

use sea_orm::{ColumnTrait, DeriveActiveEnum, EntityTrait, EnumIter, QueryFilter};

use super::row;
use crate::{
    Result, calendar, deadline,
    id::{RebookingId, TicketId, VisitId},
    notification::{self, NotificationKind},
    ticket::{self, Held, Status},
    visit::{self, Visit, VisitMove, VisitStatus},
    write::Tx,
};

/// Why a booking lost its time.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    EnumIter,
    DeriveActiveEnum,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum CauseKind {
    /// The technician is away.
    Absence,
    /// His shift was changed.
    Shift,
    /// He was let go.
    Departure,
    /// An emergency took the time.
    Emergency,
    /// The rest of the day was planned anew.
    Repair,
    /// Nobody opened.
    NoAccess,
    /// The crew left before the work was done.
    Unfinished,
    /// Another executes the work.
    Executor,
}

impl CauseKind {
    /// What stands on the visit as its reason; the resident reads it, so it says nothing about a person.
    pub fn reason_ru(self) -> &'static str {
        match self {
            Self::Absence | Self::Departure => "Исполнитель не сможет прийти.",
            Self::Shift => "Изменён график исполнителя.",
            Self::Emergency => "Исполнитель направлен на аварию.",
            Self::Repair => "План дня составлен заново.",
            Self::NoAccess => "Доступ в помещение не предоставлен.",
            Self::Unfinished => "Работы не завершены.",
            Self::Executor => "Меняется исполнитель заявки.",
        }
    }
}

/// Why a booking loses its time, and in the course of what.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub(crate) kind: CauseKind,
    /// Names the event: whoever is touched by it more than once is told once.
    pub(crate) event_key: String,
}

/// Takes the time of a booked visit away: the visit is cancelled, its ticket stands where its other visits leave it and
/// is to be rebooked, and the applicant is to be told. `held` shows the ticket as it stands afterwards.
///
/// # Errors
/// `illegal_move` for a visit that has begun or is over.
pub(crate) async fn displace(tx: &mut Tx, held: &mut Held, visit: VisitId, cause: &Cause) -> Result<()> {
    let before = held.visit(visit)?.clone();
    visit::check(VisitMove::Cancel, before.row.status)?;
    let mut after = before.row.clone();
    after.status = VisitStatus::Cancelled;
    after.reason = Some(cause.kind.reason_ru().to_owned());
    visit::save(tx, &before.row, after.clone()).await?;
    after.version += 1;
    calendar::free(tx, visit).await?;
    put_back(held, Visit { row: after, crew: before.crew.clone() });
    stand_on_visits(tx, held).await?;
    let (kind, event) = (NotificationKind::BookingLost, cause.event_key.as_str());
    notification::tell_applicant(tx, &held.ticket, Some(visit), kind, event).await?;
    tx.insert(&row::Model {
        id: RebookingId::new(tx.clock()),
        organization_id: before.row.organization_id,
        staff_organization_id: before.row.staff_organization_id,
        ticket_id: before.row.ticket_id,
        visit_id: visit,
        cause: cause.kind,
        event_key: cause.event_key.clone(),
        planned_start: before.row.planned_start,
        planned_end: before.row.planned_end,
        window_start: before.row.window_start,
        window_end: before.row.window_end,
        since: tx.now(),
        resolved_at: None,
        resolved_visit_id: None,
    })
    .await
}

/// Puts a visit as it stands now into the held ticket.
pub(super) fn put_back(held: &mut Held, visit: Visit) {
    if let Some(place) = held.visits.iter_mut().find(|place| place.row.id == visit.row.id) {
        *place = visit;
    }
}

/// Where the ticket stands by the visits that are left.
async fn stand_on_visits(tx: &mut Tx, held: &mut Held) -> Result<()> {
    let mut after = held.ticket.clone();
    if matches!(after.status, Status::Planned | Status::InProgress) {
        after.status = if held.open().any(|visit| visit.row.status == VisitStatus::Started) {
            Status::InProgress
        } else if held.open().next().is_none() {
            Status::Registered
        } else {
            Status::Planned
        };
    }
    ticket::save(tx, &held.ticket, after).await?;
    deadline::promised(tx, held.ticket.id).await?;
    // Its clocks may have moved its term.
    if let Some(row) = ticket::row::Entity::find_by_id(held.ticket.id).one(&tx.reader()).await? {
        held.ticket = row;
    }
    Ok(())
}

/// A new booking of the ticket makes up for those that lost their time.
///
/// # Errors
/// What the database says.
pub(crate) async fn resolve(tx: &mut Tx, ticket: TicketId, by: VisitId) -> Result<()> {
    let open = row::Entity::find()
        .filter(row::Column::TicketId.eq(ticket))
        .filter(row::Column::ResolvedAt.is_null())
        .all(&tx.reader())
        .await?;
    for before in open {
        let after = row::Model { resolved_at: Some(tx.now()), resolved_visit_id: Some(by), ..before.clone() };
        tx.update(&before, &after).await?;
    }
    Ok(())
}
