//! Sessions: login and password, a code by SMS, refresh, the end.

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, HeaderValue},
    post, put,
};
use naryad_domain::{
    auth::{
        Tokens,
        store::{LogIn, LogOut, PairPhone, Refresh, RequestCode, VerifyCode},
    },
    people::user::password::{self, ChangePassword},
};

use crate::{
    extract::{Caller, Json},
    problem::Answer,
    reply,
    routes::Routes,
    state::State,
};

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes
        .add(log_in)
        .add(refresh)
        .add(log_out)
        .add(request_code)
        .add(verify_code)
        .add(pair)
        .add(change_password);
}

/// Tokens are for the client alone: nothing on the way keeps them.
fn tokens(tokens: &Tokens) -> Answer {
    let mut response = reply::document(tokens)?;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Signs in a member of staff by login and password.
#[utoipa::path(
    tag = "auth",
    security(()),
    request_body = LogIn,
    responses((status = 200, description = "Tokens", body = Tokens)),
)]
#[post("/v1/auth/login")]
async fn log_in(app: State, args: Json<LogIn>) -> Answer {
    tokens(&app.sign_in.log_in(args.0).await?)
}

/// Changes a refresh token for its successor and a fresh access token. A lost answer is asked for again with the same
/// `rotation_id`; another `rotation_id` on a used token ends the sign-in.
#[utoipa::path(
    tag = "auth",
    security(()),
    request_body = Refresh,
    responses((status = 200, description = "Tokens", body = Tokens)),
)]
#[post("/v1/auth/refresh")]
async fn refresh(app: State, args: Json<Refresh>) -> Answer {
    tokens(&app.sign_in.refresh(args.0).await?)
}

/// Ends a sign-in. The access token lives on until its time is over.
#[utoipa::path(
    tag = "auth",
    security(()),
    request_body = LogOut,
    responses((status = 204, description = "It has ended")),
)]
#[post("/v1/auth/logout")]
async fn log_out(app: State, args: Json<LogOut>) -> Answer {
    app.sign_in.log_out(args.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Sends a code to a resident's phone, once a minute and five times an hour. The answer does not tell whether anybody
/// has that phone.
#[utoipa::path(
    tag = "auth",
    security(()),
    request_body = RequestCode,
    responses((status = 204, description = "Whoever has the phone has the code")),
)]
#[post("/v1/auth/otp/request")]
async fn request_code(app: State, args: Json<RequestCode>) -> Answer {
    app.sign_in.request_code(args.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Signs in a resident by a code. `tries_left` of the refusal says how often he may try again.
#[utoipa::path(
    tag = "auth",
    security(()),
    request_body = VerifyCode,
    responses((status = 200, description = "Tokens", body = Tokens)),
)]
#[post("/v1/auth/otp/verify")]
async fn verify_code(app: State, args: Json<VerifyCode>) -> Answer {
    tokens(&app.sign_in.verify_code(args.0).await?)
}

/// Signs in a technician's phone by the code that the desk shows. A lost answer is asked for again with the same
/// `rotation_id`; another `rotation_id` on a used code ends the sign-in.
#[utoipa::path(
    tag = "auth",
    security(()),
    request_body = PairPhone,
    responses((status = 200, description = "Tokens", body = Tokens)),
)]
#[post("/v1/auth/pair")]
async fn pair(app: State, args: Json<PairPhone>) -> Answer {
    tokens(&app.sign_in.pair(args.0).await?)
}

/// Changes one's own password and ends every session, this one too.
#[utoipa::path(
    tag = "auth",
    request_body = ChangePassword,
    responses((status = 204, description = "It is changed")),
)]
#[put("/v1/auth/password")]
async fn change_password(app: State, caller: Caller, args: Json<ChangePassword>) -> Answer {
    password::change_own(&app.db, caller.scope, args.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
