//! What residents and technicians are told, by which way it reaches them, and what becomes of what does not.

use chrono::{DateTime, TimeDelta, Utc};
use naryad_tests::{
    Answer, Client, House, Role,
    estate::{Estate, RESIDENT_PHONE, fresh, resident_of},
    fcm::{self, Fcm},
    house::eventually,
    on_both, proves,
    sms::{Dialect, Gate, Say, Weather},
};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// The messages of a ticket to its applicant, oldest first.
async fn told(desk: &Client, ticket: Uuid) -> Vec<Value> {
    let path = format!("/v1/notifications?limit=200&ticket_id={ticket}");
    let mut all = desk.get(&path).await.ok(200).list("/items").to_vec();
    all.retain(|one| one["user_id"].is_null());
    all.reverse();
    all
}

async fn in_state(desk: &Client, ticket: Uuid, kind: &str, state: &str) -> Value {
    eventually(&format!("{kind} to be {state}"), async || {
        told(desk, ticket).await.into_iter().find(|one| one["kind"] == kind && one["state"] == state)
    })
    .await
}

async fn plan(estate: &Estate, ticket: Uuid, technician: Uuid, start: DateTime<Utc>) -> Uuid {
    let body = json!({
        "technicians": [technician], "start": start, "end": start + TimeDelta::hours(1),
        "window": { "kind": "promised", "start": start, "end": start + TimeDelta::hours(2) },
    });
    let planned = estate.dispatcher.post(&format!("/v1/tickets/{ticket}/plan"), body).await;
    planned.ok(200).id("/visits/0/id")
}

async fn texts(house: &House, phone: &str) -> Vec<String> {
    let of = house.outbox().into_iter().filter(|one| one.to == phone && one.code().is_none());
    of.map(|one| one.text).collect()
}

async fn put_if(client: &Client, path: &str, version: i64, body: Value) -> Answer {
    client.request(Method::PUT, path).header("If-Match", &format!("\"{version}\"")).json(&body).send().await
}

async fn phone_of(client: &Client, token: &str) {
    let body = json!({ "id": fresh(), "platform": "android", "app_version": "1.0", "push_token": token });
    client.post("/v1/devices", body).await.ok(201);
}

on_both! {
    /// A leak, from the call to the acceptance: the resident has no app and reads it all in text messages.
    async fn a_ticket_told_by_text_messages(house: &House) {
        proves!(R19);
        proves!(R21);
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let registered = estate.register("TAP-LEAK", "Течёт кран на кухне.").await;
        let (id, number) = (registered.id("/id"), registered.text("/number").to_owned());
        // In the two minutes in which the dispatcher may book the visit nothing is said.
        assert_eq!(told(&estate.dispatcher, id).await.len(), 1);
        assert!(texts(house, RESIDENT_PHONE).await.is_empty());
        house.clock().advance_minutes(3);
        let first = in_state(&estate.dispatcher, id, "registered", "taken").await;
        assert!(first["body"].as_str().unwrap().contains(&number), "{first}");
        assert_eq!(texts(house, RESIDENT_PHONE).await.len(), 1);
        // Told by a message, within the half hour: it stands in the ticket.
        let ticket = estate.dispatcher.get(&format!("/v1/tickets/{id}")).await.ok(200);
        assert_eq!(ticket.text("/informed_how"), "message");
        assert!(!ticket.body["informed_at"].is_null());
        // The visit: date, time, reason and the full name of each worker.
        let start = house.clock().now() + TimeDelta::hours(4);
        let visit = plan(&estate, id, anna.user.id, start).await;
        let booked = in_state(&estate.dispatcher, id, "booked", "taken").await;
        let text = booked["body"].as_str().unwrap();
        for part in [number.as_str(), "Сидорова Анна Павловна", "2 марта", "Нужен доступ"] {
            assert!(text.contains(part), "«{part}» is missing: {text}");
        }
        anna.client.post(&format!("/v1/visits/{visit}/en-route"), json!({})).await.ok(200);
        let way = in_state(&estate.dispatcher, id, "on_the_way", "taken").await;
        assert!(way["body"].as_str().unwrap().contains("Сидорова Анна Павловна"));
        // Each event once, whoever asks.
        let mut kinds: Vec<String> = told(&estate.dispatcher, id)
            .await
            .iter()
            .map(|one| one["kind"].as_str().unwrap().to_owned())
            .collect();
        // Of the same moment: their order says nothing.
        kinds.sort_unstable();
        assert_eq!(kinds, ["booked", "on_the_way", "registered"]);
        let stranger = Estate::found_with(house, "УК Сосед", "+79120000001").await;
        assert!(told(&stranger.dispatcher, id).await.is_empty());
        let path = format!("/v1/notifications/{}", booked["id"].as_str().unwrap());
        stranger.dispatcher.get(&path).await.problem(404, "not_found");
        let tries = estate.dispatcher.get(&path).await.ok(200);
        assert_eq!(tries.text("/tries/0/outcome"), "taken");
    }
}

