//! The price list, and what was used of it.

mod usage;

use actix_web::{get, patch, post};
use naryad_domain::{
    id::MaterialId,
    material::store::{
        self, Change, Create, CreateMaterial, MaterialDocument, MaterialFilter, PatchMaterial,
    },
};

use crate::{
    extract::{Caller, Idempotency, IfMatch, Json, PageQuery, PathId, Query},
    problem::Answer,
    reply::{self, AsJson, PageOf},
    routes::Routes,
    state::State,
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    usage::routes(routes);
    routes.add(create_material).add(list_materials).add(get_material).add(change_material);
}

/// Adds a material to the price list. Administrators only.
#[utoipa::path(
    tag = "catalogue",
    request_body = CreateMaterial,
    responses((status = 201, description = "The material", body = MaterialDocument)),
)]
#[post("/v1/materials")]
async fn create_material(app: State, caller: Caller, key: Idempotency, args: Json<CreateMaterial>) -> Answer {
    app.write_once(&caller, &key, Create { args: args.0 }, AsJson::created()).await
}

/// Materials by their codes. For staff.
#[utoipa::path(
    tag = "catalogue",
    params(MaterialFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<MaterialDocument>)),
)]
#[get("/v1/materials")]
async fn list_materials(
    app: State,
    caller: Caller,
    filter: Query<MaterialFilter>,
    page: Query<PageQuery>,
) -> Answer {
    let page = store::list(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?;
    app.page(page)
}

/// A material of the price list. For staff.
#[utoipa::path(
    tag = "catalogue",
    responses((status = 200, description = "The material", body = MaterialDocument)),
)]
#[get("/v1/materials/{id}")]
async fn get_material(app: State, caller: Caller, id: PathId<MaterialId>) -> Answer {
    reply::document(&store::get(&app.db.reader(), &caller.scope, id.0).await?)
}

/// Changes a material; what was used keeps the price it had. Administrators only.
#[utoipa::path(
    tag = "catalogue",
    request_body = PatchMaterial,
    responses((status = 200, description = "The material", body = MaterialDocument)),
)]
#[patch("/v1/materials/{id}")]
async fn change_material(
    app: State,
    caller: Caller,
    id: PathId<MaterialId>,
    version: IfMatch,
    args: Json<PatchMaterial>,
) -> Answer {
    app.write(&caller, Change { id: id.0, version: version.0, args: args.0 }, AsJson::ok()).await
}
