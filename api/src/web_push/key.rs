//! The key that browsers subscribe with.

use actix_web::{get, http::StatusCode};
use naryad_domain::{Code, Error};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{extract::Caller, problem::Answer, reply, routes::Routes, state::State};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(web_push_key);
}

/// What a browser needs to subscribe.
#[derive(Debug, Serialize, ToSchema)]
struct WebPushKey {
    /// The `applicationServerKey`: an uncompressed point on P-256, base64url. When it has changed, the browser subscribes
    /// anew.
    key: String,
}

/// The public key that a browser subscribes to pushes with; 404 where none are sent to browsers.
#[utoipa::path(tag = "people", responses((status = 200, description = "The key", body = WebPushKey)))]
#[get("/v1/web-push/key")]
async fn web_push_key(app: State, _caller: Caller) -> Answer {
    let absent = || Error::new(Code::NotFound, "Nothing is pushed to browsers here");
    let key = app.web_push.as_ref().ok_or_else(absent)?.public_key().to_owned();
    Ok(reply::respond(reply::json(StatusCode::OK, &WebPushKey { key })?))
}
