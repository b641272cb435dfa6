//! A ticket followed by a link, without signing in; and the links, for the desk.

use actix_web::{HttpRequest, HttpResponse, delete, get, http::header, post, web};
use naryad_domain::{
    Scope,
    id::{PhotoId, TicketId, TrackId, VisitId},
    page::Page,
    photo::{self, Size},
    ticket::Accept,
    track::{self, Create, NewTrackLink, Revoke, TrackDocument, TrackLinkDocument},
    visit::{Absent, Choose, ChooseTime, ConfirmTime, NotAtHome, OfferedTimes, offers},
    write::Act,
};

use crate::{
    extract::{Caller, Json, Language, PathId},
    photo::content::{self, Bytes},
    problem::Answer,
    reply::{AsJson, NoContent, PageOf},
    routes::Routes,
    state::{App, State},
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(create_track_link).add(list_track_links).add(revoke_track_link);
    routes.add(track_ticket).add(track_offers).add(track_choose).add(track_confirm).add(track_absent);
    routes.add(track_accept).add(track_photo);
}

/// Makes a link by which the applicant follows the ticket without signing in. The owner's desk.
#[utoipa::path(
    tag = "tracking",
    responses((status = 201, description = "The link, whose address is shown once", body = NewTrackLink)),
)]
#[post("/v1/tickets/{id}/track-links")]
async fn create_track_link(app: State, caller: Caller, id: PathId<TicketId>) -> Answer {
    // Its answer holds a secret: it is not kept for a repetition.
    app.write(&caller, Create { ticket: id.0 }, AsJson::created()).await
}

/// The links to a ticket that stand. The owner's desk.
#[utoipa::path(
    tag = "tracking",
    responses((status = 200, description = "All of them", body = PageOf<TrackLinkDocument>)),
)]
#[get("/v1/tickets/{id}/track-links")]
async fn list_track_links(app: State, caller: Caller, id: PathId<TicketId>) -> Answer {
    let items = track::list(&app.db.reader(), &caller.scope, id.0).await?;
    app.page(Page { items, next: None })
}

/// Revokes a link. The owner's desk.
#[utoipa::path(tag = "tracking", responses((status = 204, description = "It no longer opens anything")))]
#[delete("/v1/tickets/{id}/track-links/{link_id}")]
async fn revoke_track_link(app: State, caller: Caller, ids: PathId<(TicketId, TrackId)>) -> Answer {
    let PathId((ticket, link)) = ids;
    app.write(&caller, Revoke { ticket, link }, NoContent).await
}

/// Opens a link: how often is limited by the address of the client.
async fn open(app: &App, token: &str) -> naryad_domain::Result<(Scope, TicketId)> {
    track::open(&app.db.reader(), token, app.clock().now()).await
}

/// Shows the ticket of a link; nothing of it is to be kept by anybody on the way.
async fn shown(app: &App, scope: &Scope, ticket: TicketId) -> Answer {
    let document = track::document(&app.db.reader(), scope, ticket).await?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"));
    Ok(response.json(document))
}

/// Makes a move in the name of whoever holds the link, and shows the ticket.
async fn moved<A: Act>(app: &App, token: &str, act: impl FnOnce(TicketId) -> A) -> Answer {
    let (scope, ticket) = open(app, token).await?;
    app.db.write(scope, act(ticket)).await?;
    shown(app, &scope, ticket).await
}

/// The ticket of a link: number, term, who comes and when, the photos of the result.
#[utoipa::path(
    tag = "tracking",
    security(()),
    params(("token" = String, Path, description = "What the link holds.")),
    responses((status = 200, description = "The ticket", body = TrackDocument)),
)]
#[get("/v1/track/{token}")]
async fn track_ticket(app: State, token: web::Path<String>) -> Answer {
    let (scope, ticket) = open(&app, &token).await?;
    shown(&app, &scope, ticket).await
}

