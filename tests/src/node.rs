//! One process of the service: started, waited for, stopped, killed.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout},
};

use crate::command::Program;

/// A start or a stop that takes longer has failed. Generous: a busy machine is no failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// Environment of the processes of a house; a change counts from the next start.
pub(crate) type Environment = Arc<Mutex<BTreeMap<String, String>>>;

/// One process of the service.
#[derive(Debug)]
pub struct Node {
    name: String,
    program: Program,
    arguments: Mutex<Vec<String>>,
    environment: Environment,
    log: PathBuf,
    base: Arc<RwLock<String>>,
    child: tokio::sync::Mutex<Option<Child>>,
}

/// A process that ended before it was ready.
#[derive(Debug)]
pub struct NotStarted {
    /// How it ended.
    pub status: ExitStatus,
    /// Its log.
    pub log: String,
}

impl Node {
    /// A process that is not started yet; `name` names its log.
    pub(crate) fn new(
        name: &str,
        program: Program,
        arguments: Vec<String>,
        environment: Environment,
        folder: &Path,
    ) -> Self {
        Self {
            name: name.to_owned(),
            program,
            arguments: Mutex::new(arguments),
            environment,
            log: folder.join(format!("{name}.log")),
            base: Arc::default(),
            child: tokio::sync::Mutex::default(),
        }
    }

    /// Adds an argument; it counts from the next start.
    pub fn argument(&self, argument: &str) {
        self.arguments.lock().unwrap_or_else(PoisonError::into_inner).push(argument.to_owned());
    }

    /// Starts the process and waits for its ready line.
    pub async fn start(&self) {
        if let Err(failure) = self.try_start().await {
            panic!("{} ended with {} before it was ready\n{}", self.name, failure.status, tail(&failure.log));
        }
    }

