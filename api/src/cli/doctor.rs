//! `naryad doctor`: what is misconfigured, in plain words.

use std::path::Path;

use naryad_domain::{
    Error, Result,
    db::{Db, Location},
    periodic,
};
use sea_orm::{DbBackend, FromQueryResult};

use super::{Outcome, say};
use crate::{
    config::Config,
    fcm::FcmPush,
    problem,
    s3::S3Blobs,
    sms::SmsGateway,
    smtp::SmtpMail,
    state::{self, Opened},
    web_push::BrowserPush,
};

/// A node whose clock is further from the database's than this should be looked at, in seconds.
const DRIFT: f64 = 1.0;
/// Less free space than this is little, in bytes.
const SPACE: u64 = 1 << 30;

/// One line of the report.
enum Line {
    Well(String),
    Warning(String),
    Wrong(String),
}

/// Looks at everything, prints what it saw; what is wrong makes exit code 1, a warning does not.
pub(super) async fn doctor(config: &Config) -> Result<Outcome> {
    let mut lines = vec![data_directory(&config.data), key_file(&config.key_path())];
    match config.location()? {
        Location::Sqlite(path) if !path.exists() => {
            lines.push(Line::Warning(format!(
                "database {}: not there yet; `naryad serve` makes it",
                path.display()
            )));
        }
        _ => match state::open(config).await {
            Ok(opened) => {
                lines.extend(database(&opened).await);
                opened.db.close().await;
            }
            Err(error) => lines.push(Line::Wrong(format!("database: {}", told(&error)))),
        },
    }
    lines.push(bucket(config).await);
    lines.push(push(config).await);
    lines.push(sms(config).await);
    lines.push(mail(config).await);
    lines.push(links(config));
    lines.push(web_push(config));
    lines.extend(web_push_stand_in(config));
    if let Some(path) = &config.clock_file {
        lines
            .push(Line::Warning(format!("clock: the time comes from {}; that is for tests", path.display())));
    }
    let mut text = String::new();
    let mut outcome = Outcome::Well;
    for line in lines {
        let (mark, line) = match line {
            Line::Well(line) => ("ok     ", line),
            Line::Warning(line) => ("warning", line),
            Line::Wrong(line) => {
                outcome = Outcome::Found;
                ("WRONG  ", line)
            }
        };
        text.push_str(&format!("{mark} {line}\n"));
    }
    say(&text)?;
    Ok(outcome)
}

/// The store of photos, if it is a bucket.
async fn bucket(config: &Config) -> Line {
    let settings = match config.s3() {
        Ok(Some(settings)) => settings,
        Ok(None) => return Line::Well("photos: in the data directory".to_owned()),
        Err(error) => return Line::Wrong(format!("photos: {}", told(&error))),
    };
    let place = format!("photos: bucket {}", settings.bucket);
    let store = match S3Blobs::open(&settings, config.data.join("spool")) {
        Ok(store) => store,
        Err(error) => return Line::Wrong(format!("{place}: {}", told(&error))),
    };
    match store.probe().await {
        Ok(()) => Line::Well(format!("{place}: answers, verifies and never overwrites")),
        Err(what) => Line::Wrong(format!("{place}: {what}")),
    }
}

/// What links in messages begin with.
fn links(config: &Config) -> Line {
    match &config.public_url {
        Some(url) => Line::Well(format!("links: begin with {url}")),
        None => {
            Line::Warning("links: NARYAD_PUBLIC_URL is not set; links in messages lead nowhere".to_owned())
        }
    }
}

/// The provider of pushes.
async fn push(config: &Config) -> Line {
    let Some(settings) = config.fcm() else {
        return Line::Warning("push: no provider is set; phones pull when they are looked at".to_owned());
    };
    let clock = match state::clock(config) {
        Ok((clock, _)) => clock,
        Err(error) => return Line::Wrong(format!("push: {}", told(&error))),
    };
    match FcmPush::open(&settings, clock) {
        Err(error) => Line::Wrong(format!("push: {}", told(&error))),
        Ok(provider) => match provider.probe().await {
            Ok(()) => Line::Well("push: FCM gives access to the service account".to_owned()),
            Err(error) => Line::Wrong(format!("push: {error}")),
        },
    }
}

