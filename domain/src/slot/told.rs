//! Who is to be told of a moved visit.

use crate::{Result, id::VisitId, ticket, write::Tx};

/// Leaves a notice that the visit was moved, once for an event and a person.
#[expect(clippy::unused_async, reason = "the notices come with the shifts")]
pub(crate) async fn moved(
    _tx: &mut Tx,
    _ticket: &ticket::row::Model,
    _visit: VisitId,
    _event_key: &str,
) -> Result<()> {
    Ok(())
}
