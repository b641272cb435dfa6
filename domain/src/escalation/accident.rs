//! Large accidents: director and master are alerted at once, whatever the terms say (R86).

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::ACCIDENT;
use crate::{
    Code, Error, Result,
    alert::{self, NewAlert, row},
    auth::Role,
    id::TicketId,
    ticket::{self, Status},
    write::{Act, Tx},
};

/// A ticket of a large accident, or of equipment that serves a whole building, gives an alert that climbs by a ladder of
/// its own. Once a ticket.
///
/// # Errors
/// What the database says.
pub(crate) async fn raise(tx: &mut Tx, ticket: &ticket::row::Model) -> Result<()> {
    let alert = NewAlert {
        kind: ACCIDENT,
        organization: ticket.organization_id,
        executor: None,
        ticket: Some(ticket.id),
    };
    alert::raise(tx, alert).await
}

/// A ticket that is over is no accident any more.
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
    alert::end(tx, after.id, &[ACCIDENT, crate::authority::UNSENT]).await
}

/// The desk says that a ticket is a large accident: of a building, or of a group of them. Said once more it changes
/// nothing, until the work was done and returned.
#[derive(Clone, Copy, Debug)]
pub struct Declare {
    /// The ticket.
    pub ticket: TicketId,
}

impl Act for Declare {
    const NAME: &'static str = "ticket.accident";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let scope = *tx.scope();
        scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
        let ticket = ticket::hold(tx, self.ticket).await?;
        if ticket.status >= Status::Completed {
            return Err(Error::new(Code::IllegalMove, "the ticket is over")
                .with("status", ticket.status)
                .with("legal", Vec::<&str>::new()));
        }
        let declared = row::Entity::find()
            .filter(row::Column::TicketId.eq(ticket.id))
            .filter(row::Column::Kind.eq(ACCIDENT))
            .filter(row::Column::EndedAt.is_null())
            .one(&tx.reader())
            .await?;
        if declared.is_none() {
            raise(tx, &ticket).await?;
        }
        Ok(self.ticket)
    }
}
