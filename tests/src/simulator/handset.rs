//! A phone of the simulator: the reference client in a folder, a clock that is wrong, and what was truly done on it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, TimeDelta, Utc};
use naryad_sync::client::{Client, DeviceClock, Mutation, NewPhoto, Options, SyncReport, Transport};
use serde_json::Value;
use uuid::Uuid;

use super::network::Network;
use crate::{clock::HandClock, people::User};

/// The clock of a phone: the true one, and what its owner made of it.
#[derive(Debug)]
pub struct PocketClock {
    truth: HandClock,
    skew_ms: AtomicI64,
    boot: Mutex<(Uuid, DateTime<Utc>)>,
}

impl PocketClock {
    fn new(truth: HandClock, skew: TimeDelta) -> Self {
        let boot = Mutex::new((Uuid::now_v7(), truth.now() - TimeDelta::hours(5)));
        Self { truth, skew_ms: AtomicI64::new(skew.num_milliseconds()), boot }
    }

    /// Somebody sets the clock.
    pub fn set_wrong(&self, skew: TimeDelta) {
        self.skew_ms.store(skew.num_milliseconds(), Ordering::Relaxed);
    }

    /// The phone is switched off and on.
    pub fn reboot(&self) {
        *self.boot.lock().unwrap_or_else(PoisonError::into_inner) = (Uuid::now_v7(), self.truth.now());
    }
}

impl DeviceClock for PocketClock {
    fn now(&self) -> DateTime<Utc> {
        self.truth.now() + TimeDelta::milliseconds(self.skew_ms.load(Ordering::Relaxed))
    }

    fn boot_id(&self) -> Uuid {
        self.boot.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn mono_ms(&self) -> i64 {
        (self.truth.now() - self.boot.lock().unwrap_or_else(PoisonError::into_inner).1).num_milliseconds()
    }
}

/// An act as it truly was.
#[derive(Debug, Clone, Copy)]
pub struct Deed {
    /// When, by the true clock.
    pub at: DateTime<Utc>,
    /// In which run of the phone: a clock that was set and a phone that was started again leave no way to know.
    pub boot: Uuid,
    /// How wrong the clock was.
    pub skew_ms: i64,
}

/// A phone.
#[derive(Debug)]
pub struct Handset {
    /// For messages.
    pub name: String,
    /// Who holds it.
    pub owner: User,
    /// The client.
    pub client: Client,
    /// Its clock.
    pub clock: Arc<PocketClock>,
    /// Its way to the servers.
    pub network: Arc<Network>,
    /// What was done on it, by the identifier of the mutation.
    pub deeds: BTreeMap<Uuid, Deed>,
    /// Rounds that ended with a digest that did not agree.
    pub mismatches: u32,
    folder: PathBuf,
}

impl Handset {
    /// A new phone in `folder`; nobody is signed in.
    pub async fn new(
        name: &str,
        owner: &User,
        folder: PathBuf,
        truth: HandClock,
        network: Arc<Network>,
    ) -> Self {
        let clock = Arc::new(PocketClock::new(truth, TimeDelta::zero()));
        let client = open(&folder, &network, &clock).await;
        Self {
            name: name.to_owned(),
            owner: owner.clone(),
            client,
            clock,
            network,
            deeds: BTreeMap::new(),
            mismatches: 0,
            folder,
        }
    }

    /// Records an act.
    pub async fn record(&mut self, kind: &str, ticket: Uuid, args: Value, photos: Vec<NewPhoto>) {
        let seq = self.client.record(kind, Some(ticket), args, photos).await;
        let seq = seq.expect("a phone records whatever the network is");
        let queue = self.client.queue().await.expect("the queue is readable");
        let recorded = queue.iter().rev().find(|one| one.seq == seq && one.waits && one.kind == kind);
        let recorded = recorded.expect("what was recorded waits");
        let deed = Deed {
            at: self.clock.truth.now(),
            boot: self.clock.boot_id(),
            skew_ms: self.clock.skew_ms.load(Ordering::Relaxed),
        };
        self.deeds.insert(recorded.id, deed);
    }

    /// One round with the server. Whoever's sign-in is over signs in again, as his app asks him to.
    pub async fn sync(&mut self) -> SyncReport {
        if self.client.user().await.expect("the store is readable") != Some(self.owner.id) {
            // May be in vain: the network.
            let _ = self.client.sign_in(&self.owner.login, &self.owner.password).await;
        }
        let report = self.client.sync_once().await.expect("the store of the phone is sound");
        if report.needs_sign_in {
            let _ = self.client.sign_in(&self.owner.login, &self.owner.password).await;
        }
        self.mismatches += u32::from(report.mismatch);
        report
    }

    /// The process of the app is killed and begins again.
    pub async fn restart(&mut self) {
        self.client.close().await;
        self.client = open(&self.folder, &self.network, &self.clock).await;
    }

    /// Copies what the phone holds to `to`, as a backup of the maker of the phone does.
    pub async fn back_up(&mut self, to: &Path) {
        self.client.close().await;
        copy(&self.folder, to);
        self.client = open(&self.folder, &self.network, &self.clock).await;
    }

    /// What the phone holds is what `from` held. What was done since and not delivered is gone, as on a real one; it is
    /// said which acts those were.
    pub async fn restore(&mut self, from: &Path) -> Vec<Mutation> {
        let before = self.client.queue().await.expect("the queue is readable");
        self.client.close().await;
        std::fs::remove_dir_all(&self.folder).expect("a folder goes");
        copy(from, &self.folder);
        self.client = open(&self.folder, &self.network, &self.clock).await;
        let after = self.client.queue().await.expect("the queue is readable");
        before.into_iter().filter(|one| !after.iter().any(|kept| kept.id == one.id)).collect()
    }

    /// Every mutation that the phone keeps.
    pub async fn queue(&self) -> Vec<Mutation> {
        self.client.queue().await.expect("the queue is readable")
    }
}

async fn open(folder: &Path, network: &Arc<Network>, clock: &Arc<PocketClock>) -> Client {
    let transport: Arc<dyn Transport> = Arc::<Network>::clone(network);
    let clock: Arc<dyn DeviceClock> = Arc::<PocketClock>::clone(clock);
    // Small pages and slices: more places at which the network can fail.
    let options = Options { page: 7, slice: 700, ..Options::default() };
    Client::open_with(folder, transport, clock, options).await.expect("a phone opens")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder is readable") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a file is copied");
        }
    }
}
