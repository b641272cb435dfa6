//! Alerts: what wants somebody's attention.

use actix_web::{get, post};
use naryad_domain::{
    alert::{Acknowledge, AlertDocument, AlertFilter, list},
    id::AlertId,
};

use crate::{
    extract::{Caller, Idempotency, PageQuery, PathId, Query},
    problem::Answer,
    reply::{AsJson, PageOf},
    routes::Routes,
    state::State,
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(list_alerts).add(acknowledge_alert);
}

/// Alerts of the organization and of the work it executes, newest first. For the desk.
#[utoipa::path(
    tag = "deadlines",
    params(AlertFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<AlertDocument>)),
)]
#[get("/v1/alerts")]
async fn list_alerts(
    app: State,
    caller: Caller,
    filter: Query<AlertFilter>,
    page: Query<PageQuery>,
) -> Answer {
    let page = list(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?;
    app.page(page)
}

/// Takes notice of an alert: it is not repeated. For the desk.
#[utoipa::path(tag = "deadlines", responses((status = 200, description = "The alert", body = AlertDocument)))]
#[post("/v1/alerts/{id}/acknowledge")]
async fn acknowledge_alert(app: State, caller: Caller, id: PathId<AlertId>, key: Idempotency) -> Answer {
    app.write_once(&caller, &key, Acknowledge { alert: id.0 }, AsJson::ok()).await
}
