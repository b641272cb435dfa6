//! Bookings that lost their time.

use actix_web::get;
use naryad_domain::rebooking::{self, RebookingDocument, RebookingFilter};

use crate::{
    extract::{Caller, PageQuery, Query},
    problem::Answer,
    reply::PageOf,
    state::State,
};

/// Tickets that are to be rebooked: visits that lost their time, by when they were to begin. For the dispatcher's desk.
#[utoipa::path(
    tag = "shifts",
    params(RebookingFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<RebookingDocument>)),
)]
#[get("/v1/rebookings")]
pub(super) async fn list_rebookings(
    app: State,
    caller: Caller,
    filter: Query<RebookingFilter>,
    page: Query<PageQuery>,
) -> Answer {
    let page = rebooking::list(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?;
    app.page(page)
}
