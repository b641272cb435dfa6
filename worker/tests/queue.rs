//! The queue as its workers see it, on both databases.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that is no unit test")]

use std::{collections::BTreeMap, time::Duration};

use chrono::TimeDelta;
use naryad_domain::{
    Result, Scope,
    alert::{self, AlertFilter},
    auth::Role,
    deadline::{self, row},
    id::{JobId, OrganizationId, UserId},
    job::{self, Claimed, Completing, Failure, NewJob, Rerun},
    page::PageRequest,
    testing::{self, TestDb},
    ticket,
    write::{Act, Tx},
};
use naryad_worker::{ATTEMPTS, LEASE, Pace, Registry, run};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

/// What is to happen by itself has this long.
const PATIENCE: Duration = Duration::from_secs(30);

struct House(TestDb);

impl std::ops::Deref for House {
    type Target = TestDb;
    fn deref(&self) -> &TestDb {
        &self.0
    }
}

async fn houses() -> Vec<House> {
    testing::databases().await.into_iter().map(House).collect()
}

impl House {
    async fn organization(&self) -> OrganizationId {
        testing::house(&self.db).await.organization
    }

    async fn enqueue(&self, organization: OrganizationId, kind: &'static str, count: usize) {
        self.db.write(Scope::system(organization), Enqueue { kind, count }).await.unwrap();
    }

    async fn states(&self) -> BTreeMap<String, usize> {
        #[derive(FromQueryResult)]
        struct Row {
            state: String,
        }
        let mut states = BTreeMap::new();
        for row in self.db.reader().all::<Row>("SELECT state FROM job", []).await.unwrap() {
            *states.entry(row.state).or_default() += 1;
        }
        states
    }

    /// Every job, the oldest first.
    async fn ids(&self) -> Vec<JobId> {
        #[derive(FromQueryResult)]
        struct Row {
            id: JobId,
        }
        let rows = self.db.reader().all::<Row>("SELECT id FROM job ORDER BY kind, id", []).await.unwrap();
        rows.into_iter().map(|row| row.id).collect()
    }

    /// Waits until each of these jobs has failed so often.
    async fn attempted(&self, jobs: &[JobId], attempts: i64) {
        #[derive(FromQueryResult)]
        struct Row {
            id: JobId,
        }
        let sql = "SELECT id FROM job WHERE attempts = $1 AND state IN ('queued', 'dead')";
        self.until(|| async {
            let rows = self.db.reader().all::<Row>(sql, [attempts.into()]).await.unwrap();
            jobs.iter().all(|job| rows.iter().any(|row| row.id == *job))
        })
        .await;
    }

    /// Waits until each of these jobs is a dead letter.
    async fn dead(&self, jobs: &[JobId]) {
        self.until(|| async { self.states().await.get("dead") == Some(&jobs.len()) }).await;
    }

    async fn until<F: Future<Output = bool>>(&self, so: impl Fn() -> F) {
        let waiting = async {
            while !so().await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("it happens in time");
    }

    async fn claim(&self, organization: OrganizationId) -> Option<Claimed> {
        job::claim(&self.db, organization, LEASE).await.unwrap()
    }

    /// A worker that runs beside the test.
    fn work(&self, registry: Registry, pace: Pace) -> Working {
        let (db, stop) = (self.db.clone(), CancellationToken::new());
        let stopped = stop.clone();
        let task = tokio::spawn(async move { run(&db, registry, pace, &stopped).await });
        Working { stop, task }
    }
}

struct Working {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Working {
    async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.expect("the worker stops").unwrap();
    }
}

struct Enqueue {
    kind: &'static str,
    count: usize,
}

impl Act for Enqueue {
    const NAME: &'static str = "test.enqueue";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let (organization, run_at) = (tx.scope().organization(), tx.now());
        for _ in 0..self.count {
            let payload = serde_json::json!({});
            tx.enqueue(NewJob { organization, kind: self.kind, payload, run_at, dedup_key: None });
        }
        Ok(())
    }
}

/// An effect that can be seen: another job.
struct Follow;

impl Act for Follow {
    const NAME: &'static str = "test.follow";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        Enqueue { kind: "next", count: 1 }.run(tx).await
    }
}

type Done = (OrganizationId, JobId);

/// A handler that completes its job and tells it.
fn telling() -> (Registry, UnboundedReceiver<Done>) {
    let (told, heard) = unbounded_channel();
    (tell(Registry::default(), told), heard)
}

