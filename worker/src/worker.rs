//! The claim loop.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use naryad_domain::{
    Error, Result,
    db::Db,
    id::JobId,
    job::{self, ATTEMPTS, Claimed, Failure, Lease, discreet},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    beat, deadlines, escalations,
    notifications::Carriers,
    periodic::Services,
    registry::Registry,
    rota::{Beat, Rota},
};

/// How long a job belongs to the worker that took it.
pub const LEASE: TimeDelta = TimeDelta::seconds(60);
/// Jobs become due without anybody saying so: the queue is looked at this often, in real time.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often leases that ran out are looked for.
const RETURN_EVERY: Duration = Duration::from_secs(5);

/// How much at once, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Jobs at once.
    pub at_once: usize,
    /// A handler that takes longer is given up: before its lease runs out and another worker starts the same job.
    pub longest: Duration,
    /// How long running jobs may take to end when the worker stops.
    pub grace: Duration,
    /// When the periodic tasks are looked at.
    pub beat: Beat,
}

impl Default for Pace {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { at_once: 4, longest: seconds(50), grace: seconds(20), beat: Beat::default() }
    }
}

/// Claims and runs jobs until `stop`; then waits for those that run and gives back what does not end in time.
pub async fn run(db: &Db, registry: Registry, pace: Pace, stop: &CancellationToken) {
    let registry = Arc::new(registry);
    let mut worker = Worker {
        db: db.clone(),
        registry: Arc::clone(&registry),
        slots: Arc::new(Semaphore::new(pace.at_once.max(1))),
        pace,
        running: JoinSet::new(),
        leases: Leases::default(),
    };
    let services = Services { db: db.clone(), transfers: registry.transfers().cloned() };
    let mut rota = Rota::new(services, registry.tasks(), pace.beat);
    let mut carriers = Carriers::new(db, registry.channels());
    // They end by themselves, and not between taking something and starting it.
    let taking = async { tokio::join!(claim_all(&mut worker, stop), rota.go(stop), carriers.go(stop)) };
    tokio::select! {
        _ = taking => {}
        () = bring_back(db) => {}
        () = deadlines::run(db) => {}
        () = escalations::run(db) => {}
        () = beat::run(db, &registry) => {}
    }
    tokio::join!(worker.finish(), rota.finish(pace.grace), carriers.finish(pace.grace));
}

/// Brings back jobs whose worker has died.
async fn bring_back(db: &Db) {
    let mut returning = interval(RETURN_EVERY);
    returning.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        returning.tick().await;
        if let Err(error) = job::return_expired(db).await {
            tracing::warn!(
                error = causes(&error),
                "jobs of workers that have died could not be brought back"
            );
        }
    }
}

async fn claim_all(worker: &mut Worker, stop: &CancellationToken) {
    let mut pokes = worker.db.pokes().subscribe_own();
    while !stop.is_cancelled() {
        match worker.rotate(stop).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => tracing::warn!(error = causes(&error), "the queue could not be read"),
        }
        // Whatever was written here may have enqueued a job. A poke that was lost costs a second.
        let _ = stop.run_until_cancelled(timeout(LOOK_EVERY, pokes.recv())).await;
        while pokes.try_recv().is_ok() {}
    }
}

struct Worker {
    db: Db,
    registry: Arc<Registry>,
    pace: Pace,
    slots: Arc<Semaphore>,
    running: JoinSet<()>,
    leases: Leases,
}

/// The leases of the jobs that run here.
#[derive(Clone, Default)]
struct Leases(Arc<Mutex<BTreeMap<JobId, Lease>>>);

