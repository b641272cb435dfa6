//! Periodic tasks under workers that contend, die, jump in time and run tasks that fail, on both databases.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that is no unit test")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use naryad_domain::{
    Clock, Error,
    clock::ManualClock,
    db::Db,
    periodic::{self, Periodic},
    testing::{self, noon},
};
use naryad_worker::{Beat, Pace, Registry, Task, run};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// What is to happen by itself has this long.
const PATIENCE: Duration = Duration::from_secs(30);
const EVERY: TimeDelta = TimeDelta::minutes(10);
/// A pace at which a test need not wait; what the clock says counts at once.
const FAST: Beat = Beat {
    look: Duration::from_millis(5),
    renew: Duration::from_millis(20),
    silence: Duration::ZERO,
    give_up: Duration::from_secs(45),
};

struct Working {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Working {
    fn start(db: &Db, tasks: Vec<Task>, beat: Beat) -> Self {
        let (db, stop) = (db.clone(), CancellationToken::new());
        let registry = tasks.into_iter().fold(Registry::default(), Registry::with_task);
        let pace = Pace { beat, grace: Duration::from_millis(50), ..Pace::default() };
        let stopped = stop.clone();
        let task = tokio::spawn(async move { run(&db, registry, pace, &stopped).await });
        Self { stop, task }
    }

    async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.expect("the worker stops").unwrap();
    }

