//! Material is written down for a ticket, and taken off again.

use actix_web::{delete, post};
use naryad_domain::{
    id::{TicketId, UsageId},
    material::usage::{RemoveUsage, UseMaterial, UseMaterialArgs, Used},
    ticket::{self, TicketDocument},
};

use crate::{
    extract::{Caller, Idempotency, Json, PathId},
    problem::Answer,
    reply::Document,
    routes::Routes,
    state::State,
    ticket::changed,
};

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(use_material).add(remove_material);
}

/// Writes down used material, at the price it has now. The crew and the desk.
#[utoipa::path(
    tag = "tickets",
    request_body = UseMaterialArgs,
    responses((status = 201, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets/{id}/materials")]
async fn use_material(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    key: Idempotency,
    args: Json<UseMaterialArgs>,
) -> Answer {
    let act = UseMaterial { ticket: id.0, args: args.0, decided: false };
    let show = Document::created(|tx, used: &Used| {
        Box::pin(async move { ticket::document(&tx.reader(), tx.scope(), used.line.ticket_id).await })
    });
    app.write_once(&caller, &key, act, show).await
}

/// Takes a line of used material off again. The crew and the desk.
#[utoipa::path(
    tag = "tickets",
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[delete("/v1/tickets/{id}/materials/{usage_id}")]
async fn remove_material(app: State, caller: Caller, ids: PathId<(TicketId, UsageId)>) -> Answer {
    let PathId((ticket, usage)) = ids;
    app.write(&caller, RemoveUsage { ticket, usage }, changed()).await
}
