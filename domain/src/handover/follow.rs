//! What follows for the offers of a ticket when the ticket changes, and what an offer that is not accepted forbids.

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    acts::EXPIRE_JOB,
    link, link_row,
    row::{Column, Entity, HandoverState, Model},
};
use crate::{
    Code, Error, Result, Scope,
    catalogue::{Amount, Category, Clock, Unit, store},
    db::Reader,
    deadline::{self, Basis, DeadlineKind, DeadlineSubject, Ending, NewClock},
    id::{HandoverId, OrganizationId, TicketId},
    job::NewJob,
    notification::{self, News, NotificationKind},
    place::{Zone, building},
    ticket::{self, Status},
    write::Tx,
};

/// The offer that stands for a ticket: asked, or accepted.
pub(super) async fn standing(reader: &Reader<'_>, ticket: TicketId) -> Result<Option<Model>> {
    let query = Entity::find().filter(Column::TicketId.eq(ticket));
    let open = [HandoverState::Offered, HandoverState::Accepted];
    Ok(query.filter(Column::State.is_in(open)).one(reader).await?)
}

/// A contractor acts only on what it has accepted.
///
/// # Errors
/// `handover_open` while it is only asked, `handover_closed` when nothing is asked of it any more.
pub(crate) async fn require_accepted(
    reader: &Reader<'_>,
    scope: &Scope,
    ticket: &ticket::row::Model,
) -> Result<()> {
    let ours = scope.organization();
    if ticket.organization_id == ours || ticket.executor_organization_id != Some(ours) {
        return Ok(());
    }
    match standing(reader, ticket.id).await? {
        Some(handover) if handover.state == HandoverState::Accepted => Ok(()),
        Some(handover) => {
            Err(Error::new(Code::HandoverOpen, Code::HandoverOpen.title())
                .with("answer_by", handover.answer_by))
        }
        None => Err(Error::new(Code::HandoverClosed, Code::HandoverClosed.title())
            .with("state", HandoverState::Withdrawn)),
    }
}

/// The company works with this contractor, for this kind of work, in this building.
///
/// # Errors
/// `not_found` without a link, `invalid_field` when it does not cover the ticket.
pub(crate) async fn require_link(
    reader: &Reader<'_>,
    ticket: &ticket::row::Model,
    contractor: OrganizationId,
) -> Result<()> {
    let field = |message| Err(Error::field("executor.organization_id", message));
    let link = link::between(reader, ticket.organization_id, contractor).await?;
    let link = link.ok_or_else(|| Error::not_found("contractor"))?;
    if !link.active {
        return field("is no contractor of the company any more");
    }
    if link.buildings()?.is_some_and(|ids| !ids.contains(&ticket.building_id)) {
        return field("does not work in this building");
    }
    let trades = link.trades()?;
    if trades.is_empty() {
        return Ok(());
    }
    let version = store::find_version(reader, ticket.request_type_id, ticket.request_type_version).await?;
    let category = version.map(|version| serde_json::from_value::<Category>(version.category.into()));
    match category {
        Some(Ok(category)) if trades.contains(&category) => Ok(()),
        _ => field("is not asked for this kind of work"),
    }
}

/// Follows a ticket that was saved: another executor ends the offer that stands, a contractor gets one, and what is over
/// is offered to nobody. What comes back and was not accepted is offered again.
///
/// # Errors
/// What the database says.
pub(crate) async fn follow(
    tx: &mut Tx,
    before: &ticket::row::Model,
    after: &ticket::row::Model,
) -> Result<()> {
    let passed = before.executor_organization_id != after.executor_organization_id;
    let over = before.status != after.status && after.status >= Status::Completed;
    if passed && before.executor_organization_id.is_some() || over && after.executor_organization_id.is_some()
    {
        withdraw(tx, after.id, passed).await?;
    }
    let Some(contractor) = after.executor_organization_id else { return Ok(()) };
    let came_back = before.status >= Status::Completed && after.status < Status::Completed;
    if passed || came_back && standing(&tx.reader(), after.id).await?.is_none() {
        offer(tx, after, contractor).await?;
    }
    Ok(())
}