/// The gateway for text messages.
async fn sms(config: &Config) -> Line {
    let opened = config.sms().and_then(|settings| {
        let Some(settings) = settings else { return Ok(None) };
        let (clock, _) = state::clock(config)?;
        Ok(Some((settings.gateway.name(), SmsGateway::open(&settings, clock)?)))
    });
    match opened {
        Ok(None) => {
            Line::Warning("SMS: no provider is set; messages are written to the outbox folder".to_owned())
        }
        Err(error) => Line::Wrong(format!("SMS: {}", told(&error))),
        Ok(Some((name, gateway))) => match gateway.balance().await {
            Ok(balance) => {
                Line::Well(format!("SMS: {name} takes the login; {balance} is left on the account"))
            }
            Err(error) => Line::Wrong(format!("SMS: {name}: {error}")),
        },
    }
}

/// The server of e-mail.
async fn mail(config: &Config) -> Line {
    let opened = config.smtp().and_then(|settings| {
        let Some(settings) = settings else { return Ok(None) };
        let (clock, _) = state::clock(config)?;
        Ok(Some((settings.login.is_some(), SmtpMail::open(&settings, clock)?)))
    });
    match opened {
        Ok(None) => Line::Warning("e-mail: no server is set; it is written to the outbox folder".to_owned()),
        Err(error) => Line::Wrong(format!("e-mail: {}", told(&error))),
        Ok(Some((signs_in, server))) => match server.probe().await {
            Ok(()) if signs_in => Line::Well("e-mail: the server takes the login".to_owned()),
            Ok(()) => Line::Well("e-mail: the server answers".to_owned()),
            Err(error) => Line::Wrong(format!("e-mail: {error}")),
        },
    }
}

/// The way to browsers. There is no one to ask: the push services are whichever the browsers name.
fn web_push(config: &Config) -> Line {
    let Some(settings) = config.web_push() else {
        return Line::Warning("Web Push: no contact is set; browsers are told nothing".to_owned());
    };
    if !settings.key_file.exists() {
        let path = settings.key_file.display();
        return Line::Warning(format!("Web Push: key {path}: not there yet; `naryad serve` makes it"));
    }
    match state::clock(config).and_then(|(clock, _)| BrowserPush::open(&settings, clock)) {
        Ok(_) => Line::Well("Web Push: the key can be used".to_owned()),
        Err(error) => Line::Wrong(format!("Web Push: {}", told(&error))),
    }
}

fn web_push_stand_in(config: &Config) -> Option<Line> {
    let origin = config.web_push_stand_in.as_ref()?;
    Some(Line::Warning(format!("Web Push: {origin} may stand for a push service; that is for tests")))
}

fn told(error: &Error) -> String {
    let causes = problem::causes(error);
    if causes.is_empty() { error.message().to_owned() } else { format!("{} ({causes})", error.message()) }
}

fn data_directory(path: &Path) -> Line {
    if !path.exists() {
        return Line::Warning(format!(
            "data directory {}: not there yet; `naryad serve` makes it",
            path.display()
        ));
    }
    let probe = path.join(".doctor");
    let written = std::fs::write(&probe, b"x").and_then(|()| std::fs::remove_file(&probe));
    if let Err(cause) = written {
        return Line::Wrong(format!("data directory {}: cannot be written: {cause}", path.display()));
    }
    match fs4::available_space(path) {
        Ok(space) if space < SPACE => {
            Line::Warning(format!("data directory {}: only {} MiB are free", path.display(), space >> 20))
        }
        Ok(space) => {
            Line::Well(format!("data directory {}: writable, {} GiB free", path.display(), space >> 30))
        }
        Err(cause) => {
            Line::Warning(format!("data directory {}: free space unknown: {cause}", path.display()))
        }
    }
}

fn key_file(path: &Path) -> Line {
    match std::fs::metadata(path) {
        Err(_) => {
            Line::Warning(format!("signing key {}: not there yet; `naryad serve` makes it", path.display()))
        }
        Ok(facts) => match mode(&facts) & 0o077 {
            0 => Line::Well(format!("signing key {}: only its owner can read it", path.display())),
            _ => Line::Wrong(format!("signing key {}: others can read it; chmod 600", path.display())),
        },
    }
}

#[cfg(unix)]
fn mode(facts: &std::fs::Metadata) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&facts.permissions())
}

#[cfg(not(unix))]
fn mode(_: &std::fs::Metadata) -> u32 {
    0o600
}

