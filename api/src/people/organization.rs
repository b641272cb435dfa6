//! The organization of the one who asks.

use actix_web::{get, patch};
use naryad_domain::people::organization::store::{self, Change, OrganizationDocument, PatchOrganization};

use crate::{
    extract::{Caller, IfMatch, Json},
    problem::Answer,
    reply::{self, AsJson},
    routes::Routes,
    state::State,
};

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(get_organization).add(change_organization);
}

/// One's own organization with its settings.
#[utoipa::path(
    tag = "people",
    responses((status = 200, description = "The organization", body = OrganizationDocument)),
)]
#[get("/v1/organization")]
async fn get_organization(app: State, caller: Caller) -> Answer {
    reply::document(&store::get(&app.db.reader(), &caller.scope).await?)
}

/// Changes one's own organization. Administrators only.
#[utoipa::path(
    tag = "people",
    request_body = PatchOrganization,
    responses((status = 200, description = "The organization", body = OrganizationDocument)),
)]
#[patch("/v1/organization")]
async fn change_organization(
    app: State,
    caller: Caller,
    version: IfMatch,
    args: Json<PatchOrganization>,
) -> Answer {
    app.write(&caller, Change { version: version.0, args: args.0 }, AsJson::ok()).await
}
