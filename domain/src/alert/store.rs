//! Reading and acknowledging alerts.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::row::{Column, Entity, Model};
use crate::{
    Code, Error, Result, Scope,
    auth::Role,
    db::Reader,
    deadline::{self, Basis},
    id::{AlertId, DeadlineId, OrganizationId, TicketId},
    page::{Page, PageRequest},
    write::{Act, Tx},
};

/// Something that wants attention.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AlertDocument {
    /// Identifier.
    pub id: AlertId,
    /// The organization that answers for it.
    pub organization_id: OrganizationId,
    /// The clock that gave it.
    pub deadline_id: Option<DeadlineId>,
    /// The ticket it is about.
    pub ticket_id: Option<TicketId>,
    /// What is awaited (`resolve`, `localize`...), or what else happened (`handover_declined`).
    pub kind: String,
    /// By what right it is awaited.
    pub basis: Option<Basis>,
    /// What part of the term is over, in percent; 100: all of it.
    pub percent: i64,
    /// How many alerts the clock had given before.
    pub round: i64,
    /// When it was given.
    pub fired_at: DateTime<Utc>,
    /// When the term ended, as was known then.
    pub due_at: Option<DateTime<Utc>>,
    /// When somebody took notice.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// Who.
    pub acknowledged_by: Option<uuid::Uuid>,
    /// When it was learned that it no longer stands: what it told of was met in time, or its end has moved.
    pub taken_back_at: Option<DateTime<Utc>>,
    /// When the clock that gave it ended, without anybody having taken notice.
    pub ended_at: Option<DateTime<Utc>>,
    /// How many rungs of its ladder were told.
    pub rung: i64,
}

impl From<Model> for AlertDocument {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            organization_id: row.organization_id,
            deadline_id: row.deadline_id,
            ticket_id: row.ticket_id,
            kind: row.kind,
            basis: row.basis,
            percent: row.percent,
            round: row.round,
            fired_at: row.fired_at,
            due_at: row.due_at,
            acknowledged_at: row.acknowledged_at,
            acknowledged_by: row.acknowledged_by,
            taken_back_at: row.taken_back_at,
            ended_at: row.ended_at,
            rung: row.rung,
        }
    }
}

/// Which alerts are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct AlertFilter {
    /// Only those that still want attention: neither acknowledged nor taken back nor ended (true), or the others (false).
    pub standing: Option<bool>,
    /// Only those of a ticket.
    pub ticket_id: Option<TicketId>,
}

fn visible(scope: &Scope) -> Condition {
    let organization = scope.organization();
    Condition::any()
        .add(Column::OrganizationId.eq(organization))
        .add(Column::ExecutorOrganizationId.eq(organization))
}

/// What still wants attention.
fn standing() -> Condition {
    Condition::all()
        .add(Column::AcknowledgedAt.is_null())
        .add(Column::TakenBackAt.is_null())
        .add(Column::EndedAt.is_null())
}

/// The alerts of one side, along its index.
pub(super) fn along(
    side: Column,
    scope: &Scope,
    filter: &AlertFilter,
    after: Option<AlertId>,
    limit: usize,
) -> Select<Entity> {
    Entity::find()
        .filter(side.eq(scope.organization()))
        .filter(
            Condition::all()
                .add_option(filter.standing.map(|stands| if stands { standing() } else { standing().not() }))
                .add_option(filter.ticket_id.map(|ticket| Column::TicketId.eq(ticket)))
                .add_option(after.map(|after| Column::Id.lt(after))),
        )
        .order_by_desc(Column::Id)
        .limit(limit as u64)
}

/// Alerts, newest first; for the desk of whoever answers or executes.
///
/// # Errors
/// `forbidden` for everybody else.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &AlertFilter,
    page: &PageRequest,
) -> Result<Page<AlertDocument>> {
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    let after = page.after::<AlertId>()?;
    let mut rows = Vec::new();
    for side in [Column::OrganizationId, Column::ExecutorOrganizationId] {
        rows.extend(along(side, scope, filter, after, page.limit() + 1).all(reader).await?);
    }
    rows.sort_by_key(|row| Reverse(row.id));
    rows.dedup_by_key(|row| row.id);
    page.cut(rows.into_iter().map(AlertDocument::from).collect(), |alert| alert.id)
}

async fn find(reader: &Reader<'_>, scope: &Scope, id: AlertId) -> Result<Model> {
    Entity::find_by_id(id).filter(visible(scope)).one(reader).await?.ok_or_else(|| Error::not_found("alert"))
}

/// Takes notice of an alert: the clock that gave it, if it has no more steps, is silent from now on. One that no longer
/// stands silences nothing.
#[derive(Clone, Copy, Debug)]
pub struct Acknowledge {
    /// The alert.
    pub alert: AlertId,
}

impl Act for Acknowledge {
    const NAME: &'static str = "alert.acknowledge";
    type Out = AlertDocument;

    async fn run(&self, tx: &mut Tx) -> Result<AlertDocument> {
        let scope = *tx.scope();
        scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
        let seen = find(&tx.reader(), &scope, self.alert).await?;
        if seen.organization_id != scope.organization() {
            return Err(Error::new(
                Code::Forbidden,
                "only the organization that answers for it takes notice",
            ));
        }
        tx.lock_tickets(seen.ticket_id).await?;
        if seen.ticket_id.is_none() {
            tx.lock_deadlines(seen.deadline_id).await?;
        }
        let before = find(&tx.reader(), &scope, self.alert).await?;
        if before.acknowledged_at.is_some() {
            return Ok(before.into());
        }
        let mut after = before.clone();
        after.acknowledged_at = Some(tx.at());
        after.acknowledged_by = Some(scope.actor_id());
        after.version += 1;
        tx.update(&before, &after).await?;
        let stands = before.taken_back_at.is_none() && before.ended_at.is_none();
        if let Some(deadline) = before.deadline_id.filter(|_| stands) {
            deadline::acknowledged(tx, deadline, before.percent).await?;
        }
        Ok(after.into())
    }
}

/// An alert that no clock gives.
#[derive(Clone, Debug)]
pub struct NewAlert<'a> {
    /// Its name, `handover_declined`.
    pub kind: &'a str,
    /// Who answers for it.
    pub organization: OrganizationId,
    /// Who executes, if he is to see it.
    pub executor: Option<OrganizationId>,
    /// The ticket it is about.
    pub ticket: Option<TicketId>,
}

/// Gives an alert that no clock gives.
///
/// # Errors
/// The database cannot be written.
pub async fn raise(tx: &mut Tx, alert: NewAlert<'_>) -> Result<()> {
    let row = Model {
        id: AlertId::new(tx.clock()),
        organization_id: alert.organization,
        executor_organization_id: alert.executor,
        deadline_id: None,
        ticket_id: alert.ticket,
        kind: alert.kind.to_owned(),
        basis: None,
        step: 0,
        percent: 100,
        round: 0,
        fired_at: tx.now(),
        due_at: None,
        acknowledged_at: None,
        acknowledged_by: None,
        taken_back_at: None,
        ended_at: None,
        version: 1,
        rung: 0,
        climb_at: Some(tx.now()),
    };
    tx.insert(&row).await
}

/// Gives an alert by itself.
#[derive(Clone, Debug)]
pub struct Raise {
    /// The alert.
    pub alert: NewAlert<'static>,
}

impl Act for Raise {
    const NAME: &'static str = "alert.raise";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        raise(tx, self.alert.clone()).await
    }
}