on_both! {
    /// A push that nobody confirms is followed by a text message; one that the app confirms is not.
    async fn a_push_without_a_receipt_climbs(house: &House) {
        proves!(R3);
        let fcm = Fcm::start(house.clock()).await;
        fcm.serve(house);
        house.restart().await;
        let estate = Estate::found(house, "УК Дом").await;
        let resident = estate.resident(house).await;
        phone_of(&resident, "phone-of-the-resident").await;
        let first = estate.register("TAP-LEAK", "Течёт кран на кухне.").await.id("/id");
        house.clock().advance_minutes(3);
        let sent = in_state(&estate.dispatcher, first, "registered", "sent").await;
        let push = eventually("the push", async || fcm.taken().pop()).await;
        // The locked screen shows the number, and nobody's name and address.
        let shown = push["notification"].to_string();
        assert!(shown.contains("Заявка №") && !shown.contains("ул."), "{shown}");
        assert_eq!(push["data"]["notification_id"], sent["id"]);
        // The app says that it is there.
        let receipt = format!("/v1/notifications/{}/receipt", sent["id"].as_str().unwrap());
        estate.dispatcher.post(&receipt, json!({ "seen": "read" })).await.problem(403, "forbidden");
        let read = resident.post(&receipt, json!({ "seen": "read" })).await.ok(200);
        assert_eq!(read.text("/state"), "read");
        let ticket = estate.dispatcher.get(&format!("/v1/tickets/{first}")).await.ok(200);
        assert_eq!(ticket.text("/informed_how"), "app");
        // Of the next one it says nothing.
        let mut request = estate.request("TAP-LEAK", "Течёт кран в ванной.");
        request["applicant_phone"] = json!("+79123450000");
        let second = estate.dispatcher.post("/v1/tickets", request).await.ok(201).id("/id");
        house.clock().advance_minutes(3);
        in_state(&estate.dispatcher, second, "registered", "sent").await;
        house.clock().advance_minutes(9);
        let climbed = in_state(&estate.dispatcher, second, "registered", "taken").await;
        assert_eq!(climbed["rung"], "sms");
        assert_eq!(told(&estate.dispatcher, first).await[0]["state"], "read");
        // It goes to the number he called from, also after it has climbed.
        assert_eq!(texts(house, "+79123450000").await.len(), 1);
        assert!(texts(house, RESIDENT_PHONE).await.is_empty());
        // A dead token leaves its device, and the message takes the next way at once.
        fcm.say([fcm::Say::Unregistered]);
        let third = estate.register("TAP-LEAK", "Течёт кран опять.").await.id("/id");
        house.clock().advance_minutes(3);
        in_state(&estate.dispatcher, third, "registered", "taken").await;
        let devices = resident.get("/v1/devices").await.ok(200);
        assert_eq!(devices.list("/items")[0]["has_push_token"], false);
        assert!(fcm.take_complaints().is_empty());
    }
}

