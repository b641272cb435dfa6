//! Messages under providers that fail and workers that die, on both databases: none is missing, and doubles are no more
//! than was lost.

#![expect(clippy::unwrap_used, reason = "a test that is no unit test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use naryad_domain::{
    channel::{Channels, Mail, MailMessage, SendError, Sms, SmsMessage, SmsStatus, Taken},
    db::Db,
    push::{Push, PushMessage},
    testing::{House, TestDb, databases, house, raw},
};
use naryad_worker::{Pace, Registry, run};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What is to happen by itself has this long.
const PATIENCE: Duration = Duration::from_secs(300);
/// As many as have gone at most of which nothing is written down, a lane.
const UNWRITTEN: usize = 64;

/// All providers in one: each counts what it took of which message.
#[derive(Debug)]
struct Providers {
    /// Of a hundred calls so many fail.
    failing: u32,
    random: Mutex<StdRng>,
    taken: Mutex<BTreeMap<(&'static str, Uuid), usize>>,
    /// Taken, and the answer lost.
    lost: AtomicUsize,
}

impl Providers {
    fn new(failing: u32) -> Arc<Self> {
        Arc::new(Self {
            failing,
            random: Mutex::new(StdRng::seed_from_u64(7)),
            taken: Mutex::default(),
            lost: AtomicUsize::new(0),
        })
    }

    async fn ask(&self, rung: &'static str, id: Uuid) -> Result<(), SendError> {
        let (fails, how) = {
            let mut random = self.random.lock().unwrap();
            (random.random_range(0..100) < self.failing, random.random_range(0..5))
        };
        tokio::task::yield_now().await;
        if fails {
            match how {
                0 => return Err(SendError::Busy { retry_after: Some(TimeDelta::seconds(3)) }),
                1 => return Err(SendError::Refused("no".to_owned())),
                2 => {
                    self.take(rung, id);
                    self.lost.fetch_add(1, Ordering::Relaxed);
                    return Err(SendError::Down("the answer was lost".to_owned()));
                }
                _ => return Err(SendError::Down("it does not answer".to_owned())),
            }
        }
        self.take(rung, id);
        tokio::task::yield_now().await;
        Ok(())
    }

    fn take(&self, rung: &'static str, id: Uuid) {
        *self.taken.lock().unwrap().entry((rung, id)).or_default() += 1;
    }

    fn doubles(&self) -> usize {
        self.taken.lock().unwrap().values().map(|count| count - 1).sum()
    }

    fn reached(&self) -> usize {
        let taken = self.taken.lock().unwrap();
        taken.keys().map(|(_, id)| id).collect::<BTreeSet<_>>().len()
    }

    fn channels(self: &Arc<Self>) -> Channels {
        Channels { push: Some(self.clone()), web_push: None, sms: self.clone(), mail: self.clone() }
    }
}

#[async_trait::async_trait]
impl Push for Providers {
    async fn send(&self, message: &PushMessage) -> Result<(), SendError> {
        self.ask("push", message.data()["notification_id"].parse().unwrap()).await
    }
}

#[async_trait::async_trait]
impl Sms for Providers {
    async fn send(&self, message: &SmsMessage) -> Result<Taken, SendError> {
        self.ask("sms", message.id).await?;
        Ok(Taken { reference: self.reference_of(message.id) })
    }

    /// It knows what it took, whether its answer arrived or not.
    async fn status(&self, message: &SmsMessage, _: &str) -> Result<Option<SmsStatus>, SendError> {
        let known = self.taken.lock().unwrap().contains_key(&("sms", message.id));
        Ok(Some(if known { SmsStatus::Delivered } else { SmsStatus::Unknown }))
    }

