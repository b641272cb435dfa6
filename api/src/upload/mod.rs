//! Uploads by tus 1.0 (<https://tus.io/protocols/resumable-upload>): creation, creation-with-upload, checksum, expiration,
//! termination. The rules are in the domain; here is what the protocol makes of them.

mod body;
mod header;
mod protocol;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpResponse, delete, head,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, LOCATION},
    },
    options, patch, post, web,
};
use naryad_domain::{
    Result,
    id::UploadId,
    photo::{MAX_PHOTO_BYTES, Progress, SignedUpload, Transfers},
};

pub(crate) use self::protocol::speak;
use self::protocol::{
    CHECKSUM, Creation, EXPIRES, EXTENSIONS, LENGTH, OFFSET, Slice, Tus, VERSION, http_date,
};
use crate::{
    extract::{PathId, Sender},
    photo::content::Bytes,
    problem::Answer,
    routes::Routes,
    state::{App, State},
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(upload_options).add(create_upload);
    routes.add(upload_offset).add(append_upload).add(end_upload);
    routes.add(sign_upload).add(upload_arrived);
}

fn transfers(app: &App) -> Transfers {
    Transfers::new(app.db.clone(), Arc::clone(&app.blobs))
}

/// Answers how far an upload is.
fn standing(status: StatusCode, progress: &Progress) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.insert_header((OFFSET, progress.offset)).insert_header((CACHE_CONTROL, "no-store"));
    if let Some(at) = progress.expires_at {
        response.insert_header((EXPIRES, http_date(at)));
    }
    if status == StatusCode::OK {
        response.insert_header((LENGTH, progress.length));
    }
    if status == StatusCode::CREATED {
        response.insert_header((LOCATION, format!("/v1/uploads/{}", progress.upload)));
    }
    response.finish()
}

/// What of the upload protocol is spoken here.
#[utoipa::path(
    tag = "uploads",
    security(()),
    responses((status = 204, description = "In `Tus-Version`, `Tus-Extension`, `Tus-Max-Size`, `Tus-Checksum-Algorithm`")),
)]
#[options("/v1/uploads")]
async fn upload_options() -> Answer {
    let mut response = HttpResponse::NoContent();
    response
        .insert_header(("Tus-Version", VERSION))
        .insert_header(("Tus-Extension", EXTENSIONS))
        .insert_header(("Tus-Max-Size", MAX_PHOTO_BYTES))
        .insert_header(("Tus-Checksum-Algorithm", CHECKSUM));
    Ok(response.finish())
}

/// Starts the upload of a photo that the caller has announced; a technician may send the bytes first and announce the
/// photo later: until then they wait, for seven days at most. The same again finds the same upload, however far it is,
/// also when it is finished (`Upload-Offset` tells, and there is no `Upload-Expires`). The first bytes may come along.
#[utoipa::path(
    tag = "uploads",
    params(
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
        ("Upload-Length" = u64, Header, description = "The number of bytes that was, or will be, announced."),
        (
            "Upload-Metadata" = String, Header,
            description = "`photo_id` and `sha256` (64 hexadecimal digits) as in the announcement, each in Base64; other \
                           keys are passed over.",
        ),
        ("Upload-Checksum" = Option<String>, Header, description = "`sha256` and the Base64 of the hash of this body."),
        (
            "Idempotency-Key" = Option<String>, Header,
            description = "Not needed: the same photo is the same upload.",
        ),
    ),
    request_body(content = Option<Bytes>, content_type = "application/offset+octet-stream", description = "The first bytes."),
    responses((status = 201, description = "The upload is at `Location` and stands at `Upload-Offset`")),
)]
#[post("/v1/uploads")]
async fn create_upload(
    app: State,
    sender: Sender,
    _tus: Tus,
    creation: Creation,
    payload: web::Payload,
) -> Answer {
    let transfers = transfers(&app);
    let mut progress = transfers.create(sender.scope, creation.upload).await?;
    // Bytes from the beginning are of use only where there are none yet.
    if let Some(checksum) = creation.first_bytes
        && progress.offset == 0
    {
        let slice = Slice { offset: 0, checksum };
        progress = append(&app, &sender, progress.upload, slice, payload).await?;
    }
    Ok(standing(StatusCode::CREATED, &progress))
}

