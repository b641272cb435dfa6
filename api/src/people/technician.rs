//! Technicians: what they can do and where.

use actix_web::{
    get,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, HeaderValue},
    },
    patch, post,
};
use naryad_domain::{
    auth::store::PairingDocument,
    id::TechnicianId,
    people::technician::store::{self, Change, PatchTechnician, TechnicianDocument, TechnicianFilter},
};

use crate::{
    extract::{Caller, IfMatch, Json, PageQuery, PathId, Query},
    problem::Answer,
    reply::{self, AsJson, PageOf},
    routes::Routes,
    state::State,
};

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(list_technicians).add(get_technician).add(change_technician).add(pair_phone);
}

/// Technicians, in the order in which they were taken on. For the dispatcher's desk.
#[utoipa::path(
    tag = "people",
    params(TechnicianFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<TechnicianDocument>)),
)]
#[get("/v1/technicians")]
async fn list_technicians(
    app: State,
    caller: Caller,
    filter: Query<TechnicianFilter>,
    page: Query<PageQuery>,
) -> Answer {
    let page = store::list(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?;
    app.page(page)
}

/// A technician, for the dispatcher's desk and for himself.
#[utoipa::path(
    tag = "people",
    responses((status = 200, description = "The technician", body = TechnicianDocument)),
)]
#[get("/v1/technicians/{id}")]
async fn get_technician(app: State, caller: Caller, id: PathId<TechnicianId>) -> Answer {
    reply::document(&store::get(&app.db.reader(), &caller.scope, id.0).await?)
}

/// Changes what a technician can do and where. Administrators only.
#[utoipa::path(
    tag = "people",
    request_body = PatchTechnician,
    responses((status = 200, description = "The technician", body = TechnicianDocument)),
)]
#[patch("/v1/technicians/{id}")]
async fn change_technician(
    app: State,
    caller: Caller,
    id: PathId<TechnicianId>,
    version: IfMatch,
    args: Json<PatchTechnician>,
) -> Answer {
    app.write(&caller, Change { id: id.0, version: version.0, args: args.0 }, AsJson::ok()).await
}

/// Makes a code by which a technician pairs his phone: shown to him, used once within ten minutes at `/v1/auth/pair`. A
/// former one that was not used is void. For the desk.
#[utoipa::path(
    tag = "people",
    params((
        "Idempotency-Key" = Option<String>, Header,
        description = "Not needed: each call makes another code. The answer is a secret, and is not kept.",
    )),
    responses((status = 201, description = "The code", body = PairingDocument)),
)]
#[post("/v1/technicians/{id}/pairing")]
async fn pair_phone(app: State, caller: Caller, id: PathId<TechnicianId>) -> Answer {
    let code = app.sign_in.offer_pairing(caller.scope, id.0).await?;
    let mut response = reply::respond(reply::json(StatusCode::CREATED, &code)?);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