on_both! {
    /// A gateway that says what became of a message is asked; what it could not bring is called.
    async fn what_no_way_brings_is_on_the_board(house: &House) {
        let gate = Gate::start(house.clock()).await;
        gate.serve(house, Dialect::Smsc);
        house.restart().await;
        let estate = Estate::found(house, "УК Дом").await;
        gate.disconnect(&RESIDENT_PHONE[1..]);
        let id = estate.register("TAP-LEAK", "Течёт кран на кухне.").await.id("/id");
        house.clock().advance_minutes(3);
        for _ in 0..12 {
            house.clock().advance_minutes(1);
            let waits = told(&estate.dispatcher, id).await;
            if waits[0]["state"] == "call" {
                break;
            }
            eventually("the gateway to be asked, or the next way", async || {
                let now = told(&estate.dispatcher, id).await;
                (now[0]["next_at"].is_null() || now[0]["next_at"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap()
                    > house.clock().now())
                .then_some(())
            })
            .await;
        }
        let waits = in_state(&estate.dispatcher, id, "registered", "call").await;
        let board = estate.dispatcher.get("/v1/notifications?undelivered=true").await.ok(200);
        assert_eq!(board.list("/items").len(), 1);
        let call = format!("/v1/notifications/{}/call", waits["id"].as_str().unwrap());
        estate.dispatcher.post(&call, json!({ "reached": false })).await.ok(200);
        assert_eq!(told(&estate.dispatcher, id).await[0]["state"], "call");
        let reached = estate.dispatcher.post(&call, json!({ "reached": true })).await.ok(200);
        assert_eq!(reached.text("/state"), "told");
        estate.dispatcher.post(&call, json!({ "reached": true })).await.problem(409, "notification_settled");
        let ticket = estate.dispatcher.get(&format!("/v1/tickets/{id}")).await.ok(200);
        assert_eq!(ticket.text("/informed_how"), "phone");
        assert!(estate.dispatcher.get("/v1/notifications?undelivered=true").await.ok(200).list("/items").is_empty());
    }
}

on_both! {
    /// It is ten at night in Kamchatka, and afternoon at the desk in Moscow: what can wait, waits for the morning there.
    async fn quiet_hours_in_kamchatka(house: &House) {
        house.clock().set_to("2026-03-02T10:30:00Z");
        let estate = Estate::found(house, "УК Дом").await;
        let body = json!({ "address": "Петропавловск-Камчатский, ул. Ленинская, 1", "zone": "Asia/Kamchatka" });
        let building = estate.admin.post("/v1/buildings", body).await.ok(201).id("/id");
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let body = json!({
            "request_type_id": estate.kinds["TAP-LEAK"], "building_id": building,
            "description": "Течёт труба в подвале.", "applicant_phone": "+79123450000", "applicant_name": "Олег",
        });
        let id = estate.dispatcher.post("/v1/tickets", body).await.ok(201).id("/id");
        // What must be told within half an hour does not wait.
        house.clock().advance_minutes(3);
        in_state(&estate.dispatcher, id, "registered", "taken").await;
        let start = house.clock().now() + TimeDelta::hours(30);
        plan(&estate, id, anna.user.id, start).await;
        let rests = eventually("the notice to rest", async || {
            told(&estate.dispatcher, id).await.into_iter().find(|one| {
                one["kind"] == "booked" && one["next_at"] == json!("2026-03-02T20:00:00Z")
            })
        })
        .await;
        assert_eq!(rests["state"], "queued");
        house.clock().set_to("2026-03-02T20:00:01Z");
        in_state(&estate.dispatcher, id, "booked", "taken").await;
        assert_eq!(texts(house, "+79123450000").await.len(), 2);
        // It is night at home now. What is booked in the same call takes the place of the first word, and of its haste:
        // number and term are told within the half hour.
        let id = estate.register("TAP-LEAK", "Течёт кран на кухне.").await.id("/id");
        plan(&estate, id, anna.user.id, house.clock().now() + TimeDelta::hours(60)).await;
        in_state(&estate.dispatcher, id, "booked", "taken").await;
        in_state(&estate.dispatcher, id, "registered", "superseded").await;
        let ticket = estate.dispatcher.get(&format!("/v1/tickets/{id}")).await.ok(200);
        assert_eq!(ticket.text("/informed_how"), "message");
    }
}

on_both! {
    /// A notice to a building: counted before, sent once to each flat, stopped.
    async fn a_notice_to_a_building(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let to = json!({ "building_ids": [estate.building] });
        let audience = estate.dispatcher.post("/v1/mass-notices/audience", to).await.ok(200);
        assert_eq!((audience.body["residents"].as_i64(), audience.body["with_phone"].as_i64()), (Some(1), Some(1)));
        let body = json!({
            "building_ids": [estate.building], "title": "Отключение воды",
            "text": "3 марта с 10:00 до 16:00 не будет воды.\nЗапаситесь.",
        });
        let sent = estate.dispatcher.post("/v1/mass-notices", body).await.ok(201);
        let path = format!("/v1/mass-notices/{}", sent.id("/id"));
        let done = eventually("the notice to arrive", async || {
            let now = estate.dispatcher.get(&path).await.ok(200);
            (now.body["progress"]["arrived"] == 1).then_some(now)
        })
        .await;
        assert_eq!(done.text("/state"), "spread");
        assert_eq!(texts(house, RESIDENT_PHONE).await, ["3 марта с 10:00 до 16:00 не будет воды.\nЗапаситесь."]);
        // A resident who wants no text messages is left alone by what can wait.
        let resident = resident_of(house, RESIDENT_PHONE).await;
        let wish = json!({ "muted": ["sms"] });
        put_if(&resident, "/v1/me/notification-preference", 0, wish).await.ok(200);
        let body = json!({ "building_ids": [estate.building], "title": "Субботник", "text": "Приходите." });
        let sent = estate.dispatcher.post("/v1/mass-notices", body).await.ok(201);
        let path = format!("/v1/mass-notices/{}", sent.id("/id"));
        eventually("the wish to be heard", async || {
            let now = estate.dispatcher.get(&path).await.ok(200);
            (now.body["progress"]["superseded"] == 1).then_some(())
        })
        .await;
        estate.dispatcher.request(Method::POST, &format!("{path}/stop")).send().await.ok(200);
        // At night it waits for the morning; what was stopped meanwhile is not said then.
        let other = json!({ "muted": [] });
        put_if(&resident, "/v1/me/notification-preference", 1, other).await.ok(200);
        house.clock().set_to("2026-03-02T20:00:00Z");
        let body = json!({ "building_ids": [estate.building], "title": "Ошибка", "text": "Не туда." });
        let sent = estate.dispatcher.post("/v1/mass-notices", body).await.ok(201);
        let path = format!("/v1/mass-notices/{}", sent.id("/id"));
        eventually("the notice to rest", async || {
            let all = estate.dispatcher.get("/v1/notifications?kind=mass_notice&state=queued").await.ok(200);
            let rests = all.list("/items").iter().any(|one| one["next_at"] == "2026-03-03T05:00:00Z");
            rests.then_some(())
        })
        .await;
        let stopped = estate.dispatcher.request(Method::POST, &format!("{path}/stop")).send().await.ok(200);
        assert_eq!(stopped.body["progress"]["superseded"], 1);
        house.clock().set_to("2026-03-03T06:00:00Z");
        let id = estate.register("TAP-LEAK", "Течёт кран.").await.id("/id");
        house.clock().advance_minutes(3);
        in_state(&estate.dispatcher, id, "registered", "taken").await;
        assert!(texts(house, RESIDENT_PHONE).await.iter().all(|text| !text.contains("Не туда")));
        let stranger = Estate::found_with(house, "УК Сосед", "+79120000001").await;
        stranger.dispatcher.get(&path).await.problem(404, "not_found");
        let theirs = json!({ "building_ids": [estate.building], "title": "а", "text": "б" });
        stranger.dispatcher.post("/v1/mass-notices", theirs).await.problem(422, "invalid_field");
        resident.get("/v1/mass-notices").await.problem(403, "forbidden");
        proves!(R68, part);
    }
}

on_both! {
    /// The words are the organization's own; what is wrong with them is said when they are saved.
    async fn words_of_its_own(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let all = estate.admin.get("/v1/notification-templates").await.ok(200);
        assert!(all.list("").len() > 30);
        let path = "/v1/notification-templates/registered/ru";
        let words = |body: &str| json!({ "title": "Заявка {number}", "brief": "Принята.", "body": body });
        for wrong in ["{nubmer}", "<b>{number}</b>", "[{number}", "{number}}"] {
            let refused = put_if(&estate.admin, path, 0, words(wrong)).await;
            assert_eq!(refused.problem(422, "invalid_field").text("/errors/0/field"), "body", "{wrong}");
        }
        let long = json!({ "title": "Заявка {address}", "brief": "Принята.", "body": "x" });
        put_if(&estate.admin, path, 0, long).await.problem(422, "invalid_field");
        put_if(&estate.admin, path, 7, words("{number}")).await.problem(412, "version_stale");
        put_if(&estate.dispatcher, path, 0, words("{number}")).await.problem(403, "forbidden");
        let saved = put_if(&estate.admin, path, 0, words("Принято: {number}[, срок {term}]. Ваш дом.")).await.ok(200);
        assert_eq!(saved.body["version"], 1);
        let shown = json!({ "kind": "registered", "locale": "ru" });
        let shown = estate.admin.post("/v1/notification-templates/preview", shown).await.ok(200);
        assert!(shown.text("/words/body").starts_with("Принято: "));
        assert_eq!(shown.body["sms"], json!({ "length": 52, "parts": 1, "unicode": true }));
        // A name of ten kilobytes cannot be registered, and one that is full of markup is only text.
        let id = estate.register("TAP-LEAK", "Течёт кран на кухне.").await.id("/id");
        house.clock().advance_minutes(3);
        let first = in_state(&estate.dispatcher, id, "registered", "taken").await;
        assert!(first["body"].as_str().unwrap().ends_with("Ваш дом."), "{first}");
        estate.admin.delete(path).await.ok(200);
        // The ladder.
        let rule = "/v1/notification-rules/registered";
        let twice = json!({ "ladder": [{ "rung": "sms", "wait_minutes": 5 }, { "rung": "sms", "wait_minutes": 5 }] });
        put_if(&estate.admin, rule, 0, twice).await.problem(422, "invalid_field");
        let only = json!({ "ladder": [{ "rung": "call", "wait_minutes": 5 }] });
        put_if(&estate.admin, rule, 0, only).await.ok(200);
        let id = estate.register("TAP-LEAK", "Течёт кран в ванной.").await.id("/id");
        house.clock().advance_minutes(3);
        in_state(&estate.dispatcher, id, "registered", "call").await;
        put_if(&estate.admin, "/v1/notification-rules/nothing", 0, json!({ "ladder": null })).await.problem(404, "not_found");
    }
}

on_both! {
    /// A technician is told by a push, and the desk of a contractor by e-mail.
    async fn executors_are_told(house: &House) {
        proves!(R32);
        let fcm = Fcm::start(house.clock()).await;
        fcm.serve(house);
        house.restart().await;
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        phone_of(&anna.client, "phone-of-anna").await;
        let contractor = house.contractor("Лифтсервис").await;
        let desk = house.user(&contractor, Role::Dispatcher).await;
        let admin = house.staff(&contractor, Role::Admin).await;
        let path = format!("/v1/users/{}", desk.id);
        let user = admin.get(&path).await.ok(200);
        admin.patch(&path, user.etag(), json!({ "email": "desk@lift.example" })).await.ok(200);
        let link = json!({ "organization_id": contractor.id });
        estate.admin.post("/v1/contractors", link).await.ok(201);
        // Ours: a push, without anybody's address on the locked screen.
        let id = estate.register("TAP-LEAK", "Течёт кран на кухне.").await.id("/id");
        plan(&estate, id, anna.user.id, house.clock().now() + TimeDelta::hours(4)).await;
        let push = eventually("the push to the technician", async || {
            fcm.taken().into_iter().find(|push| push["data"]["kind"] == "notification")
        })
        .await;
        assert_eq!((push["token"].as_str(), &push["data"]["ticket_id"]), (Some("phone-of-anna"), &json!(id)));
        let mine = anna.client.get("/v1/notifications").await.ok(200);
        assert_eq!(mine.text("/items/0/kind"), "assigned");
        // Theirs: a letter with what is offered.
        let other = estate.register("LIFT-STOP", "Лифт стоит.").await;
        let body = json!({ "executor": { "kind": "contractor", "organization_id": contractor.id } });
        estate.dispatcher.post(&format!("/v1/tickets/{}/executor", other.id("/id")), body).await.ok(200);
        let letter = eventually("the letter to the contractor", async || letters(house).pop()).await;
        assert_eq!(letter["to"], "desk@lift.example");
        for part in [other.text("/number"), "УК Дом"] {
            assert!(letter["text"].as_str().unwrap().contains(part), "{letter}");
        }
        assert_eq!(letters(house).len(), 1);
        assert!(fcm.take_complaints().is_empty());
    }
}

/// The letters in the outbox folder.
fn letters(house: &House) -> Vec<Value> {
    let files = std::fs::read_dir(house.data().join("outbox-mail")).into_iter().flatten().flatten();
    let read =
        files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    read.map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect()
}

on_both! {
    /// The gateway is down while things change: what it brings afterwards is what is so.
    async fn what_is_no_longer_so_is_not_said(house: &House) {
        let gate = Gate::start(house.clock()).await;
        gate.serve(house, Dialect::Smsc);
        house.restart().await;
        let estate = Estate::found(house, "УК Дом").await;
        let (desk, anna) = (&estate.dispatcher, estate.technician(house, "Сидорова Анна Павловна").await);
        let down = || gate.weather(Some(Weather::of(7, 100, [Say::Internal])));
        let up = || {
            gate.weather(None);
            house.clock().advance_minutes(10);
        };
        let tried = async |query: &str| {
            let path = format!("/v1/notifications?{query}");
            eventually("the gateway to be tried", async || {
                let all = desk.get(&path).await.ok(200);
                all.list("/items").iter().any(|one| !one["last_error"].is_null()).then_some(())
            })
            .await;
        };
        // A visit is moved before anybody has read of its first time.
        let id = estate.register("TAP-LEAK", "Течёт кран на кухне.").await.id("/id");
        down();
        let start = house.clock().now() + TimeDelta::hours(20);
        let visit = plan(&estate, id, anna.user.id, start).await;
        tried(&format!("ticket_id={id}&kind=booked")).await;
        let body = json!({ "start": start + TimeDelta::hours(3), "end": start + TimeDelta::hours(4) });
        desk.post(&format!("/v1/visits/{visit}/move"), body).await.ok(200);
        in_state(desk, id, "booked", "superseded").await;
        up();
        let said = eventually("the new time", async || {
            let texts = gate.texts_of(&RESIDENT_PHONE[1..]);
            texts.iter().any(|text| text.contains("перенесён")).then_some(texts)
        })
        .await;
        assert_eq!(said.len(), 1, "{said:?}");
        let assigned = desk.get(&format!("/v1/notifications?ticket_id={id}&kind=assigned")).await.ok(200);
        assert_eq!(assigned.list("/items").len(), 2, "she learns the new time as well");
        // A notice is stopped after it was tried. Whoever cannot see or hear well is told like everybody.
        let body = json!({
            "full_name": "Орлов Пётр", "phones": ["+79123450009"], "disabled": true,
            "accounts": [{ "number": "LS-009", "premises_id": estate.premises }],
        });
        desk.post("/v1/residents", body).await.ok(201);
        let to = json!({ "building_ids": [estate.building] });
        desk.post("/v1/mass-notices/audience", to).await.ok(200).has("/residents", 2);
        down();
        let body = json!({ "building_ids": [estate.building], "title": "Вода", "text": "Завтра не будет воды." });
        let notice = desk.post("/v1/mass-notices", body).await.ok(201);
        tried("kind=mass_notice").await;
        let stop = format!("/v1/mass-notices/{}/stop", notice.id("/id"));
        desk.request(Method::POST, &stop).send().await.ok(200).has("/progress/superseded", 2);
        up();
        // A ticket that is over is not announced, work that was returned is not to be accepted.
        let over = estate.register("TAP-LEAK", "Течёт кран в ванной.").await.id("/id");
        desk.post(&format!("/v1/tickets/{over}/cancel"), json!({ "reason": "Ошиблись." })).await.ok(200);
        in_state(desk, over, "registered", "superseded").await;
        house.clock().set_to("2026-03-02T20:00:00Z");
        let back = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
        let body = json!({ "reason": "Техник сообщил по телефону.", "waive_missing": true });
        desk.post(&format!("/v1/tickets/{back}/complete"), body).await.ok(200);
        desk.post(&format!("/v1/tickets/{back}/return"), json!({ "reason": "Запах вернулся." })).await.ok(200);
        in_state(desk, back, "completed", "superseded").await;
        house.clock().set_to("2026-03-03T06:00:00Z");
        let last = estate.register("TAP-LEAK", "Течёт кран опять.").await.text("/number").to_owned();
        house.clock().advance_minutes(3);
        let said = eventually("the last word", async || {
            let texts = gate.texts_of(&RESIDENT_PHONE[1..]);
            texts.iter().any(|text| text.contains(&last)).then_some(texts)
        })
        .await;
        for wrong in ["не будет воды", "ванной", "выполнены"] {
            assert!(said.iter().all(|text| !text.contains(wrong)), "{said:?}");
        }
        assert!(gate.texts_of("79123450009").is_empty());
    }
}
