//! The act of completed work.

use actix_web::{HttpRequest, HttpResponse, get, post};
use naryad_domain::{
    act::{self, ActDocument},
    id::TicketId,
};

use crate::{
    extract::{Caller, PathId},
    photo::content::{self, Bytes},
    problem::Answer,
    routes::Routes,
    state::State,
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(make_act).add(read_act);
}

/// Makes the act of completed work from what the ticket says now: works, materials, cost, the signatures that have
/// arrived. Where nothing has changed, the last one stands. The crew and the desk.
#[utoipa::path(
    tag = "acts",
    params((
        "Idempotency-Key" = Option<String>, Header,
        description = "Not needed: the same content is the same act.",
    )),
    responses((status = 201, description = "The act", body = ActDocument)),
)]
#[post("/v1/tickets/{id}/act")]
async fn make_act(app: State, caller: Caller, id: PathId<TicketId>) -> Answer {
    Ok(HttpResponse::Created().json(act::make(&app.db, &app.blobs, caller.scope, id.0).await?))
}

/// The last act of a ticket as PDF. Whoever sees the ticket.
#[utoipa::path(
    tag = "acts",
    responses(
        (status = 200, description = "The PDF; the ETag is its SHA-256", content((Bytes = "application/pdf"))),
        (status = 206, description = "The part in `Content-Range`", content((Bytes = "application/pdf"))),
        (status = 304, description = "These bytes are here already"),
        (status = 416, description = "The range begins behind the end; `Content-Range` tells the length"),
    ),
)]
#[get("/v1/tickets/{id}/act")]
async fn read_act(app: State, caller: Caller, id: PathId<TicketId>, request: HttpRequest) -> Answer {
    let content = act::latest(&app.db.reader(), &caller.scope, id.0).await?;
    content::answer(&*app.blobs, &content, &request).await
}