    /// Starts the process and waits for its ready line.
    ///
    /// # Errors
    /// It ended before it was ready.
    pub async fn try_start(&self) -> Result<(), NotStarted> {
        let mut child = self.child.lock().await;
        assert!(child.is_none(), "{} is running already", self.name);
        let mut started = self.spawn();
        let stdout = started.stdout.take().expect("the output is piped");
        let mut lines = BufReader::new(stdout).lines();
        let ready = tokio::time::timeout(PATIENCE, self.read_address(&mut lines)).await;
        let Ok(ready) = ready else {
            let _ = started.kill().await;
            panic!("{} printed no address within {PATIENCE:?}\n{}", self.name, tail(&self.log()));
        };
        let Some(address) = ready else {
            let status = started.wait().await.expect("a process can be waited for");
            return Err(NotStarted { status, log: self.log() });
        };
        *self.base.write().unwrap_or_else(PoisonError::into_inner) = address;
        // The pipe is read to its end: a full pipe would stop the process.
        let mut log = self.open_log();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let _ = writeln!(log, "{line}");
            }
        });
        *child = Some(started);
        Ok(())
    }

    /// Starts a process that serves no HTTP and so prints no address (`naryad worker`).
    pub(crate) async fn start_unheard(&self) {
        let mut started = self.spawn();
        drop(started.stdout.take());
        *self.child.lock().await = Some(started);
    }

    fn spawn(&self) -> Child {
        let arguments = self.arguments.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = self.program.command(&arguments);
        command.envs(&*self.environment.lock().unwrap_or_else(PoisonError::into_inner));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(self.open_log());
        command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.program.path().display()))
    }

    async fn read_address(&self, lines: &mut Lines<BufReader<ChildStdout>>) -> Option<String> {
        let mut log = self.open_log();
        while let Ok(Some(line)) = lines.next_line().await {
            let _ = writeln!(log, "{line}");
            if let Some(address) = address_in(&line) {
                return Some(address);
            }
        }
        None
    }

    /// Stops the process with SIGTERM and says how it ended.
    pub async fn sigterm(&self) -> ExitStatus {
        self.signal("TERM").await;
        let mut child = self.child.lock().await;
        let mut process = child.take().expect("a signalled process is running");
        match tokio::time::timeout(PATIENCE, process.wait()).await {
            Ok(status) => status.expect("a process can be waited for"),
            Err(_) => {
                let _ = process.kill().await;
                panic!("{} did not stop within {PATIENCE:?} of SIGTERM\n{}", self.name, tail(&self.log()));
            }
        }
    }

    /// Stops the process with SIGTERM, if it runs, and requires exit code 0.
    pub async fn stop(&self) {
        if !self.is_running().await {
            return;
        }
        let status = self.sigterm().await;
        assert!(status.success(), "{} ended with {status} after SIGTERM\n{}", self.name, tail(&self.log()));
    }

    /// Kills the process with SIGKILL: no handler runs, no buffer is written.
    pub async fn kill9(&self) {
        let mut child = self.child.lock().await;
        let mut process = child.take().unwrap_or_else(|| panic!("{} is not running", self.name));
        process.kill().await.expect("a process can be killed");
    }

    /// Kills the process if it runs, whatever it does.
    pub(crate) async fn end(&self) {
        if let Some(mut process) = self.child.lock().await.take() {
            let _ = process.kill().await;
        }
    }

    /// Stops cleanly and starts again, on the same data and with the environment as it is now.
    pub async fn restart(&self) {
        self.stop().await;
        self.start().await;
    }

    /// Sends a signal by its name: `STOP` freezes the process, `CONT` lets it go on.
    pub async fn signal(&self, name: &str) {
        let child = self.child.lock().await;
        let process =
            child.as_ref().and_then(Child::id).unwrap_or_else(|| panic!("{} is not running", self.name));
        // The shell's own `kill`: calling the system's would need unsafe code or another crate.
        let sent = tokio::process::Command::new("sh")
            .args(["-c", &format!("kill -{name} {process}")])
            .status()
            .await
            .expect("a shell is there");
        assert!(sent.success(), "SIG{name} could not be sent to {}", self.name);
    }

    /// Whether the process has not ended yet.
    pub async fn is_running(&self) -> bool {
        let mut child = self.child.lock().await;
        child.as_mut().is_some_and(|process| matches!(process.try_wait(), Ok(None)))
    }

    /// Waits until the process ends by itself and says how.
    pub async fn wait(&self) -> ExitStatus {
        let mut child = self.child.lock().await;
        let mut process = child.take().unwrap_or_else(|| panic!("{} is not running", self.name));
        let status = tokio::time::timeout(PATIENCE, process.wait()).await;
        status.expect("the process ends in time").expect("a process can be waited for")
    }

    /// Address of the running process, `http://127.0.0.1:34567`.
    pub fn url(&self) -> String {
        self.base.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The address as it follows restarts.
    pub fn address(&self) -> Arc<RwLock<String>> {
        Arc::clone(&self.base)
    }

    /// Name of the node and of its log.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Everything it logged so far.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn open_log(&self) -> File {
        let file = OpenOptions::new().create(true).append(true).open(&self.log);
        file.unwrap_or_else(|error| panic!("{}: {error}", self.log.display()))
    }
}

/// The last lines of a log.
pub(crate) fn tail(log: &str) -> String {
    const LINES: usize = 60;
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

/// `http://ADDR:PORT` out of a line that holds `http://ADDR:PORT/docs`.
fn address_in(line: &str) -> Option<String> {
    let start = line.find("http://")?;
    let end = start + line[start..].find("/docs")?;
    Some(line[start..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_is_recognised() {
        assert_eq!(address_in("Готово: http://127.0.0.1:80/docs").as_deref(), Some("http://127.0.0.1:80"));
        assert_eq!(address_in("http://127.0.0.1:80/metrics"), None);
        assert_eq!(address_in("starting"), None);
    }
}