    fn reference_of(&self, id: Uuid) -> Option<String> {
        Some(id.to_string())
    }
}

#[async_trait::async_trait]
impl Mail for Providers {
    async fn send(&self, message: &MailMessage) -> Result<Taken, SendError> {
        self.ask("mail", message.id).await?;
        Ok(Taken::default())
    }
}

/// The letters that one worker has given away.
#[derive(Debug)]
struct Postbag {
    providers: Arc<Providers>,
    given: Mutex<BTreeSet<Uuid>>,
}

#[async_trait::async_trait]
impl Mail for Postbag {
    async fn send(&self, message: &MailMessage) -> Result<Taken, SendError> {
        self.given.lock().unwrap().insert(message.id);
        Mail::send(&*self.providers, message).await
    }
}

struct Working {
    task: tokio::task::JoinHandle<()>,
    bag: Arc<Postbag>,
}

impl Working {
    fn start(db: &Db, providers: &Arc<Providers>) -> Self {
        let db = db.clone();
        let bag = Arc::new(Postbag { providers: Arc::clone(providers), given: Mutex::default() });
        let channels = Channels { mail: bag.clone(), ..providers.channels() };
        let registry = Registry::default().with_channels(channels);
        let never = CancellationToken::new();
        Self { task: tokio::spawn(async move { run(&db, registry, Pace::default(), &never).await }), bag }
    }

    /// It ends as by SIGKILL: nothing is told to anybody. Says how many letters it had given away whose answers died with
    /// it.
    async fn kill(self, db: &Db) -> usize {
        self.task.abort();
        let _ = self.task.await;
        let unsettled = unsettled(db).await;
        let taken = self.bag.providers.taken.lock().unwrap();
        let given = self.bag.given.lock().unwrap();
        given.iter().filter(|id| unsettled.contains(id) && taken.contains_key(&("mail", **id))).count()
    }
}

/// So many messages to one of the staff, each about an event of its own.
async fn crowd(test: &TestDb, house: &House, count: usize, kind: &str, lane: &str) {
    let (id, text, at) = match test.db.backend() {
        DbBackend::Postgres => ("gen_random_uuid()", "CAST(i AS TEXT)", "$4"),
        _ => ("randomblob(16)", "CAST(i AS TEXT)", "$4"),
    };
    let facts = match test.db.backend() {
        DbBackend::Postgres => "CAST('{\"what\":\"resolve\"}' AS jsonb)",
        _ => "'{\"what\":\"resolve\"}'",
    };
    let sql = format!(
        "INSERT INTO notification (id, organization_id, user_id, person, kind, event_key, facts, lane, state, rung,
             attempt, next_at, created_at)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         SELECT {id}, $1, $2, 'user:' || $3, '{kind}', 'event:' || {text}, {facts}, '{lane}', 'queued', 0, 0, {at}, {at}
         FROM n"
    );
    let user = house.dispatcher;
    let values =
        [house.organization.0.into(), user.0.into(), user.to_string().into(), test.db.clock().now().into()];
    let pool = raw(test).await;
    pool.execute_raw(Statement::from_sql_and_values(test.db.backend(), sql, values)).await.unwrap();
}

/// Gives one of the staff a phone, a number and an address.
async fn reachable(test: &TestDb, house: &House, push: bool) {
    let pool = raw(test).await;
    let run = async |sql: &str, values: Vec<sea_orm::Value>| {
        pool.execute_raw(Statement::from_sql_and_values(test.db.backend(), sql, values)).await.unwrap();
    };
    let user = house.dispatcher.0;
    let phone = push.then(|| "+79000000077".to_owned());
    let sql = "UPDATE app_user SET email = 'desk@example.org', phone = $2 WHERE id = $1";
    run(sql, vec![user.into(), phone.into()]).await;
    if push {
        let sql = "INSERT INTO device (id, organization_id, user_id, platform, push_token, app_version, active, version,
                       created_at) VALUES ($1, $2, $3, 'android', 'token', '1', TRUE, 1, $4)";
        run(
            sql,
            vec![
                Uuid::now_v7().into(),
                house.organization.0.into(),
                user.into(),
                test.db.clock().now().into(),
            ],
        )
        .await;
    }
}

async fn states(db: &Db) -> BTreeMap<String, i64> {
    #[derive(FromQueryResult)]
    struct Row {
        state: String,
        n: i64,
    }
    let sql = "SELECT state, count(*) AS n FROM notification GROUP BY state";
    let rows = db.reader().all::<Row>(sql, []).await.unwrap();
    rows.into_iter().map(|row| (row.state, row.n)).collect()
}

