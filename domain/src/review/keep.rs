//! A review is opened, grows, and is settled.

use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use super::row::{Column, Entity, Model, ReviewState};
use crate::{
    Code, Error, Result, Scope, Time,
    alert::{self, NewAlert},
    auth::Role,
    id::{OrganizationId, ReviewId, TechnicianId, TicketId},
    ticket::Held,
    write::{Act, LockRank, Tx},
};

/// Keeps one more act of a technician for the desk: in the review that is open about the ticket, or in a new one. The
/// ticket, if there is one, is locked.
#[derive(Clone, Debug)]
pub struct HoldWork {
    /// Who recorded it.
    pub technician: TechnicianId,
    /// The ticket, and whose it is.
    pub ticket: Option<(TicketId, OrganizationId)>,
    /// Why it is held.
    pub code: String,
    /// When his phone had last asked what is new.
    pub known_at: Option<Time>,
}

impl Act for HoldWork {
    const NAME: &'static str = "review.hold";
    type Out = ReviewId;

    async fn run(&self, tx: &mut Tx) -> Result<ReviewId> {
        let of_ticket = match self.ticket {
            Some((ticket, _)) => Column::TicketId.eq(ticket),
            None => Column::TicketId.is_null(),
        };
        let open = Entity::find()
            .filter(Column::TechnicianId.eq(self.technician))
            .filter(Column::State.eq(ReviewState::Open))
            .filter(of_ticket)
            .one(&tx.reader())
            .await?;
        if let Some(before) = open {
            let after = Model { held: before.held + 1, version: before.version + 1, ..before.clone() };
            tx.update(&before, &after).await?;
            return Ok(before.id);
        }
        let staff = tx.scope().organization();
        let owner = self.ticket.map_or(staff, |(_, owner)| owner);
        let row = Model {
            id: ReviewId::new(tx.clock()),
            organization_id: owner,
            staff_organization_id: staff,
            technician_id: self.technician,
            ticket_id: self.ticket.map(|(ticket, _)| ticket),
            state: ReviewState::Open,
            code: self.code.clone(),
            held: 1,
            word: None,
            opened_at: tx.now(),
            known_at: self.known_at,
            decided_at: None,
            decided_by: None,
            doc_version: 1,
            version: 1,
        };
        tx.insert(&row).await?;
        alert::raise(
            tx,
            NewAlert {
                kind: "work_held",
                organization: owner,
                executor: Some(staff).filter(|staff| *staff != owner),
                ticket: row.ticket_id,
            },
        )
        .await?;
        Ok(row.id)
    }
}

/// Takes hold of a review that nobody has decided about, with its ticket and the calendars of its crews. By the desk of
/// the technician, or of the owner of the ticket.
///
/// # Errors
/// `not_found` out of sight, `review_decided` when somebody was faster.
pub async fn take(tx: &mut Tx, id: ReviewId) -> Result<Model> {
    let scope = *tx.scope();
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    let seen = super::list::row(&tx.reader(), &scope, id).await?;
    if let Some(ticket) = seen.ticket_id {
        Held::take(tx, ticket, &[]).await?;
    }
    tx.lock_rows(LockRank::Tickets, "review", "id", [id.0]).await?;
    let review = super::list::row(&tx.reader(), &scope, id).await?;
    if review.state == ReviewState::Open {
        return Ok(review);
    }
    Err(Error::new(Code::ReviewDecided, Code::ReviewDecided.title()).with("state", review.state))
}

/// Notes what was decided about a review that was taken hold of.
#[derive(Clone, Debug)]
pub struct Settle {
    /// The review.
    pub review: ReviewId,
    /// What was decided.
    pub state: ReviewState,
    /// A word to the technician.
    pub word: Option<String>,
}

impl Act for Settle {
    const NAME: &'static str = "review.settle";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let scope: Scope = *tx.scope();
        let before = super::list::row(&tx.reader(), &scope, self.review).await?;
        let after = Model {
            state: self.state,
            word: self.word.clone(),
            decided_at: Some(tx.now()),
            decided_by: Some(scope.actor_id()),
            version: before.version + 1,
            ..before.clone()
        };
        tx.update(&before, &after).await
    }
}
