//! Evidence that turned out to be none after the work was reported done: the desk sees the ticket again.

use super::{Status, find::save, kind::Kind, outcome::missing_of, row};
use crate::{
    Result,
    alert::{self, NewAlert},
    catalogue::{Missing, PhotoKind},
    write::Tx,
};

/// A photo of this kind was refused. If the ticket is reported done and closing demands such a photo, it lacks evidence
/// from now on, and its desk is alerted. The ticket is locked, and the refusal is written.
pub(crate) async fn evidence_lost(tx: &mut Tx, ticket: &row::Model, kind: PhotoKind) -> Result<()> {
    if !matches!(ticket.status, Status::Completed | Status::Closed) || ticket.evidence_missing {
        return Ok(());
    }
    let rules = Kind::of(&tx.reader(), ticket).await?;
    let missing = missing_of(&tx.reader(), ticket, &rules).await?;
    let demanded = missing.iter().any(|missing| match missing {
        Missing::Photo { kind: demanded, .. } => *demanded == kind,
        Missing::Reading {} => kind == PhotoKind::Reading,
        Missing::Receipt { .. } => kind == PhotoKind::Other,
        _ => false,
    });
    if !demanded {
        return Ok(());
    }
    let mut after = ticket.clone();
    after.evidence_missing = true;
    save(tx, ticket, after).await?;
    alert::raise(
        tx,
        NewAlert {
            kind: "evidence_missing",
            organization: ticket.organization_id,
            executor: ticket.executor_organization_id,
            ticket: Some(ticket.id),
        },
    )
    .await
}

/// Something was added to a ticket. If nothing is missing any more, it no longer lacks evidence. The ticket is locked.
pub(crate) async fn evidence_found(tx: &mut Tx, ticket: &row::Model) -> Result<()> {
    if !ticket.evidence_missing {
        return Ok(());
    }
    let rules = Kind::of(&tx.reader(), ticket).await?;
    if !missing_of(&tx.reader(), ticket, &rules).await?.is_empty() {
        return Ok(());
    }
    let mut after = ticket.clone();
    after.evidence_missing = false;
    save(tx, ticket, after).await
}
