//! Buildings.

use actix_web::{get, patch, post};
use naryad_domain::{
    id::BuildingId,
    place::building::store::{
        self, BuildingDocument, BuildingFilter, Change, Create, CreateBuilding, PatchBuilding,
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
    routes.add(create_building).add(list_buildings).add(get_building).add(change_building);
}

/// Adds a building. Dispatchers and administrators only.
#[utoipa::path(
    tag = "places",
    request_body = CreateBuilding,
    responses((status = 201, description = "The building", body = BuildingDocument)),
)]
#[post("/v1/buildings")]
async fn create_building(app: State, caller: Caller, key: Idempotency, args: Json<CreateBuilding>) -> Answer {
    app.write_once(&caller, &key, Create { args: args.0 }, AsJson::created()).await
}

/// Buildings that one may see, in the order in which they were added.
#[utoipa::path(
    tag = "places",
    params(BuildingFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<BuildingDocument>)),
)]
#[get("/v1/buildings")]
async fn list_buildings(
    app: State,
    caller: Caller,
    filter: Query<BuildingFilter>,
    page: Query<PageQuery>,
) -> Answer {
    let page = store::list(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?;
    app.page(page)
}

/// A building: residents see their own, technicians those of the tickets on their phone.
#[utoipa::path(
    tag = "places",
    responses((status = 200, description = "The building", body = BuildingDocument)),
)]
#[get("/v1/buildings/{id}")]
async fn get_building(app: State, caller: Caller, id: PathId<BuildingId>) -> Answer {
    reply::document(&store::get(&app.db.reader(), &caller.scope, id.0).await?)
}

/// Changes a building. Dispatchers and administrators only.
#[utoipa::path(
    tag = "places",
    request_body = PatchBuilding,
    responses((status = 200, description = "The building", body = BuildingDocument)),
)]
#[patch("/v1/buildings/{id}")]
async fn change_building(
    app: State,
    caller: Caller,
    id: PathId<BuildingId>,
    version: IfMatch,
    args: Json<PatchBuilding>,
) -> Answer {
    app.write(&caller, Change { id: id.0, version: version.0, args: args.0 }, AsJson::ok()).await
}
