//! Messages to people: what they have, what did not arrive, and what their apps say of it.

mod mass;
mod settings;

use actix_web::{get, post};
use naryad_domain::{
    id::NotificationId,
    notification::{
        CallOf, LogCall, NotificationDetail, NotificationDocument, NotificationFilter, Receipt, ReceiptOf,
        find, list,
    },
    privacy::ReadSubject,
};

use crate::{
    extract::{Caller, Idempotency, Json, PageQuery, PathId, Query},
    problem::Answer,
    reply::{self, AsJson, PageOf},
    routes::Routes,
    state::State,
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(list_notifications).add(get_notification).add(receive_notification).add(log_notification_call);
    settings::routes(routes);
    mass::routes(routes);
}

/// Whose data a message shows: the resident's it is to, or the applicant's of its ticket.
fn subject(message: &NotificationDocument) -> Option<ReadSubject> {
    message.resident_id.map(ReadSubject::Resident).or(message.ticket_id.map(ReadSubject::Ticket))
}

/// Messages, newest first: all of the organization for the desk, and those to the caller for everybody else. With
/// `undelivered=true` the board of what did not arrive.
#[utoipa::path(
    tag = "notifications",
    params(NotificationFilter, PageQuery),
    responses((status = 200, description = "A page", body = PageOf<NotificationDocument>)),
)]
#[get("/v1/notifications")]
async fn list_notifications(
    app: State,
    caller: Caller,
    filter: Query<NotificationFilter>,
    page: Query<PageQuery>,
) -> Answer {
    let page = list(&app.db.reader(), &caller.scope, &filter, &page.request(&app)?).await?;
    app.note_reads(&caller.scope, "list_notifications", page.items.iter().filter_map(subject)).await;
    app.page(page)
}

/// A message, and what was tried to bring it.
#[utoipa::path(
    tag = "notifications",
    responses((status = 200, description = "The message", body = NotificationDetail)),
)]
#[get("/v1/notifications/{id}")]
async fn get_notification(app: State, caller: Caller, id: PathId<NotificationId>) -> Answer {
    let detail = find(&app.db.reader(), &caller.scope, id.0).await?;
    app.note_reads(&caller.scope, "get_notification", subject(&detail.notification)).await;
    reply::document(&detail)
}

/// The app has the message, or its person has read it: it climbs no further. A second time changes nothing.
#[utoipa::path(
    tag = "notifications",
    responses((status = 200, description = "The message", body = NotificationDocument)),
)]
#[post("/v1/notifications/{id}/receipt")]
async fn receive_notification(
    app: State,
    caller: Caller,
    id: PathId<NotificationId>,
    key: Idempotency,
    args: Json<ReceiptOf>,
) -> Answer {
    app.write_once(&caller, &key, Receipt { notification: id.0, args: args.0 }, AsJson::ok()).await
}

/// The desk has called instead of a message that did not arrive.
#[utoipa::path(
    tag = "notifications",
    responses((status = 200, description = "The message", body = NotificationDocument)),
)]
#[post("/v1/notifications/{id}/call")]
async fn log_notification_call(
    app: State,
    caller: Caller,
    id: PathId<NotificationId>,
    key: Idempotency,
    args: Json<CallOf>,
) -> Answer {
    app.write_once(&caller, &key, LogCall { notification: id.0, args: args.0 }, AsJson::ok()).await
}
