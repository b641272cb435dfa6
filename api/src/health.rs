//! Whether the process lives, and whether it can serve.

use actix_web::{HttpResponse, get};
use naryad_domain::{Code, Error};

use crate::{problem::Answer, routes::Routes, state::State};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(healthz).add(readyz);
}

/// The process lives.
#[utoipa::path(
    tag = "service",
    security(()),
    responses((status = 200, description = "It does", body = String, content_type = "text/plain"))
)]
#[get("/healthz")]
async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok")
}

/// The process can serve: the database answers, has every migration, and no shutdown has begun.
#[utoipa::path(
    tag = "service",
    security(()),
    responses((status = 200, description = "It can", body = String, content_type = "text/plain"))
)]
#[get("/readyz")]
async fn readyz(app: State) -> Answer {
    if app.stop.is_cancelled() {
        return Err(Error::new(Code::Unavailable, "the service is shutting down").into());
    }
    if !app.db.is_migrated().await? {
        return Err(Error::new(Code::Unavailable, "the database lacks a migration").into());
    }
    Ok(HttpResponse::Ok().content_type("text/plain").body("ready"))
}
