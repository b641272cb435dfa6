//! Clocks of terms, and the policies by which they run.

mod policy;

use actix_web::{get, patch};
use naryad_domain::{
    deadline::{self, DeadlineDocument, Edit, EditDeadline},
    id::{DeadlineId, TicketId},
};

use crate::{
    extract::{Caller, IfMatch, Json, PathId},
    problem::Answer,
    reply::{self, AsJson},
    routes::Routes,
    state::State,
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    policy::routes(routes);
    routes.add(get_deadline).add(edit_deadline).add(list_ticket_deadlines);
}

/// A clock. For the desk.
#[utoipa::path(tag = "deadlines", responses((status = 200, description = "The clock", body = DeadlineDocument)))]
#[get("/v1/deadlines/{id}")]
async fn get_deadline(app: State, caller: Caller, id: PathId<DeadlineId>) -> Answer {
    reply::document(&deadline::get(&app.db.reader(), &caller.scope, id.0).await?)
}

/// Changes the length of an open term by contract, with a reason; one by law is changed by nobody. For the management.
#[utoipa::path(tag = "deadlines", responses((status = 200, description = "The clock", body = DeadlineDocument)))]
#[patch("/v1/deadlines/{id}")]
async fn edit_deadline(
    app: State,
    caller: Caller,
    id: PathId<DeadlineId>,
    version: IfMatch,
    args: Json<EditDeadline>,
) -> Answer {
    app.write(&caller, Edit { deadline: id.0, version: version.0, args: args.0 }, AsJson::ok()).await
}

/// The clocks of a ticket, oldest first. For the desk.
#[utoipa::path(
    tag = "deadlines",
    responses((status = 200, description = "The clocks", body = Vec<DeadlineDocument>)),
)]
#[get("/v1/tickets/{id}/deadlines")]
async fn list_ticket_deadlines(app: State, caller: Caller, id: PathId<TicketId>) -> Answer {
    reply::document(&deadline::list_of_ticket(&app.db.reader(), &caller.scope, id.0).await?)
}
