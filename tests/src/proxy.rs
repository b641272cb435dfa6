//! A TCP proxy that breaks connections at the worst moment: between the service and PostgreSQL it knows a COMMIT when
//! it sees one, before HTTP it knows a piece of the request.

mod wire;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::JoinHandle,
};

use wire::{Frontend, Piece, Substring};

/// What the trap waits for in the bytes from client to server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// A COMMIT (PostgreSQL only), sent as a simple query or as an execution of a prepared statement.
    Commit,
    /// A COMMIT of a transaction in which a statement held this text.
    CommitOf(String),
    /// These bytes, wherever the reads cut them.
    Bytes(Vec<u8>),
}

/// What it does then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Both directions are cut and the matched bytes never reach the server.
    CutBefore,
    /// The matched bytes are forwarded; when the server has answered, its answer is thrown away and both directions are
    /// cut: the change stands and the client cannot know.
    CutAfter,
    /// The matched bytes are forwarded and nothing of what the server says afterwards comes through; the connection
    /// stays open.
    DropAnswer,
}

/// A trap: springs once.
#[derive(Debug, Clone)]
pub struct Trap {
    on: Match,
    act: Act,
    skip: usize,
}

impl Trap {
    /// Springs at the first match.
    pub fn new(act: Act, on: Match) -> Self {
        Self { on, act, skip: 0 }
    }

    /// Lets this many matches pass first.
    #[must_use]
    pub fn skip(mut self, count: usize) -> Self {
        self.skip = count;
        self
    }
}

/// What went through so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections taken in.
    pub connections: u64,
    /// Bytes from client to server.
    pub up: u64,
    /// Bytes from server to client, thrown away ones not counted.
    pub down: u64,
    /// COMMITs forwarded.
    pub commits: u64,
    /// Traps that sprang.
    pub sprung: u64,
}

/// A proxy on a port of its own; ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    postgres: bool,
    state: Mutex<State>,
    /// Changes with every general cut.
    generation: watch::Sender<u64>,
    sprung: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    trap: Option<Trap>,
    delay: Duration,
    refusing: bool,
    counts: Counts,
}

impl Proxy {
    /// Before the PostgreSQL of an address (`postgres://user@host:port/name`).
    pub async fn to_database(url: &str) -> Self {
        Self::start(host_of(url).to_owned(), true).await
    }

    /// Before any server, `host:port`.
    pub async fn to_server(upstream: &str) -> Self {
        Self::start(upstream.trim_start_matches("http://").trim_end_matches('/').to_owned(), false).await
    }

    async fn start(upstream: String, postgres: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            upstream,
            postgres,
            state: Mutex::default(),
            generation: watch::Sender::new(0),
            sprung: watch::Sender::new(0),
        });
        let listening = tokio::spawn(listen(listener, Arc::clone(&shared)));
        Self { address, shared, listening }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address for an HTTP client.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The database address `url`, led through the proxy and without TLS, which would hide the statements.
    pub fn database_url(&self, url: &str) -> String {
        let led = url.replacen(host_of(url), &self.address.to_string(), 1);
        match led.split_once('?') {
            Some((_, options)) if options.contains("sslmode=") => led,
            Some(_) => format!("{led}&sslmode=disable"),
            None => format!("{led}?sslmode=disable"),
        }
    }

    /// Sets the trap; an older one is replaced.
    pub fn arm(&self, trap: Trap) {
        assert!(self.shared.postgres || matches!(trap.on, Match::Bytes(_)), "only PostgreSQL has a COMMIT");
        self.shared.state().trap = Some(trap);
    }

    /// Takes the trap away.
    pub fn disarm(&self) {
        self.shared.state().trap = None;
    }

    /// Waits until `count` traps have sprung since the start.
    pub async fn sprung(&self, count: u64) {
        let mut sprung = self.shared.sprung.subscribe();
        let waiting = sprung.wait_for(|sprung| *sprung >= count);
        let waited = tokio::time::timeout(Duration::from_secs(30), waiting).await;
        assert!(waited.is_ok(), "the trap did not spring");
    }

    /// Holds every piece back for so long, in both directions.
    pub fn delay(&self, delay: Duration) {
        self.shared.state().delay = delay;
    }

    /// Closes new connections at once (true), or takes them in again.
    pub fn refuse(&self, refusing: bool) {
        self.shared.state().refusing = refusing;
    }

    /// Cuts every connection that is open now.
    pub fn cut_all(&self) {
        self.shared.generation.send_modify(|generation| *generation += 1);
    }

    /// What went through so far.
    pub fn counts(&self) -> Counts {
        self.shared.state().counts
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
        self.cut_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to do with a piece on its way to the server.
    fn judge(&self, piece: &Piece, substring: &mut Substring) -> Option<Act> {
        let mut state = self.state();
        let hit = match &state.trap.as_ref()?.on {
            Match::Commit => piece.commit.is_some(),
            Match::CommitOf(text) => piece
                .commit
                .as_ref()
                .is_some_and(|statements| statements.iter().any(|sql| sql.contains(text))),
            Match::Bytes(needle) => substring.meets(needle, &piece.bytes),
        };
        let trap = state.trap.as_mut().filter(|_| hit)?;
        if trap.skip > 0 {
            trap.skip -= 1;
            return None;
        }
        let act = trap.act;
        state.trap = None;
        Some(act)
    }

    fn spring(&self) {
        self.state().counts.sprung += 1;
        self.sprung.send_modify(|sprung| *sprung += 1);
    }

    async fn wait(&self) {
        let delay = self.state().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let refusing = {
            let mut state = shared.state();
            state.counts.connections += 1;
            state.refusing
        };
        if refusing {
            continue;
        }
        // Before the connection is made, so that a cut in between is not missed.
        let generation = shared.generation.subscribe();
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            if let Ok(server) = TcpStream::connect(&shared.upstream).await {
                carry(client, server, &shared, generation).await;
            }
        });
    }
}

