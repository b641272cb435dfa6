//! The reference client of the offline protocol: what an app on a phone does.
//!
//! It knows nothing of the server but its HTTP answers: no type of `naryad_domain` is used in this module, nor may one be.
//! Whoever writes the app in Kotlin, Swift or TypeScript reads these files beside `docs/sync.md`, in this order: `store`
//! (what is kept), `session` (who), `queue` (what was done), `photos` (bytes), `pull` (what is shown), `sync` (the order).
//!
//! The rule of the house: what the person did is durable before he is told so, and leaves the phone only when the server
//! has answered for it. No error of the network or of the server loses anything; trying again is always right.

mod clock;
mod error;
#[cfg(feature = "client")]
mod http;
mod photos;
mod pull;
mod queue;
mod session;
mod store;
mod sync;
mod transport;
mod view;
mod wire;

use std::{path::Path, sync::Arc};

use tokio::sync::Mutex;
use uuid::Uuid;

#[cfg(feature = "client")]
pub use self::http::Http;
pub use self::{
    clock::DeviceClock,
    error::{Error, Problem, Result},
    queue::NewPhoto,
    store::photos::{Photo, PhotoState},
    sync::{Pushed, Step, SyncReport, Trouble},
    transport::{Method, Request, Response, Transport, TransportError},
    view::{Answered, Entity, Mutation, Outcome, Ticket, Waiting},
};
use self::{store::Store, store::streams};

/// The protocol that is spoken here.
const PROTOCOL: i64 = 1;

/// The arguments of one act, in bytes of JSON: a push of 1 MiB must hold it.
pub const MAX_ARGS_BYTES: usize = 256 * 1024;

/// One photo, in bytes: what the server takes.
pub const MAX_PHOTO_BYTES: usize = 25 * 1024 * 1024;

/// What the app tells of itself, and how large its steps are.
#[derive(Clone, Debug)]
pub struct Options {
    /// `android`, `ios` or `web`.
    pub platform: String,
    /// Version of the app.
    pub app_version: String,
    /// Where pokes are pushed to.
    pub push_token: Option<String>,
    /// Changes in one page of a pull, 1 to 500.
    pub page: u32,
    /// Bytes in one request of an upload.
    pub slice: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            platform: "android".to_owned(),
            app_version: concat!("reference-", env!("CARGO_PKG_VERSION")).to_owned(),
            push_token: None,
            page: 200,
            slice: 256 * 1024,
        }
    }
}

/// The client. Clones are the same client. A folder has one client at a time.
#[derive(Clone, Debug)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn DeviceClock>,
    options: Options,
    /// Whoever talks to the server does it alone; recording an act never waits for it.
    talking: Mutex<()>,
}

impl Client {
    /// Opens the client whose store is in `folder`, or makes it.
    ///
    /// # Errors
    /// The store cannot be opened.
    pub async fn open(
        folder: &Path,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn DeviceClock>,
    ) -> Result<Self> {
        Self::open_with(folder, transport, clock, Options::default()).await
    }

    /// The same, telling what app it is.
    ///
    /// # Errors
    /// The store cannot be opened.
    pub async fn open_with(
        folder: &Path,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn DeviceClock>,
        options: Options,
    ) -> Result<Self> {
        let store = Store::open(folder).await?;
        Ok(Self(Arc::new(Inner { store, transport, clock, options, talking: Mutex::new(()) })))
    }

    /// Closes the store. A client that is dropped instead, or killed, has lost nothing.
    pub async fn close(&self) {
        self.0.store.close().await;
    }

    fn store(&self) -> &Store {
        &self.0.store
    }

    fn fresh_id(&self) -> Uuid {
        store::fresh_id(&*self.0.clock)
    }

    fn now_ms(&self) -> i64 {
        self.0.clock.now().timestamp_millis()
    }

    /// Changes what is known of a stream, as it stands now.
    async fn change_stream(&self, id: Uuid, change: impl FnOnce(&mut streams::Stream) + Send) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let mut stream = streams::find(&mut tx, id).await?;
        change(&mut stream);
        streams::save(&mut tx, &stream).await?;
        tx.commit().await?;
        Ok(())
    }
}
