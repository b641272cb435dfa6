//! Visits: the way, the work, the end, another time.

mod offer;

use actix_web::{get, post};
use naryad_domain::{
    id::VisitId,
    slot::{Swap, SwapVisits},
    ticket::{self, At, TicketDocument, VisitDocument},
    visit::{
        Cancel, CancelVisit, Confirm, ConfirmChecklist, EnRoute, EndVisit, MoveTo, MoveVisit, NoAccess,
        Start, Unfinished, Wish, WishMove,
    },
};

use crate::{
    extract::{Caller, Idempotency, Json, PathId},
    problem::Answer,
    reply,
    routes::Routes,
    state::State,
    ticket::changed,
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(get_visit).add(set_out).add(start_visit).add(leave_unfinished);
    offer::routes(routes);
    routes.add(wish_move);
    routes.add(confirm_checklist).add(no_access).add(move_visit).add(swap_visits).add(cancel_visit);
}

/// A visit with its crew.
#[utoipa::path(
    tag = "visits",
    responses((status = 200, description = "The visit", body = VisitDocument)),
)]
#[get("/v1/visits/{id}")]
async fn get_visit(app: State, caller: Caller, id: PathId<VisitId>) -> Answer {
    reply::document(&ticket::visit_document(&app.db.reader(), &caller.scope, id.0).await?)
}

/// The crew is on its way.
#[utoipa::path(
    tag = "visits",
    request_body = At,
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/visits/{id}/en-route")]
async fn set_out(
    app: State,
    caller: Caller,
    id: PathId<VisitId>,
    key: Idempotency,
    args: Json<At>,
) -> Answer {
    app.write_once(&caller, &key, EnRoute { visit: id.0, args: args.0 }, changed()).await
}

/// Work begins.
#[utoipa::path(
    tag = "visits",
    request_body = At,
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/visits/{id}/start")]
async fn start_visit(
    app: State,
    caller: Caller,
    id: PathId<VisitId>,
    key: Idempotency,
    args: Json<At>,
) -> Answer {
    app.write_once(&caller, &key, Start { visit: id.0, args: args.0 }, changed()).await
}

/// Items of the departure checklist are confirmed: tools, service ID, badge, shoe covers.
#[utoipa::path(
    tag = "visits",
    request_body = ConfirmChecklist,
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/visits/{id}/checklist")]
async fn confirm_checklist(
    app: State,
    caller: Caller,
    id: PathId<VisitId>,
    key: Idempotency,
    args: Json<ConfirmChecklist>,
) -> Answer {
    app.write_once(&caller, &key, Confirm { visit: id.0, args: args.0 }, changed()).await
}

/// The crew leaves before the work is done.
#[utoipa::path(
    tag = "visits",
    request_body = EndVisit,
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/visits/{id}/unfinished")]
async fn leave_unfinished(
    app: State,
    caller: Caller,
    id: PathId<VisitId>,
    key: Idempotency,
    args: Json<EndVisit>,
) -> Answer {
    app.write_once(&caller, &key, Unfinished { visit: id.0, args: args.0 }, changed()).await
}

/// Nobody opened; a photo of the door is demanded.
#[utoipa::path(
    tag = "visits",
    request_body = EndVisit,
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/visits/{id}/no-access")]
async fn no_access(
    app: State,
    caller: Caller,
    id: PathId<VisitId>,
    key: Idempotency,
    args: Json<EndVisit>,
) -> Answer {
    app.write_once(&caller, &key, NoAccess { visit: id.0, args: args.0 }, changed()).await
}

/// Another time, another crew, or both.
#[utoipa::path(
    tag = "visits",
    request_body = MoveVisit,
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/visits/{id}/move")]
async fn move_visit(
    app: State,
    caller: Caller,
    id: PathId<VisitId>,
    key: Idempotency,
    args: Json<MoveVisit>,
) -> Answer {
    app.write_once(&caller, &key, MoveTo { visit: id.0, args: args.0 }, changed()).await
}

/// Cancels a visit that has not begun.
#[utoipa::path(
    tag = "visits",
    request_body = CancelVisit,
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/visits/{id}/cancel")]
async fn cancel_visit(
    app: State,
    caller: Caller,
    id: PathId<VisitId>,
    key: Idempotency,
    args: Json<CancelVisit>,
) -> Answer {
    app.write_once(&caller, &key, Cancel { visit: id.0, args: args.0 }, changed()).await
}

/// Two visits exchange their times, their crews, or both, at once.
#[utoipa::path(
    tag = "visits",
    request_body = SwapVisits,
    responses((status = 200, description = "The ticket of the visit", body = TicketDocument)),
)]
#[post("/v1/visits/{id}/swap")]
async fn swap_visits(
    app: State,
    caller: Caller,
    id: PathId<VisitId>,
    key: Idempotency,
    args: Json<SwapVisits>,
) -> Answer {
    app.write_once(&caller, &key, Swap { visit: id.0, args: args.0 }, changed()).await
}

/// The crew wishes another time: the wish stands in the comments, and the desk, which alone moves visits, is alerted.
#[utoipa::path(
    tag = "visits",
    request_body = WishMove,
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/visits/{id}/wish-move")]
async fn wish_move(
    app: State,
    caller: Caller,
    id: PathId<VisitId>,
    key: Idempotency,
    args: Json<WishMove>,
) -> Answer {
    app.write_once(&caller, &key, Wish { visit: id.0, args: args.0 }, changed()).await
}
