//! Which tickets a scope can see, and how an act takes hold of one.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};

use super::{
    list::of_technician,
    row::{Column, Entity, Model},
};
use crate::{
    Code, Error, Result, Scope,
    auth::Role,
    call,
    db::Reader,
    deadline, escalation, handover,
    id::{TechnicianId, TicketId},
    notification,
    scope::Actor,
    survey,
    write::Tx,
};

/// What a scope sees: the desk sees what its organization owns or executes, a technician the tickets of his visits, a
/// resident his own.
pub(crate) fn visible(scope: &Scope) -> Condition {
    let organization = scope.organization();
    let ours = Condition::any()
        .add(Column::OrganizationId.eq(organization))
        .add(Column::ExecutorOrganizationId.eq(organization));
    match scope.actor() {
        Actor::System => ours,
        Actor::Staff { user, role: Role::Technician } => {
            let his = Condition::any()
                .add(of_technician(TechnicianId(user.0)))
                .add_option(scope.granted().map(|granted| Column::Id.eq(granted)));
            Condition::all().add(ours).add(his)
        }
        Actor::Staff { .. } => ours,
        Actor::Link { ticket, .. } => {
            Condition::all().add(Column::OrganizationId.eq(organization)).add(Column::Id.eq(ticket))
        }
        Actor::Resident { resident, .. } => {
            Condition::all().add(Column::OrganizationId.eq(organization)).add(Column::ResidentId.eq(resident))
        }
    }
}

/// The row of a ticket that the scope can see.
///
/// # Errors
/// `not_found` when it does not exist or is out of sight.
pub async fn find(reader: &Reader<'_>, scope: &Scope, id: TicketId) -> Result<Model> {
    Entity::find_by_id(id).filter(visible(scope)).one(reader).await?.ok_or_else(|| Error::not_found("ticket"))
}

/// Locks a ticket and reads it: what an act that touches no visit begins with.
///
/// # Errors
/// As [`find`]; `handover_open` for a contractor that has not accepted it.
pub async fn hold(tx: &mut Tx, id: TicketId) -> Result<Model> {
    tx.lock_tickets([id]).await?;
    let ticket = find(&tx.reader(), tx.scope(), id).await?;
    handover::require_accepted(&tx.reader(), tx.scope(), &ticket).await?;
    Ok(ticket)
}

/// Writes the ticket with its next version; its clocks follow it.
///
/// # Errors
/// What the database says.
pub(crate) async fn save(tx: &mut Tx, before: &Model, mut after: Model) -> Result<()> {
    if *before == after {
        return Ok(());
    }
    after.version = before.version + 1;
    note(tx, before, after).await
}

/// Writes what the house itself has learned of the ticket: nobody could have changed it, so that the version that a client
/// has read still stands. Its clocks follow it.
///
/// # Errors
/// What the database says.
pub(crate) async fn note(tx: &mut Tx, before: &Model, mut after: Model) -> Result<()> {
    if *before == after {
        return Ok(());
    }
    deadline::follow(tx, before, &mut after).await?;
    after.updated_at = tx.now();
    tx.update(before, &after).await?;
    notification::follow(tx, before, &after).await?;
    survey::follow(tx, before, &after).await?;
    call::follow(tx, before, &after).await?;
    escalation::follow(tx, before, &after).await?;
    handover::follow(tx, before, &after).await
}

/// Passes the owner's side only: a contractor executes, it does not decide.
///
/// # Errors
/// `forbidden` for the contractor.
pub(crate) fn require_owner(scope: &Scope, ticket: &Model) -> Result<()> {
    if scope.organization() == ticket.organization_id {
        return Ok(());
    }
    Err(Error::new(Code::Forbidden, "only the organization that owns the ticket decides this"))
}

/// Passes those who read the journal: the desk.
///
/// # Errors
/// `forbidden` for everybody else.
pub fn require_journal_reader(scope: &Scope) -> Result<()> {
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])
}
