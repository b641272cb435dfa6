//! The applicant is told the planned term (R19).

use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    InformedHow, Status,
    desk::At,
    find::{hold, note, save},
    row::Model,
};
use crate::{
    Code, Error, Result,
    auth::Role,
    id::TicketId,
    write::{Act, Occurred, Tx},
};

/// How and when the applicant was told.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InformApplicant {
    /// How.
    pub how: InformedHow,
    /// By the clock of whoever told him; absent: now.
    #[serde(default)]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Notes that the applicant was told the planned term. The first time counts.
#[derive(Clone, Copy, Debug)]
pub struct Inform {
    /// The ticket.
    pub ticket: TicketId,
    /// How and when.
    pub args: InformApplicant,
}

impl Act for Inform {
    const NAME: &'static str = "ticket.inform";
    type Out = TicketId;

    fn occurred(&self) -> Option<Occurred> {
        At { occurred_at: self.args.occurred_at }.occurred()
    }

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        tx.scope().require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
        let before = hold(tx, self.ticket).await?;
        if before.status == Status::Cancelled {
            return Err(Error::new(Code::IllegalMove, "the ticket is cancelled")
                .with("status", before.status)
                .with("legal", Vec::<&str>::new()));
        }
        At { occurred_at: self.args.occurred_at }.check(tx, before.registered_at)?;
        if before.informed_at.is_some() {
            return Ok(self.ticket);
        }
        let mut after = before.clone();
        after.informed_at = Some(tx.at());
        after.informed_how = Some(self.args.how);
        save(tx, &before, after).await?;
        Ok(self.ticket)
    }
}

/// A message has brought the planned term to the applicant. The first time counts; a ticket without a term, or one that
/// is cancelled, has nothing to tell.
#[derive(Clone, Copy, Debug)]
pub struct Informed {
    /// The ticket.
    pub ticket: TicketId,
    /// How he learned it.
    pub how: InformedHow,
}

impl Act for Informed {
    const NAME: &'static str = "ticket.informed";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let before = hold(tx, self.ticket).await?;
        informed(tx, &before, self.how).await
    }
}

/// The same inside another act that holds the ticket.
pub(crate) async fn informed(tx: &mut Tx, before: &Model, how: InformedHow) -> Result<()> {
    if before.informed_at.is_some() || before.planned_term.is_none() || before.status == Status::Cancelled {
        return Ok(());
    }
    let mut after = before.clone();
    after.informed_at = Some(tx.at());
    after.informed_how = Some(how);
    note(tx, before, after).await
}
