//! A term by contract is changed by the management, with a reason. A term by law is changed by nobody.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Basis, DeadlineKind, DeadlineSubject,
    clock::Gear,
    document::DeadlineDocument,
    follow::set_target,
    open::{Calendars, of_ticket, planned_term, write},
    policy::Versions,
    row::{Column, Entity, Model},
};
use crate::{
    Code, Error, Result, Scope,
    auth::Role,
    catalogue::{Amount, Clock},
    db::Reader,
    id::DeadlineId,
    page::expect_version,
    text::Text,
    ticket,
    write::{Act, Tx},
};

/// Another length of a term by contract.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditDeadline {
    /// Its new length, from its start.
    pub target: Amount,
    /// Why.
    pub reason: Text<2000>,
}

/// Changes a term by contract.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The clock.
    pub deadline: DeadlineId,
    /// The version the client has read.
    pub version: i64,
    /// What changes.
    pub args: EditDeadline,
}

/// A clock that the scope can see: its organization answers for it, or executes the work.
///
/// # Errors
/// `not_found` when it is out of sight.
pub(crate) async fn find(reader: &Reader<'_>, scope: &Scope, id: DeadlineId) -> Result<Model> {
    let organization = scope.organization();
    let ours = Condition::any()
        .add(Column::OrganizationId.eq(organization))
        .add(Column::ExecutorOrganizationId.eq(organization));
    Entity::find_by_id(id).filter(ours).one(reader).await?.ok_or_else(|| Error::not_found("deadline"))
}

impl Act for Edit {
    const NAME: &'static str = "deadline.edit";
    type Out = DeadlineDocument;

    async fn run(&self, tx: &mut Tx) -> Result<DeadlineDocument> {
        let scope = *tx.scope();
        scope.require(&[Role::Manager, Role::Admin])?;
        let seen = find(&tx.reader(), &scope, self.deadline).await?;
        match seen.ticket_id {
            Some(ticket) => tx.lock_tickets([ticket]).await?,
            None => tx.lock_deadlines([seen.id]).await?,
        }
        let before = find(&tx.reader(), &scope, self.deadline).await?;
        if before.organization_id != scope.organization() {
            return Err(Error::new(
                Code::Forbidden,
                "only the organization that answers for a term changes it",
            ));
        }
        expect_version(before.version, self.version)?;
        if before.basis == Basis::Legal {
            return Err(Error::new(Code::Forbidden, "a term set by law is changed by nobody"));
        }
        if !before.state.is_open() {
            return Err(
                Error::new(Code::DeadlineClosed, Code::DeadlineClosed.title()).with("state", before.state)
            );
        }
        if before.hours()? == Clock::Slot {
            return Err(Error::field("target", "this term ends with the promised window: move the visit"));
        }
        if before.kind == DeadlineKind::Accept {
            return Err(Error::field("target", "this term is that of an offer: withdraw it and offer anew"));
        }
        let days = Calendars::default().of_clock(&tx.reader(), &before).await?;
        let mut versions = Versions::default();
        let rules = versions.of(&tx.reader(), before.policy_id, before.policy_version).await?;
        let mut after = before.clone();
        set_target(&mut after, self.args.target);
        after.grace_s = rules.grace_s(self.args.target, &before.hours()?);
        after.edited = true;
        after.edit_reason = Some(self.args.reason.as_str().to_owned());
        let gear = Gear::of(&after, &days, rules)?;
        gear.count(&mut after, None)?;
        gear.arm(&mut after, tx.now());
        write(tx, &before, after.clone()).await?;
        follow_term(tx, &after).await?;
        DeadlineDocument::of(find(&tx.reader(), &scope, self.deadline).await?)
    }
}

/// The planned term of the ticket, where this clock tells it.
async fn follow_term(tx: &mut Tx, clock: &Model) -> Result<()> {
    let Some(id) = clock.ticket_id else { return Ok(()) };
    if clock.kind != DeadlineKind::Resolve || clock.subject_kind != DeadlineSubject::Ticket {
        return Ok(());
    }
    let clocks = of_ticket(&tx.reader(), id).await?;
    let Some(before) = ticket::row::Entity::find_by_id(id).one(&tx.reader()).await? else { return Ok(()) };
    let Some(due) = planned_term(&clocks).filter(|due| *due != before.planned_term) else { return Ok(()) };
    let after = ticket::row::Model {
        planned_term: due,
        version: before.version + 1,
        updated_at: tx.now(),
        ..before.clone()
    };
    tx.update(&before, &after).await
}