impl Leases {
    fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<JobId, Lease>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Worker {
    /// Starts one job of each organization that has one due, and returns how many. The first job of the last
    /// organization waits for one job of each before it, however long their queues are.
    async fn rotate(&mut self, stop: &CancellationToken) -> Result<usize> {
        let mut started = 0;
        for organization in job::due_organizations(&self.db).await? {
            let slot = Arc::clone(&self.slots).acquire_owned();
            let Some(slot) = stop.run_until_cancelled(slot).await else { break };
            let slot = slot.map_err(Error::internal)?;
            // Ended tasks are dropped here, so that they do not gather.
            while self.running.try_join_next().is_some() {}
            match job::claim(&self.db, organization, LEASE).await {
                Ok(Some(claimed)) => {
                    self.start(claimed, slot);
                    started += 1;
                }
                Ok(None) => {}
                // The queue of one organization is no reason to let the others wait.
                Err(error) => {
                    tracing::warn!(%organization, error = causes(&error), "no job could be taken");
                }
            }
        }
        Ok(started)
    }

    fn start(&mut self, claimed: Claimed, slot: OwnedSemaphorePermit) {
        let (db, registry, leases) = (self.db.clone(), Arc::clone(&self.registry), self.leases.clone());
        let longest = self.pace.longest;
        let lease = claimed.lease;
        leases.with(|leases| leases.insert(lease.job, lease));
        self.running.spawn(async move {
            perform(&db, &registry, longest, &claimed).await;
            leases.with(|leases| leases.remove(&lease.job));
            drop(slot);
        });
    }

    async fn finish(&mut self) {
        let ending = async { while self.running.join_next().await.is_some() {} };
        if timeout(self.pace.grace, ending).await.is_ok() {
            return;
        }
        self.running.shutdown().await;
        for lease in self.leases.with(std::mem::take).into_values() {
            tracing::info!(job = %lease.job, "the job is given back");
            if let Err(error) = job::give_back(&self.db, lease).await {
                tracing::warn!(job = %lease.job, error = causes(&error), "the job returns when its lease has run out");
            }
        }
    }
}

/// Runs one job and, if it fails, says so in the queue.
async fn perform(db: &Db, registry: &Arc<Registry>, longest: Duration, claimed: &Claimed) {
    let started = Instant::now();
    let outcome = handle(db, registry, longest, claimed).await;
    let told = match outcome {
        Ok(()) => "done",
        Err(Trouble { why, attempts }) => {
            let why = discreet(&why);
            match job::fail(db, claimed.lease, claimed.attempt, attempts, &why).await {
                Ok(Failure::Again) => {
                    tracing::warn!(kind = claimed.kind, job = %claimed.lease.job, attempt = claimed.attempt, why, "the job failed and is tried again");
                    "again"
                }
                Ok(Failure::Dead) => {
                    tracing::error!(kind = claimed.kind, job = %claimed.lease.job, attempt = claimed.attempt, why, "the job is a dead letter");
                    "dead"
                }
                Err(error) => {
                    tracing::warn!(kind = claimed.kind, job = %claimed.lease.job, error = causes(&error), why, "the job failed, and the queue could not be told");
                    "untold"
                }
            }
        }
    };
    let labels = [("kind", claimed.kind.clone()), ("outcome", told.to_owned())];
    metrics::counter!("naryad_jobs_total", &labels).increment(1);
    metrics::histogram!("naryad_job_seconds", &labels[..1]).record(started.elapsed().as_secs_f64());
}

/// Why a job failed, and after how many attempts it is given up.
struct Trouble {
    why: String,
    attempts: i64,
}

async fn handle(
    db: &Db,
    registry: &Arc<Registry>,
    longest: Duration,
    claimed: &Claimed,
) -> Result<(), Trouble> {
    let again = |why| Trouble { why, attempts: ATTEMPTS };
    if registry.find(&claimed.kind).is_none() {
        // Trying again would not help; an administrator runs it again after the update that knows it.
        let why = format!("this version knows no job of the kind «{}»", claimed.kind);
        return Err(Trouble { why, attempts: claimed.attempt });
    }
    // A task of its own, so that a panic is a failure of this job only. Dropping the set ends it.
    let mut task = JoinSet::new();
    let (db, registry, claimed) = (db.clone(), Arc::clone(registry), claimed.clone());
    task.spawn(async move {
        match registry.find(&claimed.kind) {
            Some(handler) => handler(&db, &claimed).await,
            None => Ok(()),
        }
    });
    match timeout(longest, task.join_next()).await {
        Ok(Some(Ok(Ok(())))) | Ok(None) => Ok(()),
        Ok(Some(Ok(Err(error)))) => Err(again(causes(&error))),
        Ok(Some(Err(panic))) => Err(again(panic.to_string())),
        Err(_) => Err(again(format!("it took longer than {longest:?}"))),
    }
}

/// An error with its causes, for the log and for the dead letter; it stays with the organization's management.
pub(crate) fn causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
