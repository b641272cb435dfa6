//! Members of staff.

use actix_web::{HttpResponse, get, patch, post, put};
use naryad_domain::{
    id::UserId,
    people::user::{
        password::{self, SetPassword},
        store::{self, Change, Create, CreateUser, PatchUser, UserDocument, UserFilter},
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
    routes.add(create_user).add(list_users).add(get_user).add(change_user).add(set_password);
}

/// Takes on a member of staff. Administrators only.
#[utoipa::path(
    tag = "people",
    request_body = CreateUser,
    responses((status = 201, description = "The member of staff", body = UserDocument)),
)]
#[post("/v1/users")]
async fn create_user(app: State, caller: Caller, key: Idempotency, args: Json<CreateUser>) -> Answer {
    // Before the password is hashed: that is work.
    caller.scope.require(store::KEEPERS)?;
    let id = match args.0.id {
        Some(id) => UserId::from_client(id.0, "id")?,
        None => UserId::new(app.clock()),
    };
    app.write_once(&caller, &key, Create::prepare(id, args.0).await?, AsJson::created()).await
}

/// Members of staff, in the order in which they were taken on. Managers and administrators only.
#[utoipa::path(
    tag = "people",
    params(UserFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<UserDocument>)),
)]
#[get("/v1/users")]
async fn list_users(app: State, caller: Caller, filter: Query<UserFilter>, page: Query<PageQuery>) -> Answer {
    let page = store::list(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?;
    app.page(page)
}

/// A member of staff, for managers, administrators and himself.
#[utoipa::path(
    tag = "people",
    responses((status = 200, description = "The member of staff", body = UserDocument)),
)]
#[get("/v1/users/{id}")]
async fn get_user(app: State, caller: Caller, id: PathId<UserId>) -> Answer {
    reply::document(&store::get(&app.db.reader(), &caller.scope, id.0).await?)
}

/// Changes a member of staff, or lets him go (`active`: false), which ends all his sessions. Administrators only.
#[utoipa::path(
    tag = "people",
    request_body = PatchUser,
    responses((status = 200, description = "The member of staff", body = UserDocument)),
)]
#[patch("/v1/users/{id}")]
async fn change_user(
    app: State,
    caller: Caller,
    id: PathId<UserId>,
    version: IfMatch,
    args: Json<PatchUser>,
) -> Answer {
    app.write(&caller, Change { id: id.0, version: version.0, args: args.0 }, AsJson::ok()).await
}

/// Sets another's password and ends every session of his. Administrators only.
#[utoipa::path(
    tag = "people",
    request_body = SetPassword,
    responses((status = 204, description = "It is set")),
)]
#[put("/v1/users/{id}/password")]
async fn set_password(app: State, caller: Caller, id: PathId<UserId>, args: Json<SetPassword>) -> Answer {
    password::set(&app.db, caller.scope, id.0, args.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
