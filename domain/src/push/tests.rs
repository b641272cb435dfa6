//! Limits of messages; pokes on both databases: one job a burst, nothing lost, no phone of another.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sea_orm::FromQueryResult;
use serde_json::json;
use tokio::sync::Semaphore;

use chrono::TimeDelta;

use super::*;
use crate::{
    Result, Scope,
    feed::EntityKind,
    id::{DeviceId, new_uuid},
    job::{self, Claimed, Completing},
    people::device::store::{Register, RegisterDevice},
    testing::{House, TestDb, assert_sound, databases, house},
    write::{Act, Render, Reply, Touch, Tx},
};

fn delivery(ttl: TimeDelta) -> Delivery {
    Delivery { priority: Priority::High, ttl, collapse_key: None }
}

fn message(data: &[(&str, &str)], ttl: TimeDelta) -> Result<PushMessage> {
    let data = data.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    PushMessage::new(PushToken::new("token"), data, None, delivery(ttl))
}

#[test]
fn a_poke_is_a_message_like_any_other_and_names_nobody() {
    let poke = PushMessage::pull(PushToken::new("the-token"));
    let same = PushMessage::new(
        poke.token().clone(),
        poke.data().clone(),
        poke.notification().cloned(),
        poke.delivery().clone(),
    );
    assert_eq!(same.unwrap(), poke);
    assert_eq!(json!(poke.data()), json!({ "kind": "pull" }));
    assert_eq!(poke.notification(), None);
    assert!(!format!("{poke:?}").contains("the-token"), "the token shows itself");
}

#[test]
fn reserved_keys_are_refused() {
    for key in ["", "from", "message_type", "gcm", "gcm.n", "google", "google.ttl", "googley"] {
        assert!(message(&[(key, "x")], TimeDelta::zero()).is_err(), "{key}");
    }
    for key in ["kind", "fromage", "my_gcm", "Google"] {
        assert!(message(&[(key, "x")], TimeDelta::zero()).is_ok(), "{key}");
    }
}

#[test]
fn a_message_waits_for_a_phone_no_longer_than_four_weeks() {
    for ttl in [TimeDelta::zero(), POKE_TTL, LONGEST_TTL] {
        assert!(message(&[], ttl).is_ok(), "{ttl}");
    }
    for ttl in [TimeDelta::seconds(-1), LONGEST_TTL + TimeDelta::seconds(1)] {
        assert!(message(&[], ttl).is_err(), "{ttl}");
    }
}

proptest! {
    /// Whatever passes fits, however much longer its letters are in JSON.
    #[test]
    fn what_passes_fits(
        data in proptest::collection::btree_map("[a-f]{1,6}", "\\PC{0,700}|[\"\\\\\n]{0,700}", 0..5),
        title in "\\PC{0,200}",
        body in "\\PC{0,2000}",
    ) {
        let shown = Notification { title, body };
        let bytes = json!(data).to_string().len() + json!(shown).to_string().len();
        let made = PushMessage::new(PushToken::new("t"), data, Some(shown), delivery(POKE_TTL));
        prop_assert_eq!(made.is_ok(), bytes <= MAX_PAYLOAD_BYTES);
    }

    /// Each pause is longer than the provider asks for and the one before; the last attempt has no next.
    #[test]
    fn a_poke_is_tried_again_and_again_but_not_for_ever(asked in 0_i64..5000) {
        let asked = TimeDelta::seconds(asked);
        let technician = crate::id::TechnicianId(uuid::Uuid::nil());
        let mut poke = PhonePoke { technician, attempt: 1 };
        let mut base = TimeDelta::seconds(10);
        while let Some((next, pause)) = poke.again(Some(asked)) {
            prop_assert!(pause >= asked && pause >= base);
            prop_assert!(pause <= asked.max(base * 3 / 2));
            prop_assert_eq!(next.attempt, poke.attempt + 1);
            (poke, base) = (next, base * 2);
        }
        prop_assert_eq!(poke.attempt, POKE_ATTEMPTS);
    }
}

/// Something new for the phones of these technicians.
struct Change(Vec<TechnicianIndex>, House);

type TechnicianIndex = usize;

impl Act for Change {
    const NAME: &'static str = "test.change";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        for index in &self.0 {
            let calendar = self.1.technicians[*index].0;
            tx.touch(self.1.organization, Touch::Document(EntityKind::MyCalendar, calendar));
        }
        Ok(())
    }
}

