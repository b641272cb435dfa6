//! The roster, and who can be called.

use actix_web::get;
use naryad_domain::shift::{self, OnDutyDocument, OnDutyFilter, RosterDocument, RosterFilter};

use crate::{
    extract::{Caller, PageQuery, Query},
    problem::Answer,
    reply::{self, PageOf},
    routes::Routes,
    state::State,
};

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(get_roster).add(get_on_call);
}

/// When technicians work in a range of dates: shifts in real time, reserve, on call, absences. A technician sees his own.
#[utoipa::path(
    tag = "shifts",
    params(RosterFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<RosterDocument>)),
)]
#[get("/v1/shifts/roster")]
async fn get_roster(
    app: State,
    caller: Caller,
    filter: Query<RosterFilter>,
    page: Query<PageQuery>,
) -> Answer {
    let page = shift::roster(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?;
    app.page(page)
}

/// Who can be called for an emergency at an instant: at work or on call, and not away. For the dispatcher's desk.
#[utoipa::path(
    tag = "shifts",
    params(OnDutyFilter),
    responses((status = 200, description = "Those who can be called", body = OnDutyDocument)),
)]
#[get("/v1/shifts/on-call")]
async fn get_on_call(app: State, caller: Caller, filter: Query<OnDutyFilter>) -> Answer {
    let now = app.clock().now();
    reply::document(&shift::on_duty(&app.db.reader(), &caller.scope, filter.0, now).await?)
}
