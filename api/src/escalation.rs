//! Who is told of alerts, and who has which duty when.

use actix_web::{delete, get, post, put};
use naryad_domain::{
    escalation::{
        on_call::{self, CreateOnCall, OnCallDocument, OnCallFilter},
        store::{self, EscalationDocument, Put, PutEscalation},
    },
    id::OnCallId,
};

use crate::{
    extract::{Caller, Idempotency, IfMatch, Json, PageQuery, PathId, Query},
    problem::Answer,
    reply::{self, AsJson, NoContent, PageOf},
    routes::Routes,
    state::State,
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(get_escalation).add(put_escalation);
    routes.add(list_on_call).add(create_on_call).add(remove_on_call);
}

/// Who is told of alerts, at which step and after how long. For the desk.
#[utoipa::path(
    tag = "deadlines",
    responses((status = 200, description = "The rules in force", body = EscalationDocument)),
)]
#[get("/v1/escalation")]
async fn get_escalation(app: State, caller: Caller) -> Answer {
    reply::document(&store::get(&app.db.reader(), &caller.scope).await?)
}

/// Decides who is told of alerts. Managers and administrators.
#[utoipa::path(
    tag = "deadlines",
    params(("If-Match" = String, Header, description = "The version that was read, as its ETag says it")),
    responses((status = 200, description = "The rules in force", body = EscalationDocument)),
)]
#[put("/v1/escalation")]
async fn put_escalation(app: State, caller: Caller, version: IfMatch, args: Json<PutEscalation>) -> Answer {
    app.write(&caller, Put { version: version.0, args: args.0 }, AsJson::ok()).await
}

/// Who has which duty when, newest first. For the desk.
#[utoipa::path(
    tag = "deadlines",
    params(OnCallFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<OnCallDocument>)),
)]
#[get("/v1/on-call")]
async fn list_on_call(
    app: State,
    caller: Caller,
    filter: Query<OnCallFilter>,
    page: Query<PageQuery>,
) -> Answer {
    app.page(on_call::list(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?)
}

/// Puts somebody on the list of a duty; several may have it at once. Managers and administrators.
#[utoipa::path(
    tag = "deadlines",
    responses((status = 201, description = "The turn of duty", body = OnCallDocument)),
)]
#[post("/v1/on-call")]
async fn create_on_call(app: State, caller: Caller, key: Idempotency, args: Json<CreateOnCall>) -> Answer {
    app.write_once(&caller, &key, on_call::Create { args: args.0 }, AsJson::created()).await
}

/// Takes somebody off the list: a turn that has begun ends now. Managers and administrators.
#[utoipa::path(tag = "deadlines", responses((status = 204, description = "He has the duty no more")))]
#[delete("/v1/on-call/{id}")]
async fn remove_on_call(app: State, caller: Caller, id: PathId<OnCallId>) -> Answer {
    app.write(&caller, on_call::Remove { id: id.0 }, NoContent).await
}
