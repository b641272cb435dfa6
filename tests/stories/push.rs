//! Pokes: phones in pockets are told at once to pull.

use chrono::TimeDelta;
use naryad_tests::{
    Client, House,
    estate::{Estate, Technician, fresh},
    fcm::{Fcm, Say},
    house::eventually,
    on_both, proves,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// A house that pushes, a company in it, and two technicians.
struct Scene {
    fcm: Fcm,
    estate: Estate,
    anna: Technician,
    boris: Technician,
}

impl Scene {
    async fn open(house: &House) -> Self {
        let fcm = Fcm::start(house.clock()).await;
        fcm.serve(house);
        house.open().await;
        let estate = Estate::found(house, "УК Дом").await;
        // Nothing is shown on the phones here: they are told to pull, and no more.
        estate.tells_nobody(&["assigned"]).await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let boris = estate.technician(house, "Волков Борис Ильич").await;
        Self { fcm, estate, anna, boris }
    }

    /// Until so many messages were taken in all.
    async fn taken(&self, count: usize) {
        eventually(&format!("{count} messages"), async || (self.fcm.taken().len() == count).then_some(()))
            .await;
    }

    /// Until so many messages came in all, whatever was said to them.
    async fn asked(&self, count: usize) {
        eventually(&format!("{count} askings"), async || (self.fcm.asked() == count).then_some(())).await;
    }
}

/// A phone that can be pushed to.
async fn register(client: &Client, token: &str) -> Uuid {
    let device = fresh();
    renew(client, device, token).await.then_some(device).expect("a device that can be pushed to")
}

async fn renew(client: &Client, device: Uuid, token: &str) -> bool {
    let body = json!({ "id": device, "platform": "android", "app_version": "1.0", "push_token": token });
    client.post("/v1/devices", body).await.ok(201).json("/has_push_token") == &Value::Bool(true)
}

async fn can_be_pushed_to(client: &Client, device: Uuid) -> bool {
    let devices = client.get("/v1/devices").await.ok(200);
    let device = devices.list("/items").iter().find(|one| one["id"] == json!(device)).cloned();
    device.expect("the device")["has_push_token"] == true
}

/// Books a visit in so many minutes.
async fn book(house: &House, estate: &Estate, technician: &Technician, after: i64) {
    let ticket = estate.register("SEW-SMELL", "Запах из канализации в подвале.").await.id("/id");
    let (start, end) = (house.clock().in_minutes(after), house.clock().in_minutes(after + 45));
    let body = json!({ "technicians": [technician.user.id], "start": start, "end": end });
    estate.dispatcher.post(&format!("/v1/tickets/{ticket}/plan"), body).await.ok(200);
}

/// Until so many pokes have run in all, well or not.
async fn ran(house: &House, count: u32) {
    let line = format!("naryad_jobs_total{{kind=\"phone_poke\",outcome=\"done\"}} {count}\n");
    eventually(&format!("{count} pokes have run"), async || {
        let metrics = house.client().get("/metrics").await.ok(200);
        String::from_utf8_lossy(&metrics.bytes).contains(&line).then_some(())
    })
    .await;
}

/// The time that a poke waits for more passes.
fn gather(house: &House) {
    house.clock().advance(TimeDelta::seconds(2));
}

on_both! {
    closed,
    /// Three visits are booked in one breath: each phone of the technician is told once, to pull and nothing else. Who has
    /// no phone costs nothing.
    async fn a_burst_of_changes_is_one_push(house: &House) {
        proves!(R3, part);
        let scene = Scene::open(house).await;
        register(&scene.anna.client, "anna-phone").await;
        register(&scene.anna.client, "anna-tablet").await;
        for after in [60, 180, 300] {
            book(house, &scene.estate, &scene.anna, after).await;
        }
        book(house, &scene.estate, &scene.boris, 60).await;
        gather(house);
        scene.taken(2).await;
        let android = json!({ "priority": "high", "ttl": "86400s", "collapse_key": "pull" });
        let mut messages = scene.fcm.taken();
        messages.sort_by_key(ToString::to_string);
        assert_eq!(messages, ["anna-phone", "anna-tablet"].map(|token| {
            json!({ "token": token, "data": { "kind": "pull" }, "android": android })
        }));
        book(house, &scene.estate, &scene.anna, 420).await;
        gather(house);
        scene.taken(4).await;
        assert_eq!((scene.fcm.asked(), scene.fcm.grants()), (4, 1));
        assert!(!house.log().contains("anna-phone"), "a token is in the log");
        let doctor = house.naryad(&["doctor"]).await;
        assert!(doctor.stdout.contains("push: FCM gives access"), "{}", doctor.stdout);
    }
}

on_both! {
    closed,
    /// The app was removed from one phone: its token is forgotten. Another phone has a new token while the push to its old
    /// one is under way: it keeps the new one.
    async fn a_dead_token_is_forgotten_and_a_fresh_one_is_kept(house: &House) {
        let scene = Scene::open(house).await;
        let anna = &scene.anna.client;
        let gone = register(anna, "gone").await;
        let renewed = register(anna, "old").await;
        scene.fcm.unregister("gone");
        scene.fcm.unregister("old");
        scene.fcm.hold();
        book(house, &scene.estate, &scene.anna, 60).await;
        gather(house);
        scene.asked(2).await;
        assert!(renew(anna, renewed, "new").await);
        scene.fcm.release();
        eventually("the dead token is gone", async || (!can_be_pushed_to(anna, gone).await).then_some(())).await;
        assert!(can_be_pushed_to(anna, renewed).await);
        book(house, &scene.estate, &scene.anna, 180).await;
        gather(house);
        scene.taken(1).await;
        assert_eq!((scene.fcm.reached(), scene.fcm.asked()), (vec!["new".to_owned()], 3));
    }
}

on_both! {
    closed,
    /// FCM asks for two minutes: it gets them, while others are told. Then it is down for a moment, then for a day: the
    /// poke is given up quietly, and the next change is told again.
    async fn a_provider_that_is_busy_or_down_is_asked_later(house: &House) {
        let scene = Scene::open(house).await;
        register(&scene.anna.client, "anna").await;
        register(&scene.boris.client, "boris").await;
        scene.fcm.say([Say::Quota(Some(120))]);
        book(house, &scene.estate, &scene.anna, 60).await;
        gather(house);
        ran(house, 1).await;
        house.clock().advance(TimeDelta::seconds(110));
        book(house, &scene.estate, &scene.boris, 60).await;
        book(house, &scene.estate, &scene.anna, 180).await;
        gather(house);
        ran(house, 2).await;
        assert_eq!(scene.fcm.reached(), ["boris"]);
        house.clock().advance(TimeDelta::seconds(10));
        ran(house, 3).await;
        assert_eq!(scene.fcm.reached(), ["boris", "anna"]);

        scene.fcm.say([Say::Unavailable, Say::Garbage]);
        book(house, &scene.estate, &scene.anna, 300).await;
        gather(house);
        ran(house, 4).await;
        for (pause, count) in [(15, 5), (30, 6)] {
            house.clock().advance(TimeDelta::seconds(pause));
            ran(house, count).await;
        }
        assert_eq!((scene.fcm.taken().len(), scene.fcm.asked()), (3, 6));

        scene.fcm.say([Say::Internal; 8]);
        book(house, &scene.estate, &scene.anna, 420).await;
        gather(house);
        for attempt in 0..8 {
            ran(house, 7 + attempt).await;
            house.clock().advance(TimeDelta::seconds(15 << attempt));
        }
        assert_eq!((scene.fcm.taken().len(), scene.fcm.asked()), (3, 14));
        let dead = scene.estate.admin.get("/v1/jobs/dead").await.ok(200);
        assert_eq!(dead.list(""), [] as [Value; 0]);
        book(house, &scene.estate, &scene.anna, 600).await;
        gather(house);
        ran(house, 15).await;
        assert_eq!((scene.fcm.taken().len(), scene.fcm.asked()), (4, 15));
    }
}

on_both! {
    closed,
    /// A visit is booked while the push for another is under way: it is told by a push of its own.
    async fn a_change_during_a_push_is_pushed_again(house: &House) {
        let scene = Scene::open(house).await;
        register(&scene.anna.client, "anna").await;
        scene.fcm.hold();
        book(house, &scene.estate, &scene.anna, 60).await;
        gather(house);
        scene.asked(1).await;
        book(house, &scene.estate, &scene.anna, 180).await;
        scene.fcm.release();
        scene.taken(1).await;
        gather(house);
        scene.taken(2).await;
        assert_eq!(scene.fcm.asked(), 2);
    }
}

on_both! {
    closed,
    /// The phone goes to a colleague: it is told of his work, and no longer of hers.
    async fn a_phone_that_changed_hands_is_told_of_its_new_owner_only(house: &House) {
        let scene = Scene::open(house).await;
        register(&scene.anna.client, "the-phone").await;
        book(house, &scene.estate, &scene.anna, 60).await;
        register(&scene.boris.client, "the-phone").await;
        gather(house);
        book(house, &scene.estate, &scene.anna, 180).await;
        gather(house);
        book(house, &scene.estate, &scene.boris, 60).await;
        gather(house);
        // One that found no phone, and the colleague's.
        ran(house, 2).await;
        assert_eq!((scene.fcm.reached(), scene.fcm.asked()), (vec!["the-phone".to_owned()], 1));
    }
}

on_both! {
    /// No provider is set: a phone that gave a token is no reason for an error, and the doctor says what is missing.
    async fn without_a_provider_nothing_is_pushed(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        register(&anna.client, "anna").await;
        book(house, &estate, &anna, 60).await;
        gather(house);
        ran(house, 1).await;
        let doctor = house.naryad(&["doctor"]).await;
        assert!(doctor.stdout.contains("push: no provider is set"), "{}", doctor.stdout);
    }
}
