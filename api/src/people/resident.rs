//! Residents.

use actix_web::{get, patch, post};
use naryad_domain::{
    id::ResidentId,
    people::resident::store::{
        self, Change, Create, CreateResident, PatchResident, ResidentDocument, ResidentFilter,
    },
    privacy::ReadSubject,
};

use crate::{
    extract::{Caller, Idempotency, IfMatch, Json, PageQuery, PathId, Query},
    problem::Answer,
    reply::{self, AsJson, PageOf},
    routes::Routes,
    state::State,
};

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(create_resident).add(list_residents).add(get_resident).add(change_resident);
}

/// Adds a resident; with his first phone he signs in. Dispatchers and administrators only.
#[utoipa::path(
    tag = "people",
    request_body = CreateResident,
    responses((status = 201, description = "The resident", body = ResidentDocument)),
)]
#[post("/v1/residents")]
async fn create_resident(app: State, caller: Caller, key: Idempotency, args: Json<CreateResident>) -> Answer {
    app.write_once(&caller, &key, Create { args: args.0 }, AsJson::created()).await
}

/// Residents, in the order in which they were added. For the dispatcher's desk.
#[utoipa::path(
    tag = "people",
    params(ResidentFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<ResidentDocument>)),
)]
#[get("/v1/residents")]
async fn list_residents(
    app: State,
    caller: Caller,
    filter: Query<ResidentFilter>,
    page: Query<PageQuery>,
) -> Answer {
    let page = store::list(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?;
    let seen = page.items.iter().map(|resident| ReadSubject::Resident(resident.id));
    app.note_reads(&caller.scope, "list_residents", seen).await;
    app.page(page)
}

/// A resident, for the dispatcher's desk and for himself.
#[utoipa::path(
    tag = "people",
    responses((status = 200, description = "The resident", body = ResidentDocument)),
)]
#[get("/v1/residents/{id}")]
async fn get_resident(app: State, caller: Caller, id: PathId<ResidentId>) -> Answer {
    let document = store::get(&app.db.reader(), &caller.scope, id.0).await?;
    app.note_reads(&caller.scope, "get_resident", [ReadSubject::Resident(id.0)]).await;
    reply::document(&document)
}

/// Changes a resident; lists of phones and accounts are set as a whole. Dispatchers and administrators only.
#[utoipa::path(
    tag = "people",
    request_body = PatchResident,
    responses((status = 200, description = "The resident", body = ResidentDocument)),
)]
#[patch("/v1/residents/{id}")]
async fn change_resident(
    app: State,
    caller: Caller,
    id: PathId<ResidentId>,
    version: IfMatch,
    args: Json<PatchResident>,
) -> Answer {
    app.write(&caller, Change { id: id.0, version: version.0, args: args.0 }, AsJson::ok()).await
}
