//! A stand-in of a mail server (RFC 5321), as strict as the strictest: it checks the order of the talk, that secrets come
//! under TLS only, the lines, the dots, the sizes, and that every letter is one (RFC 5322).

mod certificate;
mod letter;
mod line;
mod say;
mod talk;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rand::{RngExt as _, SeedableRng, rngs::StdRng};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

pub use self::{
    letter::Received,
    say::{At, Say},
};
use crate::House;

/// The login that the stand-in takes.
pub const LOGIN: &str = "ads@example.org";
/// The password to it.
pub const PASSWORD: &str = "pass word \"1\"";
/// Longer letters are not taken, in bytes.
pub const LONGEST: usize = 65_536;

/// How the stand-in is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In the clear up to STARTTLS.
    Starttls,
    /// Under TLS from the first byte.
    Implicit,
    /// In the clear, without a login.
    Clear,
}

/// A running stand-in. What breaks its rules fails the test when it is dropped.
#[derive(Debug)]
pub struct MailServer {
    port: u16,
    mode: Mode,
    authority: PathBuf,
    desk: Arc<Desk>,
    serving: JoinHandle<()>,
    _folder: TempDir,
}

struct Desk {
    mode: Mode,
    acceptor: TlsAcceptor,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    says: BTreeMap<At, VecDeque<Say>>,
    unknown: BTreeSet<String>,
    /// Only `AUTH LOGIN` is offered.
    old_login: bool,
    faults: Option<Faults>,
    connections: usize,
    asked: usize,
    taken: Vec<Received>,
    complaints: Vec<String>,
}

/// Failures by a seed.
#[derive(Debug)]
struct Faults {
    random: StdRng,
    percent: u32,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl Desk {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn complain(&self, complaint: impl Into<String>) {
        self.book().complaints.push(complaint.into());
    }

    /// What is said at this step instead of what is right.
    fn say(&self, at: At) -> Option<Say> {
        let mut book = self.book();
        if let Some(say) = book.says.get_mut(&at).and_then(VecDeque::pop_front) {
            return Some(say);
        }
        let Faults { random, percent } = book.faults.as_mut()?;
        if random.random_range(0..100) >= *percent {
            return None;
        }
        match at {
            At::From => Some(Say::Line("421 4.3.2 going down")),
            At::To => Some(Say::Line("451 4.7.1 greylisted")),
            At::Data => Some(Say::Close),
            At::Content if random.random_bool(0.5) => Some(Say::TakeAndClose),
            At::Content => Some(Say::Line("452 4.3.1 no room")),
            _ => None,
        }
    }
}

impl MailServer {
    /// Starts on a free port of the loopback.
    pub async fn start(mode: Mode) -> Self {
        Self::start_as(mode, "127.0.0.1").await
    }

    /// The same with a certificate for another name.
    pub async fn start_as(mode: Mode, name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let authority = folder.path().join("ca.pem");
        let acceptor = certificate::make(name, &authority);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let desk = Arc::new(Desk { mode, acceptor, book: Mutex::default() });
        let shared = Arc::clone(&desk);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.book().connections += 1;
                tokio::spawn(talk::hold(Arc::clone(&shared), stream));
            }
        });
        Self { port, mode, authority, desk, serving, _folder: folder }
    }

    /// Lets a house that is not open yet send its mail through it.
    pub fn serve(&self, house: &House) {
        house.set("NARYAD_SMTP_HOST", "127.0.0.1");
        house.set("NARYAD_SMTP_PORT", &self.port.to_string());
        house.set("NARYAD_SMTP_FROM", "УК «Дом» <ads@example.org>");
        match self.mode {
            Mode::Clear => house.set("NARYAD_SMTP_TLS", "none"),
            Mode::Starttls => house.set("NARYAD_SMTP_TLS", "starttls"),
            Mode::Implicit => house.set("NARYAD_SMTP_TLS", "implicit"),
        }
        if self.mode != Mode::Clear {
            house.set("NARYAD_SMTP_CA_FILE", &self.authority.to_string_lossy());
            house.set("NARYAD_SMTP_LOGIN", LOGIN);
            house.set("NARYAD_SMTP_PASSWORD", PASSWORD);
        }
    }

    /// Its port on the loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of the authority that signed its own, PEM.
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// At this step of the next talks these are said, one each.
    pub fn say(&self, at: At, says: impl IntoIterator<Item = Say>) {
        self.desk.book().says.entry(at).or_default().extend(says);
    }

    /// There is no such mailbox here.
    pub fn forget(&self, address: &str) {
        self.desk.book().unknown.insert(address.to_owned());
    }

    /// Offers `AUTH LOGIN` only, as old servers do.
    pub fn offer_login_only(&self) {
        self.desk.book().old_login = true;
    }

    /// From now on so many of a hundred steps of a letter fail, in an order that the seed sets: temporary refusals,
    /// connections that break, letters that are taken without an answer. 0 ends it.
    pub fn fail(&self, seed: u64, percent: u32) {
        self.desk.book().faults = Some(Faults { random: StdRng::seed_from_u64(seed), percent });
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.desk.book().connections
    }

    /// How many letters were begun, whatever became of them.
    pub fn asked(&self) -> usize {
        self.desk.book().asked
    }

    /// The letters that were taken, in order.
    pub fn taken(&self) -> Vec<Received> {
        self.desk.book().taken.clone()
    }

    /// What broke the rules so far; the test no longer fails for it.
    pub fn take_complaints(&self) -> Vec<String> {
        std::mem::take(&mut self.desk.book().complaints)
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.serving.abort();
        let complaints = self.take_complaints();
        if !std::thread::panicking() {
            assert!(complaints.is_empty(), "the mail server was misused: {complaints:?}");
        }
    }
}
