//! The catalogue: kinds of work.

use actix_web::{get, patch, post};
use naryad_domain::{
    catalogue::store::{
        self, Create, CreateRequestType, PatchRequestType, RequestTypeDocument, RequestTypeFilter, Revise,
    },
    id::RequestTypeId,
};

use crate::{
    extract::{Caller, Idempotency, IfMatch, Json, PageQuery, PathId, Query},
    problem::Answer,
    reply::{self, AsJson, PageOf},
    routes::Routes,
    state::State,
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(create_request_type).add(list_request_types).add(get_request_type).add(change_request_type);
}

/// Adds a kind of work. Administrators only.
#[utoipa::path(
    tag = "catalogue",
    request_body = CreateRequestType,
    responses((status = 201, description = "The kind of work", body = RequestTypeDocument)),
)]
#[post("/v1/request-types")]
async fn create_request_type(
    app: State,
    caller: Caller,
    key: Idempotency,
    args: Json<CreateRequestType>,
) -> Answer {
    app.write_once(&caller, &key, Create { args: args.0 }, AsJson::created()).await
}

/// Kinds of work by their codes, each by its current version.
#[utoipa::path(
    tag = "catalogue",
    params(RequestTypeFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<RequestTypeDocument>)),
)]
#[get("/v1/request-types")]
async fn list_request_types(
    app: State,
    caller: Caller,
    filter: Query<RequestTypeFilter>,
    page: Query<PageQuery>,
) -> Answer {
    let page = store::list(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?;
    app.page(page)
}

/// A kind of work by its current version.
#[utoipa::path(
    tag = "catalogue",
    responses((status = 200, description = "The kind of work", body = RequestTypeDocument)),
)]
#[get("/v1/request-types/{id}")]
async fn get_request_type(app: State, caller: Caller, id: PathId<RequestTypeId>) -> Answer {
    reply::document(&store::get(&app.db.reader(), &caller.scope, id.0).await?)
}

/// Changes a kind of work: changed rules are a new version, and tickets keep theirs. Administrators only.
#[utoipa::path(
    tag = "catalogue",
    request_body = PatchRequestType,
    responses((status = 200, description = "The kind of work", body = RequestTypeDocument)),
)]
#[patch("/v1/request-types/{id}")]
async fn change_request_type(
    app: State,
    caller: Caller,
    id: PathId<RequestTypeId>,
    version: IfMatch,
    args: Json<PatchRequestType>,
) -> Answer {
    app.write(&caller, Revise { id: id.0, version: version.0, args: args.0 }, AsJson::ok()).await
}
