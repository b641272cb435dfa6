//! A technician's phone: the reference client, a clock that runs seven minutes fast, and a network that comes and goes.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use naryad_domain::{Clock, Error, Result, clock::ManualClock, id::new_uuid};
use naryad_sync::client::{
    Client, DeviceClock, Http, Method, NewPhoto, PhotoState, Request, Response, SyncReport, Transport,
    TransportError,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{person::Wire, photos::Picture, reply::unexpected};

/// By how much the clock of the phone is wrong.
const FAST: TimeDelta = TimeDelta::minutes(7);

/// The way to the server, which is not always there.
#[derive(Debug)]
struct Air {
    http: Http,
    clock: ManualClock,
    covered: AtomicBool,
    /// The next answer to a push does not arrive.
    swallows: AtomicBool,
    heard: Mutex<Vec<String>>,
}

impl Air {
    fn note(&self, line: String) {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

#[async_trait]
impl Transport for Air {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        if !self.covered.load(Ordering::Relaxed) {
            return Err(TransportError("no network".to_owned()));
        }
        self.clock.advance(TimeDelta::seconds(3));
        let method = match request.method {
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Patch => "PATCH",
        };
        // An upload is one of many; which one is of no interest here.
        let path = if request.path.starts_with("/v1/uploads/") { "/v1/uploads/…" } else { &request.path };
        let asked = format!("{method} {path}, {} байт", request.body.len());
        let push = request.path == "/v1/sync/push";
        let answer = self.http.send(request).await?;
        if push && answer.status == 200 && self.swallows.swap(false, Ordering::Relaxed) {
            self.note(format!("> {asked} < ответ потерян на обратном пути"));
            return Err(TransportError("the answer was lost".to_owned()));
        }
        self.note(format!("> {asked} < {}, {} байт", answer.status, answer.body.len()));
        Ok(answer)
    }
}

/// What the phone takes for the time.
#[derive(Debug)]
struct Pocket {
    truth: ManualClock,
    boot: Uuid,
    started: DateTime<Utc>,
}

impl DeviceClock for Pocket {
    fn now(&self) -> DateTime<Utc> {
        self.truth.now() + FAST
    }

    fn boot_id(&self) -> Uuid {
        self.boot
    }

    fn mono_ms(&self) -> i64 {
        (self.truth.now() - self.started).num_milliseconds()
    }
}

/// A phone.
#[derive(Debug)]
pub(super) struct Phone {
    client: Client,
    air: Arc<Air>,
    clock: Arc<Pocket>,
    folder: PathBuf,
}

fn broken(error: naryad_sync::client::Error) -> Error {
    unexpected("the phone").caused_by(error)
}

impl Phone {
    /// A new phone whose store is in `folder`, with a network.
    pub(super) async fn open(wire: &Wire, folder: &Path) -> Result<Self> {
        let truth = wire.clock.clone();
        let air = Arc::new(Air {
            http: Http::new(&wire.base).map_err(Error::internal)?,
            clock: truth.clone(),
            covered: AtomicBool::new(true),
            swallows: AtomicBool::new(false),
            heard: Mutex::new(Vec::new()),
        });
        let (boot, started) = (new_uuid(&truth), truth.now() - TimeDelta::hours(9));
        let clock = Arc::new(Pocket { truth, boot, started });
        let client = client(folder, &air, &clock).await?;
        Ok(Self { client, air, clock, folder: folder.to_owned() })
    }

    /// Whether there is a network from now on.
    pub(super) fn cover(&self, covered: bool) {
        self.air.covered.store(covered, Ordering::Relaxed);
    }

    /// The server does what the next push asks, and its answer is lost.
    pub(super) fn swallow(&self) {
        self.air.swallows.store(true, Ordering::Relaxed);
    }

    /// The app is killed and begins again.
    pub(super) async fn restart(self) -> Result<Self> {
        self.client.close().await;
        let client = client(&self.folder, &self.air, &self.clock).await?;
        Ok(Self { client, ..self })
    }

    /// The technician types the code that the desk has told him.
    pub(super) async fn pair(&self, code: &str) -> Result<()> {
        self.client.pair(code).await.map_err(broken)
    }

    /// Does something, whatever the network is.
    pub(super) async fn does(&self, kind: &str, ticket: Uuid, args: Value) -> Result<()> {
        self.client.record(kind, Some(ticket), args, Vec::new()).await.map(drop).map_err(broken)
    }

    /// Takes a photo.
    pub(super) async fn shoots(&self, ticket: Uuid, visit: &str, kind: &str, picture: Picture) -> Result<()> {
        let photo_id = new_uuid(&self.clock.truth);
        let args =
            json!({ "photo_id": photo_id, "kind": kind, "visit_id": visit, "taken_at": self.clock.now() });
        let photo = NewPhoto { photo_id, bytes: picture.bytes };
        self.client.record("photo.add", Some(ticket), args, vec![photo]).await.map(drop).map_err(broken)
    }

    /// One round with the server.
    pub(super) async fn sync(&self) -> Result<SyncReport> {
        self.client.sync_once().await.map_err(broken)
    }

    /// What went over the wire since the last time.
    pub(super) fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.air.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a ticket is on it.
    pub(super) async fn shows(&self, ticket: Uuid) -> Result<bool> {
        Ok(self.client.ticket(ticket).await.map_err(broken)?.is_some())
    }

    /// The states of the reviews of its work that the pulls have told.
    pub(super) async fn outcomes(&self) -> Result<Vec<String>> {
        let told = self.client.outcomes().await.map_err(broken)?;
        let state = |review: Option<Value>| Some(review?.get("state")?.as_str()?.to_owned());
        Ok(told.into_iter().filter_map(|outcome| state(outcome.review)).collect())
    }

    /// What the server said to everything that was done on it, in order. Fails when something waits still.
    pub(super) async fn answers(&self) -> Result<Vec<String>> {
        let photos = self.client.photos().await.map_err(broken)?;
        if let Some(photo) = photos.iter().find(|photo| photo.state != PhotoState::Done) {
            return Err(unexpected(format!("photo {} is {:?} on the phone", photo.id, photo.state)));
        }
        let waits = |kind: &str| unexpected(format!("«{kind}» waits on the phone"));
        let queue = self.client.queue().await.map_err(broken)?;
        queue
            .into_iter()
            .map(|act| act.answer.map(|answer| answer.status).ok_or_else(|| waits(&act.kind)))
            .collect()
    }

    /// The phone goes, and its store with it.
    pub(super) async fn discard(self) -> Result<()> {
        self.client.close().await;
        std::fs::remove_dir_all(&self.folder).map_err(Error::internal)
    }
}

async fn client(folder: &Path, air: &Arc<Air>, clock: &Arc<Pocket>) -> Result<Client> {
    let transport: Arc<dyn Transport> = Arc::<Air>::clone(air);
    let clock: Arc<dyn DeviceClock> = Arc::<Pocket>::clone(clock);
    Client::open(folder, transport, clock).await.map_err(broken)
}
