//! Whoever did not answer is called again: the desk is reminded, until somebody has called or the ticket is over.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::row::{CallParty, Column, Entity, Model};
use crate::{
    Result,
    alert::{self, NewAlert},
    db::Reader,
    id::{CallId, TicketId},
    ticket::{self, Status},
    write::{Act, Tx},
};

/// The kind of the job that reminds of a call.
pub const CALL_AGAIN_JOB: &str = "call_again";
/// The alert: it is time to call again.
const AGAIN: &str = "call_again";
/// The alert: nobody answers, somebody must decide.
pub(super) const VAIN: &str = "called_in_vain";

/// The last call to the applicant of a ticket.
pub(super) async fn last(reader: &Reader<'_>, ticket: TicketId) -> Result<Option<Model>> {
    let calls = Entity::find().filter(Column::TicketId.eq(ticket));
    let last = calls
        .filter(Column::Party.eq(CallParty::Applicant))
        .order_by_desc(Column::CalledAt)
        .order_by_desc(Column::Id);
    Ok(last.one(reader).await?)
}

/// Somebody has called after `last`, or need not any more: nobody is reminded of it.
pub(super) async fn called(tx: &mut Tx, ticket: TicketId, last: Option<Model>) -> Result<()> {
    let Some(before) = last else { return Ok(()) };
    let after = Model { next_at: None, ..before.clone() };
    tx.update(&before, &after).await?;
    alert::end(tx, ticket, &[AGAIN, VAIN]).await
}

/// A ticket that is over needs no call.
///
/// # Errors
/// What the database says.
pub(crate) async fn follow(
    tx: &mut Tx,
    before: &ticket::row::Model,
    after: &ticket::row::Model,
) -> Result<()> {
    if before.status >= Status::Completed || after.status < Status::Completed {
        return Ok(());
    }
    let last = last(&tx.reader(), after.id).await?;
    called(tx, after.id, last).await
}

/// Reminds the desk that it is time to call again, unless somebody has.
#[derive(Clone, Copy, Debug)]
pub struct CallAgain {
    /// The call that was not answered.
    pub call: CallId,
    /// Its ticket.
    pub ticket: TicketId,
}

impl Act for CallAgain {
    const NAME: &'static str = "ticket.call_again";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let ticket = ticket::hold(tx, self.ticket).await?;
        let call = Entity::find_by_id(self.call).one(&tx.reader()).await?;
        let due = call.and_then(|call| call.next_at).is_some_and(|at| at <= tx.now());
        if !due {
            return Ok(());
        }
        let alert = NewAlert {
            kind: AGAIN,
            organization: ticket.organization_id,
            executor: ticket.executor_organization_id,
            ticket: Some(ticket.id),
        };
        alert::raise(tx, alert).await
    }
}
