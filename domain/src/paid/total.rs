//! What a ticket comes to: works and materials at the prices of their lines, what was agreed, what was paid.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    estimate::{self, sum},
    line,
    payment::{self, PaymentDocument, balance},
};
use crate::{
    Error, Result,
    db::Reader,
    id::{TicketId, WorkId, WorkLineId},
    material::{Quantity, usage, usage::UsageDocument},
};

/// A line of work that was done: name, unit and price as they stood when it was entered, or as they were agreed to.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct WorkLineDocument {
    /// Which line.
    pub id: WorkLineId,
    /// The work in the price list.
    pub work_id: WorkId,
    /// Its name.
    pub name: String,
    /// Unit of the quantity and the price.
    pub unit: String,
    /// How much, as a decimal.
    pub quantity: Quantity,
    /// Price of one unit, in kopecks.
    #[schema(minimum = 0)]
    pub price_minor: i64,
    /// Price of the line, in kopecks, rounded half up.
    #[schema(minimum = 0)]
    pub total_minor: i64,
    /// When it was done.
    pub done_at: DateTime<Utc>,
}

/// What a ticket comes to, in kopecks.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TicketTotal {
    /// The works.
    pub works: Vec<WorkLineDocument>,
    /// What the works come to.
    pub works_minor: i64,
    /// What the materials come to.
    pub materials_minor: i64,
    /// Both together.
    pub total_minor: i64,
    /// What the resident agreed to; absent: he agreed to nothing.
    pub agreed_minor: Option<i64>,
    /// The payments and refunds, oldest first.
    pub payments: Vec<PaymentDocument>,
    /// What was paid and not given back.
    pub paid_minor: i64,
}

/// What a ticket comes to; `materials` are its lines. The caller has seen the ticket through its scope.
///
/// # Errors
/// The database cannot be read, or a row cannot be a line.
pub async fn of_ticket(
    reader: &Reader<'_>,
    ticket: TicketId,
    materials: &[UsageDocument],
) -> Result<TicketTotal> {
    let works = works_of(reader, &[ticket]).await?.remove(&ticket).unwrap_or_default();
    let payments = payment::of_ticket(reader, ticket).await?;
    let too_much = || Error::internal(format!("ticket {ticket} comes to more than can be written down"));
    let works_minor = sum(works.iter().map(|line| line.total_minor)).ok_or_else(too_much)?;
    let materials_minor = sum(materials.iter().map(|line| line.total_minor)).ok_or_else(too_much)?;
    Ok(TicketTotal {
        works_minor,
        materials_minor,
        total_minor: works_minor.checked_add(materials_minor).ok_or_else(too_much)?,
        agreed_minor: estimate::agreed(reader, ticket).await?.map(|estimate| estimate.total_minor),
        paid_minor: balance(&payments).ok_or_else(too_much)?,
        works,
        payments,
    })
}

/// The works of each of these tickets, oldest first, in one statement. The caller has seen the tickets through its scope.
///
/// # Errors
/// The database cannot be read, or a row cannot be a line.
pub async fn works_of(
    reader: &Reader<'_>,
    tickets: &[TicketId],
) -> Result<BTreeMap<TicketId, Vec<WorkLineDocument>>> {
    let rows = line::Entity::find()
        .filter(line::Column::TicketId.is_in(tickets.iter().copied()))
        .order_by_asc(line::Column::DoneAt)
        .order_by_asc(line::Column::Id)
        .all(reader)
        .await?;
    let mut works: BTreeMap<TicketId, Vec<WorkLineDocument>> = BTreeMap::new();
    for row in rows {
        works.entry(row.ticket_id).or_default().push(shown(row)?);
    }
    Ok(works)
}

/// What a ticket comes to, with its materials read.
///
/// # Errors
/// As [`of_ticket`].
pub(crate) async fn total_minor(reader: &Reader<'_>, ticket: TicketId) -> Result<i64> {
    let materials = usage::of_ticket(reader, ticket).await?;
    Ok(of_ticket(reader, ticket, &materials).await?.total_minor)
}

fn shown(row: line::Model) -> Result<WorkLineDocument> {
    let wrong = |column: &str| Error::internal(format!("work_line {}, column {column}", row.id));
    let quantity = Quantity::from_milli(row.quantity_milli).ok_or_else(|| wrong("quantity_milli"))?;
    let total_minor = quantity.cost(row.price_minor).ok_or_else(|| wrong("price_minor"))?;
    let line::Model { id, work_id, name, unit, price_minor, done_at, .. } = row;
    Ok(WorkLineDocument { id, work_id, name, unit, quantity, price_minor, total_minor, done_at })
}