async fn database(opened: &Opened) -> Vec<Line> {
    let db = &opened.db;
    let mut lines = vec![match version(db).await {
        Ok(version) => Line::Well(format!("database: {version}")),
        Err(error) => Line::Wrong(format!("database: {}", told(&error))),
    }];
    lines.push(match db.is_migrated().await {
        Ok(true) => Line::Well("migrations: all applied".to_owned()),
        Ok(false) => {
            return [
                lines,
                vec![Line::Wrong("migrations: some are missing; run `naryad migrate`".to_owned())],
            ]
            .into_iter()
            .flatten()
            .collect();
        }
        Err(error) => Line::Wrong(format!("migrations: {}", told(&error))),
    });
    if db.backend() == DbBackend::Postgres {
        lines.push(match character_type(db).await {
            Ok((name, true)) => Line::Well(format!("character type: {name} knows Cyrillic letters")),
            Ok((name, false)) => Line::Warning(format!(
                "character type: LC_CTYPE {name} knows no Cyrillic letters, so the search by words reads every ticket; \
                 make the database with a UTF-8 locale"
            )),
            Err(error) => Line::Wrong(format!("character type: {}", told(&error))),
        });
    }
    lines.push(match dead_jobs(db).await {
        Ok(0) => Line::Well("jobs: no dead letters".to_owned()),
        Ok(count) => {
            Line::Warning(format!("jobs: {count} dead letters; see `naryad jobs list --state dead`"))
        }
        Err(error) => Line::Wrong(format!("jobs: {}", told(&error))),
    });
    lines.push(periodic_tasks(db).await);
    match opened.follow_database().await {
        Ok(None) => {}
        Ok(Some(drift)) => {
            let seconds = drift.as_seconds_f64();
            let line = format!("clock: this machine is {seconds:+.3} s from the database");
            lines.push(if seconds.abs() > DRIFT { Line::Warning(line) } else { Line::Well(line) });
        }
        Err(error) => lines.push(Line::Wrong(format!("clock: {}", told(&error)))),
    }
    lines
}

async fn version(db: &Db) -> Result<String> {
    #[derive(FromQueryResult)]
    struct Row {
        version: String,
    }
    let (engine, sql) = match db.backend() {
        DbBackend::Postgres => ("PostgreSQL", "SELECT current_setting('server_version') AS version"),
        _ => ("SQLite", "SELECT sqlite_version() AS version"),
    };
    let row = db.reader().one::<Row>(sql, []).await?;
    Ok(format!("{engine} {}", row.map(|row| row.version).unwrap_or_default()))
}

/// The character type of a PostgreSQL database, and whether its trigrams see Cyrillic letters.
async fn character_type(db: &Db) -> Result<(String, bool)> {
    #[derive(FromQueryResult)]
    struct Row {
        name: String,
        reads: bool,
    }
    let sql = "SELECT datctype::text AS name, cardinality(show_trgm('ж')) > 0 AS reads
               FROM pg_database WHERE datname = current_database()";
    let row = db.reader().one::<Row>(sql, []).await?;
    let row = row.ok_or_else(|| Error::internal("the database does not know itself"))?;
    Ok((row.name, row.reads))
}

/// The periodic tasks, and which of them fail.
async fn periodic_tasks(db: &Db) -> Line {
    let tasks = match periodic::table(&db.reader()).await {
        Ok(tasks) => tasks,
        Err(error) => return Line::Wrong(format!("periodic tasks: {}", told(&error))),
    };
    let failing: Vec<_> =
        tasks.iter().filter(|task| task.failures > 0).map(|task| task.name.as_str()).collect();
    if failing.is_empty() {
        return Line::Well(format!("periodic tasks: {}, none fails", tasks.len()));
    }
    Line::Warning(format!(
        "periodic tasks: {} failed the last time; see `naryad jobs periodic`",
        failing.join(", ")
    ))
}

async fn dead_jobs(db: &Db) -> Result<i64> {
    #[derive(FromQueryResult)]
    struct Row {
        count: i64,
    }
    let row = db
        .reader()
        .one::<Row>("SELECT COUNT(*) AS count FROM job WHERE state = 'dead' AND discarded_at IS NULL", [])
        .await?;
    Ok(row.map_or(0, |row| row.count))
}
