//! What a change of a schedule means to what is booked: shown first, done on confirmation.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use super::{
    exception,
    roster::{Dated, Schedule, Weekly, schedules},
    template,
};
use crate::{
    Error, Result, Time,
    calendar::Span,
    db::Reader,
    id::{TechnicianId, TicketId, VisitId},
    rebooking::{Cause, CauseKind, Displaced, require_confirmed, withdraw},
    ticket::Held,
    write::{Row, Tx},
};

/// A change of one row of a schedule: what was, and what will be.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Template(Change<template::Model>),
    Exception(Change<exception::Model>),
}

/// A row before and after; one of them may be missing.
#[derive(Clone, Debug)]
pub(super) struct Change<M> {
    pub(super) before: Option<M>,
    pub(super) after: Option<M>,
}

impl<M: Row> Change<M> {
    async fn write(&self, tx: &mut Tx) -> Result<()> {
        match (&self.before, &self.after) {
            (None, Some(after)) => tx.insert(after).await,
            (Some(before), Some(after)) => tx.update(before, after).await,
            (Some(before), None) => tx.delete(before).await,
            (None, None) => Ok(()),
        }
    }
}

impl Edit {
    /// The schedule as it will be.
    fn apply(&self, mut schedule: Schedule) -> Result<Schedule> {
        match self {
            Self::Template(change) => {
                schedule.templates.retain(|t| change.before.as_ref().is_none_or(|gone| t.row.id != gone.id));
                schedule.templates.extend(change.after.clone().map(Weekly::read).transpose()?);
            }
            Self::Exception(change) => {
                schedule.exceptions.retain(|e| change.before.as_ref().is_none_or(|gone| e.row.id != gone.id));
                schedule.exceptions.extend(change.after.clone().map(Dated::read).transpose()?);
            }
        }
        Ok(schedule)
    }

    /// Names the event by the row and the version that the edit makes.
    fn event_key(&self) -> String {
        match self {
            Self::Template(Change { before, after }) => {
                let row = after.as_ref().or(before.as_ref());
                row.map(|row| format!("shift:{}:{}", row.id, after.as_ref().map_or(0, |row| row.version)))
            }
            Self::Exception(Change { before, after }) => {
                let row = after.as_ref().or(before.as_ref());
                row.map(|row| {
                    format!("shift_exception:{}:{}", row.id, after.as_ref().map_or(0, |row| row.version))
                })
            }
        }
        .unwrap_or_default()
    }
}

/// A booked visit of a technician that has not begun.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct Booked {
    pub(super) visit_id: VisitId,
    pub(super) ticket_id: TicketId,
    emergency: bool,
    planned_start: DateTime<Utc>,
    planned_end: DateTime<Utc>,
}

impl Booked {
    fn span(&self) -> Span {
        Span { start: self.planned_start, end: self.planned_end }
    }
}

/// The visits of a technician that have not begun and whose busy time overlaps the span, earliest first.
pub(super) async fn booked(
    reader: &Reader<'_>,
    technician: TechnicianId,
    from: Time,
    to: Option<Time>,
) -> Result<Vec<Booked>> {
    let until = if to.is_some() { "AND e.busy_start < $3" } else { "" };
    let sql = format!(
        "SELECT e.visit_id, e.ticket_id, t.emergency, e.planned_start, e.planned_end
         FROM calendar_entry e JOIN visit v ON v.id = e.visit_id JOIN ticket t ON t.id = e.ticket_id
         WHERE e.technician_id = $1 AND e.active AND e.kind = 'booking' AND e.busy_end > $2 {until}
           AND v.status IN ('planned', 'en_route')
         ORDER BY e.planned_start, e.visit_id"
    );
    let values = [technician.0.into(), from.into()].into_iter().chain(to.map(Into::into));
    reader.all(&sql, values).await
}

/// The bookings that were within the technician's times and would be no more.
async fn lost(tx: &Tx, technician: TechnicianId, edit: &Edit) -> Result<Vec<Booked>> {
    let reader = tx.reader();
    let mut booked = booked(&reader, technician, tx.now(), None).await?;
    let Some(start) = booked.iter().map(|b| b.planned_start).min() else { return Ok(booked) };
    let end = booked.iter().map(|b| b.planned_end).max().unwrap_or(start);
    let schedule = schedules(&reader, &[technician], Span { start, end }).await?.remove(&technician);
    let before = schedule.unwrap_or_default();
    let after = edit.apply(before.clone())?;
    booked.retain(|b| {
        let covers = |schedule: &Schedule| schedule.roster(b.span()).covers(b.span(), b.emergency);
        covers(&before) && !covers(&after)
    });
    Ok(booked)
}

/// Takes hold of everything the edit would displace: the calendars first, the technician's own among them. The edit is
/// made anew afterwards, under the lock.
pub(super) async fn take(tx: &mut Tx, technician: TechnicianId, edit: &Edit) -> Result<Vec<Held>> {
    let tickets: BTreeSet<TicketId> =
        lost(tx, technician, edit).await?.iter().map(|booked| booked.ticket_id).collect();
    take_tickets(tx, technician, &tickets).await
}

/// Takes hold of tickets and of a technician's calendar.
pub(super) async fn take_tickets(
    tx: &mut Tx,
    technician: TechnicianId,
    tickets: &BTreeSet<TicketId>,
) -> Result<Vec<Held>> {
    let tickets: Vec<TicketId> = tickets.iter().copied().collect();
    Held::take_all(tx, &tickets, &[technician]).await
}

/// The held ticket of a booking. One that was booked meanwhile was not held: the write starts again.
pub(super) fn held_of<'a>(held: &'a mut [Held], booked: &Booked) -> Result<&'a mut Held> {
    held.iter_mut()
        .find(|held| held.ticket.id == booked.ticket_id)
        .ok_or_else(|| Error::restart("a booking came while the calendars were being locked"))
}

/// What is shown of the bookings.
pub(super) fn shown(
    held: &mut [Held],
    booked: &[Booked],
    technician: TechnicianId,
) -> Result<Vec<Displaced>> {
    let show = |booked: &Booked| {
        let held = held_of(held, booked)?;
        Displaced::without(&held.ticket, held.visit(booked.visit_id)?, technician)
    };
    booked.iter().map(show).collect()
}

/// Writes the edit, and takes their time from the bookings that the technician's times no longer hold.
pub(super) async fn apply(
    tx: &mut Tx,
    technician: TechnicianId,
    edit: &Edit,
    held: &mut [Held],
    confirm: Option<&str>,
) -> Result<()> {
    let lost = lost(tx, technician, edit).await?;
    require_confirmed(&shown(held, &lost, technician)?, confirm)?;
    match edit {
        Edit::Template(change) => change.write(tx).await?,
        Edit::Exception(change) => change.write(tx).await?,
    }
    let cause = Cause { kind: CauseKind::Shift, event_key: edit.event_key() };
    for booked in &lost {
        withdraw(tx, held_of(held, booked)?, booked.visit_id, technician, &cause).await?;
    }
    Ok(())
}