/// An answer that is rendered, and so committed, when the test says so.
struct Gate(&'static Semaphore);

impl Render<()> for Gate {
    async fn render(&self, _: &Tx, (): &()) -> Result<Reply> {
        REACHED.add_permits(1);
        self.0.acquire().await.unwrap().forget();
        Ok(Reply::default())
    }
}

static REACHED: Semaphore = Semaphore::const_new(0);

#[derive(Debug, FromQueryResult, PartialEq)]
struct Job {
    state: String,
    dedup_key: Option<String>,
}

struct Scene {
    test: TestDb,
    house: House,
}

async fn scenes() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for test in databases().await {
        let house = house(&test.db).await;
        scenes.push(Scene { test, house });
    }
    scenes
}

impl Scene {
    fn key(&self, index: usize) -> String {
        format!("phone.poke:{}", self.house.technicians[index])
    }

    async fn register(&self, index: usize, token: &str) -> DeviceId {
        let id = DeviceId::new(&**self.test.db.clock());
        self.renew(index, id, token).await;
        id
    }

    async fn renew(&self, index: usize, id: DeviceId, token: &str) {
        let args = json!({ "id": id, "platform": "android", "push_token": token, "app_version": "1" });
        self.present(index, args).await;
    }

    async fn browser(&self, index: usize) {
        let keys = json!({
            "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        });
        let token = json!({ "endpoint": "https://push.example.net/x", "keys": keys }).to_string();
        let id = DeviceId::new(&**self.test.db.clock());
        self.present(index, json!({ "id": id, "platform": "web", "push_token": token, "app_version": "1" }))
            .await;
    }

    async fn present(&self, index: usize, args: serde_json::Value) {
        let args: RegisterDevice = serde_json::from_value(args).unwrap();
        self.test.db.write(self.house.technician(index), Register { args, key: None }).await.unwrap();
    }

    async fn change(&self, technicians: &[usize]) {
        let act = Change(technicians.to_vec(), self.house.clone());
        self.test.db.write(self.house.desk(), act).await.unwrap();
    }

    /// The pokes that wait or run.
    async fn jobs(&self) -> Vec<Job> {
        let sql =
            "SELECT state, dedup_key FROM job WHERE kind = 'phone_poke' AND state <> 'done' ORDER BY id";
        self.test.db.reader().all(sql, []).await.unwrap()
    }

    async fn claim(&self) -> Option<Claimed> {
        job::claim(&self.test.db, self.house.organization, TimeDelta::minutes(1)).await.unwrap()
    }

    async fn phones(&self, index: usize) -> Vec<Phone> {
        let scope = Scope::system(self.house.organization);
        phones(&self.test.db.reader(), &scope, self.house.technicians[index]).await.unwrap()
    }

    async fn settle(&self, job: &Claimed, act: Settle) {
        let scope = Scope::system(self.house.organization);
        self.test.db.write(scope, Completing { act, lease: job.lease }).await.unwrap();
    }
}

#[tokio::test]
async fn only_a_technician_with_a_phone_is_poked_and_a_burst_is_one_job() {
    for scene in scenes().await {
        scene.change(&[0, 1]).await;
        assert_eq!(scene.jobs().await, [], "nobody has a token");
        scene.browser(0).await;
        scene.change(&[0, 1]).await;
        assert_eq!(scene.jobs().await, [], "a browser is no phone");
        let phone = scene.register(0, "a").await;
        scene.register(0, "b").await;
        for _ in 0..3 {
            scene.change(&[0, 1]).await;
        }
        let one = Job { state: "queued".to_owned(), dedup_key: Some(scene.key(0)) };
        assert_eq!(scene.jobs().await, [one]);
        assert!(scene.claim().await.is_none(), "it waits for the rest of the burst");
        scene.test.clock.advance(POKE_AFTER);
        let job = scene.claim().await.unwrap();
        let poke: PhonePoke = serde_json::from_value(job.payload.clone()).unwrap();
        assert_eq!((poke.technician, poke.attempt), (scene.house.technicians[0], 1));
        assert_eq!(scene.phones(0).await.len(), 2);

        // The phone goes to the other: its token reaches him, and the first no longer.
        let theirs = scene.register(1, "a").await;
        assert_eq!(scene.phones(1).await[0].device, theirs);
        assert!(scene.phones(0).await.iter().all(|other| other.device != phone));
        assert_sound(&scene.test.db).await;
    }
}

#[tokio::test]
async fn what_is_written_while_a_poke_runs_gets_a_poke_of_its_own() {
    for scene in scenes().await {
        scene.register(0, "a").await;
        scene.change(&[0]).await;
        scene.test.clock.advance(POKE_AFTER);
        let job = scene.claim().await.unwrap();
        job::release_key(&scene.test.db, job.lease).await.unwrap();
        scene.change(&[0]).await;
        let running = Job { state: "running".to_owned(), dedup_key: None };
        let waiting = Job { state: "queued".to_owned(), dedup_key: Some(scene.key(0)) };
        assert_eq!(scene.jobs().await, [running, waiting]);
        // The first one fails: the waiting one takes its place.
        let poke: PhonePoke = serde_json::from_value(job.payload.clone()).unwrap();
        let again = poke.again(None).map(|(poke, pause)| (poke, scene.test.db.clock().now() + pause));
        scene.settle(&job, Settle { dead: Vec::new(), again }).await;
        assert_eq!(scene.jobs().await.len(), 1);
        assert!(job::release_key(&scene.test.db, job.lease).await.is_err(), "the lease is over");
    }
}

/// A write has found the job of its technician and has not committed yet: the job is not taken, and one that was taken
/// does not begin to send, before what it tells of can be seen.
#[tokio::test]
async fn no_push_overtakes_the_change_it_tells_of() {
    static GATE: Semaphore = Semaphore::const_new(0);
    for scene in scenes().await {
        scene.register(0, "a").await;
        scene.change(&[0]).await;
        scene.test.clock.advance(POKE_AFTER);
        for running in [false, true] {
            let taken = if running { scene.claim().await } else { None };
            let (db, desk) = (scene.test.db.clone(), scene.house.desk());
            let change = Change(vec![0], scene.house.clone());
            let late = tokio::spawn(async move { db.write_reply(desk, change, None, Gate(&GATE)).await });
            REACHED.acquire().await.unwrap().forget();
            let (db, house) = (scene.test.db.clone(), scene.house.clone());
            let lease = taken.as_ref().map(|job| job.lease);
            let next = tokio::spawn(async move {
                match lease {
                    Some(lease) => job::release_key(&db, lease).await.map(|()| true),
                    None => {
                        let claimed = job::claim(&db, house.organization, TimeDelta::minutes(1)).await;
                        claimed.map(|claimed| claimed.is_some())
                    }
                }
            });
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            // PostgreSQL passes over a job that is locked; everything else waits in line.
            let passed_over = next.is_finished();
            GATE.add_permits(1);
            late.await.unwrap().unwrap();
            let came = next.await.unwrap().unwrap();
            assert!(!passed_over || !came, "the job was taken too early");
            assert!(came || passed_over);
            if !running && came {
                // SQLite has taken it once the change stood: back with it for the second half.
                let sql = "UPDATE job SET state = 'queued', lease = NULL, lease_until = NULL";
                let connection = crate::testing::raw(&scene.test).await;
                sea_orm::ConnectionTrait::execute_unprepared(&connection, sql).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_dead_token_leaves_its_device_unless_the_phone_has_another() {
    for scene in scenes().await {
        let (gone, renewed) = (scene.register(0, "gone").await, scene.register(0, "old").await);
        scene.change(&[0]).await;
        scene.test.clock.advance(POKE_AFTER);
        let job = scene.claim().await.unwrap();
        let mut dead = scene.phones(0).await;
        scene.renew(0, renewed, "new").await;
        let unknown = DeviceId(new_uuid(&**scene.test.db.clock()));
        dead.push(Phone { device: unknown, token: PushToken::new("never") });
        scene.settle(&job, Settle { dead, again: None }).await;
        let left = scene.phones(0).await;
        assert_eq!(left, [Phone { device: renewed, token: PushToken::new("new") }]);
        assert_ne!(gone, renewed);
        assert_eq!(scene.jobs().await, []);
        assert_sound(&scene.test.db).await;
    }
}

#[test]
fn what_stands_in_a_queue_names_nobody() {
    let poke = PhonePoke { technician: crate::id::TechnicianId(uuid::Uuid::nil()), attempt: 2 };
    let names: BTreeMap<String, serde_json::Value> = serde_json::from_value(json!(poke)).unwrap();
    assert_eq!(names.into_keys().collect::<Vec<_>>(), ["attempt", "technician"]);
}