/// Of which nothing has been written down.
async fn unsettled(db: &Db) -> BTreeSet<Uuid> {
    #[derive(FromQueryResult)]
    struct Row {
        id: Uuid,
    }
    let rows =
        db.reader().all::<Row>("SELECT id FROM notification WHERE settled_at IS NULL", []).await.unwrap();
    rows.into_iter().map(|row| row.id).collect()
}

fn waiting(states: &BTreeMap<String, i64>) -> i64 {
    ["queued", "sent"].iter().filter_map(|state| states.get(*state)).sum()
}

/// Four workers, killed at random while they bring twenty thousand letters: each arrives, and arrives twice only where
/// a worker died with it in its hands or an answer was lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_workers_die_over_twenty_thousand_messages() {
    const MESSAGES: usize = 20_000;
    for test in databases().await {
        let house = house(&test.db).await;
        reachable(&test, &house, false).await;
        crowd(&test, &house, MESSAGES, "alarm", "urgent").await;
        let providers = Providers::new(0);
        let mut random = StdRng::seed_from_u64(11);
        let mut workers: Vec<Working> = (0..4).map(|_| Working::start(&test.db, &providers)).collect();
        let (mut kills, mut lost) = (0, 0);
        let all = async {
            loop {
                // A kill each time so many more have been taken; then another takes its place.
                let goal = providers.reached() + random.random_range(200..1500);
                let stuck = AtomicUsize::new(0);
                while providers.reached() < goal.min(MESSAGES) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    // What dead workers held comes back when their leases run out.
                    if stuck.fetch_add(1, Ordering::Relaxed) % 100 == 99 {
                        test.clock.advance(TimeDelta::seconds(61));
                    }
                }
                if providers.reached() >= MESSAGES {
                    break;
                }
                let victim = random.random_range(0..workers.len());
                let died = workers.swap_remove(victim).kill(&test.db).await;
                assert!(died <= UNWRITTEN, "{died} answers died with one worker");
                (kills, lost) = (kills + 1, lost + died);
                workers.push(Working::start(&test.db, &providers));
            }
            while waiting(&states(&test.db).await) > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
                test.clock.advance(TimeDelta::seconds(61));
            }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("all arrive in time");
        for worker in workers {
            worker.kill(&test.db).await;
        }
        assert_eq!(states(&test.db).await, BTreeMap::from([("taken".to_owned(), MESSAGES as i64)]));
        assert_eq!(providers.reached(), MESSAGES, "none is missing");
        assert!(kills >= 10, "{kills}");
        let doubles = providers.doubles();
        assert!(doubles <= lost, "{doubles} doubles, {lost} answers lost by {kills} kills");
    }
}

/// Every provider fails three times of ten: in the end each message has arrived or stands on the board.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn providers_that_fail_three_times_of_ten() {
    const MESSAGES: usize = 600;
    for test in databases().await {
        let house = house(&test.db).await;
        reachable(&test, &house, true).await;
        crowd(&test, &house, MESSAGES, "alarm", "urgent").await;
        let providers = Providers::new(30);
        let worker = Working::start(&test.db, &providers);
        let all = async {
            while waiting(&states(&test.db).await) > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
                test.clock.advance(TimeDelta::seconds(20));
            }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("all arrive in time");
        worker.kill(&test.db).await;
        let states = states(&test.db).await;
        let ended: i64 = ["delivered", "taken", "call", "failed"].iter().filter_map(|s| states.get(*s)).sum();
        assert_eq!(ended, MESSAGES as i64, "{states:?}");
        // A push is never confirmed here, so each climbs; text messages are asked after before they are sent again.
        assert!(states["delivered"] > 0 && !states.contains_key("failed"), "{states:?}");
        let taken = providers.taken.lock().unwrap().clone();
        assert!(taken.iter().all(|((rung, _), count)| *rung != "sms" || *count == 1));
        let doubles = providers.doubles();
        let lost = providers.lost.load(Ordering::Relaxed);
        assert!(doubles <= lost, "{doubles} doubles, {lost} lost answers");
        let board = states.get("call").copied().unwrap_or_default();
        assert!((MESSAGES - providers.reached()) as i64 <= board, "what nobody took is on the board");
    }
}
