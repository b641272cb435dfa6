//! The stream of a phone: it says «pull now», and nothing else.

use actix_web::get;
use naryad_domain::auth::Role;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{events::stream_of, extract::Caller, problem::Answer, routes::Routes, state::State};

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(sync_events);
}

/// What a `poke` says: nothing. Pull.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PullNow {}

/// A stream of server-sent events for a technician's phone: `poke` and `resync` mean that it should pull now; comments
/// say that the stream lives. It ends with the access token: open it again with a fresh one.
#[utoipa::path(
    tag = "sync",
    responses((status = 200, description = "The stream; `poke` carries `PullNow`", body = String,
               content_type = "text/event-stream"))
)]
#[get("/v1/sync/events")]
async fn sync_events(app: State, caller: Caller) -> Answer {
    caller.scope.require(&[Role::Technician])?;
    let (feed, organization) = (caller.scope.actor_id(), caller.scope.organization());
    Ok(stream_of(&app, caller.until, move |poke| {
        let fed = poke.feeds.contains(&feed) || poke.feeds.contains(&organization.0);
        // Who cannot say what changed says that anything may have.
        let anything = poke.organization == organization && poke.is_vague();
        (fed || anything).then_some(PullNow {})
    }))
}
