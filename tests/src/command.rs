//! The program under test, and its commands.

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command};

/// The `naryad` binary.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
}

impl Program {
    /// The binary that `NARYAD_BIN` names, or the one beside the running test (`target/debug/naryad`).
    pub fn find() -> Self {
        let path = std::env::var_os("NARYAD_BIN").map_or_else(
            || {
                let test = std::env::current_exe().expect("a test knows its own path");
                let profile = test.ancestors().nth(2).expect("a test lies in target/<profile>/deps");
                profile.join("naryad")
            },
            PathBuf::from,
        );
        assert!(
            path.is_file(),
            "{} is not there: `cargo build -p naryad-api` builds it, and `make test` does so by itself",
            path.display()
        );
        Self { path }
    }

    /// The binary at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A command of the program, free of whatever configuration this machine's environment holds.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        for (name, _) in std::env::vars_os() {
            let known = name.to_string_lossy();
            let ours = ["NARYAD_", "S3_", "AWS_"].iter().any(|prefix| known.starts_with(prefix));
            if ours || known == "DATABASE_URL" || known == "RUST_LOG" {
                command.env_remove(&name);
            }
        }
        command.args(arguments).env("NO_COLOR", "1").kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Finished {
        self.run_with_input(arguments, environment, "").await
    }

    /// Runs a command to its end with text on its standard input.
    pub async fn run_with_input(
        &self,
        arguments: &[&str],
        environment: &[(&str, &str)],
        input: &str,
    ) -> Finished {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let line = format!("naryad {}", arguments.join(" "));
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{line}: {error}"));
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read its input may close it first.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        let output = child.wait_with_output().await.unwrap_or_else(|error| panic!("{line}: {error}"));
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Finished { line, status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// A source file that is newer than the program, if there is one: the first suspect when a story fails.
    pub fn newer_source(&self) -> Option<PathBuf> {
        let built = std::fs::metadata(&self.path).and_then(|facts| facts.modified()).ok()?;
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let mut folders: Vec<_> =
            ["api", "domain", "migrations", "sync", "worker"].map(|name| root.join(name)).into();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs")
                    && entry
                        .metadata()
                        .and_then(|facts| facts.modified())
                        .is_ok_and(|changed| changed > built)
                {
                    return Some(path);
                }
            }
        }
        None
    }
}

/// A command that has ended.
#[derive(Debug)]
pub struct Finished {
    line: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it logged.
    pub stderr: String,
}

impl Finished {
    /// Requires exit code 0.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        assert!(
            self.status.success(),
            "`{}` ended with {}\n{}{}",
            self.line,
            self.status,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Requires another exit code than 0.
    #[track_caller]
    pub fn expect_failure(self) -> Self {
        assert!(!self.status.success(), "`{}` should have failed\n{}{}", self.line, self.stdout, self.stderr);
        self
    }

    /// What it printed, as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("`{}` printed no JSON: {error}\n{}{}", self.line, self.stdout, self.stderr)
        })
    }
}