/// The times that the house offers instead.
#[utoipa::path(
    tag = "tracking",
    security(()),
    params(
        ("token" = String, Path, description = "What the link holds."),
        ("visit_id" = VisitId, Path, description = "The visit."),
    ),
    responses((status = 200, description = "The times, earliest first", body = OfferedTimes)),
)]
#[get("/v1/track/{token}/visits/{visit_id}/offers")]
async fn track_offers(app: State, path: web::Path<(String, VisitId)>, language: Language) -> Answer {
    let (token, visit) = path.into_inner();
    let (scope, _) = open(&app, &token).await?;
    let now = app.clock().now();
    Ok(HttpResponse::Ok().json(offers(&app.db.reader(), &scope, now, visit, language.0).await?))
}

/// «Перенести»: the visit goes to an offered time.
#[utoipa::path(
    tag = "tracking",
    security(()),
    params(
        ("token" = String, Path, description = "What the link holds."),
        ("visit_id" = VisitId, Path, description = "The visit."),
        ("Idempotency-Key" = Option<String>, Header, description = "Not needed: a time is chosen once."),
    ),
    request_body = ChooseTime,
    responses((status = 200, description = "The ticket", body = TrackDocument)),
)]
#[post("/v1/track/{token}/visits/{visit_id}/choose")]
async fn track_choose(app: State, path: web::Path<(String, VisitId)>, args: Json<ChooseTime>) -> Answer {
    let (token, visit) = path.into_inner();
    moved(&app, &token, |_| Choose { visit, args: args.0 }).await
}

/// Somebody will be at home.
#[utoipa::path(
    tag = "tracking",
    security(()),
    params(
        ("token" = String, Path, description = "What the link holds."),
        ("visit_id" = VisitId, Path, description = "The visit."),
        ("Idempotency-Key" = Option<String>, Header, description = "Not needed: once more is the same."),
    ),
    responses((status = 200, description = "The ticket", body = TrackDocument)),
)]
#[post("/v1/track/{token}/visits/{visit_id}/confirm")]
async fn track_confirm(app: State, path: web::Path<(String, VisitId)>) -> Answer {
    let (token, visit) = path.into_inner();
    moved(&app, &token, |_| ConfirmTime { visit }).await
}

/// «Меня нет дома»: the desk is alerted.
#[utoipa::path(
    tag = "tracking",
    security(()),
    params(
        ("token" = String, Path, description = "What the link holds."),
        ("visit_id" = VisitId, Path, description = "The visit."),
        ("Idempotency-Key" = Option<String>, Header, description = "Not needed: each time is told."),
    ),
    request_body = NotAtHome,
    responses((status = 200, description = "The ticket", body = TrackDocument)),
)]
#[post("/v1/track/{token}/visits/{visit_id}/absent")]
async fn track_absent(app: State, path: web::Path<(String, VisitId)>, args: Json<NotAtHome>) -> Answer {
    let (token, visit) = path.into_inner();
    moved(&app, &token, |_| Absent { visit, args: args.0 }).await
}

/// The work is accepted.
#[utoipa::path(
    tag = "tracking",
    security(()),
    params(
        ("token" = String, Path, description = "What the link holds."),
        ("Idempotency-Key" = Option<String>, Header, description = "Not needed: work is accepted once."),
    ),
    responses((status = 200, description = "The ticket", body = TrackDocument)),
)]
#[post("/v1/track/{token}/accept")]
async fn track_accept(app: State, token: web::Path<String>) -> Answer {
    moved(&app, &token, |ticket| Accept { ticket }).await
}

/// A photo of the result, at most 1280 px on a side, without metadata.
#[utoipa::path(
    tag = "tracking",
    security(()),
    params(
        ("token" = String, Path, description = "What the link holds."),
        ("photo_id" = PhotoId, Path, description = "The photo."),
    ),
    responses(
        (status = 200, description = "The picture", content((Bytes = "image/jpeg"))),
        (status = 206, description = "The part in `Content-Range`", content((Bytes = "image/jpeg"))),
        (status = 304, description = "These bytes are here already"),
        (status = 416, description = "The range begins behind the end; `Content-Range` tells the length"),
    ),
)]
#[get("/v1/track/{token}/photos/{photo_id}")]
async fn track_photo(app: State, path: web::Path<(String, PhotoId)>, request: HttpRequest) -> Answer {
    let (token, id) = path.into_inner();
    let (scope, _) = open(&app, &token).await?;
    let content = photo::find(&app.db.reader(), &scope, id, Size::Large).await?;
    content::answer(&*app.blobs, &content, &request).await
}
