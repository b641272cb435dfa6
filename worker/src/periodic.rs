//! What runs every so often, whatever the number of processes: one at a time has it, see [`naryad_domain::periodic`].

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use futures_util::{TryFutureExt, future::BoxFuture};
use naryad_domain::{
    Result, Time, db::Db, feed, job, photo, photo::Transfers, privacy, stream, survey, survey::Links,
};

use crate::uploads;

/// Every periodic task of the house. One line a task: its name, how often it runs, what it does.
pub(crate) fn tasks() -> Vec<Task> {
    let minutes = TimeDelta::minutes;
    vec![
        Task::new("done_jobs", minutes(10), |on, _| Box::pin(job::sweep(&on.db).map_ok(drop))),
        Task::new("feed_removes", minutes(10), |on, _| Box::pin(feed::forget(&on.db))),
        Task::new("late_photos", minutes(10), |on, _| Box::pin(photo::tell_late(&on.db).map_ok(drop))),
        Task::new("missed_phones", minutes(10), |on, _| Box::pin(stream::miss_phones(&on.db).map_ok(drop))),
        Task::new("personal_reads", minutes(10), |on, _| Box::pin(privacy::sweep_reads(&on.db).map_ok(drop))),
    ]
}

/// Residents are asked about the quality, reminded, and given up.
pub(crate) fn surveys(links: Links) -> Task {
    Task::new("surveys", TimeDelta::minutes(1), move |on, _| {
        let links = links.clone();
        Box::pin(async move { survey::run_due(&on.db, &links).await.map(drop) })
    })
}

/// Those that need a store of bytes.
pub(crate) fn tasks_of_uploads() -> Vec<Task> {
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    vec![
        Task::new("uploads", TimeDelta::minutes(10), |on, _| Box::pin(uploads::sweep(on))).longest(hours(1)),
        Task::new("orphans", TimeDelta::days(1), |on, _| Box::pin(uploads::orphans(on))).longest(hours(12)),
    ]
}

/// What a task can reach.
#[derive(Clone, Debug)]
pub struct Services {
    /// The database and its clock.
    pub db: Db,
    /// The store of bytes, where there is one.
    pub transfers: Option<Transfers>,
}

type Run = Arc<dyn for<'a> Fn(&'a Services, Time) -> BoxFuture<'a, Result<()>> + Send + Sync>;

/// Something that runs every so often.
///
/// It must bear being broken off, and a second process that begins it a moment after the first was given up: what it does
/// it does in steps, each a write of its own that finds out by itself whether it is still to be done.
#[derive(Clone)]
pub struct Task {
    pub(crate) name: &'static str,
    pub(crate) every: TimeDelta,
    pub(crate) longest: Duration,
    pub(crate) run: Run,
}

impl Task {
    /// A task that runs every so often, in whole seconds. It is given the moment at which its turn began.
    pub fn new(
        name: &'static str,
        every: TimeDelta,
        run: impl for<'a> Fn(&'a Services, Time) -> BoxFuture<'a, Result<()>> + Send + Sync + 'static,
    ) -> Self {
        Self { name, every, longest: Duration::from_secs(600), run: Arc::new(run) }
    }

    /// A turn that takes longer than this has failed; ten minutes unless it is said here.
    #[must_use]
    pub fn longest(self, longest: Duration) -> Self {
        Self { longest, ..self }
    }
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task").field("name", &self.name).field("every", &self.every).finish_non_exhaustive()
    }
}
