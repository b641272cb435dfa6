//! People with a browser are told by Web Push: how it registers, what it shows, and what becomes of a message that its
//! push service does not bring.

use chrono::TimeDelta;
use naryad_tests::{
    Client, House,
    estate::{Estate, RESIDENT_PHONE, Technician, fresh},
    fcm::Fcm,
    house::eventually,
    on_both,
    web_push::{Browser, PushService, Say},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// A house that pushes to browsers, and a company in it.
struct Scene {
    service: PushService,
    estate: Estate,
}

impl Scene {
    async fn open(house: &House) -> Self {
        let service = PushService::start(house.clock()).await;
        service.serve(house);
        house.open().await;
        Self { service, estate: Estate::found(house, "УК Дом").await }
    }

    /// A browser of the one who is signed in, subscribed and registered as a page would do it.
    async fn browser(&self, client: &Client) -> (Browser, Uuid) {
        let key = client.get("/v1/web-push/key").await.ok(200);
        let browser = self.service.subscribe(key.text("/key"));
        let device = fresh();
        present(client, device, &browser.subscription()).await;
        (browser, device)
    }

    /// A ticket of the resident, three minutes old: he is to be told of it.
    async fn ticket(&self, house: &House) -> (Uuid, String) {
        let registered = self.estate.register("TAP-LEAK", "Течёт кран на кухне.").await;
        house.clock().advance_minutes(3);
        (registered.id("/id"), registered.text("/number").to_owned())
    }

    async fn message(&self, ticket: Uuid, kind: &str) -> Option<Value> {
        let path = format!("/v1/notifications?limit=200&ticket_id={ticket}");
        let all = self.estate.dispatcher.get(&path).await.ok(200);
        all.list("/items").iter().find(|one| one["kind"] == kind).cloned()
    }

    async fn in_state(&self, ticket: Uuid, kind: &str, state: &str) -> Value {
        eventually(&format!("{kind} to be {state}"), async || {
            self.message(ticket, kind).await.filter(|one| one["state"] == state)
        })
        .await
    }

    /// Until the message has been tried so often, and what came of it each time.
    async fn tried(&self, message: &Value, count: usize) -> Vec<(String, String)> {
        let path = format!("/v1/notifications/{}", message["id"].as_str().unwrap());
        let tries = eventually(&format!("{count} tries"), async || {
            let seen = self.estate.dispatcher.get(&path).await.ok(200);
            (seen.list("/tries").len() == count).then(|| seen.list("/tries").to_vec())
        })
        .await;
        let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
        let mut tries: Vec<_> = tries.iter().map(|one| (text(one, "rung"), text(one, "outcome"))).collect();
        // Those of one moment stand in any order; by the alphabet the last one is what ended it.
        tries.sort_unstable();
        tries
    }

    fn texts(&self, house: &House) -> usize {
        let of = house.outbox().into_iter().filter(|one| one.to == RESIDENT_PHONE && one.code().is_none());
        of.count()
    }
}

fn registration(device: Uuid, platform: &str, token: &str) -> Value {
    json!({ "id": device, "platform": platform, "app_version": "1.0", "push_token": token })
}

async fn present(client: &Client, device: Uuid, subscription: &str) {
    let answer = client.post("/v1/devices", registration(device, "web", subscription)).await.ok(201);
    assert_eq!(answer.json("/has_push_token"), true);
}

async fn can_be_pushed_to(client: &Client, device: Uuid) -> bool {
    let devices = client.get("/v1/devices").await.ok(200);
    let found = devices.list("/items").iter().find(|one| one["id"] == json!(device)).cloned();
    found.expect("the device")["has_push_token"] == true
}

/// The page says that a message was read.
async fn read(client: &Client, message: &Value) {
    let receipt = format!("/v1/notifications/{}/receipt", message["id"].as_str().unwrap());
    assert_eq!(client.post(&receipt, json!({ "seen": "read" })).await.ok(200).text("/state"), "read");
}

async fn book(house: &House, estate: &Estate, ticket: Uuid, technician: &Technician) {
    let (start, end) = (house.clock().in_minutes(240), house.clock().in_minutes(300));
    let body = json!({ "technicians": [technician.user.id], "start": start, "end": end });
    estate.dispatcher.post(&format!("/v1/tickets/{ticket}/plan"), body).await.ok(200);
}

on_both! {
    closed,
    /// A browser gives its subscription as it is: what is none, or leads behind our own walls, is refused by name, and
    /// nothing of it is repeated. A phone's token is taken as ever.
    async fn a_browser_registers_with_its_subscription_alone(house: &House) {
        let scene = Scene::open(house).await;
        let resident = scene.estate.resident(house).await;
        let (browser, device) = scene.browser(&resident).await;
        let good: Value = serde_json::from_str(&browser.subscription()).unwrap();
        let with = |pointer: &str, value: &str| {
            let mut token = good.clone();
            *token.pointer_mut(pointer).unwrap() = json!(value);
            token.to_string()
        };
        let of_another_port = with("/endpoint", "http://127.0.0.1:9/push/x");
        for token in [
            "fcm-token".to_owned(),
            "{}".to_owned(),
            "[]".to_owned(),
            json!({ "endpoint": browser.endpoint() }).to_string(),
            with("/endpoint", "http://fcm.googleapis.com/fcm/send/x"),
            with("/endpoint", "https://10.0.0.1/x"),
            with("/endpoint", "https://169.254.169.254/latest/meta-data"),
            with("/endpoint", "https://[::1]/x"),
            with("/endpoint", "https://localhost/x"),
            with("/endpoint", "https://user:word@push.example.com/x"),
            with("/endpoint", "file:///etc/passwd"),
            with("/keys/p256dh", "BTBZMqHH6r4Tts7J_aSIgg"),
            with("/keys/auth", "x"),
            of_another_port.clone(),
        ] {
            let refused = resident.post("/v1/devices", registration(fresh(), "web", &token)).await;
            let refused = refused.problem(422, "invalid_field");
            assert_eq!(refused.text("/errors/0/field"), "push_token", "{token}");
            let words = String::from_utf8_lossy(&refused.bytes).into_owned();
            assert!(!words.contains("127.0.0.1") && !browser.shows_in(&words), "{words}");
        }
        let all = resident.get("/v1/devices").await.ok(200);
        assert_eq!(all.list("/items").len(), 1);
        for (platform, token) in [("android", "fcm-token"), ("ios", of_another_port.as_str())] {
            resident.post("/v1/devices", registration(fresh(), platform, token)).await.ok(201);
        }
        let silent = json!({ "id": fresh(), "platform": "web", "app_version": "1.0" });
        let silent = resident.post("/v1/devices", silent).await.ok(201);
        assert_eq!(silent.json("/has_push_token"), false);
        // Services of the makers of browsers; a key with padding is the same key.
        let real = with("/endpoint", "https://updates.push.services.mozilla.com/wpush/v2/gAAA");
        present(&resident, fresh(), &real).await;
        // The next one to sign in on the same browser has it alone, however it is written down.
        let anna = scene.estate.technician(house, "Сидорова Анна Павловна").await;
        let padded = with("/keys/auth", &format!("{}==", browser.auth()));
        present(&anna.client, fresh(), &padded).await;
        assert!(!can_be_pushed_to(&resident, device).await);
        assert!(!browser.shows_in(&house.log()));
    }
}

on_both! {
    /// Nothing is pushed to browsers here: one registers all the same, and its owner is told by a text message at once.
    async fn where_nothing_is_pushed_to_browsers_they_register_all_the_same(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let resident = estate.resident(house).await;
        resident.get("/v1/web-push/key").await.problem(404, "not_found");
        let service = PushService::start(house.clock()).await;
        let (scene, key) = (Scene { service, estate }, "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4");
        let browser = scene.service.subscribe(key);
        let refused = resident.post("/v1/devices", registration(fresh(), "web", &browser.subscription())).await;
        refused.problem(422, "invalid_field");
        let real = browser.subscription().replace(scene.service.url(), "https://web.push.apple.com");
        present(&resident, fresh(), &real).await;
        let (ticket, _) = scene.ticket(house).await;
        let told = scene.in_state(ticket, "registered", "taken").await;
        assert_eq!((&told["rung"], scene.texts(house)), (&json!("sms"), 1));
        assert!(!browser.shows_in(&house.log()));
    }
}

on_both! {
    closed,
    /// The resident reads in his browser that his ticket is registered, and later that the technician is on his way; the
    /// technician reads that a visit is his. The screen shows the number, and nobody's name and address.
    async fn residents_and_technicians_are_told_in_their_browsers(house: &House) {
        let scene = Scene::open(house).await;
        let resident = scene.estate.resident(house).await;
        let anna = scene.estate.technician(house, "Сидорова Анна Павловна").await;
        let (at_home, _) = scene.browser(&resident).await;
        let (in_the_van, _) = scene.browser(&anna.client).await;
        let (ticket, number) = scene.ticket(house).await;
        let sent = scene.in_state(ticket, "registered", "sent").await;
        let pushed = scene.service.taken_for(&at_home);
        assert_eq!(pushed.len(), 1, "{pushed:?}");
        assert_eq!((pushed[0].urgency.as_str(), pushed[0].ttl), ("normal", 86_400));
        assert_eq!(pushed[0].topic, Some(sent["id"].as_str().unwrap().replace('-', "")));
        let data = |id: &Value| json!({ "kind": "notification", "notification_id": id, "ticket_id": ticket });
        let brief = "Заявка зарегистрирована. Срок и перечень работ в приложении.";
        let shown = json!({ "title": format!("Заявка № {number}"), "body": brief });
        assert_eq!(pushed[0].json(), json!({ "data": data(&sent["id"]), "notification": shown }));
        // The page says that it was read.
        read(&resident, &sent).await;
        let read = scene.estate.dispatcher.get(&format!("/v1/tickets/{ticket}")).await.ok(200);
        assert_eq!(read.text("/informed_how"), "app");

        book(house, &scene.estate, ticket, &anna).await;
        let assigned = eventually("the push to the technician", async || scene.service.taken_for(&in_the_van).pop()).await;
        let mine = anna.client.get("/v1/notifications").await.ok(200);
        assert_eq!(mine.text("/items/0/kind"), "assigned");
        let brief = "Вам назначен визит. Подробности в приложении.";
        let shown = json!({ "title": format!("Наряд № {number}"), "body": brief });
        let expected = json!({ "data": data(mine.json("/items/0/id")), "notification": shown });
        assert_eq!((assigned.urgency.as_str(), assigned.json()), ("high", expected));

        let visit = scene.estate.dispatcher.get(&format!("/v1/tickets/{ticket}")).await.ok(200).id("/visits/0/id");
        anna.client.post(&format!("/v1/visits/{visit}/en-route"), json!({})).await.ok(200);
        let way = scene.in_state(ticket, "on_the_way", "sent").await;
        let pushed = scene.service.taken_for(&at_home).pop().unwrap();
        let shown = json!({ "title": format!("Заявка № {number}: мастер в пути"), "body": "Мастер выехал." });
        assert_eq!(pushed.json(), json!({ "data": data(&way["id"]), "notification": shown }));
        assert_eq!((pushed.urgency.as_str(), scene.texts(house)), ("high", 0));
        assert!(![at_home, in_the_van].iter().any(|browser| browser.shows_in(&house.log())));
    }
}

on_both! {
    closed,
    /// The resident has withdrawn his consent in one of two browsers: that one is forgotten, the other is told. Then in the
    /// other too: the message goes on as a text message at once.
    async fn a_browser_that_is_gone_is_forgotten_and_the_next_way_is_taken(house: &House) {
        let scene = Scene::open(house).await;
        let resident = scene.estate.resident(house).await;
        let (gone, first) = scene.browser(&resident).await;
        let (kept, second) = scene.browser(&resident).await;
        scene.service.unsubscribe(&gone);
        let (ticket, _) = scene.ticket(house).await;
        scene.in_state(ticket, "registered", "sent").await;
        assert_eq!((scene.service.taken_for(&kept).len(), scene.service.asked()), (1, 2));
        eventually("the gone one to be forgotten", async || {
            (!can_be_pushed_to(&resident, first).await).then_some(())
        })
        .await;
        assert!(can_be_pushed_to(&resident, second).await);
        scene.service.unsubscribe(&kept);
        let (ticket, _) = scene.ticket(house).await;
        let told = scene.in_state(ticket, "registered", "taken").await;
        assert_eq!((&told["rung"], scene.service.asked()), (&json!("sms"), 3));
        let dead_then_text = [("push", "dead"), ("sms", "taken")];
        assert_eq!(scene.tried(&told, 2).await, dead_then_text.map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert!(!can_be_pushed_to(&resident, second).await);
        // It subscribes again, and is told again.
        let (again, _) = scene.browser(&resident).await;
        let (ticket, _) = scene.ticket(house).await;
        scene.in_state(ticket, "registered", "sent").await;
        assert_eq!(scene.service.taken_for(&again).len(), 1);
        assert!(![gone, kept, again].iter().any(|browser| browser.shows_in(&house.log())));
    }
}

on_both! {
    closed,
    /// The push service fails for a while in every way it can, and then for good: the message is brought as soon as it can
    /// be, and by a text message when it cannot; none is lost, none comes twice, and the browser is not forgotten.
    async fn a_push_service_that_fails_loses_nothing(house: &House) {
        let scene = Scene::open(house).await;
        let resident = scene.estate.resident(house).await;
        let (browser, device) = scene.browser(&resident).await;
        // Once each: the next attempt brings it.
        for (say, outcome) in [
            (Say::Internal, "down"),
            (Say::Redirect, "down"),
            (Say::Garbage, "down"),
            (Say::Silence, "down"),
            (Say::Endless, "down"),
            (Say::TooMany(Some(40)), "busy"),
        ] {
            let before = scene.service.taken().len();
            scene.service.say([say]);
            let (ticket, _) = scene.ticket(house).await;
            let message = eventually("the message", async || scene.message(ticket, "registered").await).await;
            scene.tried(&message, 1).await;
            assert_eq!(scene.service.taken().len(), before, "{say:?}");
            if say == Say::TooMany(Some(40)) {
                house.clock().advance(TimeDelta::seconds(30));
                assert_eq!(scene.message(ticket, "registered").await.unwrap()["state"], "queued");
            }
            house.clock().advance(TimeDelta::seconds(11));
            let message = scene.in_state(ticket, "registered", "sent").await;
            let tries = scene.tried(&message, 2).await;
            assert_eq!(tries[0], ("push".to_owned(), outcome.to_owned()), "{say:?}");
            assert_eq!(tries[1], ("push".to_owned(), "taken".to_owned()), "{say:?}");
            let pushed = scene.service.taken();
            assert_eq!(pushed.len(), before + 1, "{say:?}");
            assert_eq!(pushed[before].json()["data"]["notification_id"], message["id"]);
            read(&resident, &message).await;
        }
        assert_eq!(scene.texts(house), 0);
        // The answer was lost: the same topic again, so that a browser that was closed shows it once.
        let before = scene.service.taken().len();
        scene.service.say([Say::Lost]);
        let (ticket, _) = scene.ticket(house).await;
        let message = eventually("the message", async || scene.message(ticket, "registered").await).await;
        scene.tried(&message, 1).await;
        house.clock().advance(TimeDelta::seconds(11));
        read(&resident, &scene.in_state(ticket, "registered", "sent").await).await;
        let pushed = scene.service.taken_for(&browser).split_off(before);
        assert_eq!((pushed.len(), &pushed[0]), (2, &pushed[1]));
        // What will never be taken goes on at once; a service that is down for good is waited for, and not long.
        for (says, tries) in [(vec![Say::TooLong], 2), (vec![Say::OtherKey], 2), (vec![Say::Internal; 4], 5)] {
            let (texts, count) = (scene.texts(house), scene.service.taken().len());
            let attempts = says.len();
            scene.service.say(says);
            let (ticket, _) = scene.ticket(house).await;
            let message = eventually("the message", async || scene.message(ticket, "registered").await).await;
            for attempt in 1..attempts {
                scene.tried(&message, attempt).await;
                house.clock().advance(TimeDelta::seconds(45));
            }
            let told = scene.in_state(ticket, "registered", "taken").await;
            assert_eq!(scene.tried(&told, tries).await[tries - 1], ("sms".to_owned(), "taken".to_owned()));
            assert_eq!((scene.texts(house), scene.service.taken().len()), (texts + 1, count));
        }
        assert!(can_be_pushed_to(&resident, device).await);
        assert!(!browser.shows_in(&house.log()));
    }
}

on_both! {
    closed,
    /// The technician has a phone and a browser: «pull now» goes to the phone alone, and what is said goes to both. The
    /// provider of phones never sees the keys of a browser.
    async fn phones_and_browsers_are_told_by_their_own_ways(house: &House) {
        let fcm = Fcm::start(house.clock()).await;
        fcm.serve(house);
        let scene = Scene::open(house).await;
        let anna = scene.estate.technician(house, "Сидорова Анна Павловна").await;
        let (browser, device) = scene.browser(&anna.client).await;
        anna.client.post("/v1/devices", registration(fresh(), "android", "phone-of-anna")).await.ok(201);
        let ticket = scene.estate.register("TAP-LEAK", "Течёт кран на кухне.").await.id("/id");
        book(house, &scene.estate, ticket, &anna).await;
        house.clock().advance(TimeDelta::seconds(2));
        let mut kinds = eventually("a poke and a message", async || {
            let taken = fcm.taken();
            let kinds: Vec<Value> = taken.iter().map(|one| one["data"]["kind"].clone()).collect();
            (kinds.len() == 2).then_some(kinds)
        })
        .await;
        kinds.sort_by_key(ToString::to_string);
        assert_eq!(kinds, ["notification", "pull"]);
        assert_eq!((fcm.reached(), fcm.asked()), (vec!["phone-of-anna".to_owned(); 2], 2));
        let pushed = eventually("the push to the browser", async || scene.service.taken_for(&browser).pop()).await;
        assert_eq!((scene.service.asked(), &pushed.json()["data"]["kind"]), (1, &json!("notification")));
        assert!(can_be_pushed_to(&anna.client, device).await);
        assert!(!browser.shows_in(&house.log()));
    }
}
