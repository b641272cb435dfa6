//! What the local authority is told, and large accidents.

use actix_web::{get, patch, post};
use naryad_domain::{
    authority::{self, AuthorityNoticeDocument, Edit, EditAuthorityNotice, Send},
    escalation::Declare,
    id::TicketId,
    ticket::TicketDocument,
};

use crate::{
    extract::{Caller, Idempotency, IfMatch, Json, PathId},
    problem::Answer,
    reply::{self, AsJson},
    routes::Routes,
    state::State,
    ticket::changed,
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(get_authority_notice).add(edit_authority_notice).add(send_authority_notice);
    routes.add(declare_accident);
}

/// The notice to the local authority of a damage to water, sewage or heating: a draft, or as it was sent. For the desk of
/// the owner.
#[utoipa::path(
    tag = "tickets",
    responses((status = 200, description = "The notice", body = AuthorityNoticeDocument)),
)]
#[get("/v1/tickets/{id}/authority-notice")]
async fn get_authority_notice(app: State, caller: Caller, id: PathId<TicketId>) -> Answer {
    reply::document(&authority::get(&app.db.reader(), &caller.scope, id.0).await?)
}

/// Edits the draft of the notice. For the desk of the owner.
#[utoipa::path(
    tag = "tickets",
    responses((status = 200, description = "The draft", body = AuthorityNoticeDocument)),
)]
#[patch("/v1/tickets/{id}/authority-notice")]
async fn edit_authority_notice(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    version: IfMatch,
    args: Json<EditAuthorityNotice>,
) -> Answer {
    app.write(&caller, Edit { ticket: id.0, version: version.0, args: args.0 }, AsJson::ok()).await
}

/// Sends the notice to the local authority by e-mail, once. For the desk of the owner.
#[utoipa::path(
    tag = "tickets",
    responses((status = 200, description = "The notice as it was sent", body = AuthorityNoticeDocument)),
)]
#[post("/v1/tickets/{id}/authority-notice")]
async fn send_authority_notice(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    key: Idempotency,
    args: Json<EditAuthorityNotice>,
) -> Answer {
    app.write_once(&caller, &key, Send { ticket: id.0, args: args.0 }, AsJson::ok()).await
}

/// Says that a ticket is a large accident, of a building or a group of them: director and master are alerted at once. For
/// the desk.
#[utoipa::path(
    tag = "tickets",
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets/{id}/accident")]
async fn declare_accident(app: State, caller: Caller, id: PathId<TicketId>, key: Idempotency) -> Answer {
    app.write_once(&caller, &key, Declare { ticket: id.0 }, changed()).await
}
