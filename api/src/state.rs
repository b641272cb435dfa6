//! What every handler can reach.

use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, web};
use chrono::{DateTime, TimeDelta, Utc};
use naryad_domain::{
    Clock, Code, Error, Result,
    auth::{KeyRing, Purpose, SignIn, SigningKey, VerifyingKey},
    blob::{Blobs, DirectoryBlobs},
    channel::{Channels, Mail, OutboxMail, OutboxSms, Sms, WebPush},
    clock::{FileClock, SystemClock},
    db::Db,
    push::Push,
    survey::Links,
};
use sea_orm::{DbBackend, FromQueryResult};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::Config, fcm::FcmPush, limit::Limits, privacy::Reads, s3::S3Blobs, sms::SmsGateway,
    smtp::SmtpMail, web_push::BrowserPush,
};

/// The assembled service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// The database, its clock, its pokes.
    pub db: Db,
    /// Keys of the access tokens and the secrets derived from them.
    pub keys: Arc<KeyRing>,
    /// Sends text messages.
    pub sms: Arc<dyn Sms>,
    /// Sends e-mail.
    pub mail: Arc<dyn Mail>,
    /// Pushes to phones, if a provider is set.
    pub push: Option<Arc<dyn Push>>,
    /// Pushes to browsers, if it is set up.
    pub web_push: Option<Arc<dyn WebPush>>,
    /// Signs people in and out.
    pub sign_in: SignIn,
    /// Keeps the bytes of photos.
    pub blobs: Arc<dyn Blobs>,
    /// Looks at personal data.
    pub reads: Reads,
    /// The settings.
    pub config: Arc<Config>,
    /// How often somebody may ask.
    pub limits: Arc<Limits>,
    /// Cancelled when the shutdown begins: streams end then.
    pub stop: CancellationToken,
    /// Requests that are being answered: the shutdown waits for them.
    pub requests: TaskTracker,
}

/// The service, as a handler takes it.
pub type State = web::Data<App>;

impl App {
    /// Assembles the service on an open database.
    ///
    /// # Errors
    /// The key, the outbox, the account of a provider or the store of photos cannot be read or made.
    pub async fn assemble(config: Config, db: Db) -> Result<Self> {
        let current = SigningKey::load_or_create(&config.key_path())?;
        let previous = config
            .previous_key_files
            .iter()
            .map(|path| {
                let pem = std::fs::read_to_string(path)
                    .map_err(|cause| Error::internal(format!("{}: {cause}", path.display())))?;
                VerifyingKey::from_pem(&pem)
            })
            .collect::<Result<Vec<_>>>()?;
        let keys = Arc::new(KeyRing::new(current, previous));
        let sms = open_sms(&config, &db)?;
        let mail = open_mail(&config, &db)?;
        let push = open_push(&config, &db)?;
        let web_push = open_web_push(&config, &db)?;
        let blobs = open_blobs(&config).await?;
        Ok(Self {
            sign_in: SignIn::new(db.clone(), Arc::clone(&keys), Arc::clone(&sms)),
            keys,
            sms,
            mail,
            push,
            web_push,
            blobs,
            reads: Reads::default(),
            limits: Arc::new(Limits::new(&config)),
            config: Arc::new(config),
            stop: CancellationToken::new(),
            requests: TaskTracker::new(),
            db,
        })
    }

    /// The clock of the service.
    pub fn clock(&self) -> &dyn Clock {
        &**self.db.clock()
    }

    /// The ways to people.
    pub fn channels(&self) -> Channels {
        Channels {
            push: self.push.clone(),
            web_push: self.web_push.clone(),
            sms: Arc::clone(&self.sms),
            mail: Arc::clone(&self.mail),
        }
    }

    /// Makes and opens links to questions about the quality.
    pub fn survey_links(&self) -> Links {
        Links::new(self.keys.secret(Purpose::Survey).clone(), self.config.public_url.as_deref())
    }

    /// The service that answers this request.
    ///
    /// # Errors
    /// `internal`: the server was put together without it.
    pub fn of(request: &HttpRequest) -> Result<&Self> {
        request
            .app_data::<State>()
            .map(|state| &***state)
            .ok_or_else(|| Error::internal("no application state"))
    }
}

/// The gateway for text messages that is set, or the outbox folder.
fn open_sms(config: &Config, db: &Db) -> Result<Arc<dyn Sms>> {
    let clock = db.clock().clone();
    Ok(match config.sms()? {
        Some(settings) => Arc::new(SmsGateway::open(&settings, clock)?),
        None => Arc::new(OutboxSms::open(config.data.join("outbox"), clock)?),
    })
}

/// The provider of pushes that is set.
fn open_push(config: &Config, db: &Db) -> Result<Option<Arc<dyn Push>>> {
    let Some(settings) = config.fcm() else { return Ok(None) };
    Ok(Some(Arc::new(FcmPush::open(&settings, db.clock().clone())?)))
}

