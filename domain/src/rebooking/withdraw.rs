//! One of a crew cannot come.

use super::{Cause, displace, displace::put_back};
use crate::{
    Result, calendar,
    id::{TechnicianId, VisitId},
    slot,
    ticket::Held,
    visit::{self, Visit, VisitMove},
    write::Tx,
};

/// Whether the visit cannot take place without him: he leads, or comes alone.
pub(super) fn is_needed(visit: &Visit, technician: TechnicianId) -> bool {
    let leads = visit.crew.iter().any(|member| member.lead && member.technician_id == technician);
    leads || visit.crew.len() < 2
}

/// Takes a technician out of a booked visit. Without its lead, or without anybody, the visit loses its time; without
/// another member it takes place as promised, by those who are left, and the resident is told that fewer come than were
/// named to him.
///
/// # Errors
/// `illegal_move` for a visit that has begun or is over.
pub(crate) async fn withdraw(
    tx: &mut Tx,
    held: &mut Held,
    visit: VisitId,
    technician: TechnicianId,
    cause: &Cause,
) -> Result<()> {
    let found = held.visit(visit)?.clone();
    if is_needed(&found, technician) {
        return displace(tx, held, visit, cause).await;
    }
    visit::check(VisitMove::Cancel, found.row.status)?;
    let stay: Vec<TechnicianId> = found.technicians().into_iter().filter(|id| *id != technician).collect();
    let after = visit::save_with_crew(tx, &found, found.row.clone(), &stay).await?;
    calendar::free_member(tx, visit, technician).await?;
    slot::remember(tx, &held.ticket, &found, &after, slot::MoveCause::Withdrawal, &cause.event_key).await?;
    put_back(held, after);
    Ok(())
}
