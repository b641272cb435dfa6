//! Policies of terms.

use actix_web::{get, patch, post};
use naryad_domain::{
    deadline::policy::store::{
        self, Create, CreateDeadlinePolicy, DeadlinePolicyDocument, PatchDeadlinePolicy, Revise,
    },
    id::DeadlinePolicyId,
};

use crate::{
    extract::{Caller, Idempotency, IfMatch, Json, PageQuery, PathId, Query},
    problem::Answer,
    reply::{self, AsJson, PageOf},
    routes::Routes,
    state::State,
};

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(create_deadline_policy).add(list_deadline_policies);
    routes.add(get_deadline_policy).add(change_deadline_policy);
}

/// Makes a policy of terms: the organization's own, or one for a kind of work. Open clocks are counted anew. For the
/// management.
#[utoipa::path(
    tag = "deadlines",
    responses((status = 201, description = "The policy", body = DeadlinePolicyDocument)),
)]
#[post("/v1/deadline-policies")]
async fn create_deadline_policy(
    app: State,
    caller: Caller,
    key: Idempotency,
    args: Json<CreateDeadlinePolicy>,
) -> Answer {
    app.write_once(&caller, &key, Create { args: args.0 }, AsJson::created()).await
}

/// Policies of terms, oldest first; none: the defaults hold. For the desk.
#[utoipa::path(
    tag = "deadlines",
    params(PageQuery),
    responses((status = 200, description = "A page", body = PageOf<DeadlinePolicyDocument>)),
)]
#[get("/v1/deadline-policies")]
async fn list_deadline_policies(app: State, caller: Caller, page: Query<PageQuery>) -> Answer {
    let page = store::list(&app.db.reader(), &caller.scope, &page.request(&app)?).await?;
    app.page(page)
}

/// A policy of terms by its current version. For the desk.
#[utoipa::path(
    tag = "deadlines",
    responses((status = 200, description = "The policy", body = DeadlinePolicyDocument)),
)]
#[get("/v1/deadline-policies/{id}")]
async fn get_deadline_policy(app: State, caller: Caller, id: PathId<DeadlinePolicyId>) -> Answer {
    reply::document(&store::get(&app.db.reader(), &caller.scope, id.0).await?)
}

/// Revises a policy of terms: changed rules are a new version, and open clocks are counted anew. For the management.
#[utoipa::path(
    tag = "deadlines",
    responses((status = 200, description = "The policy", body = DeadlinePolicyDocument)),
)]
#[patch("/v1/deadline-policies/{id}")]
async fn change_deadline_policy(
    app: State,
    caller: Caller,
    id: PathId<DeadlinePolicyId>,
    version: IfMatch,
    args: Json<PatchDeadlinePolicy>,
) -> Answer {
    app.write(&caller, Revise { id: id.0, version: version.0, args: args.0 }, AsJson::ok()).await
}
