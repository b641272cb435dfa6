//! Weekly templates.

use actix_web::{delete, get, patch, post};
use naryad_domain::{
    id::ShiftId,
    shift::{self, Change, Create, CreateShift, PatchShift, Remove, ShiftDocument, ShiftFilter},
};

use super::Confirm;
use crate::{
    extract::{Caller, Idempotency, IfMatch, Json, PageQuery, PathId, Query},
    problem::Answer,
    reply::{self, AsJson, NoContent, PageOf},
    routes::Routes,
    state::State,
};

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(list_shifts).add(create_shift).add(get_shift).add(change_shift).add(remove_shift);
}

/// Weekly templates, in the order in which they were given. A technician sees his own.
#[utoipa::path(
    tag = "shifts",
    params(ShiftFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<ShiftDocument>)),
)]
#[get("/v1/shifts")]
async fn list_shifts(
    app: State,
    caller: Caller,
    filter: Query<ShiftFilter>,
    page: Query<PageQuery>,
) -> Answer {
    let page = shift::list(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?;
    app.page(page)
}

/// Gives a technician a weekly template. Managers and administrators only. If booked visits would lose their time, it is
/// refused with `displaces_bookings`, which lists them, until it is sent with `confirm`.
#[utoipa::path(
    tag = "shifts",
    responses((status = 201, description = "The template", body = ShiftDocument)),
)]
#[post("/v1/shifts")]
async fn create_shift(app: State, caller: Caller, key: Idempotency, args: Json<CreateShift>) -> Answer {
    app.write_once(&caller, &key, Create { args: args.0 }, AsJson::created()).await
}

/// A weekly template, for the desk and for the technician himself.
#[utoipa::path(
    tag = "shifts",
    responses((status = 200, description = "The template", body = ShiftDocument)),
)]
#[get("/v1/shifts/{id}")]
async fn get_shift(app: State, caller: Caller, id: PathId<ShiftId>) -> Answer {
    reply::document(&shift::get(&app.db.reader(), &caller.scope, id.0).await?)
}

/// Changes a weekly template. Managers and administrators only; `confirm` as when it is given.
#[utoipa::path(
    tag = "shifts",
    responses((status = 200, description = "The template", body = ShiftDocument)),
)]
#[patch("/v1/shifts/{id}")]
async fn change_shift(
    app: State,
    caller: Caller,
    id: PathId<ShiftId>,
    version: IfMatch,
    args: Json<PatchShift>,
) -> Answer {
    app.write(&caller, Change { id: id.0, version: version.0, args: args.0 }, AsJson::ok()).await
}

/// Takes a template back that was given by mistake. Managers and administrators only; one that has been worked by is
/// ended by its `valid_to`.
#[utoipa::path(
    tag = "shifts",
    params(Confirm),
    responses((status = 204, description = "It is gone")),
)]
#[delete("/v1/shifts/{id}")]
async fn remove_shift(app: State, caller: Caller, id: PathId<ShiftId>, confirm: Query<Confirm>) -> Answer {
    app.write(&caller, Remove { id: id.0, confirm: confirm.0.confirm }, NoContent).await
}
