//! Photos: announced for a ticket, and served.

pub(crate) mod content;

use std::time::Duration;

use actix_web::{HttpRequest, get, post, web};
use naryad_domain::{
    auth::Purpose,
    id::{PhotoId, TicketId},
    photo::{self, AddPhoto, AddPhotoArgs, Added, ContentLink, DoubtfulPhoto, Size},
    ticket::{self, TicketDocument},
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    extract::{Caller, Idempotency, Json, PageQuery, PathId, Query},
    problem::Answer,
    reply::{self, Document, PageOf},
    routes::Routes,
    state::State,
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(doubtful_photos).add(add_photo).add(get_photo).add(link_photo).add(linked_content);
}

/// Announces a photo. Its bytes follow at `/v1/uploads`, at any time; if they are here already, it is received at once.
#[utoipa::path(
    tag = "photos",
    request_body = AddPhotoArgs,
    responses((status = 201, description = "The ticket", body = TicketDocument)),
)]
#[post("/v1/tickets/{id}/photos")]
async fn add_photo(
    app: State,
    caller: Caller,
    id: PathId<TicketId>,
    key: Idempotency,
    args: Json<AddPhotoArgs>,
) -> Answer {
    let act = AddPhoto { ticket: id.0, args: args.0, review: None };
    let show = Document::created(|tx, added: &Added| {
        Box::pin(async move { ticket::document(&tx.reader(), tx.scope(), added.photo.ticket_id).await })
    });
    app.write_once(&caller, &key, act, show).await
}

/// Photos that raise doubts: taken at another time or place, used before. The newest first; for the owner's desk.
#[utoipa::path(
    tag = "photos",
    params(PageQuery),
    responses((status = 200, description = "A page", body = PageOf<DoubtfulPhoto>)),
)]
#[get("/v1/photos/doubtful")]
async fn doubtful_photos(app: State, caller: Caller, page: Query<PageQuery>) -> Answer {
    app.page(photo::doubtful(&app.db.reader(), &caller.scope, &page.request(&app)?).await?)
}

/// Which picture of a photo.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PhotoSize {
    /// The very bytes that were sent.
    Original,
    /// Upright, at most 1280 px on a side, JPEG without metadata.
    #[serde(rename = "1280")]
    Large,
    /// Upright, at most 320 px on a side, JPEG without metadata.
    #[serde(rename = "320")]
    Small,
}

impl PhotoSize {
    fn of(asked: Option<Self>) -> Size {
        match asked {
            None | Some(Self::Original) => Size::Original,
            Some(Self::Large) => Size::Large,
            Some(Self::Small) => Size::Small,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct PhotoQuery {
    /// The original when absent.
    #[param(inline)]
    size: Option<PhotoSize>,
}

/// The bytes of a photo: as they were sent, or a preview that is upright and tells nothing of where it was taken.
/// Residents get previews of all photos of their tickets, and the originals they sent themselves.
#[utoipa::path(
    tag = "photos",
    params(
        PhotoQuery,
        ("Range" = Option<String>, Header, description = "One range of bytes; several are answered with the whole."),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the bytes that are here already."),
        ("If-Range" = Option<String>, Header, description = "The range counts for the bytes of this ETag only."),
    ),
    responses(
        (
            status = 200,
            description = "The bytes; the ETag is their SHA-256",
            content(
                (content::Bytes = "image/jpeg"), (content::Bytes = "image/png"),
                (content::Bytes = "image/webp"), (content::Bytes = "image/heic"),
                (content::Bytes = "application/pdf"), (content::Bytes = "audio/ogg"),
                (content::Bytes = "audio/mp4"), (content::Bytes = "audio/mpeg"),
                (content::Bytes = "audio/aac"), (content::Bytes = "audio/wav"),
                (content::Bytes = "audio/webm"), (content::Bytes = "audio/amr"),
            ),
        ),
        (
            status = 206,
            description = "The part of the bytes in `Content-Range`",
            content(
                (content::Bytes = "image/jpeg"), (content::Bytes = "image/png"),
                (content::Bytes = "image/webp"), (content::Bytes = "image/heic"),
                (content::Bytes = "application/pdf"), (content::Bytes = "audio/ogg"),
                (content::Bytes = "audio/mp4"), (content::Bytes = "audio/mpeg"),
                (content::Bytes = "audio/aac"), (content::Bytes = "audio/wav"),
                (content::Bytes = "audio/webm"), (content::Bytes = "audio/amr"),
            ),
        ),
        (status = 304, description = "These bytes are here already"),
        (status = 416, description = "The range begins behind the end; `Content-Range` tells the length"),
    ),
)]
#[get("/v1/photos/{id}")]
async fn get_photo(
    app: State,
    caller: Caller,
    id: PathId<PhotoId>,
    query: Query<PhotoQuery>,
    request: HttpRequest,
) -> Answer {
    let content = photo::find(&app.db.reader(), &caller.scope, id.0, PhotoSize::of(query.0.size)).await?;
    content::answer(&*app.blobs, &content, &request).await
}

/// A link to the bytes of a photo that needs no token: for a picture in a page, for a player. It counts for some minutes.
#[utoipa::path(
    tag = "photos",
    params(PhotoQuery),
    responses((status = 200, description = "The link", body = ContentLink)),
)]
#[get("/v1/photos/{id}/link")]
async fn link_photo(app: State, caller: Caller, id: PathId<PhotoId>, query: Query<PhotoQuery>) -> Answer {
    let size = PhotoSize::of(query.0.size);
    let content = photo::find(&app.db.reader(), &caller.scope, id.0, size).await?;
    let lasts = Duration::from_secs(app.config.link_seconds.into());
    let secret = app.keys.secret(Purpose::Content);
    reply::document(&photo::link(&*app.blobs, secret, &content, app.clock().now(), lasts).await?)
}

/// The bytes that a link of this service names.
#[utoipa::path(
    tag = "photos",
    security(()),
    params(("token" = String, Path, description = "What the link holds.")),
    responses(
        (
            status = 200,
            description = "The bytes",
            content(
                (content::Bytes = "image/jpeg"), (content::Bytes = "image/png"),
                (content::Bytes = "image/webp"), (content::Bytes = "image/heic"),
                (content::Bytes = "application/pdf"), (content::Bytes = "audio/ogg"),
                (content::Bytes = "audio/mp4"), (content::Bytes = "audio/mpeg"),
                (content::Bytes = "audio/aac"), (content::Bytes = "audio/wav"),
                (content::Bytes = "audio/webm"), (content::Bytes = "audio/amr"),
            ),
        ),
        (
            status = 206,
            description = "The part in `Content-Range`",
            content(
                (content::Bytes = "image/jpeg"), (content::Bytes = "image/png"),
                (content::Bytes = "image/webp"), (content::Bytes = "image/heic"),
                (content::Bytes = "application/pdf"), (content::Bytes = "audio/ogg"),
                (content::Bytes = "audio/mp4"), (content::Bytes = "audio/mpeg"),
                (content::Bytes = "audio/aac"), (content::Bytes = "audio/wav"),
                (content::Bytes = "audio/webm"), (content::Bytes = "audio/amr"),
            ),
        ),
        (status = 304, description = "These bytes are here already"),
        (status = 416, description = "The range begins behind the end; `Content-Range` tells the length"),
    ),
)]
#[get("/v1/content/{token}")]
async fn linked_content(app: State, token: web::Path<String>, request: HttpRequest) -> Answer {
    let content = photo::linked(app.keys.secret(Purpose::Content), &token, app.clock().now())?;
    content::answer(&*app.blobs, &content, &request).await
}
