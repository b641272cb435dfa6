//! The bytes of photos, by tus 1.0: created, sent in slices with their checksum, resumed where the server stands.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    Client,
    error::{Error, Problem, Result},
    store::{
        entities,
        photos::{self, Photo, PhotoState},
        streams,
    },
    sync::{Step, SyncReport},
    transport::{Method, Request, Response},
    wire::Door,
};

/// The smallest slice that is tried when larger ones are refused.
const SMALLEST: u64 = 16 * 1024;

/// How often in one run an upload is begun anew.
const RESTARTS: u32 = 3;

/// What a step of an upload came to.
enum Stands {
    /// So many bytes are there.
    At(i64),
    /// There is no such upload any more.
    Gone,
}

fn tus(method: Method, path: &str) -> Request {
    let headers = vec![("Tus-Resumable", "1.0.0".to_owned())];
    Request { method, path: path.to_owned(), headers, body: Vec::new() }
}

fn offset(response: &Response) -> Result<i64> {
    let offset = response.header("Upload-Offset").and_then(|value| value.trim().parse().ok());
    offset.ok_or_else(|| Error::Unreachable("an upload was answered without an offset".to_owned()))
}

/// Whether trying the next photo would be of no use now.
fn ends_uploads(problem: &Problem) -> bool {
    problem.status >= 500 || matches!(problem.status, 401 | 429)
}

impl Client {
    /// Sends the bytes that are missing at the server, the oldest first. What one photo suffers does not keep the next.
    pub(super) async fn upload(&self, report: &mut SyncReport) -> Result<()> {
        let all = photos::all(&mut *self.store().begin().await?).await?;
        for photo in all.into_iter().filter(|photo| photo.state == PhotoState::Queued) {
            match self.upload_one(photo, report).await {
                Err(Error::Problem(problem)) if !ends_uploads(&problem) => {
                    report.trouble(Step::Upload, &Error::Problem(problem));
                }
                // His sign-in is over and he has no key: others may have one.
                Err(Error::NotSignedIn) => report.trouble(Step::Upload, &Error::NotSignedIn),
                done => done?,
            }
        }
        self.settle(false).await
    }

    /// In whose name a photo is sent: by the stream of its owner that stands now, else by the one it was recorded in.
    async fn sender(&self, photo: &Photo) -> Result<(Uuid, Option<String>)> {
        let mut tx = self.store().begin().await?;
        let announced = photos::announced(&mut tx, photo).await?;
        let owner = streams::find(&mut tx, announced.stream).await?.user;
        let current = streams::current(&mut tx).await?.filter(|stream| stream.user == owner);
        let own = current.filter(|stream| stream.access.is_some()).map(|stream| stream.id);
        Ok((own.unwrap_or(announced.stream), announced.status))
    }

    async fn upload_one(&self, mut photo: Photo, report: &mut SyncReport) -> Result<()> {
        let (stream, answered) = self.sender(&photo).await?;
        if answered.as_deref() == Some("refused") {
            // It will never stand anywhere.
            return self.refuse(photo, "refused").await;
        }
        let (mut slice, mut restarts) = (self.0.options.slice, 0);
        if let Some(upload) = photo.upload.clone() {
            self.keep(&mut photo, self.stands(stream, &upload).await?).await?;
        }
        loop {
            let step = match photo.upload.clone() {
                None => self.create(stream, &mut photo).await,
                Some(_) if photo.offset >= photo.bytes => {
                    photo.state = PhotoState::Sent;
                    report.photos_sent += 1;
                    return self.save(&photo).await;
                }
                Some(upload) => self.send_slice(stream, &mut photo, &upload, slice, report).await,
            };
            let Err(error) = step else { continue };
            let Some(problem) = error.problem() else { return Err(error) };
            let code = problem.code.clone();
            match (problem.status, photo.upload.clone()) {
                (409, Some(upload)) => {
                    restarts += 1;
                    self.keep(&mut photo, self.stands(stream, &upload).await?).await?;
                }
                (404 | 410, Some(_)) => {
                    restarts += 1;
                    self.keep(&mut photo, Stands::Gone).await?;
                }
                (460, Some(_)) => {
                    restarts += 1;
                    self.keep(&mut photo, Stands::At(0)).await?;
                }
                (413, Some(_)) if slice > SMALLEST => slice = (slice / 2).max(SMALLEST),
                (413 | 422, _) => return self.refuse(photo, &code).await,
                _ => return Err(error),
            }
            if restarts > RESTARTS {
                return Err(error);
            }
        }
    }

