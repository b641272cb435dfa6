//! A notice is drafted as a ticket is registered, and somebody is reminded of what was not sent.

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::row::{Column, Entity, Model};
use crate::{
    Result,
    alert::{self, NewAlert},
    catalogue::AuthorityNature,
    db::Reader,
    id::{AuthorityNoticeId, TicketId},
    job::NewJob,
    ticket::{self, Status},
    write::{Act, Tx},
};

/// The kind of the job that reminds of a notice that was not sent.
pub const REMIND_JOB: &str = "authority_remind";
/// The alert: a notice was not sent.
pub(crate) const UNSENT: &str = "authority_notice";
/// A notice that has not been sent after this is reminded of.
const SEND_WITHIN: TimeDelta = TimeDelta::minutes(30);

/// The notice of a ticket.
pub(super) async fn of_ticket(reader: &Reader<'_>, ticket: TicketId) -> Result<Option<Model>> {
    Ok(Entity::find().filter(Column::TicketId.eq(ticket)).one(reader).await?)
}

/// Drafts the notice of a ticket that is being registered.
///
/// # Errors
/// What the database says.
pub(crate) async fn draft(tx: &mut Tx, ticket: &ticket::row::Model, nature: AuthorityNature) -> Result<()> {
    let row = Model {
        id: AuthorityNoticeId::new(tx.clock()),
        organization_id: ticket.organization_id,
        ticket_id: ticket.id,
        nature,
        planned_term: None,
        body: None,
        email: None,
        drafted_at: tx.now(),
        sent_at: None,
        sent_by: None,
        notification_id: None,
        version: 1,
    };
    tx.insert(&row).await?;
    tx.enqueue(NewJob {
        organization: ticket.organization_id,
        kind: REMIND_JOB,
        payload: serde_json::json!({ "ticket": ticket.id }),
        run_at: tx.now() + SEND_WITHIN,
        dedup_key: Some(format!("{REMIND_JOB}:{}", ticket.id)),
    });
    Ok(())
}

/// Reminds the desk of a notice that was not sent, while its ticket is open.
#[derive(Clone, Copy, Debug)]
pub struct Remind {
    /// The ticket.
    pub ticket: TicketId,
}

impl Act for Remind {
    const NAME: &'static str = "authority_notice.remind";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let ticket = ticket::hold(tx, self.ticket).await?;
        let notice = of_ticket(&tx.reader(), ticket.id).await?;
        let waits = notice.is_some_and(|notice| notice.sent_at.is_none());
        if !waits || ticket.status >= Status::Completed {
            return Ok(());
        }
        let alert = NewAlert {
            kind: UNSENT,
            organization: ticket.organization_id,
            executor: None,
            ticket: Some(ticket.id),
        };
        alert::raise(tx, alert).await
    }
}
