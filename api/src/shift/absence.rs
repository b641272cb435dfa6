//! Absences and breaks.

use actix_web::{get, patch, post};
use naryad_domain::{
    id::AbsenceId,
    shift::{
        self, AbsenceDocument, AbsenceFilter, CancelAbsence, ChangeAbsence, PatchAbsence, Record,
        RecordAbsence,
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
    routes.add(list_absences).add(record_absence).add(get_absence).add(change_absence).add(cancel_absence);
}

/// Absences and breaks, in the order in which they were recorded. A technician sees his own.
#[utoipa::path(
    tag = "shifts",
    params(AbsenceFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<AbsenceDocument>)),
)]
#[get("/v1/absences")]
async fn list_absences(
    app: State,
    caller: Caller,
    filter: Query<AbsenceFilter>,
    page: Query<PageQuery>,
) -> Answer {
    let page = shift::list_absences(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?;
    app.page(page)
}

/// Records an absence or a break. For the dispatcher's desk. An absence from now on sends what was booked to «to be
/// rebooked» at once; one that lies ahead is refused with `displaces_bookings`, which lists the visits, until it is sent
/// with `confirm`. Visits that have begun stay. A second absence over one is refused.
#[utoipa::path(
    tag = "shifts",
    responses((status = 201, description = "The absence, and what it displaced", body = AbsenceDocument)),
)]
#[post("/v1/absences")]
async fn record_absence(app: State, caller: Caller, key: Idempotency, args: Json<RecordAbsence>) -> Answer {
    app.write_once(&caller, &key, Record { args: args.0 }, AsJson::created()).await
}

/// An absence, for the desk and for the technician himself.
#[utoipa::path(
    tag = "shifts",
    responses((status = 200, description = "The absence", body = AbsenceDocument)),
)]
#[get("/v1/absences/{id}")]
async fn get_absence(app: State, caller: Caller, id: PathId<AbsenceId>) -> Answer {
    reply::document(&shift::get_absence(&app.db.reader(), &caller.scope, id.0).await?)
}

/// Changes an absence that is not over: he comes back earlier or later. For the dispatcher's desk; where more visits
/// would lose their time, `confirm` is asked for.
#[utoipa::path(
    tag = "shifts",
    responses((status = 200, description = "The absence, and what it displaced", body = AbsenceDocument)),
)]
#[patch("/v1/absences/{id}")]
async fn change_absence(
    app: State,
    caller: Caller,
    id: PathId<AbsenceId>,
    version: IfMatch,
    args: Json<PatchAbsence>,
) -> Answer {
    app.write(&caller, ChangeAbsence { id: id.0, version: version.0, args: args.0 }, AsJson::ok()).await
}

/// Takes an absence back that has not begun, and ends one that has. For the dispatcher's desk.
#[utoipa::path(
    tag = "shifts",
    responses((status = 200, description = "The absence", body = AbsenceDocument)),
)]
#[post("/v1/absences/{id}/cancel")]
async fn cancel_absence(app: State, caller: Caller, id: PathId<AbsenceId>, key: Idempotency) -> Answer {
    app.write_once(&caller, &key, CancelAbsence { id: id.0 }, AsJson::ok()).await
}
