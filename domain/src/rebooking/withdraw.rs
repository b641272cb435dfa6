//! One of a crew cannot come.

use super::{
    Cause, displace,
    displace::put_back,
    notice::{self, NoticeKind},
};
use crate::{
    Result, calendar,
    id::{TechnicianId, VisitId},
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
    let mut found = held.visit(visit)?.clone();
    if is_needed(&found, technician) {
        return displace(tx, held, visit, cause).await;
    }
    visit::check(VisitMove::Cancel, found.row.status)?;
    for member in found.crew.iter().filter(|member| member.technician_id == technician) {
        tx.delete(member).await?;
    }
    found.crew.retain(|member| member.technician_id != technician);
    calendar::free_member(tx, visit, technician).await?;
    put_back(held, found);
    notice::leave(tx, &held.ticket, visit, NoticeKind::CrewChanged, &cause.event_key).await?;
    Ok(())
}
