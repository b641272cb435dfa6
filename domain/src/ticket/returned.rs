//! Work that was not accepted: why, with which photos, how often.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{QueryOrder as _, entity::prelude::*};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Status, Why,
    find::{hold, require_owner, save},
    moves::{self, By, Move},
    row::Model as Ticket,
};
use crate::{
    Code, Error, Result, Time,
    db::Reader,
    feed::EntityKind,
    id::{OrganizationId, PhotoId, ReturnId, TicketId},
    journal::{Subject, SubjectKind},
    people::organization,
    photo,
    text::Text,
    write::{Act, Journaling, Row, Table, Touch, Touched, Tx},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "ticket_return")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ReturnId,
    pub organization_id: OrganizationId,
    pub ticket_id: TicketId,
    pub reason: String,
    pub photos: Json,
    pub by_resident: bool,
    pub returned_by: Uuid,
    pub returned_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "ticket_return",
        journaling: Journaling { plain: &["photos"], personal: &["reason"], silent: &[] },
        entity: Some(EntityKind::Ticket),
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Ticket, self.ticket_id)
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        if let Some(row) = after.or(before) {
            touched.add(row.organization_id, Touch::Document(EntityKind::Ticket, row.ticket_id.0));
        }
    }
}

/// A return of work that was not accepted.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReturnDocument {
    /// Why.
    pub reason: String,
    /// The photos that show it.
    pub photos: Vec<PhotoId>,
    /// By the resident himself, or by the desk on his word.
    pub by_resident: bool,
    /// When.
    pub returned_at: DateTime<Utc>,
}

/// The returns of a ticket, oldest first. The caller has seen the ticket through its scope.
///
/// # Errors
/// The database cannot be read, or a row cannot be a return.
pub(crate) async fn of_ticket(reader: &Reader<'_>, ticket: TicketId) -> Result<Vec<ReturnDocument>> {
    Ok(of_tickets(reader, &[ticket]).await?.remove(&ticket).unwrap_or_default())
}

/// The returns of each of these tickets, oldest first, in one statement. The caller has seen the tickets through its
/// scope.
///
/// # Errors
/// As [`of_ticket`].
pub(crate) async fn of_tickets(
    reader: &Reader<'_>,
    tickets: &[TicketId],
) -> Result<BTreeMap<TicketId, Vec<ReturnDocument>>> {
    let rows = Entity::find()
        .filter(Column::TicketId.is_in(tickets.iter().copied()))
        .order_by_asc(Column::Id)
        .all(reader)
        .await?;
    let mut returns: BTreeMap<TicketId, Vec<ReturnDocument>> = BTreeMap::new();
    for row in rows {
        let unreadable = |cause| Error::internal(format!("ticket_return {}, column photos: {cause}", row.id));
        returns.entry(row.ticket_id).or_default().push(ReturnDocument {
            photos: serde_json::from_value(row.photos).map_err(unreadable)?,
            reason: row.reason,
            by_resident: row.by_resident,
            returned_at: row.returned_at,
        });
    }
    Ok(returns)
}

/// When the work of a ticket was returned last.
///
/// # Errors
/// What the database says.
pub(crate) async fn returned_at(reader: &Reader<'_>, ticket: &super::row::Model) -> Result<Option<Time>> {
    if ticket.return_count == 0 {
        return Ok(None);
    }
    let last = Entity::find().filter(Column::TicketId.eq(ticket.id)).order_by_desc(Column::Id);
    Ok(last.one(reader).await?.map(|row| row.returned_at))
}

/// Why work is not accepted.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnTicket {
    /// The reason.
    pub reason: Text<2000>,
    /// Photos of the ticket that show it, at most 20. They are announced before; their bytes may come later.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub photos: Vec<PhotoId>,
}

impl From<Why> for ReturnTicket {
    /// Without photos.
    fn from(Why { reason }: Why) -> Self {
        Self { reason, photos: Vec::new() }
    }
}

/// The most photos of a return.
const MOST_PHOTOS: usize = 20;

/// Returns completed work.
#[derive(Clone, Debug)]
pub struct Return {
    /// The ticket.
    pub ticket: TicketId,
    /// Why.
    pub args: ReturnTicket,
}

impl Act for Return {
    const NAME: &'static str = "ticket.return";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let before = hold(tx, self.ticket).await?;
        let scope = *tx.scope();
        let by = moves::check(Move::Return, before.status, &scope)?;
        require_owner(&scope, &before)?;
        within_term(tx, &before).await?;
        if self.args.photos.len() > MOST_PHOTOS {
            return Err(Error::field("photos", format!("at most {MOST_PHOTOS}")));
        }
        for photo in &self.args.photos {
            photo::require_of_ticket(&tx.reader(), before.id, *photo).await?;
        }
        let row = Model {
            id: ReturnId::new(tx.clock()),
            organization_id: before.organization_id,
            ticket_id: before.id,
            reason: self.args.reason.as_str().to_owned(),
            photos: serde_json::to_value(&self.args.photos).map_err(Error::internal)?,
            by_resident: by == By::Resident,
            returned_by: scope.actor_id(),
            returned_at: tx.at(),
        };
        tx.insert(&row).await?;
        let mut after = before.clone();
        after.status = Status::Registered;
        after.return_count += 1;
        after.completed_at = None;
        after.closed_at = None;
        after.evidence_missing = false;
        after.outcome_reason = Some(row.reason);
        save(tx, &before, after).await?;
        Ok(self.ticket)
    }
}

/// Passes tickets that are not closed, and those that were closed within the term of return.
///
/// # Errors
/// `return_term_over`, telling when it ended.
pub(crate) async fn within_term(tx: &Tx, ticket: &Ticket) -> Result<()> {
    let Some(closed_at) = ticket.closed_at else { return Ok(()) };
    let settings = organization::settings_of(&tx.reader(), ticket.organization_id).await?;
    let ends_at = closed_at + TimeDelta::days(settings.return_days.into());
    if tx.at() <= ends_at {
        return Ok(());
    }
    Err(Error::new(Code::ReturnTermOver, Code::ReturnTermOver.title()).with("ended_at", ends_at))
}
