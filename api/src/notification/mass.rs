//! Messages to all who live in some buildings.

use actix_web::{get, post};
use naryad_domain::{
    id::MassNoticeId,
    notification::mass::{
        AudienceCount, ForBuildings, MassNoticeDocument, NewMassNotice, SendMassNotice, StopMassNotice,
        audience, find, list,
    },
};

use crate::{
    extract::{Caller, Idempotency, Json, PageQuery, PathId, Query},
    problem::Answer,
    reply::{self, AsJson, PageOf},
    routes::Routes,
    state::State,
};

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(count_audience).add(send_mass_notice).add(list_mass_notices);
    routes.add(get_mass_notice).add(stop_mass_notice);
}

/// Who would be told by a message to these buildings. For the desk; nothing is sent.
#[utoipa::path(
    tag = "notifications",
    responses((status = 200, description = "How many", body = AudienceCount)),
)]
#[post("/v1/mass-notices/audience")]
async fn count_audience(app: State, caller: Caller, args: Json<ForBuildings>) -> Answer {
    reply::document(&audience(&app.db.reader(), &caller.scope, &args.0).await?)
}

/// Sends a message to all who live in some buildings. For the desk.
#[utoipa::path(
    tag = "notifications",
    responses((status = 201, description = "The notice", body = MassNoticeDocument)),
)]
#[post("/v1/mass-notices")]
async fn send_mass_notice(app: State, caller: Caller, key: Idempotency, args: Json<NewMassNotice>) -> Answer {
    app.write_once(&caller, &key, SendMassNotice { args: args.0 }, AsJson::created()).await
}

/// Mass notices, newest first. For the desk.
#[utoipa::path(
    tag = "notifications",
    params(PageQuery),
    responses((status = 200, description = "A page", body = PageOf<MassNoticeDocument>)),
)]
#[get("/v1/mass-notices")]
async fn list_mass_notices(app: State, caller: Caller, page: Query<PageQuery>) -> Answer {
    app.page(list(&app.db.reader(), &caller.scope, &page.request(&app)?).await?)
}

/// A mass notice, and how far it has come.
#[utoipa::path(
    tag = "notifications",
    responses((status = 200, description = "The notice", body = MassNoticeDocument)),
)]
#[get("/v1/mass-notices/{id}")]
async fn get_mass_notice(app: State, caller: Caller, id: PathId<MassNoticeId>) -> Answer {
    reply::document(&find(&app.db.reader(), &caller.scope, id.0).await?)
}

/// Stops a mass notice: what is not on its way yet is not said. A second time changes nothing.
#[utoipa::path(
    tag = "notifications",
    responses((status = 200, description = "The notice", body = MassNoticeDocument)),
)]
#[post("/v1/mass-notices/{id}/stop")]
async fn stop_mass_notice(app: State, caller: Caller, id: PathId<MassNoticeId>, key: Idempotency) -> Answer {
    app.write_once(&caller, &key, StopMassNotice { mass_notice: id.0 }, AsJson::ok()).await
}