/// The server of e-mail that is set, or the outbox folder.
fn open_mail(config: &Config, db: &Db) -> Result<Arc<dyn Mail>> {
    let clock = db.clock().clone();
    Ok(match config.smtp()? {
        Some(settings) => Arc::new(SmtpMail::open(&settings, clock)?),
        None => Arc::new(OutboxMail::open(config.data.join("outbox-mail"), clock)?),
    })
}

/// The way to browsers, where it is set up.
fn open_web_push(config: &Config, db: &Db) -> Result<Option<Arc<dyn WebPush>>> {
    let Some(settings) = config.web_push() else { return Ok(None) };
    Ok(Some(Arc::new(BrowserPush::open(&settings, db.clock().clone())?)))
}

/// The store of bytes that is set: a bucket, or a folder of the data directory.
///
/// # Errors
/// The bucket's settings are incomplete, or the folder cannot be made.
pub async fn open_blobs(config: &Config) -> Result<Arc<dyn Blobs>> {
    match config.s3()? {
        Some(settings) => Ok(Arc::new(S3Blobs::open(&settings, config.data.join("spool"))?)),
        None => {
            let folder = config.data.join("photos");
            Ok(Arc::new(DirectoryBlobs::open(folder).await.map_err(Error::internal)?))
        }
    }
}

/// The database and, where it is the machine's, the clock that follows it.
#[derive(Debug)]
pub struct Opened {
    /// The database.
    pub db: Db,
    /// The clock of this machine; absent when a file tells the time.
    pub machine: Option<Arc<SystemClock>>,
}

/// Makes the data directory, for its owner only.
///
/// # Errors
/// It cannot be made.
pub fn make_data_directory(config: &Config) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(&config.data)
        .map_err(|cause| Error::internal(format!("data directory {}: {cause}", config.data.display())))
}

/// The clock that is set, and that of this machine where it is the one.
type SetClock = (Arc<dyn Clock>, Option<Arc<SystemClock>>);

/// The clock that is set: that of this machine, which can follow another, or a file.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn clock(config: &Config) -> Result<SetClock> {
    Ok(match &config.clock_file {
        Some(path) => {
            let clock = FileClock::open(path.clone())
                .map_err(|cause| Error::internal(format!("clock file {}: {cause}", path.display())))?;
            (Arc::new(clock), None)
        }
        None => {
            let machine = Arc::new(SystemClock::default());
            (machine.clone(), Some(machine))
        }
    })
}

/// Makes the data directory and opens the database; the schema is not touched.
///
/// # Errors
/// The directory cannot be made, the clock file not be read, the database not be reached.
pub async fn open(config: &Config) -> Result<Opened> {
    make_data_directory(config)?;
    let (clock, machine) = clock(config)?;
    let db = Db::open(&config.location()?, config.database_connections, clock).await?;
    let opened = Opened { db, machine };
    opened.follow_database().await?;
    Ok(opened)
}

impl Opened {
    /// Sets the clock by that of PostgreSQL, so that all nodes agree. Returns how far this machine is ahead; `None`
    /// where there is nothing to follow.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn follow_database(&self) -> Result<Option<TimeDelta>> {
        #[derive(FromQueryResult)]
        struct Row {
            now: DateTime<Utc>,
        }
        let Some(machine) = self.machine.as_ref().filter(|_| self.db.backend() == DbBackend::Postgres) else {
            return Ok(None);
        };
        let before = machine.machine_now();
        let row = self.db.reader().one::<Row>("SELECT clock_timestamp() AS now", []).await?;
        let after = machine.machine_now();
        let Some(Row { now }) = row else { return Ok(None) };
        // The database looked at its clock somewhere between; the middle is the best guess.
        Ok(Some(machine.follow(now, before + (after - before) / 2)))
    }

    /// Follows the clock of the database until the shutdown.
    pub async fn keep_following(&self, stop: &CancellationToken) {
        const EVERY: Duration = Duration::from_secs(60);
        while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
            if let Err(error) = self.follow_database().await {
                tracing::warn!(%error, "the clock of the database could not be read; the last difference stays");
            }
        }
    }
}

/// Applies the migrations that are missing; of several nodes that start at once one does it and the others wait.
///
/// # Errors
/// The database cannot be reached, or a migration failed.
pub async fn migrate(db: &Db) -> Result<()> {
    /// Any number that nobody else uses on this database.
    const LOCK: i64 = 0x6e61_7279_6164;
    let Some(pool) = db.postgres_pool() else { return db.migrate().await };
    let mut guard = pool.acquire().await.map_err(unreachable)?;
    sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK).execute(&mut *guard).await.map_err(unreachable)?;
    let migrated = db.migrate().await;
    // A connection that broke has given the lock back by itself.
    let _ = sqlx::query("SELECT pg_advisory_unlock($1)").bind(LOCK).execute(&mut *guard).await;
    migrated
}

fn unreachable(cause: sqlx::Error) -> Error {
    Error::new(Code::Unavailable, "the database does not answer").caused_by(cause)
}