/// How far an upload is: send on from `Upload-Offset`. What is still being sent elsewhere can no longer move it.
#[utoipa::path(
    tag = "uploads",
    params(("Tus-Resumable" = String, Header, description = "`1.0.0`")),
    responses((status = 200, description = "In `Upload-Offset`, `Upload-Length`, `Upload-Expires`")),
)]
#[head("/v1/uploads/{id}")]
async fn upload_offset(app: State, sender: Sender, _tus: Tus, id: PathId<UploadId>) -> Answer {
    let progress = transfers(&app).resume(sender.scope, id.0).await?;
    Ok(standing(StatusCode::OK, &progress))
}

/// Sends bytes from an offset on. What came before the connection broke is kept, unless a checksum was sent along. With
/// the last byte the photo is received, or refused: 460 `hash_mismatch` (it stands at 0 again), 422 `not_a_photo`.
#[utoipa::path(
    tag = "uploads",
    params(
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
        ("Upload-Offset" = u64, Header, description = "Where the bytes belong: where the upload stands."),
        ("Upload-Checksum" = Option<String>, Header, description = "`sha256` and the Base64 of the hash of this body."),
        ("If-Match" = Option<String>, Header, description = "Not used: `Upload-Offset` says what the client has seen."),
    ),
    request_body(content = Bytes, content_type = "application/offset+octet-stream"),
    responses((status = 204, description = "The upload stands at `Upload-Offset`")),
)]
#[patch("/v1/uploads/{id}")]
async fn append_upload(
    app: State,
    sender: Sender,
    _tus: Tus,
    id: PathId<UploadId>,
    slice: Slice,
    payload: web::Payload,
) -> Answer {
    let progress = append(&app, &sender, id.0, slice, payload).await?;
    Ok(standing(StatusCode::NO_CONTENT, &progress))
}

/// Ends an upload before its time. The photo stays announced, or received.
#[utoipa::path(
    tag = "uploads",
    params(("Tus-Resumable" = String, Header, description = "`1.0.0`")),
    responses((status = 204, description = "It is ended")),
)]
#[delete("/v1/uploads/{id}")]
async fn end_upload(app: State, sender: Sender, _tus: Tus, id: PathId<UploadId>) -> Answer {
    transfers(&app).end(sender.scope, id.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A request by which all bytes go to the bucket itself, past this service; the length and the checksum are signed. Then
/// say that they have arrived. Only where the photos lie in a bucket that clients can reach.
#[utoipa::path(tag = "uploads", responses((status = 201, description = "The request", body = SignedUpload)))]
#[post("/v1/uploads/{id}/signed")]
async fn sign_upload(app: State, sender: Sender, id: PathId<UploadId>) -> Answer {
    let lasts = Duration::from_secs(app.config.link_seconds.into());
    Ok(HttpResponse::Created().json(transfers(&app).sign(sender.scope, id.0, lasts).await?))
}

/// All bytes were sent to the bucket: they are verified as if they had come through here.
#[utoipa::path(
    tag = "uploads",
    responses((status = 204, description = "The photo is received; the upload stands at `Upload-Offset`")),
)]
#[post("/v1/uploads/{id}/arrived")]
async fn upload_arrived(app: State, sender: Sender, id: PathId<UploadId>) -> Answer {
    let progress = transfers(&app).arrived(sender.scope, id.0).await?;
    Ok(standing(StatusCode::NO_CONTENT, &progress))
}

async fn append(
    app: &App,
    sender: &Sender,
    id: UploadId,
    slice: Slice,
    payload: web::Payload,
) -> Result<Progress> {
    let (stream, pump) = body::bridge(payload, app.stop.clone());
    let transfers = transfers(app);
    let taken = transfers.append(sender.scope, id, slice.offset, slice.checksum, stream);
    body::while_pumping(taken, pump).await
}