/// What the upward direction tells the downward one.
#[derive(Debug, Default)]
struct Line {
    /// One of the four below.
    mode: AtomicU8,
    cut: Notify,
}

const PASS: u8 = 0;
const CUT_ON_ANSWER: u8 = 1;
const SWALLOW_FIRST: u8 = 2;
const SWALLOW: u8 = 3;

async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    shared: &Shared,
    mut generation: watch::Receiver<u64>,
) {
    let line = Line::default();
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (client_read, client_write) = client.split();
    let (server_read, server_write) = server.split();
    let both = async {
        tokio::join!(
            up(client_read, server_write, shared, &line),
            down(server_read, client_write, shared, &line)
        )
    };
    // Leaving this block drops both sockets: that is the cut.
    tokio::select! {
        biased;
        () = line.cut.notified() => {}
        _ = generation.changed() => {}
        _ = both => {}
    }
}

async fn up(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, shared: &Shared, line: &Line) {
    let mut frontend = shared.postgres.then(Frontend::default);
    let mut substring = Substring::default();
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        shared.wait().await;
        let pieces = match &mut frontend {
            Some(frontend) => frontend.feed(&buffer[..length]),
            None => vec![Piece { bytes: buffer[..length].to_vec(), commit: None }],
        };
        for piece in pieces {
            match shared.judge(&piece, &mut substring) {
                None => {}
                Some(Act::CutBefore) => {
                    shared.spring();
                    line.cut.notify_one();
                    return std::future::pending().await;
                }
                // Told before the bytes leave: the answer cannot overtake it.
                Some(Act::CutAfter) => line.mode.store(CUT_ON_ANSWER, Ordering::SeqCst),
                Some(Act::DropAnswer) => line.mode.store(SWALLOW_FIRST, Ordering::SeqCst),
            }
            {
                let mut state = shared.state();
                state.counts.up += piece.bytes.len() as u64;
                state.counts.commits += u64::from(piece.commit.is_some());
            }
            if to.write_all(&piece.bytes).await.is_err() {
                return;
            }
        }
    }
    let _ = to.shutdown().await;
}

async fn down(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    shared: &Shared,
    line: &Line,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        match line.mode.load(Ordering::SeqCst) {
            PASS => {}
            CUT_ON_ANSWER => {
                shared.spring();
                line.cut.notify_one();
                return std::future::pending().await;
            }
            SWALLOW_FIRST => {
                line.mode.store(SWALLOW, Ordering::SeqCst);
                shared.spring();
                continue;
            }
            _ => continue,
        }
        shared.wait().await;
        shared.state().counts.down += length as u64;
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

/// `host:port` of an address.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

#[cfg(test)]
mod tests;
