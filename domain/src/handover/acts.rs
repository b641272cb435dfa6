//! The contractor's answer, and what happens without one.

use sea_orm::EntityTrait;

use super::{
    follow::{answered, standing},
    row::{Entity, HandoverState, Model},
};
use crate::{
    Code, Error, Result,
    alert::{self, NewAlert},
    auth::Role,
    deadline::Ending,
    id::{HandoverId, TicketId},
    text::Text,
    ticket::{self, Executor, Why},
    write::{Act, Tx},
};

/// The kind of the job that ends an offer nobody answered.
pub const EXPIRE_JOB: &str = "handover_expire";

/// Who answers for a contractor.
const ANSWERERS: &[Role] = &[Role::Dispatcher, Role::Manager, Role::Admin];

/// Locks the ticket and takes the offer that its executor may answer.
async fn asked(tx: &mut Tx, ticket: TicketId) -> Result<(ticket::row::Model, Model)> {
    let scope = *tx.scope();
    scope.require(ANSWERERS)?;
    // Out of sight must be out of sight before anything is locked.
    ticket::find(&tx.reader(), &scope, ticket).await?;
    tx.lock_tickets([ticket]).await?;
    let row = ticket::find(&tx.reader(), &scope, ticket).await?;
    if row.executor_organization_id != Some(scope.organization()) {
        return Err(Error::new(Code::Forbidden, "only the contractor who is asked answers"));
    }
    match standing(&tx.reader(), ticket).await? {
        Some(handover) if handover.state == HandoverState::Offered && tx.now() <= handover.answer_by => {
            Ok((row, handover))
        }
        standing => {
            let state = standing.map_or(HandoverState::Withdrawn, |handover| match handover.state {
                // The job that says so has not come round yet.
                HandoverState::Offered => HandoverState::Expired,
                state => state,
            });
            Err(Error::new(Code::HandoverClosed, Code::HandoverClosed.title()).with("state", state))
        }
    }
}

/// The contractor takes the work: from now on its dispatchers book its staff.
#[derive(Clone, Copy, Debug)]
pub struct Accept {
    /// The ticket.
    pub ticket: TicketId,
}

impl Act for Accept {
    const NAME: &'static str = "handover.accept";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let (_, before) = asked(tx, self.ticket).await?;
        let after = Model {
            state: HandoverState::Accepted,
            answered_by: Some(tx.scope().actor_id()),
            answered_at: Some(tx.now()),
            version: before.version + 1,
            ..before.clone()
        };
        tx.update(&before, &after).await?;
        answered(tx, &before, Ending::Met).await?;
        Ok(self.ticket)
    }
}

/// The contractor does not take the work: the ticket is the owner's again, executed by nobody.
#[derive(Clone, Debug)]
pub struct Decline {
    /// The ticket.
    pub ticket: TicketId,
    /// Why.
    pub args: Why,
}

impl Act for Decline {
    const NAME: &'static str = "handover.decline";
    type Out = HandoverId;

    async fn run(&self, tx: &mut Tx) -> Result<HandoverId> {
        let (row, before) = asked(tx, self.ticket).await?;
        let after = Model {
            state: HandoverState::Declined,
            answered_by: Some(tx.scope().actor_id()),
            answered_at: Some(tx.now()),
            ended_at: Some(tx.now()),
            reason: Some(Text::as_str(&self.args.reason).to_owned()),
            version: before.version + 1,
            ..before.clone()
        };
        tx.update(&before, &after).await?;
        answered(tx, &before, Ending::Met).await?;
        give_back(tx, &row, "handover_declined").await?;
        Ok(before.id)
    }
}

/// Nobody answered in time: as if it were declined. An offer that was answered or withdrawn meanwhile is left alone.
#[derive(Clone, Copy, Debug)]
pub struct Expire {
    /// The offer.
    pub handover: HandoverId,
    /// Its ticket.
    pub ticket: TicketId,
}

impl Act for Expire {
    const NAME: &'static str = "handover.expire";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let row = ticket::hold(tx, self.ticket).await?;
        let Some(before) = Entity::find_by_id(self.handover).one(&tx.reader()).await? else { return Ok(()) };
        if before.state != HandoverState::Offered || tx.now() < before.answer_by {
            return Ok(());
        }
        let after = Model {
            state: HandoverState::Expired,
            ended_at: Some(tx.now()),
            version: before.version + 1,
            ..before.clone()
        };
        tx.update(&before, &after).await?;
        answered(tx, &before, Ending::Missed).await?;
        give_back(tx, &row, "handover_expired").await
    }
}

/// The ticket is executed by nobody, and its owner is told.
async fn give_back(tx: &mut Tx, before: &ticket::row::Model, kind: &str) -> Result<()> {
    let mut after = before.clone();
    after.set_executor(Executor::Nobody);
    ticket::save(tx, before, after).await?;
    let alert =
        NewAlert { kind, organization: before.organization_id, executor: None, ticket: Some(before.id) };
    alert::raise(tx, alert).await
}