    /// It ends as by SIGKILL: nothing is told to anybody.
    async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

async fn until(db: &Db, name: &str, what: &str, so: impl Fn(&Periodic) -> bool) -> Periodic {
    let waiting = async {
        loop {
            if let Some(row) = periodic::standing(&db.reader(), name).await.unwrap().filter(&so) {
                return row;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

async fn ended(db: &Db, name: &str, runs: i64) -> Periodic {
    until(db, name, &format!("the end of turn {runs} of {name}"), |row| {
        row.runs == runs && row.owner.is_none()
    })
    .await
}

/// A task that counts.
fn counting(name: &'static str, count: &Arc<AtomicI64>) -> Task {
    let count = Arc::clone(count);
    Task::new(name, EVERY, move |_, _| {
        let count = Arc::clone(&count);
        Box::pin(async move {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
    })
}

/// A task that runs until it is let go, and says whether two of it run at once.
#[derive(Clone, Default)]
struct Held {
    inside: Arc<AtomicI64>,
    go: Arc<Notify>,
    two_at_once: Arc<AtomicBool>,
}

impl Held {
    fn task(&self) -> Task {
        let held = self.clone();
        Task::new("held", EVERY, move |_, _| {
            let held = held.clone();
            Box::pin(async move {
                let _inside = Inside::enter(&held);
                held.go.notified().await;
                Ok(())
            })
        })
    }

    fn inside(&self) -> i64 {
        self.inside.load(Ordering::SeqCst)
    }

    async fn left(&self) {
        let waiting = async {
            while self.inside() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the turn is broken off");
    }
}

struct Inside(Held);

impl Inside {
    fn enter(held: &Held) -> Self {
        if held.inside.fetch_add(1, Ordering::SeqCst) > 0 {
            held.two_at_once.store(true, Ordering::SeqCst);
        }
        Self(held.clone())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_workers_run_a_task_once_each_time_it_is_due() {
    for test in testing::databases().await {
        let count = Arc::new(AtomicI64::default());
        let mut workers = Vec::new();
        for _ in 0..5 {
            let db = testing::beside(&test, &test.clock).await;
            workers.push(Working::start(&db, vec![counting("count", &count)], FAST));
        }
        for turn in 1..=8 {
            let row = ended(&test.db, "count", turn).await;
            assert_eq!(row.next_at, noon() + EVERY * i32::try_from(turn).unwrap());
            assert_eq!(count.load(Ordering::SeqCst), turn);
            test.clock.advance(EVERY);
        }
        ended(&test.db, "count", 9).await;
        for worker in workers {
            worker.stop().await;
        }
        assert_eq!(count.load(Ordering::SeqCst), 9);
    }
}

fn broken(name: &'static str, how: fn()) -> Task {
    Task::new(name, EVERY, move |_, _| {
        Box::pin(async move {
            how();
            Err(Error::internal("no luck with +7 912 345-67-89"))
        })
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_that_fail_rest_and_stop_no_other() {
    for test in testing::databases().await {
        let (db, count) = (&test.db, Arc::new(AtomicI64::default()));
        let endless = Task::new("endless", EVERY, |_, _| Box::pin(std::future::pending()));
        let tasks = vec![
            broken("fails", || {}),
            broken("panics", || panic!("the task is broken")),
            endless.longest(Duration::from_millis(20)),
            counting("count", &count),
        ];
        let worker = Working::start(db, tasks, FAST);
        let mut rests = 0;
        for (turn, rest) in [(1, 10), (2, 20), (3, 40)] {
            for (name, why) in
                [("fails", "no luck with hidden"), ("panics", "panic"), ("endless", "longer than")]
            {
                let row = ended(db, name, turn).await;
                assert!(row.last_error.as_ref().unwrap().contains(why), "{row:?}");
                assert_eq!(row.failures, turn);
                assert_eq!(row.next_at, test.clock.now() + TimeDelta::seconds(rest));
            }
            assert_eq!(ended(db, "count", 1).await.last_error, None);
            test.clock.advance(TimeDelta::seconds(rest));
            rests += rest;
        }
        test.clock.advance(EVERY - TimeDelta::seconds(rests));
        ended(db, "count", 2).await;
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_killed_is_replaced_when_its_lease_has_run_out() {
    for test in testing::databases().await {
        let db = &test.db;
        let (first, second) = (Held::default(), Held::default());
        let killed = Working::start(&testing::beside(&test, &test.clock).await, vec![first.task()], FAST);
        let mut looks = until(db, "held", "the first turn", |row| row.runs == 1).await;
        killed.kill().await;
        first.left().await;
        let count = Arc::new(AtomicI64::default());
        let tasks = vec![second.task(), counting("count", &count)];
        let other = Working::start(&testing::beside(&test, &test.clock).await, tasks, FAST);
        // It has looked, and has left it alone.
        ended(db, "count", 1).await;
        looks = until(db, "held", "its row", |row| row.runs == looks.runs).await;
        test.clock.set(looks.owner_until.unwrap());
        assert_eq!(second.inside(), 0, "the lease holds to its last moment");
        test.clock.advance(TimeDelta::microseconds(1));
        until(db, "held", "the second turn", |row| row.runs == 2).await;
        second.go.notify_one();
        let row = ended(db, "held", 2).await;
        assert_eq!((row.failures, row.last_finished), (0, Some(test.clock.now())));
        other.stop().await;
    }
}

/// One node's clock jumps an hour ahead, and later far back, while another has the task and is alive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_takes_nothing_from_an_owner_who_is_alive() {
    for test in testing::databases().await {
        let held = Held::default();
        let patient = Beat { silence: Duration::from_secs(10), ..FAST };
        let own = ManualClock::at(noon());
        let owner = Working::start(&testing::beside(&test, &own).await, vec![held.task()], patient);
        let mut row = until(&test.db, "held", "the turn", |row| row.runs == 1).await;
        let jumping = ManualClock::at(noon());
        let other = Working::start(&testing::beside(&test, &jumping).await, vec![held.task()], patient);
        for jump in [TimeDelta::hours(1), TimeDelta::hours(-30), TimeDelta::days(400)] {
            jumping.advance(jump);
            // Time enough for the other to look many times.
            row = until(&test.db, "held", "renewals", |now| now.pulse >= row.pulse + 10).await;
            assert_eq!(row.runs, 1);
        }
        held.go.notify_one();
        let row = until(&test.db, "held", "the end", |row| row.last_finished.is_some()).await;
        assert_eq!((row.last_finished, row.failures), (Some(noon()), 0));
        assert!(!held.two_at_once.load(Ordering::SeqCst));
        other.stop().await;
        owner.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_was_ahead_makes_nothing_wait_for_it() {
    for test in testing::databases().await {
        let (db, count) = (&test.db, Arc::new(AtomicI64::default()));
        test.clock.advance(TimeDelta::days(300));
        let worker = Working::start(db, vec![counting("count", &count)], FAST);
        ended(db, "count", 1).await;
        test.clock.set(noon());
        let row = until(db, "count", "it is set right", |row| row.next_at == noon() + EVERY).await;
        assert_eq!((row.runs, row.failures), (1, 0));
        test.clock.advance(EVERY);
        ended(db, "count", 2).await;
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_was_lost_is_broken_off_and_ends_nothing() {
    for test in testing::databases().await {
        let (db, held) = (&test.db, Held::default());
        let worker = Working::start(db, vec![held.task()], FAST);
        until(db, "held", "the turn", |row| row.runs == 1).await;
        let taken = async {
            loop {
                let row = periodic::standing(&db.reader(), "held").await.unwrap().unwrap();
                if let Some(turn) = periodic::take(db, &row, "another").await.unwrap() {
                    return turn;
                }
            }
        };
        let turn = taken.await;
        held.left().await;
        let row = periodic::standing(&db.reader(), "held").await.unwrap().unwrap();
        assert_eq!((row.owner, row.last_finished, row.runs), (Some(turn.token), None, 2));
        assert!(periodic::end(db, &turn, None).await.unwrap());
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_stops_gives_its_tasks_back() {
    for test in testing::databases().await {
        let (db, held) = (&test.db, Held::default());
        let worker = Working::start(db, vec![held.task()], FAST);
        until(db, "held", "the turn", |row| row.runs == 1).await;
        worker.stop().await;
        assert_eq!(held.inside(), 0);
        let row = periodic::standing(&db.reader(), "held").await.unwrap().unwrap();
        assert_eq!((row.owner, row.next_at, row.last_finished), (None, noon(), None));
        let next = Working::start(db, vec![held.task()], FAST);
        until(db, "held", "the next turn", |row| row.runs == 2).await;
        held.go.notify_one();
        ended(db, "held", 2).await;
        next.stop().await;
    }
}

/// What the house runs is announced, and runs on an empty database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tasks_of_the_house_run() {
    for test in testing::databases().await {
        let (db, stop) = (test.db.clone(), CancellationToken::new());
        let stopped = stop.clone();
        let pace = Pace { beat: FAST, ..Pace::default() };
        let task = tokio::spawn(async move { run(&db, naryad_worker::registry(), pace, &stopped).await });
        for name in ["done_jobs", "feed_removes", "late_photos", "missed_phones", "personal_reads"] {
            let row = ended(&test.db, name, 1).await;
            assert_eq!((row.last_error, row.next_at), (None, noon() + EVERY), "{name}");
        }
        stop.cancel();
        tokio::time::timeout(PATIENCE, task).await.expect("the worker stops").unwrap();
    }
}
