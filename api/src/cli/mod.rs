//! The command line.

mod backup;
mod calendar;
mod demo;
mod docs;
mod doctor;
mod jobs;
mod org;
mod resident;
mod serve;
mod user;
mod verify;

use std::{io::Write, net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use naryad_domain::{Code, Error, Result, channel::VapidKey, db::Db};

use crate::{
    config::{Config, Flags, LogFormat},
    demo::{Script, Size},
    openapi, problem, state,
};

const EXIT_CODES: &str = "Exit codes: 0 all is well; 1 something was found (doctor, verify, backup, docs --check) or the demo went wrong; \
                          2 wrong usage or settings; 3 it failed, standard error says why.";

/// Dispatch service of housing management companies.
#[derive(Debug, Parser)]
#[command(name = "naryad", version, after_help = EXIT_CODES)]
struct Cli {
    /// File of settings (TOML); `NARYAD_CONFIG` names it too.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Directory of the database file, the key and the photos.
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the API and runs background jobs; makes whatever is missing in the data directory.
    Serve {
        /// Address and port to listen on; port 0 takes a free one.
        #[arg(long)]
        listen: Option<SocketAddr>,
        /// Leaves the background jobs to `naryad worker` processes.
        #[arg(long)]
        no_worker: bool,
    },
    /// Makes a small organization with made-up people, plays one day of it over HTTP and tells how it went. Does
    /// nothing where there is an organization already.
    Demo {
        /// Goes on serving afterwards, by the real clock.
        #[arg(long)]
        serve: bool,
        /// Address and port to serve on; port 0 takes a free one.
        #[arg(long)]
        listen: Option<SocketAddr>,
        /// How much is made.
        #[arg(long, value_enum, default_value_t)]
        size: Size,
        /// Plays a shift without a network too, by the reference client, with what went over the wire; 1 is the exit code
        /// when it does not add up.
        #[arg(long)]
        offline: bool,
        /// Takes the photos of the day from here; without it they are drawn.
        #[arg(long, value_name = "DIR")]
        photos: Option<PathBuf>,
    },
    /// Runs background jobs only.
    Worker,
    /// Applies the migrations that are missing.
    Migrate,
    /// Prints the contract (OpenAPI 3.1, YAML).
    Openapi,
    /// Organizations.
    #[command(subcommand)]
    Org(org::Org),
    /// Members of staff.
    #[command(subcommand)]
    User(user::User),
    /// Residents.
    #[command(subcommand)]
    Resident(resident::Resident),
    /// Production calendars.
    #[command(subcommand)]
    Calendar(calendar::Calendar),
    /// Background jobs, dead letters among them, and what runs every so often.
    #[command(subcommand)]
    Jobs(jobs::Jobs),
    /// Prints the public key that browsers subscribe to pushes with; makes the key where there is none.
    WebPushKey,
    /// Says in plain words what is misconfigured.
    Doctor,
    /// The journal.
    #[command(subcommand)]
    Journal(Check),
    /// The feeds of the phones.
    #[command(subcommand)]
    Sync(Check),
    /// The stock of materials.
    #[command(subcommand)]
    Stock(Check),
    /// The photos and what else is kept as bytes.
    #[command(subcommand)]
    Photos(Photos),
    /// Backs up the database file, the signing key and the photos, while the server serves.
    Backup {
        /// The folder of the backup; made, and must not be there or be empty.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
    /// Puts a backup in place where nobody serves, and lets the phones know.
    Restore {
        /// The folder of the backup.
        #[arg(long, value_name = "DIR", required_unless_present = "mark", conflicts_with = "mark")]
        from: Option<PathBuf>,
        /// Moves aside what is there already; nothing is deleted.
        #[arg(long, conflicts_with = "mark")]
        replace: bool,
        /// Restores nothing: says of a database that was restored by its own tools that it was.
        #[arg(long)]
        mark: bool,
    },
    /// Writes the pages that are made from the code.
    #[command(hide = true)]
    Docs {
        /// Writes nothing and compares.
        #[arg(long)]
        check: bool,
        /// The repository; the pages are in its `docs/generated`.
        #[arg(long, default_value = ".")]
        root: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum Check {
    /// Recomputes everything and tells what does not agree.
    Verify,
}

#[derive(Debug, Subcommand)]
enum Photos {
    /// Compares every record with its object and every object with its record.
    Verify {
        /// Reads every byte and computes its hash again.
        #[arg(long)]
        deep: bool,
    },
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Well,
    Found,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let ran = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::internal)
        .and_then(|runtime| runtime.block_on(run(cli)));
    match ran {
        Ok(Outcome::Well) => ExitCode::SUCCESS,
        Ok(Outcome::Found) => ExitCode::from(1),
        Err(error) => {
            let causes = problem::causes(&error);
            let separator = if causes.is_empty() { "" } else { ": " };
            eprintln!("naryad: {}{separator}{causes}", error.message());
            ExitCode::from(if error.code() == Code::InvalidField { 2 } else { 3 })
        }
    }
}

async fn run(cli: Cli) -> Result<Outcome> {
    let mut flags = Flags { data: cli.data, ..Flags::default() };
    if let Command::Serve { listen, no_worker } = &cli.command {
        flags.listen = *listen;
        flags.worker = no_worker.then_some(false);
    }
    if let Command::Demo { listen, .. } = &cli.command {
        flags.listen = *listen;
    }
    let config = Config::read(cli.config.as_deref(), &flags)?;
    log_to_stderr(&config)?;
    match cli.command {
        Command::Openapi => say(&openapi::yaml()?).map(|()| Outcome::Well),
        Command::Docs { check, root } => docs::docs(&root.join("docs/generated"), check),
        Command::Org(org) => Box::pin(org.run(&config)).await,
        Command::User(user) => Box::pin(user.run(&config)).await,
        Command::Resident(resident) => Box::pin(resident.run(&config)).await,
        Command::Calendar(calendar) => Box::pin(calendar.run(&config)).await,
        Command::Jobs(jobs) => Box::pin(jobs.run(&config)).await,
        Command::WebPushKey => web_push_key(&config),
        Command::Doctor => doctor::doctor(&config).await,
        Command::Serve { .. } => Box::pin(serve::serve(config)).await,
        Command::Demo { serve, size, offline, photos, .. } => {
            let script = Script { size, photos: photos.as_deref(), offline };
            Box::pin(demo::demo(config, script, serve)).await
        }
        Command::Worker => Box::pin(serve::work(config)).await,
        Command::Migrate => {
            ready(&config).await?.close().await;
            Ok(Outcome::Well)
        }
        Command::Journal(Check::Verify) => verify::journal(&config).await,
        Command::Sync(Check::Verify) => verify::feeds(&config).await,
        Command::Stock(Check::Verify) => verify::stock(&config).await,
        Command::Photos(Photos::Verify { deep }) => verify::photos(&config, deep).await,
        Command::Backup { to } => Box::pin(backup::backup(&config, &to)).await,
        Command::Restore { from, replace, mark: _ } => {
            Box::pin(backup::restore(&config, from.as_deref(), replace)).await
        }
    }
}

fn web_push_key(config: &Config) -> Result<Outcome> {
    state::make_data_directory(config)?;
    let key = VapidKey::load_or_create(&config.web_push_key_path())?;
    say(&format!("{}\n", key.public_key())).map(|()| Outcome::Well)
}

/// The database, with every migration, for a command that changes something.
async fn ready(config: &Config) -> Result<Db> {
    let db = state::open(config).await?.db;
    state::migrate(&db).await?;
    Ok(db)
}

/// Prints one line of JSON.
fn say_json(value: &impl serde::Serialize) -> Result<Outcome> {
    let text = serde_json::to_string(value).map_err(Error::internal)?;
    say(&format!("{text}\n")).map(|()| Outcome::Well)
}

/// Writes to standard output, which carries only what a command was asked for.
fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Error::internal)
}

fn log_to_stderr(config: &Config) -> Result<()> {
    use tracing_subscriber::{EnvFilter, fmt};
    // What these say at each start is not worth a line; a directive in the settings comes later and wins.
    let filter = format!("sea_orm_migration=warn,actix_server=warn,{}", config.log);
    let filter = EnvFilter::try_new(filter).map_err(|cause| Error::field("log", cause.to_string()))?;
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let set = match config.log_format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    set.map_err(Error::internal)
}
