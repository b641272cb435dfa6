//! Who am I.

use actix_web::get;
use naryad_domain::people::me::{self, MeDocument};

use crate::{extract::Caller, problem::Answer, reply, state::State};

/// The signed-in person: who he is, where, and for a resident every organization he belongs to, with his premises.
#[utoipa::path(tag = "people", responses((status = 200, description = "The person", body = MeDocument)))]
#[get("/v1/me")]
pub(super) async fn get_me(app: State, caller: Caller) -> Answer {
    reply::document(&me::me(&app.db.reader(), &caller.scope).await?)
}
