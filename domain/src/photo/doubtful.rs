//! Photos that the desk should look at.

use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::Expr,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    PhotoDocument,
    row::{Column, Entity},
};
use crate::{
    Result, Scope, Time,
    auth::Role,
    db::Reader,
    id::{PhotoId, TicketId},
    page::{Page, PageRequest},
};

/// A photo with doubts, and its ticket.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DoubtfulPhoto {
    /// The ticket.
    pub ticket_id: TicketId,
    /// The photo, with its doubts.
    pub photo: PhotoDocument,
}

/// The key of a page.
#[derive(Serialize, Deserialize)]
struct ByArrival(Time, PhotoId);

/// The photos of the organization's tickets that raise doubts, the newest first. For the desk of the owner.
///
/// # Errors
/// `forbidden` for everybody else; `invalid_field` for a cursor of another list.
pub async fn doubtful(reader: &Reader<'_>, scope: &Scope, page: &PageRequest) -> Result<Page<DoubtfulPhoto>> {
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    let mut query = Entity::find()
        .filter(Column::OrganizationId.eq(scope.organization()))
        // In words, not as a value: a partial index is chosen by what stands in the statement.
        .filter(Expr::cust("flagged"))
        .filter(Column::ReceivedAt.is_not_null());
    if let Some(ByArrival(at, id)) = page.after()? {
        let behind = Condition::any()
            .add(Column::ReceivedAt.lt(at))
            .add(Condition::all().add(Column::ReceivedAt.eq(at)).add(Column::Id.lt(id)));
        query = query.filter(behind);
    }
    let rows = query
        .order_by_desc(Column::ReceivedAt)
        .order_by_desc(Column::Id)
        .limit(page.limit() as u64 + 1)
        .all(reader)
        .await?;
    let shown = rows
        .iter()
        .map(|row| Ok(DoubtfulPhoto { ticket_id: row.ticket_id, photo: PhotoDocument::of(scope, row)? }));
    page.cut(shown.collect::<Result<Vec<_>>>()?, |one| {
        ByArrival(one.photo.received_at.unwrap_or(one.photo.added_at), one.photo.id)
    })
}
