//! E-mail by SMTP (RFC 5321), handed to the server of whoever runs this.
//!
//! The letters are written by a library; the talk with the server is our own, because what a refusal means depends on the
//! step at which it comes: a recipient that is refused is dead, a sender that is refused is a fault of ours, and an answer
//! that is lost after the text may have been a yes.

mod letter;
mod refusal;
mod session;
#[cfg(test)]
mod tests;
mod tls;
mod wire;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use naryad_domain::{
    Clock, Error, Result,
    channel::{Mail, MailMessage, SendError, Taken},
};
use serde::{Deserialize, Serialize};
use tokio::{sync::Semaphore, time::Instant};

use self::{
    letter::{Letter, Sender},
    session::{Login, Server, Session},
    tls::Security,
};
use crate::provider::{Guard, in_time};

/// Connections at once at most.
const CONNECTIONS: usize = 4;
/// A connection that nobody used for so long is not trusted any more.
const IDLE: Duration = Duration::from_secs(30);
/// After so many letters a connection is made anew: servers count.
const LETTERS: u32 = 50;
/// Letters a second at most.
const PER_SECOND: u32 = 20;

/// How the talk with the server is kept from others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpTls {
    /// It begins in the clear and must go over to TLS before anything is said.
    #[default]
    Starttls,
    /// It begins with TLS.
    Implicit,
    /// Not at all: for a server on this machine.
    None,
}

/// Where letters go, and who sends them.
#[derive(Clone)]
pub struct SmtpSettings {
    /// Name or address of the server.
    pub host: String,
    /// Its port; without it, the usual one for `tls`.
    pub port: Option<u16>,
    /// How the talk is kept from others.
    pub tls: SmtpTls,
    /// The login, where the server wants one.
    pub login: Option<String>,
    /// The password to it.
    pub password: Option<String>,
    /// Who the letters come from: `name@example.org` or `Name <name@example.org>`.
    pub from: String,
    /// PEM file of further authorities that may have signed the server's certificate.
    pub ca_file: Option<PathBuf>,
}

impl std::fmt::Debug for SmtpSettings {
    /// Without login and password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpSettings")
            .field("host", &self.host)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// The way to a mail server.
#[derive(Debug)]
pub struct SmtpMail {
    server: Server,
    sender: Sender,
    idle: Mutex<Vec<(Session, Instant)>>,
    places: Semaphore,
    guard: Guard,
    clock: Arc<dyn Clock>,
}

impl SmtpMail {
    /// Makes the way ready; nothing is asked of the server yet.
    ///
    /// # Errors
    /// `invalid_field`: the sender is no address, the login lacks its password, or a server elsewhere is to be spoken to
    /// in the clear. `internal`: the file of authorities cannot be read.
    pub fn open(settings: &SmtpSettings, clock: Arc<dyn Clock>) -> Result<Self> {
        let security = Security::of(settings)?;
        let login = match (&settings.login, &settings.password) {
            (Some(name), Some(password)) => Some(Login { name: name.clone(), password: password.clone() }),
            (None, None) => None,
            (Some(_), None) => {
                return Err(Error::field("smtp_password", "is needed where smtp_login is set"));
            }
            (None, Some(_)) => {
                return Err(Error::field("smtp_login", "is needed where smtp_password is set"));
            }
        };
        let port = settings.port.unwrap_or(match settings.tls {
            SmtpTls::Starttls => 587,
            SmtpTls::Implicit => 465,
            SmtpTls::None => 25,
        });
        Ok(Self {
            server: Server { host: settings.host.clone(), port, security, login },
            sender: Sender::parse(&settings.from)?,
            idle: Mutex::default(),
            places: Semaphore::new(CONNECTIONS),
            guard: Guard::new("smtp", PER_SECOND, Arc::clone(&clock)),
            clock,
        })
    }

    /// Whether the server lets us in; nothing is sent.
    ///
    /// # Errors
    /// It does not, or does not answer.
    pub async fn probe(&self) -> Result<(), SendError> {
        let asking = async {
            let session = Session::open(&self.server).await?;
            session.quit().await;
            Ok(())
        };
        in_time(asking).await
    }

    async fn deliver(&self, letter: &Letter) -> Result<Taken, SendError> {
        let closed = |_| SendError::Down("no connections any more".to_owned());
        let _place = self.places.acquire().await.map_err(closed)?;
        let mut session = match self.used_before().await {
            Some(session) => session,
            None => Session::open(&self.server).await?,
        };
        let told = session.send(letter).await;
        if session.is_usable() && session.letters() < LETTERS {
            self.idle().push((session, Instant::now()));
        } else if session.is_usable() {
            session.quit().await;
        }
        told
    }

    /// A connection that still stands.
    async fn used_before(&self) -> Option<Session> {
        loop {
            let (mut session, since) = self.idle().pop()?;
            if since.elapsed() < IDLE && session.reset().await {
                return Some(session);
            }
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(Session, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl Mail for SmtpMail {
    async fn send(&self, message: &MailMessage) -> Result<Taken, SendError> {
        let letter = Letter::write(&self.sender, message, self.clock.now())?;
        self.guard.call(in_time(self.deliver(&letter))).await
    }
}
