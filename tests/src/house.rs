//! A house: one data directory, one database, one clock, and the processes that serve them.

use std::{
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicUsize},
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    client::Client,
    clock::HandClock,
    command::{Finished, Program},
    database::{Database, Engine},
    node::{Environment, Node, NotStarted, tail},
    outbox::{self, Message},
    proxy::Proxy,
};

/// Something that is to happen by itself has this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// One installation of the service, alone in the world. See [`on_both!`](crate::on_both).
#[derive(Debug)]
pub struct House {
    program: Program,
    database: Database,
    clock: HandClock,
    environment: Environment,
    /// The first is the main one.
    nodes: Mutex<Vec<Arc<Node>>>,
    proxies: Mutex<Vec<Arc<Proxy>>>,
    tolerated: Mutex<Vec<String>>,
    http: reqwest::Client,
    pub(crate) logins: AtomicUsize,
    data: PathBuf,
    dir: TempDir,
}

impl House {
    /// A house that is not open yet.
    pub(crate) fn new(program: Program, database: Database) -> Self {
        let dir = tempfile::Builder::new().prefix("naryad-story-").tempdir().expect("a temporary directory");
        let data = dir.path().join("data");
        std::fs::create_dir(&data).expect("a data directory");
        let clock = HandClock::new(dir.path());
        let environment = Environment::default();
        let main =
            Node::new("serve", program.clone(), serve_arguments(), Arc::clone(&environment), dir.path());
        let idle = std::time::Duration::from_secs(60);
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .pool_idle_timeout(idle);
        let house = Self {
            program,
            database,
            clock,
            environment,
            nodes: Mutex::new(vec![Arc::new(main)]),
            proxies: Mutex::default(),
            tolerated: Mutex::default(),
            http: http.build().expect("an HTTP client"),
            logins: AtomicUsize::default(),
            data,
            dir,
        };
        house.set("NARYAD_DATA", &house.data.to_string_lossy());
        house.set("NARYAD_CLOCK_FILE", &house.clock.path().to_string_lossy());
        if let Some(url) = house.database.url() {
            house.set("NARYAD_DATABASE_URL", url);
        }
        house
    }

    /// Starts the server and waits until it is ready.
    pub async fn open(&self) {
        self.main().start().await;
    }

    /// Starts the server.
    ///
    /// # Errors
    /// It ended before it was ready.
    pub async fn try_open(&self) -> Result<(), NotStarted> {
        self.main().try_start().await
    }

    /// Stops the server cleanly and starts it again. Clients find its new address.
    pub async fn restart(&self) {
        self.main().restart().await;
    }

    /// Kills the server with SIGKILL; `open` starts it again.
    pub async fn kill9(&self) {
        self.main().kill9().await;
    }

    /// Stops the server with SIGTERM and says how it ended; `open` starts it again.
    pub async fn sigterm(&self) -> ExitStatus {
        self.main().sigterm().await
    }

    /// The main node.
    pub fn main(&self) -> Arc<Node> {
        Arc::clone(&self.nodes.lock().unwrap_or_else(PoisonError::into_inner)[0])
    }

    /// A further `naryad serve` on the same database, with further arguments (`--no-worker`). PostgreSQL only: a file
    /// has one server, see [`House::try_serve_more`].
    pub async fn serve_more(&self, arguments: &[&str]) -> Arc<Node> {
        let node = self.add_node(serve_arguments(), arguments);
        node.start().await;
        node
    }

    /// The same where it may be refused.
    ///
    /// # Errors
    /// The node ended before it was ready.
    pub async fn try_serve_more(&self, arguments: &[&str]) -> Result<Arc<Node>, NotStarted> {
        let node = self.add_node(serve_arguments(), arguments);
        node.try_start().await.map(|()| node)
    }

    /// A `naryad worker` on the same database.
    pub async fn work_more(&self) -> Arc<Node> {
        let node = self.add_node(vec!["worker".to_owned()], &[]);
        node.start_unheard().await;
        node
    }

    fn add_node(&self, mut arguments: Vec<String>, more: &[&str]) -> Arc<Node> {
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("{}-{}", arguments[0], nodes.len() + 1);
        let node =
            Node::new(&name, self.program.clone(), arguments, Arc::clone(&self.environment), self.dir.path());
        let node = Arc::new(node);
        nodes.push(Arc::clone(&node));
        node
    }

    /// Sets an environment variable of the processes; it counts from the next start.
    pub fn set(&self, name: &str, value: &str) {
        let mut environment = self.environment.lock().unwrap_or_else(PoisonError::into_inner);
        environment.insert(name.to_owned(), value.to_owned());
    }

    /// Runs a command of the program on this house's data, around any proxy.
    pub async fn naryad(&self, arguments: &[&str]) -> Finished {
        self.naryad_with_input(arguments, "").await
    }