    /// Asks how far an upload is.
    async fn stands(&self, stream: Uuid, upload: &str) -> Result<Stands> {
        match self.send_as(stream, Door::Delivery, &tus(Method::Head, upload)).await {
            Ok(response) => Ok(Stands::At(offset(&response)?)),
            Err(Error::Problem(problem)) if matches!(problem.status, 404 | 410) => Ok(Stands::Gone),
            Err(error) => Err(error),
        }
    }

    /// Creates the upload, or finds it again.
    async fn create(&self, stream: Uuid, photo: &mut Photo) -> Result<()> {
        let mut request = tus(Method::Post, "/v1/uploads");
        let id = STANDARD.encode(photo.id.to_string());
        let sha256 = STANDARD.encode(&photo.sha256);
        request.headers.push(("Upload-Length", photo.bytes.to_string()));
        request.headers.push(("Upload-Metadata", format!("photo_id {id},sha256 {sha256}")));
        let response = self.send_as(stream, Door::Delivery, &request).await?;
        let location =
            response.header("Location").and_then(|at| at.find("/v1/").and_then(|from| at.get(from..)));
        let Some(location) = location else {
            return Err(Error::Unreachable("an upload was created nowhere".to_owned()));
        };
        photo.upload = Some(location.to_owned());
        photo.offset = offset(&response)?;
        self.save(photo).await
    }

    async fn send_slice(
        &self,
        stream: Uuid,
        photo: &mut Photo,
        upload: &str,
        slice: u64,
        report: &mut SyncReport,
    ) -> Result<()> {
        let from = u64::try_from(photo.offset).unwrap_or_default();
        let bytes = self.store().read_file(photo.id, from, slice).await?;
        let mut request = tus(Method::Patch, upload);
        request.headers.push(("Content-Type", "application/offset+octet-stream".to_owned()));
        request.headers.push(("Upload-Offset", photo.offset.to_string()));
        let hash = STANDARD.encode(Sha256::digest(&bytes));
        request.headers.push(("Upload-Checksum", format!("sha256 {hash}")));
        let length = bytes.len();
        request.body = bytes;
        let response = self.send_as(stream, Door::Delivery, &request).await?;
        let at = offset(&response)?;
        if at <= photo.offset || length == 0 {
            return Err(Error::Unreachable("an upload does not move".to_owned()));
        }
        report.bytes_sent += length as u64;
        photo.offset = at;
        self.save(photo).await
    }

    async fn keep(&self, photo: &mut Photo, stands: Stands) -> Result<()> {
        match stands {
            Stands::At(offset) => photo.offset = offset,
            Stands::Gone => {
                photo.upload = None;
                photo.offset = 0;
            }
        }
        self.save(photo).await
    }

    async fn refuse(&self, photo: Photo, code: &str) -> Result<()> {
        let (state, done_ms) = (PhotoState::Refused, Some(self.now_ms()));
        self.save(&Photo { state, code: Some(code.to_owned()), done_ms, ..photo }).await
    }

    async fn save(&self, photo: &Photo) -> Result<()> {
        let mut tx = self.store().begin().await?;
        photos::save(&mut tx, photo).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Photos that are done: the ticket shows them received or refused, or their bytes are there and their mutation was
    /// answered. When what is shown is `fresh` and says that the server waits for one that was done, it is sent again.
    pub(super) async fn settle(&self, fresh: bool) -> Result<()> {
        let mut tx = self.store().begin().await?;
        for photo in photos::all(&mut tx).await? {
            let shown = match photo.ticket_id {
                Some(ticket) => entities::find(&mut tx, "ticket", ticket).await?,
                None => None,
            };
            let shown = shown.as_ref().and_then(|ticket| ticket.photo_state(photo.id));
            let answered = photos::announced(&mut tx, &photo).await?.status.is_some();
            let ends = match (photo.state, shown) {
                (PhotoState::Queued | PhotoState::Sent, Some("received")) => Some(PhotoState::Done),
                (PhotoState::Queued | PhotoState::Sent, Some("refused")) => Some(PhotoState::Refused),
                (PhotoState::Sent, _) if answered => Some(PhotoState::Done),
                _ => None,
            };
            if let Some(state) = ends {
                let done_ms = Some(self.now_ms());
                photos::save(&mut tx, &Photo { state, done_ms, ..photo }).await?;
            } else if fresh && photo.state == PhotoState::Done && shown == Some("expected") {
                let again =
                    Photo { state: PhotoState::Queued, upload: None, offset: 0, done_ms: None, ..photo };
                photos::save(&mut tx, &again).await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }
}
