//! The materials used for a ticket, as they are shown.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait as _, EntityTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Column, Entity, Model};
use crate::{
    Error, Result,
    db::Reader,
    id::{MaterialId, TicketId, UsageId, VisitId},
    material::Quantity,
};

/// A line of used material: name, unit and price as they stood in the price list when it was entered.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct UsageDocument {
    /// Which line.
    pub id: UsageId,
    /// The material in the price list.
    pub material_id: MaterialId,
    /// The visit on which it was used.
    pub visit_id: Option<VisitId>,
    /// Name of the material.
    pub name: String,
    /// Unit of the quantity and the price.
    pub unit: String,
    /// How much, as a decimal.
    pub quantity: Quantity,
    /// Price of one unit, in minor units of money (kopecks).
    #[schema(minimum = 0)]
    pub price_minor: i64,
    /// Price of the line, in minor units of money, rounded half up.
    #[schema(minimum = 0)]
    pub total_minor: i64,
    /// When it was used.
    pub used_at: DateTime<Utc>,
}

impl UsageDocument {
    /// The line as it is shown.
    ///
    /// # Errors
    /// The row cannot be a line: its quantity is out of bounds, or its price too large.
    pub fn of(line: &Model) -> Result<Self> {
        let wrong = |column: &str| Error::internal(format!("material_usage {}, column {column}", line.id));
        let quantity = Quantity::from_milli(line.quantity_milli).ok_or_else(|| wrong("quantity_milli"))?;
        Ok(Self {
            id: line.id,
            material_id: line.material_id,
            visit_id: line.visit_id,
            name: line.name.clone(),
            unit: line.unit.clone(),
            quantity,
            price_minor: line.price_minor,
            total_minor: quantity.cost(line.price_minor).ok_or_else(|| wrong("price_minor"))?,
            used_at: line.used_at,
        })
    }
}

/// The lines of a ticket, in the order in which they were used. The caller has seen the ticket through its scope.
///
/// # Errors
/// The database cannot be read, or a row cannot be a line.
pub async fn of_ticket(reader: &Reader<'_>, ticket: TicketId) -> Result<Vec<UsageDocument>> {
    Ok(of_tickets(reader, &[ticket]).await?.remove(&ticket).unwrap_or_default())
}

/// The lines of each of these tickets, in one statement. The caller has seen the tickets through its scope.
///
/// # Errors
/// As [`of_ticket`].
pub async fn of_tickets(
    reader: &Reader<'_>,
    tickets: &[TicketId],
) -> Result<BTreeMap<TicketId, Vec<UsageDocument>>> {
    let rows = Entity::find()
        .filter(Column::TicketId.is_in(tickets.iter().copied()))
        .order_by_asc(Column::UsedAt)
        .order_by_asc(Column::Id)
        .all(reader)
        .await?;
    let mut lines: BTreeMap<TicketId, Vec<UsageDocument>> = BTreeMap::new();
    for row in &rows {
        lines.entry(row.ticket_id).or_default().push(UsageDocument::of(row)?);
    }
    Ok(lines)
}

/// How many lines a ticket has. The caller has seen the ticket through its scope.
///
/// # Errors
/// The database cannot be read.
pub async fn lines(reader: &Reader<'_>, ticket: TicketId) -> Result<u32> {
    #[derive(FromQueryResult)]
    struct Count {
        lines: i64,
    }
    let sql = "SELECT COUNT(*) AS lines FROM material_usage WHERE ticket_id = $1";
    let count = reader.one::<Count>(sql, [ticket.0.into()]).await?;
    u32::try_from(count.map_or(0, |count| count.lines)).map_err(Error::internal)
}
