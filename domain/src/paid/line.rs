//! A line of work that was done for a ticket, with the price as it was.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;
use serde::Deserialize;
use utoipa::ToSchema;

use super::work;
use crate::{
    Code, Error, Result, Time,
    feed::EntityKind,
    id::{OrganizationId, TicketId, WorkId, WorkLineId},
    journal::{Subject, SubjectKind},
    material::{Quantity, usage::hold_at_work},
    write::{Act, Journaling, Row, Table, Touch, Touched, Tx},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "work_line")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WorkLineId,
    pub organization_id: OrganizationId,
    pub ticket_id: TicketId,
    pub work_id: WorkId,
    pub work_version: i64,
    pub name: String,
    pub unit: String,
    pub price_minor: i64,
    pub quantity_milli: i64,
    pub done_by: Uuid,
    pub done_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "work_line",
        journaling: Journaling { plain: &["name", "unit"], personal: &[], silent: &[] },
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

/// How much of which work.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DoWorkArgs {
    /// Made by the client, a UUID of version 7; the service makes one if it is absent.
    #[serde(default)]
    pub line_id: Option<WorkLineId>,
    /// From the price list of the organization that owns the ticket.
    pub work_id: WorkId,
    /// How much.
    pub quantity: Quantity,
}

/// Writes down work that was done, with name, unit and price: those that were agreed to, where they were, else those of
/// today. The same line again is the same line.
#[derive(Clone, Debug)]
pub struct DoWork {
    /// The ticket.
    pub ticket: TicketId,
    /// The work.
    pub args: DoWorkArgs,
}

impl Act for DoWork {
    const NAME: &'static str = "work.do";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let DoWorkArgs { line_id, work_id, quantity } = self.args;
        let id = match line_id {
            Some(id) => WorkLineId::from_client(id.0, "line_id")?,
            None => WorkLineId::new(tx.clock()),
        };
        let (ticket, may) = hold_at_work(tx, self.ticket).await?;
        if let Some(line) = Entity::find_by_id(id).one(&tx.reader()).await? {
            let same = line.ticket_id == ticket.id
                && line.work_id == work_id
                && line.quantity_milli == quantity.milli();
            let taken = || Error::new(Code::AlreadyExists, "another line has this identifier");
            return if same { Ok(ticket.id) } else { Err(taken()) };
        }
        may?;
        let work = work::Entity::find_by_id(work_id)
            .one(&tx.reader())
            .await?
            .filter(|work| work.organization_id == ticket.organization_id)
            .ok_or_else(|| Error::not_found("work"))?;
        let agreed = super::estimate::agreed_price(&tx.reader(), ticket.id, work_id.0).await?;
        let (work_version, price_minor) = agreed.unwrap_or((work.version, work.price_minor));
        if quantity.cost(price_minor).is_none() {
            return Err(Error::field("quantity", "so much of it costs more than can be written down"));
        }
        let line = Model {
            id,
            organization_id: ticket.organization_id,
            ticket_id: ticket.id,
            work_id,
            work_version,
            name: work.name,
            unit: work.unit,
            price_minor,
            quantity_milli: quantity.milli(),
            done_by: tx.scope().actor_id(),
            done_at: tx.at(),
        };
        tx.insert(&line).await?;
        Ok(ticket.id)
    }
}

/// Takes a line off again.
#[derive(Clone, Copy, Debug)]
pub struct RemoveWork {
    /// The ticket.
    pub ticket: TicketId,
    /// The line.
    pub line: WorkLineId,
}

impl Act for RemoveWork {
    const NAME: &'static str = "work.remove";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let (ticket, may) = hold_at_work(tx, self.ticket).await?;
        let line = Entity::find_by_id(self.line).one(&tx.reader()).await?;
        let line = line
            .filter(|line| line.ticket_id == ticket.id)
            .ok_or_else(|| Error::not_found("line of work"))?;
        may?;
        tx.delete(&line).await?;
        Ok(ticket.id)
    }
}