/// Ends the offer that stands; one that was accepted only when the ticket was taken back.
async fn withdraw(tx: &mut Tx, ticket: TicketId, taken_back: bool) -> Result<()> {
    let Some(before) = standing(&tx.reader(), ticket).await? else { return Ok(()) };
    if before.state == HandoverState::Accepted && !taken_back {
        return Ok(());
    }
    let after = Model {
        state: HandoverState::Withdrawn,
        ended_at: Some(tx.now()),
        version: before.version + 1,
        ..before.clone()
    };
    tx.update(&before, &after).await?;
    answered(tx, &before, Ending::Over).await
}

/// Ends the clock of the answer.
pub(super) async fn answered(tx: &mut Tx, handover: &Model, ending: Ending) -> Result<()> {
    let (now, kind) = (tx.now(), DeadlineKind::Accept);
    deadline::close(tx, DeadlineSubject::Handover, handover.id.0, kind, now, ending).await
}

/// Somebody is asked to execute the ticket: nobody is awaited to be given it any more. The clock of the answer goes on
/// from there.
async fn assigned(tx: &mut Tx, ticket: TicketId) -> Result<()> {
    let (now, kind) = (tx.now(), DeadlineKind::Assign);
    deadline::close(tx, DeadlineSubject::Ticket, ticket.0, kind, now, Ending::Met).await
}

async fn offer(tx: &mut Tx, ticket: &ticket::row::Model, contractor: OrganizationId) -> Result<()> {
    let link = link::between(&tx.reader(), ticket.organization_id, contractor).await?;
    let link: link_row::Model = link.ok_or_else(|| Error::not_found("contractor"))?;
    let minutes = if ticket.emergency { link.emergency_answer_minutes } else { link.answer_minutes };
    let accepted = link.auto_accept;
    let offered = Model {
        id: HandoverId::new(tx.clock()),
        organization_id: ticket.organization_id,
        contractor_id: contractor,
        ticket_id: ticket.id,
        state: if accepted { HandoverState::Accepted } else { HandoverState::Offered },
        offered_by: tx.scope().actor_id(),
        offered_at: tx.now(),
        answer_by: tx.now() + TimeDelta::minutes(minutes),
        answered_by: None,
        answered_at: accepted.then(|| tx.now()),
        ended_at: None,
        reason: None,
        version: 1,
    };
    tx.insert(&offered).await?;
    assigned(tx, ticket.id).await?;
    if !accepted {
        await_answer(tx, ticket, &offered, minutes).await?;
        let event = format!("offered:{}", offered.id);
        let news = News::of(ticket, None, NotificationKind::Offered, event);
        notification::tell_desk(tx, contractor, &news).await?;
        tx.enqueue(NewJob {
            organization: ticket.organization_id,
            kind: EXPIRE_JOB,
            payload: serde_json::json!({ "handover": offered.id, "ticket": ticket.id }),
            run_at: offered.answer_by,
            dedup_key: Some(format!("{EXPIRE_JOB}:{}", offered.id)),
        });
    }
    Ok(())
}

/// The clock of the answer: the contractor is reminded while it runs, the owner sees when it is missed.
async fn await_answer(tx: &mut Tx, ticket: &ticket::row::Model, offered: &Model, minutes: i64) -> Result<()> {
    let building = building::Entity::find_by_id(ticket.building_id).one(&tx.reader()).await?;
    let building =
        building.ok_or_else(|| Error::internal(format!("ticket {}, column building_id", ticket.id)))?;
    let seconds = u32::try_from(minutes * 60).map_err(Error::internal)?;
    let clock = NewClock {
        subject: DeadlineSubject::Handover,
        subject_id: offered.id.0,
        organization: offered.organization_id,
        executor: Some(offered.contractor_id),
        ticket: Some(ticket),
        kind: DeadlineKind::Accept,
        basis: Basis::Contract,
        started_from: offered.offered_at,
        target: Amount::new(seconds, Unit::Seconds).map_err(Error::internal)?,
        clock: &Clock::Always,
        zone: Zone::stored(&building.zone, building.id)?.tz(),
    };
    deadline::open(tx, clock).await?;
    Ok(())
}
