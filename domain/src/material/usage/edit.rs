//! Material is written down for a ticket, and taken off again.

use sea_orm::EntityTrait as _;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Entity, Model};
use crate::{
    Code, Error, Result,
    id::{MaterialId, PlaceId, TicketId, UsageId, VisitId},
    material::{Quantity, price},
    stock,
    text::Line,
    ticket::{
        self, Status,
        moves::{self, By},
        row::Model as Ticket,
    },
    visit,
    write::{Act, Tx},
};

/// How much of which material.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UseMaterialArgs {
    /// Made by the client, a UUID of version 7; the service makes one if it is absent.
    #[serde(default)]
    pub usage_id: Option<UsageId>,
    /// From the price list of the organization that owns the ticket, or of the one that executes it.
    pub material_id: MaterialId,
    /// How much.
    pub quantity: Quantity,
    /// The unit the client counts in; another than that of the price list is refused.
    #[serde(default)]
    pub unit: Option<Line<20>>,
    /// From which place of stock; absent: from the technician's van.
    #[serde(default)]
    pub place_id: Option<PlaceId>,
    /// The visit on which it was used.
    #[serde(default)]
    pub visit_id: Option<VisitId>,
}

/// Writes down used material with name, unit and price as they are now. The same line again is the same line.
#[derive(Clone, Debug)]
pub struct UseMaterial {
    /// The ticket.
    pub ticket: TicketId,
    /// The material.
    pub args: UseMaterialArgs,
    /// The desk has decided that it was used: it counts whatever state the ticket is in.
    pub decided: bool,
}

/// A line that was written down.
#[derive(Clone, Debug, PartialEq)]
pub struct Used {
    /// The line.
    pub line: Model,
    /// `false`: it had been written down before.
    pub fresh: bool,
}

impl Act for UseMaterial {
    const NAME: &'static str = "material.use";
    type Out = Used;

    async fn run(&self, tx: &mut Tx) -> Result<Used> {
        let UseMaterialArgs { usage_id, material_id, quantity, visit_id, place_id, ref unit } = self.args;
        let id = match usage_id {
            Some(id) => UsageId::from_client(id.0, "usage_id")?,
            None => UsageId::new(tx.clock()),
        };
        let (ticket, by) = hold(tx, self.ticket).await?;
        if let Some(line) = Entity::find_by_id(id).one(&tx.reader()).await? {
            let same = line.ticket_id == ticket.id
                && line.material_id == material_id
                && line.quantity_milli == quantity.milli();
            let taken = || Error::new(Code::AlreadyExists, "another line has this identifier");
            return if same { Ok(Used { line, fresh: false }) } else { Err(taken()) };
        }
        if !self.decided {
            at_work(ticket.status, by)?;
        }
        if let Some(visit) = visit_id
            && !visit::of_ticket(&tx.reader(), ticket.id).await?.iter().any(|known| known.row.id == visit)
        {
            return Err(Error::not_found("visit"));
        }
        let price = priced(tx, &ticket, material_id).await?;
        price.check_quantity(quantity, unit.as_ref(), "quantity")?;
        if quantity.cost(price.price_minor).is_none() {
            return Err(Error::field("quantity", "so much of it costs more than can be written down"));
        }
        let line = Model {
            id,
            organization_id: ticket.organization_id,
            ticket_id: ticket.id,
            visit_id,
            material_id,
            material_version: Some(price.version),
            name: price.name.clone(),
            unit: price.unit.clone(),
            price_minor: price.price_minor,
            quantity_milli: quantity.milli(),
            used_by: tx.scope().actor_id(),
            used_at: tx.at(),
        };
        tx.insert(&line).await?;
        ticket::evidence_found(tx, &ticket).await?;
        stock::take_for_use(tx, &line, &price, place_id).await?;
        Ok(Used { line, fresh: true })
    }
}

/// Takes a line off again.
#[derive(Clone, Copy, Debug)]
pub struct RemoveUsage {
    /// The ticket.
    pub ticket: TicketId,
    /// The line.
    pub usage: UsageId,
}

impl Act for RemoveUsage {
    const NAME: &'static str = "material.remove";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let (ticket, by) = hold(tx, self.ticket).await?;
        let line = Entity::find_by_id(self.usage).one(&tx.reader()).await?;
        let line = line
            .filter(|line| line.ticket_id == ticket.id)
            .ok_or_else(|| Error::not_found("line of used material"))?;
        at_work(ticket.status, by)?;
        tx.delete(&line).await?;
        stock::give_back(tx, &line).await?;
        Ok(ticket.id)
    }
}

/// Takes hold of a ticket for the crew or the desk, and says whether its lines may change now.
///
/// # Errors
/// As [`ticket::hold`]; `forbidden` for residents.
pub(crate) async fn hold_at_work(tx: &mut Tx, id: TicketId) -> Result<(Ticket, Result<()>)> {
    let (ticket, by) = hold(tx, id).await?;
    let may = at_work(ticket.status, by);
    Ok((ticket, may))
}

/// Takes hold of the ticket for the crew or the desk.
async fn hold(tx: &mut Tx, id: TicketId) -> Result<(Ticket, By)> {
    let ticket = ticket::hold(tx, id).await?;
    match By::of(tx.scope()) {
        Some(by @ (By::Technician | By::Desk | By::Job)) => Ok((ticket, by)),
        Some(By::Resident) | None => Err(Error::new(Code::Forbidden, Code::Forbidden.title())),
    }
}

/// Material is used while the ticket is worked on, and corrected until it is accepted.
fn at_work(status: Status, by: By) -> Result<()> {
    match status {
        Status::Registered | Status::Planned | Status::InProgress | Status::Completed => Ok(()),
        Status::OnHold | Status::Closed | Status::Cancelled => {
            let legal: Vec<&str> = moves::legal(status, by).iter().map(|step| step.name()).collect();
            let message = format!("the materials of a ticket that is {} do not change", status.name());
            Err(Error::new(Code::IllegalMove, message).with("status", status.name()).with("legal", legal))
        }
    }
}

/// The material in the price list of the owner or of the executor. One that has left the list meanwhile counts too: a
/// phone without a network has used it by the list it had.
async fn priced(tx: &Tx, ticket: &Ticket, id: MaterialId) -> Result<price::Model> {
    let lists = [ticket.organization_id, ticket.staff_organization()];
    price::Entity::find_by_id(id)
        .one(&tx.reader())
        .await?
        .filter(|price| lists.contains(&price.organization_id))
        .ok_or_else(|| Error::not_found("material"))
}
