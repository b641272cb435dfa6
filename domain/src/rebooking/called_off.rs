//! The desk calls visits off: whoever was promised one is told.

use crate::{
    Result,
    notification::{self, NotificationKind},
    ticket,
    visit::{Visit, Window},
    write::Tx,
};

/// Leaves the applicant one notice for the visits of his ticket that will not take place: those that have not begun and
/// that he was told of. A resident who calls his ticket off knows.
///
/// # Errors
/// What the database says.
pub(crate) async fn called_off(
    tx: &mut Tx,
    ticket: &ticket::row::Model,
    visits: impl IntoIterator<Item = &Visit>,
) -> Result<()> {
    if tx.scope().is_resident() {
        return Ok(());
    }
    for visit in visits {
        if visit.row.started_at.is_none() && visit.row.window()? != Window::None {
            let event = format!("called_off:{}:{}", ticket.id, ticket.version);
            let kind = NotificationKind::BookingCancelled;
            notification::tell_applicant(tx, ticket, Some(visit.row.id), kind, &event).await?;
        }
    }
    Ok(())
}
