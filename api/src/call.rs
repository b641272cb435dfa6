//! Calls that the desk made.

use actix_web::{get, post};
use naryad_domain::{
    call::{self, CallDocument, Log, LogCall},
    id::TicketId,
    privacy::ReadSubject,
};

use crate::{
    extract::{Caller, Idempotency, Json, PathId},
    problem::Answer,
    reply::{self, AsJson},
    routes::Routes,
    state::State,
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(list_calls).add(log_call);
}

/// The calls about a ticket, oldest first. For the desk.
#[utoipa::path(
    tag = "tickets",
    responses((status = 200, description = "The calls", body = Vec<CallDocument>)),
)]
#[get("/v1/tickets/{id}/call-attempts")]
async fn list_calls(app: State, caller: Caller, id: PathId<TicketId>) -> Answer {
    let calls = call::list(&app.db.reader(), &caller.scope, id.0).await?;
    app.note_reads(&caller.scope, "list_calls", [ReadSubject::Ticket(id.0)]).await;
    reply::plain(&calls)
}

/// Logs a call about a ticket. An applicant who did not answer is called again after 30 minutes, of which an alert
/// `call_again` reminds; the third call in a row without an answer ends as the kind of work says. For the desk.
#[utoipa::path(
    tag = "tickets",
    responses((status = 201, description = "The call, and what follows", body = CallDocument)),
)]
#[post("/v1/tickets/{id}/call-attempts")]
async fn log_call(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    key: Idempotency,
    args: Json<LogCall>,
) -> Answer {
    app.write_once(&caller, &key, Log { ticket: id.0, args: args.0 }, AsJson::created()).await
}
