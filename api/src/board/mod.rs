//! The board of terms and the report of them.

use actix_web::get;
use naryad_domain::deadline::{
    board::{self, DeadlineFilter, DeadlineLine},
    report::{self, Board, BoardQuery, Report, ReportQuery},
};

use crate::{
    extract::{Caller, PageQuery, Query},
    problem::Answer,
    reply::{self, PageOf},
    routes::Routes,
    state::State,
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(deadline_board).add(deadline_report).add(list_deadlines);
}

/// Terms: what burns now and what comes next; by their state also what was missed, and why.
///
/// Without `state` those that run, the nearest term first: what is overdue stands at the head. A contractor sees the
/// terms of what was passed to it. The stream `/v1/events` pokes when something changed.
#[utoipa::path(
    tag = "deadlines",
    params(DeadlineFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<DeadlineLine>)),
)]
#[get("/v1/deadlines")]
async fn list_deadlines(
    app: State,
    caller: Caller,
    filter: Query<DeadlineFilter>,
    page: Query<PageQuery>,
) -> Answer {
    let now = app.db.clock().now();
    let page = board::list(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?, now).await?;
    app.page(page)
}

/// The board of terms by building, technician or kind of work, the worst first.
#[utoipa::path(
    tag = "deadlines",
    params(BoardQuery),
    responses((status = 200, description = "The board", body = Board)),
)]
#[get("/v1/deadlines/board")]
async fn deadline_board(app: State, caller: Caller, query: Query<BoardQuery>) -> Answer {
    let now = app.db.clock().now();
    reply::document(&report::board(&app.db.reader(), &caller.scope, &query, now).await?)
}

/// The report of terms: met, missed, late, by kind and group; each figure names where its rows are.
#[utoipa::path(
    tag = "deadlines",
    params(ReportQuery),
    responses((status = 200, description = "The report", body = Report)),
)]
#[get("/v1/deadlines/report")]
async fn deadline_report(app: State, caller: Caller, query: Query<ReportQuery>) -> Answer {
    let now = app.db.clock().now();
    reply::document(&report::report(&app.db.reader(), &caller.scope, &query, now).await?)
}