    /// The same with text on its standard input.
    pub async fn naryad_with_input(&self, arguments: &[&str], input: &str) -> Finished {
        let mut environment = self.environment.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(url) = self.database.url() {
            environment.insert("NARYAD_DATABASE_URL".to_owned(), url.to_owned());
        }
        let pairs: Vec<_> = environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.program.run_with_input(arguments, &pairs, input).await
    }

    /// Puts a proxy between the house and its PostgreSQL; the servers use it from their next start.
    pub async fn proxy_database(&self) -> Arc<Proxy> {
        let url = self.database.url().expect("only PostgreSQL is reached over a network");
        let proxy = Arc::new(Proxy::to_database(url).await);
        self.set("NARYAD_DATABASE_URL", &proxy.database_url(url));
        // Kept to the end of the story: the servers still need it while they stop.
        self.proxies.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&proxy));
        proxy
    }

    /// The clock of all processes.
    pub fn clock(&self) -> &HandClock {
        &self.clock
    }

    /// Which database the house stands on.
    pub fn engine(&self) -> Engine {
        self.database.engine()
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// A client of the main node, not signed in.
    pub fn client(&self) -> Client {
        self.client_of(&self.main())
    }

    /// A client of one node, not signed in.
    pub fn client_of(&self, node: &Node) -> Client {
        Client::new(self.http.clone(), node.address())
    }

    /// What was sent through the outbox folder, oldest first.
    pub fn outbox(&self) -> Vec<Message> {
        outbox::read(&self.data.join("outbox"))
    }

    /// Waits for a message to `to` with a six-digit code, and gives the newest such code.
    pub async fn code_for(&self, to: &str) -> String {
        eventually(&format!("a code for {to} in the outbox"), async || {
            self.outbox().iter().rev().filter(|message| message.to == to).find_map(Message::code)
        })
        .await
    }

    /// Everything the main node logged so far.
    pub fn log(&self) -> String {
        self.main().log()
    }

    /// Error lines of the log that hold `text` are part of the story and do not fail it.
    pub fn tolerate_error(&self, text: &str) {
        self.tolerated.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
    }

    /// The end of a story that went well: the servers stop cleanly, the data is sound, the log is quiet.
    pub async fn finish(&self) {
        for node in self.all_nodes() {
            node.stop().await;
        }
        for command in [["journal", "verify"], ["sync", "verify"]] {
            self.naryad(&command).await.expect_success();
        }
        let tolerated = self.tolerated.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for node in self.all_nodes() {
            let log = node.log();
            let errors: Vec<_> = log
                .lines()
                .filter(|line| is_error(line) && !tolerated.iter().any(|text| line.contains(text.as_str())))
                .collect();
            assert!(errors.is_empty(), "{} logged errors:\n{}", node.name(), errors.join("\n"));
        }
    }

    /// What helps to understand a story that failed.
    pub(crate) async fn show_failure(&self) {
        eprintln!("--- the story failed on {:?}; the clock stood at {}", self.engine(), self.clock.now());
        if let Some(source) = self.program.newer_source() {
            eprintln!(
                "--- {} is older than {}: build it again",
                self.program.path().display(),
                source.display()
            );
        }
        for node in self.all_nodes() {
            let state = if node.is_running().await { "running" } else { "ended" };
            eprintln!("--- log of {} ({state}), last lines\n{}", node.name(), tail(&node.log()));
        }
    }

    /// Leaves nothing behind; `NARYAD_KEEP=1` keeps directory and database for a look.
    pub(crate) async fn tear_down(self) {
        for node in self.all_nodes() {
            node.end().await;
        }
        if std::env::var_os("NARYAD_KEEP").is_some() {
            eprintln!("--- kept: {} {}", self.dir.keep().display(), self.database.url().unwrap_or_default());
        } else {
            self.database.remove().await;
        }
    }

    fn all_nodes(&self) -> Vec<Arc<Node>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Looks again and again until `look` sees something; fails the story after half a minute.
///
/// For what happens by itself after an answer (a job, a message). The pause only keeps the looking cheap: nothing
/// depends on its length.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, Box::pin(looking))
        .await
        .unwrap_or_else(|_| panic!("waited {PATIENCE:?} in vain for {what}"))
}

fn serve_arguments() -> Vec<String> {
    ["serve", "--listen", "127.0.0.1:0"].map(str::to_owned).into()
}

/// An error line of the text or JSON log, or a panic.
fn is_error(line: &str) -> bool {
    line.split_whitespace().take(4).any(|word| word == "ERROR")
        || line.contains(r#""level":"ERROR""#)
        || (line.starts_with("thread '") && line.contains("panicked at"))
}

#[cfg(test)]
mod tests;
