//! The program under the bench: a process of its own, on the real clock.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use naryad_domain::{clock::SystemClock, db::Location};
use naryad_tests::{
    command::{Finished, Program},
    database::{Database, Engine},
    load::Town,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
};

/// Longer than any start takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// An installation: a data directory and a database.
pub(crate) struct Site {
    program: Program,
    database: Database,
    dir: tempfile::TempDir,
}

/// A server that is ready.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    /// `127.0.0.1:34567`.
    pub(crate) address: String,
    /// From the start of the process to its ready line.
    pub(crate) start: Duration,
}

impl Site {
    pub(crate) async fn found(engine: Engine) -> Self {
        let program = Program::find();
        let database = Database::create(engine, &program).await;
        let dir = tempfile::Builder::new().prefix("naryad-bench-").tempdir().expect("a temporary directory");
        let site = Self { program, database, dir };
        site.run(&["migrate"]).await.expect_success();
        site
    }

    pub(crate) fn data(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn location(&self) -> Location {
        match self.database.url() {
            Some(url) => Location::Postgres(url.to_owned()),
            None => Location::Sqlite(self.data().join("naryad.db")),
        }
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let mut environment = vec![
            ("NARYAD_DATA", self.data().to_string_lossy().into_owned()),
            ("NARYAD_TICKETS_PER_MINUTE", "1000000000".to_owned()),
        ];
        environment.extend(self.database.url().map(|url| ("NARYAD_DATABASE_URL", url.to_owned())));
        environment
    }

    /// Runs a command of the program on this site.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Finished {
        let environment = self.environment();
        let pairs: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.program.run(arguments, &pairs).await
    }

    /// Starts the server and waits for its ready line.
    pub(crate) async fn serve(&self, more: &[(&str, &str)]) -> Server {
        let log = self.data().join("serve.log");
        let file = std::fs::File::create(&log).expect("a log");
        let mut command = self.program.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.envs(self.environment()).envs(more.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
        let begin = Instant::now();
        let mut child = command.spawn().expect("the program can be started");
        let stdout = child.stdout.take().expect("the output is piped");
        let mut lines = BufReader::new(stdout).lines();
        let ready = async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(address) = address_in(&line) {
                    return Some(address);
                }
            }
            None
        };
        let address = tokio::time::timeout(PATIENCE, ready).await.ok().flatten();
        let start = begin.elapsed();
        let address = address.unwrap_or_else(|| {
            panic!("the server did not start: {}", std::fs::read_to_string(&log).unwrap_or_default())
        });
        Server { child, log, address, start }
    }

    /// A copy of the whole installation as it stands. Nothing may be running on it.
    pub(crate) async fn copy(&self) -> Self {
        let dir = tempfile::Builder::new().prefix("naryad-bench-").tempdir().expect("a temporary directory");
        for file in std::fs::read_dir(self.data()).expect("the data directory").flatten() {
            if file.path().is_file() {
                std::fs::copy(file.path(), dir.path().join(file.file_name())).expect("a file is copied");
            }
        }
        Self { program: self.program.clone(), database: self.database.copy().await, dir }
    }

    /// How long the disk under the data directory takes to sync a page: the median of many.
    pub(crate) fn sync_time(&self) -> Duration {
        use std::io::Write;
        let mut file = std::fs::File::create(self.data().join("page")).expect("a file");
        let mut times: Vec<Duration> = (0..101)
            .map(|_| {
                let begin = Instant::now();
                file.write_all(&[0; 4096]).and_then(|()| file.sync_data()).expect("a page can be synced");
                begin.elapsed()
            })
            .collect();
        times.sort_unstable();
        times[times.len() / 2]
    }

    /// Settles a company on the real clock.
    pub(crate) async fn settle(&self, technicians: usize, flats: usize) -> Town {
        Town::settle_in(&self.location(), Arc::new(SystemClock::default()), technicians, flats).await
    }

    /// Removes the database; the directory goes by itself.
    pub(crate) async fn remove(self) {
        self.database.remove().await;
    }

    /// Demands that journal and feeds hold, and removes everything.
    pub(crate) async fn close(self) {
        for check in [["journal", "verify"], ["sync", "verify"]] {
            let found = self.run(&check).await.expect_success();
            eprint!("{}", found.stdout);
        }
        self.remove().await;
    }
}

impl Server {
    /// The process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id().expect("the server runs")
    }

    /// Memory of the process that lies in RAM, in bytes; `None` where there is no /proc.
    pub(crate) fn memory(&self) -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.process())).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib * 1024)
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Stops it with SIGTERM and demands that it ends well.
    pub(crate) async fn stop(mut self) {
        let process = self.process();
        let sent = tokio::process::Command::new("sh").args(["-c", &format!("kill -TERM {process}")]).status();
        assert!(sent.await.is_ok_and(|status| status.success()), "SIGTERM could not be sent");
        let status = self.child.wait().await.expect("the server can be waited for");
        assert!(status.success(), "the server ended with {status}:\n{}", self.log());
    }
}

fn address_in(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("http://")?;
    rest.split_once("/docs").map(|(address, _)| address.to_owned())
}
