//! Takes hold of a ticket together with its visits and the calendars of their crews, in the lock order of the house.

use std::collections::BTreeSet;

use super::{find, row::Model};
use crate::{
    Error, Result, Time, handover,
    id::{TechnicianId, TicketId, VisitId},
    visit::{self, Visit},
    write::Tx,
};

/// A ticket with its visits, locked.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) ticket: Model,
    /// All visits, oldest first.
    pub(crate) visits: Vec<Visit>,
}

impl Held {
    /// Locks the calendars of the crews of the open visits and of `more`, then the ticket. What to lock is read first,
    /// and compared afterwards: if the crews have changed in between, the write starts again.
    pub(crate) async fn take(tx: &mut Tx, ticket: TicketId, more: &[TechnicianId]) -> Result<Self> {
        match Self::take_all(tx, &[ticket], more).await?.pop() {
            Some(held) => Ok(held),
            None => Err(Error::not_found("ticket")),
        }
    }

    /// The same of several tickets at once, in the order in which they are named: all calendars are locked before the
    /// first ticket, so an act that needs a second ticket cannot take it later.
    pub(crate) async fn take_all(
        tx: &mut Tx,
        tickets: &[TicketId],
        more: &[TechnicianId],
    ) -> Result<Vec<Self>> {
        let mut locked: BTreeSet<TechnicianId> = more.iter().copied().collect();
        for ticket in tickets {
            // Out of sight must be out of sight before anything is locked.
            find::find(&tx.reader(), tx.scope(), *ticket).await?;
            locked.extend(crews(&visit::of_ticket(&tx.reader(), *ticket).await?));
        }
        tx.lock_calendars(locked.clone()).await?;
        tx.lock_tickets(tickets.iter().copied()).await?;
        let mut all = Vec::with_capacity(tickets.len());
        for ticket in tickets {
            let row = find::find(&tx.reader(), tx.scope(), *ticket).await?;
            handover::require_accepted(&tx.reader(), tx.scope(), &row).await?;
            let visits = visit::of_ticket(&tx.reader(), *ticket).await?;
            if !crews(&visits).is_subset(&locked) {
                return Err(Error::restart("the crew changed while the calendars were being locked"));
            }
            all.push(Self { ticket: row, visits });
        }
        Ok(all)
    }

    /// The visit, which belongs to this ticket.
    pub(crate) fn visit(&self, id: VisitId) -> Result<&Visit> {
        self.visits.iter().find(|visit| visit.row.id == id).ok_or_else(|| Error::not_found("visit"))
    }

    /// The earliest moment at which what is under way can end: after everything that has begun.
    pub(crate) fn not_before(&self) -> Time {
        let begun = self.open().flat_map(|visit| [visit.row.en_route_at, visit.row.started_at]).flatten();
        begun.fold(self.ticket.registered_at, Time::max)
    }

    /// Visits still to come or under way.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Visit> {
        self.visits.iter().filter(|visit| visit.row.status.is_open())
    }
}

fn crews(visits: &[Visit]) -> BTreeSet<TechnicianId> {
    visits
        .iter()
        .filter(|visit| visit.row.status.is_open())
        .flat_map(|visit| visit.crew.iter().map(|member| member.technician_id))
        .collect()
}