fn tell(registry: Registry, told: UnboundedSender<Done>) -> Registry {
    registry.with("count", move |db, job| {
        let told = told.clone();
        Box::pin(async move {
            let act = Completing { act: Enqueue { kind: "none", count: 0 }, lease: job.lease };
            db.write(Scope::system(job.organization), act).await?;
            told.send((job.organization, job.lease.job)).unwrap();
            Ok(())
        })
    })
}

async fn next(heard: &mut UnboundedReceiver<Done>) -> Done {
    tokio::time::timeout(PATIENCE, heard.recv())
        .await
        .expect("a job is done in time")
        .expect("somebody works")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_workers_do_two_hundred_jobs_once_each() {
    for house in houses().await {
        let organization = house.organization().await;
        house.enqueue(organization, "count", 200).await;
        let (told, mut heard) = unbounded_channel();
        let workers: Vec<_> =
            (0..4).map(|_| house.work(tell(Registry::default(), told.clone()), Pace::default())).collect();
        let mut done = Vec::new();
        for _ in 0..200 {
            done.push(next(&mut heard).await.1);
        }
        for worker in workers {
            worker.stop().await;
        }
        assert!(heard.try_recv().is_err(), "no job was done twice");
        done.sort_unstable();
        done.dedup();
        assert_eq!(done.len(), 200);
        assert_eq!(house.states().await, BTreeMap::from([("done".to_owned(), 200)]));
    }
}

#[tokio::test]
async fn one_job_of_a_small_tenant_does_not_wait_for_a_thousand_of_a_big_one() {
    for house in houses().await {
        let one = house.organization().await;
        let other = house.organization().await;
        for (big, small) in [(one, other), (other, one)] {
            house.enqueue(big, "count", 1000).await;
            house.enqueue(small, "count", 1).await;
            let (registry, mut heard) = telling();
            let worker = house.work(registry, Pace { at_once: 1, ..Pace::default() });
            let first_rotation = [next(&mut heard).await.0, next(&mut heard).await.0];
            worker.stop().await;
            assert!(first_rotation.contains(&small), "the small tenant was served in the first rotation");
        }
    }
}

#[tokio::test]
async fn a_killed_workers_job_returns_and_its_old_lease_changes_nothing() {
    for house in houses().await {
        let organization = house.organization().await;
        house.enqueue(organization, "count", 1).await;
        let killed = house.claim(organization).await.unwrap();
        assert!(house.claim(organization).await.is_none(), "it is taken");

        house.clock.advance(LEASE);
        assert_eq!(job::return_expired(&house.db).await.unwrap(), 0, "the lease holds to its last moment");
        house.clock.advance(TimeDelta::microseconds(1));
        assert_eq!(job::return_expired(&house.db).await.unwrap(), 1);

        let again = house.claim(organization).await.unwrap();
        assert_eq!((again.lease.job, again.attempt), (killed.lease.job, 2));
        let late = Completing { act: Follow, lease: killed.lease };
        house.db.write(Scope::system(organization), late).await.unwrap_err();
        assert_eq!(
            house.states().await,
            BTreeMap::from([("running".to_owned(), 1)]),
            "no effect of the late one"
        );
        let in_time = Completing { act: Follow, lease: again.lease };
        house.db.write(Scope::system(organization), in_time).await.unwrap();
        assert_eq!(house.states().await, BTreeMap::from([("done".to_owned(), 1), ("queued".to_owned(), 1)]));
    }
}

#[tokio::test]
async fn the_last_failure_makes_a_dead_letter_that_can_be_run_again() {
    for house in houses().await {
        let organization = house.organization().await;
        let scope = Scope::system(organization);
        house.enqueue(organization, "count", 1).await;
        for attempt in 1..ATTEMPTS {
            let claimed = house.claim(organization).await.unwrap();
            assert_eq!(claimed.attempt, attempt);
            let failed =
                job::fail(&house.db, claimed.lease, claimed.attempt, ATTEMPTS, "no luck").await.unwrap();
            assert_eq!(failed, Failure::Again);
            assert!(house.claim(organization).await.is_none(), "it pauses");
            house.clock.advance(TimeDelta::hours(2));
        }
        // The last attempt, by a worker whose handler panics: it says so once it has been called.
        let (called, mut calls) = unbounded_channel();
        let registry = Registry::default().with("count", move |_, job| {
            let called = called.clone();
            let done = (job.organization, job.lease.job);
            Box::pin(async move {
                called.send(done).unwrap();
                panic!("the handler is broken")
            })
        });
        let worker = house.work(registry, Pace::default());
        next(&mut calls).await;
        worker.stop().await;

        let dead = job::dead(&house.db.reader(), &scope).await.unwrap();
        assert_eq!((dead.len(), dead[0].attempts), (1, ATTEMPTS));
        assert!(dead[0].last_error.as_ref().unwrap().contains("panic"), "{:?}", dead[0].last_error);

        house.db.write(scope, Rerun { job: dead[0].id }).await.unwrap();
        let (registry, mut heard) = telling();
        let worker = house.work(registry, Pace::default());
        assert_eq!(next(&mut heard).await.1, dead[0].id);
        worker.stop().await;
        assert_eq!(house.states().await, BTreeMap::from([("done".to_owned(), 1)]));
    }
}

#[tokio::test]
async fn a_kind_that_nobody_knows_is_dead_at_once_and_says_why() {
    for house in houses().await {
        let organization = house.organization().await;
        house.enqueue(organization, "unheard_of", 1).await;
        // Of two jobs of one moment either may come first.
        house.clock.advance(TimeDelta::seconds(1));
        house.enqueue(organization, "count", 1).await;
        let (registry, mut heard) = telling();
        // One at a time: the known one is done after the unknown one was laid away.
        let worker = house.work(registry, Pace { at_once: 1, ..Pace::default() });
        next(&mut heard).await;
        worker.stop().await;
        let dead = job::dead(&house.db.reader(), &Scope::system(organization)).await.unwrap();
        assert_eq!((dead[0].kind.as_str(), dead[0].attempts), ("unheard_of", 1));
        assert!(dead[0].last_error.as_ref().unwrap().contains("«unheard_of»"));
    }
}

/// A kind whose first job panics, whose second fails, whose third hangs and whose fourth cannot be read; the others are
/// done and told.
fn poisoned(told: UnboundedSender<Done>, poison: Vec<JobId>) -> Registry {
    Registry::default().with("count", move |db, job| {
        let (told, place) = (told.clone(), poison.iter().position(|poison| *poison == job.lease.job));
        Box::pin(async move {
            match place {
                Some(0) => panic!("the handler is broken"),
                Some(1) => return Err(naryad_domain::Error::internal("it never works")),
                Some(2) => std::future::pending().await,
                _ => {}
            }
            if !job.payload.is_object() {
                return Err(naryad_domain::Error::internal("the payload cannot be read"));
            }
            let act = Completing { act: Enqueue { kind: "none", count: 0 }, lease: job.lease };
            db.write(Scope::system(job.organization), act).await?;
            told.send((job.organization, job.lease.job)).unwrap();
            Ok(())
        })
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_ends_among_the_dead_and_nothing_waits_for_it() {
    for house in houses().await {
        let (organization, other) = (house.organization().await, house.organization().await);
        house.enqueue(organization, "count", 4).await;
        house.enqueue(organization, "unheard_of", 1).await;
        let poison: Vec<JobId> = house.ids().await;
        let unreadable = match house.db.backend() {
            sea_orm::DbBackend::Postgres => "'\"no object\"'",
            _ => "'{ no JSON'",
        };
        let raw = testing::raw(&house).await;
        let spoil = format!("UPDATE job SET payload = {unreadable} WHERE id = $1");
        let spoil = sea_orm::Statement::from_sql_and_values(house.db.backend(), spoil, [poison[3].0.into()]);
        raw.execute_raw(spoil).await.unwrap();

        let (told, mut heard) = unbounded_channel();
        let pace = Pace { at_once: 2, longest: Duration::from_millis(50), ..Pace::default() };
        let worker = house.work(poisoned(told, poison.clone()), pace);
        let manager = Scope::staff(organization, UserId::new(&**house.db.clock()), Role::Manager);
        for attempt in 1..=ATTEMPTS {
            // Of the same kind and organization, and of another, behind the poison.
            for organization in [organization, other] {
                house.enqueue(organization, "count", 3).await;
            }
            let mut served = Vec::new();
            for _ in 0..6 {
                served.push(next(&mut heard).await.0);
            }
            assert_eq!(served.iter().filter(|one| **one == organization).count(), 3, "attempt {attempt}");
            house.attempted(&poison[..4], attempt).await;
            house.clock.advance(TimeDelta::hours(2));
        }
        house.dead(&poison).await;
        worker.stop().await;
        let dead = job::dead(&house.db.reader(), &manager).await.unwrap();
        let why = |id| {
            let job = dead.iter().find(|job| job.id == id).unwrap();
            (job.attempts, job.last_error.clone().unwrap())
        };
        for (place, told) in
            ["panic", "it never works", "longer than", "cannot be read"].into_iter().enumerate()
        {
            let (attempts, error) = why(poison[place]);
            assert!(attempts == ATTEMPTS && error.contains(told), "{attempts} {error}");
        }
        assert!(why(poison[4]).1.contains("«unheard_of»"));
    }
}

#[tokio::test]
async fn a_worker_that_stops_gives_back_what_does_not_end() {
    for house in houses().await {
        let organization = house.organization().await;
        house.enqueue(organization, "count", 1).await;
        let (called, mut calls) = unbounded_channel();
        let registry = Registry::default().with("count", move |_, job| {
            let called = called.clone();
            let done = (job.organization, job.lease.job);
            Box::pin(async move {
                called.send(done).unwrap();
                std::future::pending().await
            })
        });
        let worker = house.work(registry, Pace { grace: Duration::from_millis(10), ..Pace::default() });
        next(&mut calls).await;
        worker.stop().await;
        assert_eq!(house.states().await, BTreeMap::from([("queued".to_owned(), 1)]));
        assert_eq!(house.claim(organization).await.unwrap().attempt, 1, "the interrupted run does not count");
    }
}

#[tokio::test]
async fn a_handler_that_does_not_end_is_given_up_before_its_lease() {
    for house in houses().await {
        let organization = house.organization().await;
        house.enqueue(organization, "count", 1).await;
        let (called, mut calls) = unbounded_channel();
        let registry = Registry::default().with("count", move |_, job| {
            let called = called.clone();
            let done = (job.organization, job.lease.job);
            Box::pin(async move {
                called.send(done).unwrap();
                std::future::pending().await
            })
        });
        let worker = house.work(registry, Pace { longest: Duration::from_millis(10), ..Pace::default() });
        next(&mut calls).await;
        worker.stop().await;
        assert_eq!(house.states().await, BTreeMap::from([("queued".to_owned(), 1)]));
        house.clock.advance(TimeDelta::hours(1));
        assert_eq!(house.claim(organization).await.unwrap().attempt, 2, "the run counts");
    }
}

#[tokio::test]
async fn the_sweep_takes_what_is_old_and_leaves_the_rest() {
    for house in houses().await {
        let organization = house.organization().await;
        house.enqueue(organization, "count", 700).await;
        let (registry, mut heard) = telling();
        let worker = house.work(registry, Pace::default());
        for _ in 0..700 {
            next(&mut heard).await;
        }
        worker.stop().await;
        house.enqueue(organization, "count", 1).await;

        house.clock.advance(job::DONE_KEPT);
        assert_eq!(job::sweep(&house.db).await.unwrap().jobs, 0, "kept to the last moment");
        house.clock.advance(TimeDelta::microseconds(1));
        assert_eq!(job::sweep(&house.db).await.unwrap().jobs, 700, "more than one batch");
        assert_eq!(house.states().await, BTreeMap::from([("queued".to_owned(), 1)]));
    }
}

/// Tickets with running clocks; the one of the first organization cannot be read.
async fn two_tenants(house: &House) -> [OrganizationId; 2] {
    let mut tenants = Vec::new();
    for _ in 0..2 {
        let tenant = testing::house(&house.db).await;
        let args = serde_json::json!({
            "request_type_id": tenant.kind, "premises_id": tenant.premises, "description": "Запах.",
            "source": "phone",
        });
        let register = ticket::Register { args: serde_json::from_value(args).unwrap() };
        house.db.write(tenant.desk(), register).await.unwrap();
        if tenants.is_empty() {
            let raw = testing::raw(house).await;
            raw.execute_unprepared("UPDATE deadline SET clock = '{\"kind\":\"nonsense\"}'").await.unwrap();
        }
        tenants.push(tenant.organization);
    }
    [tenants[0], tenants[1]]
}

#[tokio::test]
async fn a_deadline_that_cannot_be_read_silences_no_other_tenant() {
    for house in houses().await {
        let [broken, sound] = two_tenants(&house).await;
        house.clock.advance(TimeDelta::minutes(15));
        let worker = house.work(Registry::default(), Pace::default());
        let told = async || {
            let scope = Scope::staff(sound, UserId::new(&**house.db.clock()), Role::Manager);
            let (filter, page) = (AlertFilter::default(), PageRequest::default());
            let alerts = alert::list(&house.db.reader(), &scope, &filter, &page).await.unwrap();
            !alerts.items.is_empty()
        };
        let waited = tokio::time::timeout(PATIENCE, async {
            while !told().await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        waited.await.expect("the other tenant is told");
        worker.stop().await;
        // The broken one is looked at again later, and not for ever at once.
        let waiting = deadline::due_organizations(&house.db).await.unwrap();
        assert!(!waiting.contains(&broken));
        let clocks = row::Entity::find()
            .filter(row::Column::OrganizationId.eq(broken))
            .all(&house.db.reader())
            .await
            .unwrap();
        assert!(clocks.iter().all(|clock| clock.next_fire_at.is_some()));
    }
}
