//! A technician is let go: what he was booked for waits for somebody else, in the same commit.

use super::settle;
use crate::{
    Result, Time,
    id::TechnicianId,
    rebooking::{Cause, CauseKind, withdraw},
    ticket::Held,
    write::Tx,
};

/// The bookings of somebody who is about to be let go, held with his calendar.
#[derive(Debug)]
pub(crate) struct Departure {
    technician: TechnicianId,
    held: Vec<Held>,
}

impl Departure {
    /// Takes hold of his calendar and of the tickets he is booked for.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) async fn take(tx: &mut Tx, technician: TechnicianId) -> Result<Self> {
        let booked = settle::booked(&tx.reader(), technician, Time::UNIX_EPOCH, None).await?;
        let tickets = booked.iter().map(|booked| booked.ticket_id).collect();
        Ok(Self { technician, held: settle::take_tickets(tx, technician, &tickets).await? })
    }

    /// Takes him out of the visits that have not begun, those that were missed among them. A visit under way stays: the
    /// desk ends it. A kept time needs nothing: nobody who was let go can be booked by it.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) async fn settle(mut self, tx: &mut Tx, event_key: String) -> Result<()> {
        let cause = Cause { kind: CauseKind::Departure, event_key };
        for booked in settle::booked(&tx.reader(), self.technician, Time::UNIX_EPOCH, None).await? {
            let held = settle::held_of(&mut self.held, &booked)?;
            withdraw(tx, held, booked.visit_id, self.technician, &cause).await?;
        }
        Ok(())
    }
}
