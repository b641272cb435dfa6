//! Exceptions to the weekly templates.

use actix_web::{delete, get, patch, post};
use naryad_domain::{
    id::ShiftExceptionId,
    shift::{
        self, ChangeException, CreateException, CreateShiftException, PatchShiftException, RemoveException,
        ShiftExceptionDocument, ShiftExceptionFilter,
    },
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
    routes.add(list_shift_exceptions).add(create_shift_exception).add(get_shift_exception);
    routes.add(change_shift_exception).add(remove_shift_exception);
}

/// Exceptions, in the order in which they were made. A technician sees his own.
#[utoipa::path(
    tag = "shifts",
    params(ShiftExceptionFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<ShiftExceptionDocument>)),
)]
#[get("/v1/shift-exceptions")]
async fn list_shift_exceptions(
    app: State,
    caller: Caller,
    filter: Query<ShiftExceptionFilter>,
    page: Query<PageQuery>,
) -> Answer {
    let page = shift::list_exceptions(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?;
    app.page(page)
}

/// Adds, replaces or removes the shifts of a date. For the dispatcher's desk. If booked visits would lose their time, it
/// is refused with `displaces_bookings`, which lists them, until it is sent with `confirm`.
#[utoipa::path(
    tag = "shifts",
    responses((status = 201, description = "The exception", body = ShiftExceptionDocument)),
)]
#[post("/v1/shift-exceptions")]
async fn create_shift_exception(
    app: State,
    caller: Caller,
    key: Idempotency,
    args: Json<CreateShiftException>,
) -> Answer {
    app.write_once(&caller, &key, CreateException { args: args.0 }, AsJson::created()).await
}

/// An exception, for the desk and for the technician himself.
#[utoipa::path(
    tag = "shifts",
    responses((status = 200, description = "The exception", body = ShiftExceptionDocument)),
)]
#[get("/v1/shift-exceptions/{id}")]
async fn get_shift_exception(app: State, caller: Caller, id: PathId<ShiftExceptionId>) -> Answer {
    reply::document(&shift::get_exception(&app.db.reader(), &caller.scope, id.0).await?)
}

/// Changes an exception. For the dispatcher's desk; `confirm` as when it is made.
#[utoipa::path(
    tag = "shifts",
    responses((status = 200, description = "The exception", body = ShiftExceptionDocument)),
)]
#[patch("/v1/shift-exceptions/{id}")]
async fn change_shift_exception(
    app: State,
    caller: Caller,
    id: PathId<ShiftExceptionId>,
    version: IfMatch,
    args: Json<PatchShiftException>,
) -> Answer {
    app.write(&caller, ChangeException { id: id.0, version: version.0, args: args.0 }, AsJson::ok()).await
}

/// Takes an exception back: the template holds again on its date. For the dispatcher's desk.
#[utoipa::path(
    tag = "shifts",
    params(Confirm),
    responses((status = 204, description = "It is gone")),
)]
#[delete("/v1/shift-exceptions/{id}")]
async fn remove_shift_exception(
    app: State,
    caller: Caller,
    id: PathId<ShiftExceptionId>,
    confirm: Query<Confirm>,
) -> Answer {
    app.write(&caller, RemoveException { id: id.0, confirm: confirm.0.confirm }, NoContent).await
}
