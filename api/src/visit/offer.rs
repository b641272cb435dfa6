//! The resident's part of a visit.

use actix_web::{get, post};
use naryad_domain::{
    id::VisitId,
    ticket::TicketDocument,
    visit::{Absent, Choose, ChooseTime, ConfirmTime, NotAtHome, OfferedTimes, offers},
};

use crate::{
    extract::{Caller, Idempotency, Json, Language, PathId},
    problem::Answer,
    reply,
    routes::Routes,
    state::State,
    ticket::changed,
};

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(visit_offers).add(choose_time).add(confirm_time).add(not_at_home);
}

/// The times that the house offers for a visit instead. For the resident; the desk searches.
#[utoipa::path(
    tag = "visits",
    responses((status = 200, description = "The times, earliest first", body = OfferedTimes)),
)]
#[get("/v1/visits/{id}/offers")]
async fn visit_offers(app: State, caller: Caller, id: PathId<VisitId>, language: Language) -> Answer {
    let now = app.clock().now();
    reply::document(&offers(&app.db.reader(), &caller.scope, now, id.0, language.0).await?)
}

/// The resident chooses an offered time.
#[utoipa::path(
    tag = "visits",
    request_body = ChooseTime,
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/visits/{id}/choose")]
async fn choose_time(
    app: State,
    caller: Caller,
    id: PathId<VisitId>,
    key: Idempotency,
    args: Json<ChooseTime>,
) -> Answer {
    app.write_once(&caller, &key, Choose { visit: id.0, args: args.0 }, changed()).await
}

/// The resident confirms that somebody will be at home.
#[utoipa::path(tag = "visits", responses((status = 200, description = "The ticket", body = TicketDocument)))]
#[post("/v1/visits/{id}/confirm")]
async fn confirm_time(app: State, caller: Caller, id: PathId<VisitId>, key: Idempotency) -> Answer {
    app.write_once(&caller, &key, ConfirmTime { visit: id.0 }, changed()).await
}

/// «Меня нет дома»: the desk is alerted. The resident.
#[utoipa::path(
    tag = "visits",
    request_body = NotAtHome,
    responses((status = 200, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/visits/{id}/absent")]
async fn not_at_home(
    app: State,
    caller: Caller,
    id: PathId<VisitId>,
    key: Idempotency,
    args: Json<NotAtHome>,
) -> Answer {
    app.write_once(&caller, &key, Absent { visit: id.0, args: args.0 }, changed()).await
}
