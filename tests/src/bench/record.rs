//! What a request really says to the database: the service in this process, on a database that is watched.

use std::sync::{Arc, Mutex, PoisonError};

use naryad_api::{config::Config, server, state::App};
use naryad_domain::{
    clock::SystemClock,
    db::{Db, Watcher},
};
use sea_orm::Statement;

use crate::{http::Connection, server::Site};

/// The statements of one request, with their values, in their order; without BEGIN and COMMIT.
pub(crate) type Recorded = Vec<Statement>;

/// A server that is watched. Its worker rests, so that nothing is heard but the requests.
pub(crate) struct Recorder {
    app: App,
    listening: server::Listening,
    heard: Arc<Mutex<Recorded>>,
}

impl Recorder {
    pub(crate) async fn open(site: &Site) -> Self {
        let heard = Arc::new(Mutex::new(Recorded::new()));
        let db = watched(site, Arc::clone(&heard)).await;
        let config = Config {
            data: site.data().to_owned(),
            listen: std::net::SocketAddr::from(([127, 0, 0, 1], 0)),
            tickets_per_minute: u32::MAX,
            ..Config::default()
        };
        let app = App::assemble(config, db).await.expect("the service is assembled");
        let listening = server::listen(&app).expect("a free port");
        Self { app, listening, heard }
    }

    /// A connection to it.
    pub(crate) async fn connect(&self, token: &str) -> Connection {
        Connection::open(&self.listening.address.to_string(), token).await
    }

    /// What was said since the last time.
    pub(crate) fn take(&self) -> Recorded {
        take(&self.heard)
    }

    pub(crate) async fn close(self) {
        self.listening.drain(&self.app).await;
        self.app.db.close().await;
        self.listening.stop().await;
    }
}

/// A database that tells its statements.
pub(crate) async fn watched(site: &Site, heard: Arc<Mutex<Recorded>>) -> Db {
    let watcher: Watcher = Arc::new(move |statement| {
        heard.lock().unwrap_or_else(PoisonError::into_inner).push(statement.clone());
    });
    let clock = Arc::new(SystemClock::default());
    let db = Db::open_watched(&site.location(), 10, clock, Some(watcher)).await;
    db.expect("the database can be opened")
}

/// What has been heard so far.
pub(crate) fn take(heard: &Mutex<Recorded>) -> Recorded {
    std::mem::take(&mut *heard.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Cuts what was said into pieces, each of which begins with a statement of that kind; what was said before the first of
/// them is a piece too.
pub(crate) fn cut(said: Recorded, begins: impl Fn(&Statement) -> bool) -> Vec<Recorded> {
    let mut pieces: Vec<Recorded> = Vec::new();
    for statement in said {
        match pieces.last_mut() {
            Some(piece) if !begins(&statement) => piece.push(statement),
            _ => pieces.push(vec![statement]),
        }
    }
    pieces
}
