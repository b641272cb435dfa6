//! The loop that takes the periodic tasks when they are due and nobody has them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use naryad_domain::{
    Result,
    job::discreet,
    periodic::{self, Look, Periodic, Turn},
};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};

use tokio_util::sync::CancellationToken;

use crate::{
    periodic::{Services, Task},
    worker::causes,
};

/// When the tasks are looked at, in real time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// What is due is asked for this often.
    pub look: Duration,
    /// A turn is renewed this often.
    pub renew: Duration,
    /// A row that says what cannot be is acted on when it has stood still for so long: several times of `renew`.
    pub silence: Duration,
    /// An owner that could not renew for so long stops by itself: shorter than the lease.
    pub give_up: Duration,
}

impl Default for Beat {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { look: seconds(1), renew: seconds(5), silence: seconds(15), give_up: seconds(45) }
    }
}

/// The tasks of this process and the turns it has.
pub(crate) struct Rota {
    services: Services,
    tasks: BTreeMap<&'static str, Task>,
    beat: Beat,
    worker: String,
    announced: bool,
    looked_at_all: Option<Instant>,
    still: Still,
    running: JoinSet<()>,
    turns: Turns,
}

/// The turns that run here.
#[derive(Clone, Default)]
struct Turns(Arc<Mutex<BTreeMap<&'static str, Turn>>>);

impl Turns {
    fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<&'static str, Turn>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Since when rows that say what cannot be have stood still.
#[derive(Default)]
struct Still(BTreeMap<String, (i64, Instant)>);

impl Still {
    /// Whether the row has stood as it does for `long`.
    fn for_long(&mut self, row: &Periodic, long: Duration) -> bool {
        let fresh = (row.pulse, Instant::now());
        let seen = self.0.entry(row.name.clone()).or_insert(fresh);
        if seen.0 != row.pulse {
            *seen = fresh;
        }
        seen.1.elapsed() >= long
    }
}

impl Rota {
    pub(crate) fn new(services: Services, tasks: &[Task], beat: Beat) -> Self {
        Self {
            services,
            tasks: tasks.iter().map(|task| (task.name, task.clone())).collect(),
            beat,
            worker: process_name(),
            announced: false,
            looked_at_all: None,
            still: Still::default(),
            running: JoinSet::new(),
            turns: Turns::default(),
        }
    }

    /// Looks for what is due until `stop`; turns that run go on until [`Rota::finish`].
    pub(crate) async fn go(&mut self, stop: &CancellationToken) {
        if self.tasks.is_empty() {
            return;
        }
        let mut looking = interval(self.beat.look);
        looking.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(looking.tick()).await.is_some() {
            if let Err(error) = self.look().await {
                tracing::warn!(error = causes(&error), "the periodic tasks could not be looked at");
            }
        }
    }

    async fn look(&mut self) -> Result<()> {
        let db = self.services.db.clone();
        while self.running.try_join_next().is_some() {}
        if !self.announced {
            for task in self.tasks.values() {
                periodic::announce(&db, task.name, task.every).await?;
            }
            self.announced = true;
        }
        // What is due is found by its index. What the clock says wrongly is not, and is looked for now and then.
        let all = self.looked_at_all.is_none_or(|at| at.elapsed() >= self.beat.silence / 3);
        let rows = if all {
            self.looked_at_all = Some(Instant::now());
            periodic::table(&db.reader()).await?
        } else {
            periodic::due(&db).await?
        };
        let now = db.clock().now();
        for row in rows {
            let Some(task) = self.tasks.get(row.name.as_str()).cloned() else { continue };
            let look = Look::at(now, &row);
            let acts = match look {
                Look::NotYet | Look::Held => continue,
                Look::Due => true,
                Look::Lapsed | Look::TooFar => self.still.for_long(&row, self.beat.silence),
            };
            // One that runs here is renewed here, or gives up by itself.
            if !acts || self.turns.with(|turns| turns.contains_key(task.name)) {
                continue;
            }
            if look == Look::TooFar {
                if periodic::set_right(&db, &row).await? {
                    tracing::warn!(task = task.name, next_at = %row.next_at, "the task was planned by a clock that was ahead");
                }
            } else if let Some(turn) = periodic::take(&db, &row, &self.worker).await? {
                if look == Look::Lapsed {
                    tracing::warn!(
                        task = task.name,
                        worker = row.worker,
                        "the task is taken from a process that is not heard of"
                    );
                }
                self.start(task, turn);
            }
        }
        Ok(())
    }

    fn start(&mut self, task: Task, turn: Turn) {
        let (services, turns, beat) = (self.services.clone(), self.turns.clone(), self.beat);
        turns.with(|turns| turns.insert(task.name, turn.clone()));
        self.running.spawn(async move {
            perform(&services, &task, &turn, beat).await;
            turns.with(|turns| turns.remove(task.name));
        });
    }

    /// Waits for the turns that run and gives back those that do not end in time.
    pub(crate) async fn finish(&mut self, grace: Duration) {
        let ending = async { while self.running.join_next().await.is_some() {} };
        if timeout(grace, ending).await.is_ok() {
            return;
        }
        self.running.shutdown().await;
        for (task, turn) in self.turns.with(std::mem::take) {
            tracing::info!(task, "the task is given back");
            if let Err(error) = periodic::give_back(&self.services.db, &turn).await {
                tracing::warn!(task, error = causes(&error), "the task returns when its lease has run out");
            }
        }
    }
}

/// How a turn went.
enum Outcome {
    Done,
    Failed(String),
    /// Somebody else has it, or may have it.
    Lost,
}

async fn perform(services: &Services, task: &Task, turn: &Turn, beat: Beat) {
    let (started, name) = (Instant::now(), task.name);
    let told = match outcome(services, task, turn, beat).await {
        Outcome::Done => {
            end(services, turn, None).await;
            "done"
        }
        Outcome::Failed(why) => {
            let why = discreet(&why);
            tracing::warn!(task = name, why, "a periodic task failed and rests");
            end(services, turn, Some(&why)).await;
            "failed"
        }
        Outcome::Lost => {
            tracing::warn!(
                task = name,
                "a turn was broken off: it is not its owner's any more, or may not be"
            );
            "lost"
        }
    };
    let labels = [("task", name), ("outcome", told)];
    metrics::counter!("naryad_periodic_total", &labels).increment(1);
    metrics::histogram!("naryad_periodic_seconds", &labels[..1]).record(started.elapsed().as_secs_f64());
}

async fn end(services: &Services, turn: &Turn, failed: Option<&str>) {
    match periodic::end(&services.db, turn, failed).await {
        Ok(true) => {}
        Ok(false) => tracing::warn!(task = turn.name, "a turn ended that was somebody else's already"),
        Err(error) => {
            let error = causes(&error);
            tracing::warn!(
                task = turn.name,
                error,
                "a turn ended, and the task returns when its lease has run out"
            );
        }
    }
}

/// Runs a task, renewing its turn meanwhile. In a task of its own, so that a panic is a failure of this turn only; what does
/// not end in time, or is somebody else's, is broken off.
async fn outcome(services: &Services, task: &Task, turn: &Turn, beat: Beat) -> Outcome {
    let mut running = JoinSet::new();
    let (on, run, now) = (services.clone(), Arc::clone(&task.run), turn.began);
    running.spawn(async move { run(&on, now).await });
    let mut renewing = interval(beat.renew);
    renewing.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is at once, and taking it was a renewal.
    renewing.tick().await;
    let mut renewed = Instant::now();
    let late = tokio::time::sleep(task.longest);
    tokio::pin!(late);
    loop {
        tokio::select! {
            ended = running.join_next() => return match ended {
                Some(Ok(Ok(()))) | None => Outcome::Done,
                Some(Ok(Err(error))) => Outcome::Failed(causes(&error)),
                Some(Err(panic)) => Outcome::Failed(panic.to_string()),
            },
            () = &mut late => return Outcome::Failed(format!("it took longer than {:?}", task.longest)),
            _ = renewing.tick() => match timeout(beat.renew, periodic::renew(&services.db, turn)).await {
                Ok(Ok(true)) => renewed = Instant::now(),
                Ok(Ok(false)) => return Outcome::Lost,
                Ok(Err(_)) | Err(_) if renewed.elapsed() < beat.give_up => {}
                Ok(Err(_)) | Err(_) => return Outcome::Lost,
            },
        }
    }
}

/// Which process this is, for people: its machine and its number there.
fn process_name() -> String {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}:{}", machine.trim(), std::process::id())
}
