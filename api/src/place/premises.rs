//! Premises.

use actix_web::{get, patch, post};
use naryad_domain::{
    id::PremisesId,
    place::premises::store::{
        self, Change, Create, CreatePremises, PatchPremises, PremisesDocument, PremisesFilter,
    },
};

use crate::{
    extract::{Caller, Idempotency, IfMatch, Json, PageQuery, PathId, Query},
    problem::Answer,
    reply::{self, AsJson, PageOf},
    routes::Routes,
    state::State,
};

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(create_premises).add(list_all_premises).add(get_premises).add(change_premises);
}

/// Adds premises. Dispatchers and administrators only.
#[utoipa::path(
    tag = "places",
    request_body = CreatePremises,
    responses((status = 201, description = "The premises", body = PremisesDocument)),
)]
#[post("/v1/premises")]
async fn create_premises(app: State, caller: Caller, key: Idempotency, args: Json<CreatePremises>) -> Answer {
    app.write_once(&caller, &key, Create { args: args.0 }, AsJson::created()).await
}

/// Premises that one may see, in the order in which they were added.
#[utoipa::path(
    tag = "places",
    params(PremisesFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<PremisesDocument>)),
)]
#[get("/v1/premises")]
async fn list_all_premises(
    app: State,
    caller: Caller,
    filter: Query<PremisesFilter>,
    page: Query<PageQuery>,
) -> Answer {
    let page = store::list(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?;
    app.page(page)
}

/// Premises: residents see their own, technicians those of the tickets on their phone.
#[utoipa::path(
    tag = "places",
    responses((status = 200, description = "The premises", body = PremisesDocument)),
)]
#[get("/v1/premises/{id}")]
async fn get_premises(app: State, caller: Caller, id: PathId<PremisesId>) -> Answer {
    reply::document(&store::get(&app.db.reader(), &caller.scope, id.0).await?)
}

/// Changes premises. Dispatchers and administrators only.
#[utoipa::path(
    tag = "places",
    request_body = PatchPremises,
    responses((status = 200, description = "The premises", body = PremisesDocument)),
)]
#[patch("/v1/premises/{id}")]
async fn change_premises(
    app: State,
    caller: Caller,
    id: PathId<PremisesId>,
    version: IfMatch,
    args: Json<PatchPremises>,
) -> Answer {
    app.write(&caller, Change { id: id.0, version: version.0, args: args.0 }, AsJson::ok()).await
}
