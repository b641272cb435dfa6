//! The offline protocol over HTTP: pull, push, pokes, and the phones as the desk sees them.

mod events;

use actix_web::{get, post};
use naryad_domain::{
    auth::{Purpose, Role},
    stream::{self, PhoneDocument, PhoneFilter, SentFilter, SentMutation},
};
use naryad_sync::{
    pull::{PullAnswer, PullRequest, pull},
    push::{PushAnswer, PushRequest, push},
};

use crate::{
    extract::{Caller, Json, PageQuery, Query, Sender},
    metrics,
    problem::Answer,
    reply::{self, PageOf},
    routes::Routes,
    state::State,
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(sync_pull).add(sync_push).add(list_phones).add(list_sent);
    events::routes(routes);
}

/// What changed for a technician's phone since it last asked. The answer is of one moment of the database.
#[utoipa::path(
    tag = "sync",
    params(("Idempotency-Key" = Option<String>, Header, description = "Not needed: a pull changes nothing.")),
    request_body = PullRequest,
    responses((status = 200, description = "The changes", body = PullAnswer)),
)]
#[post("/v1/sync/pull")]
async fn sync_pull(app: State, caller: Caller, args: Json<PullRequest>) -> Answer {
    caller.scope.require(&[Role::Technician])?;
    let answered = pull(&app.db, caller.scope, app.keys.secret(Purpose::Feed), &args.0).await;
    match &answered {
        Ok(answer) => {
            let outcome = if args.0.cursor.is_none() { "bootstrap" } else { "changes" };
            metrics::pulled(outcome, answer.changes.len());
        }
        Err(error) => metrics::pulled(error.code().name(), 0),
    }
    reply::plain(&answered?)
}

/// A technician's phone delivers what it recorded: each act gets exactly one answer, and keeps it. By the access token of
/// the stream's owner, or by the delivery key of the stream (`Authorization: Delivery ...`).
#[utoipa::path(
    tag = "sync",
    params(("Idempotency-Key" = Option<String>, Header, description = "Not needed: numbers and identifiers tell.")),
    request_body = PushRequest,
    responses((status = 200, description = "The answers", body = PushAnswer)),
)]
#[post("/v1/sync/push")]
async fn sync_push(app: State, sender: Sender, args: Json<PushRequest>) -> Answer {
    sender.scope.require(&[Role::Technician])?;
    sender.require_stream(args.0.stream_id)?;
    let answer = push(&app.db, sender.scope, args.0).await?;
    for result in &answer.results {
        metrics::pushed(result.status.name(), result.replayed);
    }
    reply::document(&answer)
}

/// The phones of the technicians: what waits on each, what it lost, when it was heard of last. For the desk.
#[utoipa::path(
    tag = "sync",
    params(PhoneFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<PhoneDocument>)),
)]
#[get("/v1/sync/phones")]
async fn list_phones(
    app: State,
    caller: Caller,
    filter: Query<PhoneFilter>,
    page: Query<PageQuery>,
) -> Answer {
    let (reader, now) = (app.db.reader(), app.clock().now());
    app.page(stream::phones(&reader, &caller.scope, now, &filter, &page.request(&app)?).await?)
}

/// What the phones have sent, as it came, with what became of it; what was refused is kept here. For the desk.
#[utoipa::path(
    tag = "sync",
    params(SentFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<SentMutation>)),
)]
#[get("/v1/sync/mutations")]
async fn list_sent(app: State, caller: Caller, filter: Query<SentFilter>, page: Query<PageQuery>) -> Answer {
    app.page(stream::sent(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?)
}
