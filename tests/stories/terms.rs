//! Terms: what must happen by when, told in time, judged by when it happened.

use chrono::{DateTime, Utc};
use naryad_tests::{
    Answer, Client, House,
    estate::{Estate, resident_of},
    house::eventually,
    on_both, proves,
};
use serde_json::{Value, json};
use uuid::Uuid;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn instant(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str().map(at)
}

/// The clock of a ticket, of this kind and right.
async fn clock(client: &Client, ticket: Uuid, kind: &str, basis: &str) -> Value {
    let clocks = client.get(&format!("/v1/tickets/{ticket}/deadlines")).await.ok(200);
    let found =
        clocks.list("").iter().find(|clock| clock["kind"] == kind && clock["basis"] == basis).cloned();
    found.unwrap_or_else(|| panic!("no {basis} clock {kind} in {}", clocks.body))
}

async fn alerts(client: &Client, ticket: Uuid) -> Vec<Value> {
    client.get(&format!("/v1/alerts?limit=200&ticket_id={ticket}")).await.ok(200).list("/items").to_vec()
}

/// Waits for an alert of a ticket.
async fn told(client: &Client, ticket: Uuid, kind: &str, percent: i64) -> Value {
    eventually(&format!("the alert {kind} at {percent} %"), async || {
        let alerts = alerts(client, ticket).await;
        alerts.into_iter().find(|alert| alert["kind"] == kind && alert["percent"] == percent)
    })
    .await
}

async fn building(estate: &Estate, zone: &str, address: &str) -> Uuid {
    let body = json!({ "address": address, "zone": zone });
    estate.admin.post("/v1/buildings", body).await.ok(201).id("/id")
}

async fn register_in(estate: &Estate, building: Uuid, code: &str, more: Value) -> Answer {
    let mut body = json!({
        "request_type_id": estate.kinds[code], "building_id": building, "description": "Авария в подвале.",
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    estate.dispatcher.post("/v1/tickets", body).await.ok(201)
}

on_both! {
    /// A sewer is blocked at 22:30: it must be cleared at 00:30, and the answer says so.
    async fn the_sewer_at_half_past_ten(house: &House) {
        proves!(R16);
        house.clock().set_to("2026-03-02T19:30:00Z");
        let estate = Estate::found(house, "УК Дом").await;
        let ticket = estate.register("SEW-BLOCK", "Засор канализации.").await;
        let id = ticket.id("/id");
        assert_eq!(at(ticket.text("/planned_term")), at("2026-03-02T21:30:00Z"));
        let say = ticket.text("/say");
        assert!(say.contains("3 марта") && say.contains("00:30"), "{say}");
        let resolve = clock(&estate.dispatcher, id, "resolve", "legal").await;
        assert_eq!(instant(&resolve["due_at"]), Some(at("2026-03-02T21:30:00Z")));
        house.clock().advance_minutes(60);
        told(&estate.dispatcher, id, "resolve", 50).await;
        house.clock().advance_minutes(60);
        let late = told(&estate.dispatcher, id, "resolve", 100).await;
        let manager = &estate.admin;
        let path = format!("/v1/alerts/{}/acknowledge", late["id"].as_str().unwrap());
        let noticed = manager.request(reqwest::Method::POST, &path).send().await.ok(200);
        assert!(!noticed.json("/acknowledged_at").is_null());
        let standing = manager.get("/v1/alerts?standing=true").await.ok(200);
        assert!(standing.list("/items").iter().all(|alert| alert["id"] != late["id"]));
        let done = json!({ "reason": "Доложил по телефону.", "waive_missing": true });
        estate.dispatcher.post(&format!("/v1/tickets/{id}/complete"), done).await.ok(200);
        assert_eq!(clock(&estate.dispatcher, id, "resolve", "legal").await["state"], "met");
    }
}

on_both! {
    /// A pipe bursts at 03:00 in Kamchatka, and the server counts in UTC: half an hour to localize, three days from when
    /// it burst.
    async fn the_burst_in_kamchatka(house: &House) {
        proves!(R14);
        proves!(R15);
        house.clock().set_to("2026-03-02T15:00:00Z");
        let estate = Estate::found(house, "УК Дом").await;
        let there = building(&estate, "Asia/Kamchatka", "Петропавловск-Камчатский, улица Советская, 1").await;
        let burst = json!({ "damaged_at": "2026-03-02T13:00:00Z" });
        let ticket = register_in(&estate, there, "HVS-BURST", burst).await;
        let id = ticket.id("/id");
        assert_eq!(at(ticket.text("/planned_term")), at("2026-03-05T13:00:00Z"));
        let say = ticket.text("/say");
        assert!(say.contains("6 марта") && say.contains("01:00"), "{say}");
        let localize = clock(&estate.dispatcher, id, "localize", "legal").await;
        assert_eq!(instant(&localize["due_at"]), Some(at("2026-03-02T15:30:00Z")));
        let late = register_in(&estate, there, "HVS-BURST", json!({})).await.id("/id");
        house.clock().advance_minutes(29);
        estate.dispatcher.post(&format!("/v1/tickets/{id}/localize"), json!({})).await.ok(200);
        house.clock().advance_minutes(11);
        estate.dispatcher.post(&format!("/v1/tickets/{late}/localize"), json!({})).await.ok(200);
        assert_eq!(clock(&estate.dispatcher, id, "localize", "legal").await["state"], "met");
        let missed = clock(&estate.dispatcher, late, "localize", "legal").await;
        assert_eq!((&missed["state"], &missed["late_s"]), (&json!("missed"), &json!(600)));
        // The date of the damage turns out to be another: the term counts from there.
        let path = format!("/v1/tickets/{id}");
        let seen = estate.dispatcher.get(&path).await.ok(200);
        let edit = json!({ "damaged_at": "2026-03-02T10:00:00Z" });
        let edited = estate.dispatcher.patch(&path, seen.etag(), edit).await.ok(200);
        assert_eq!(at(edited.text("/planned_term")), at("2026-03-05T10:00:00Z"));
    }
}

on_both! {
    /// Broken glass is mended in a day in winter and in three in summer, by the calendar of the place.
    async fn glass_in_winter_and_in_summer(house: &House) {
        proves!(R28);
        house.clock().set_to("2026-03-31T13:00:00Z");
        let estate = Estate::found(house, "УК Дом").await;
        let there = building(&estate, "Asia/Kamchatka", "Петропавловск-Камчатский, улица Советская, 1").await;
        let term = |ticket: Answer| at(ticket.text("/planned_term"));
        let winter = register_in(&estate, estate.building, "GLASS", json!({})).await;
        assert_eq!(term(winter), at("2026-04-01T13:00:00Z"));
        // It is the first of April there already.
        let summer = register_in(&estate, there, "GLASS", json!({})).await;
        assert_eq!(term(summer), at("2026-04-03T13:00:00Z"));
        house.clock().set_to("2026-04-01T13:00:00Z");
        let summer = register_in(&estate, estate.building, "GLASS", json!({})).await;
        assert_eq!(term(summer), at("2026-04-04T13:00:00Z"));
    }
}

/// Eight working hours by contract.
fn eight_hours() -> Value {
    json!({
        "contract": {
            "resolve": { "default": { "amount": 28_800, "unit": "seconds" } },
            "clock": {
                "kind": "weekly",
                "windows": [{ "days": ["mo", "tu", "we", "th", "fr"], "from": "09:00", "to": "18:00" }],
            },
        },
    })
}

on_both! {
    /// A contract's term stands still while the ticket waits, and the weekend in between counts for nothing; the term of
    /// the law goes on.
    async fn a_pause_over_a_weekend(house: &House) {
        house.clock().set_to("2026-03-06T12:00:00Z");
        let estate = Estate::found(house, "УК Дом").await;
        let body = json!({ "rules": eight_hours() });
        estate.admin.post("/v1/deadline-policies", body).await.ok(201);
        let id = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
        let contract = clock(&estate.dispatcher, id, "resolve", "contract").await;
        // Friday 15:00 and three hours, then five of Monday.
        assert_eq!(instant(&contract["due_at"]), Some(at("2026-03-09T11:00:00Z")));
        house.clock().advance_minutes(60);
        let why = json!({ "reason": "Ждём материал." });
        let held = estate.dispatcher.post(&format!("/v1/tickets/{id}/hold"), why).await.ok(200);
        assert_eq!(at(held.text("/planned_term")), at("2026-03-09T12:00:00Z"));
        let paused = clock(&estate.dispatcher, id, "resolve", "contract").await;
        assert_eq!((&paused["state"], &paused["due_at"]), (&json!("paused"), &Value::Null));
        house.clock().set_to("2026-03-09T07:00:00Z");
        let resume = format!("/v1/tickets/{id}/resume");
        estate.dispatcher.request(reqwest::Method::POST, &resume).send().await.ok(200);
        let running = clock(&estate.dispatcher, id, "resolve", "contract").await;
        assert_eq!(instant(&running["due_at"]), Some(at("2026-03-09T14:00:00Z")));
        let legal = clock(&estate.dispatcher, id, "resolve", "legal").await;
        assert_eq!((&legal["state"], instant(&legal["due_at"])), (&json!("running"), Some(at("2026-03-09T12:00:00Z"))));
        // A term by contract is moved by the management, with a reason; one by law by nobody; one that has ended never.
        let path = format!("/v1/deadlines/{}", running["id"].as_str().unwrap());
        let longer = json!({ "target": { "amount": 10, "unit": "days" }, "reason": "Договорились с жителем." });
        let version = format!("\"{}\"", running["version"]);
        estate.dispatcher.patch(&path, &version, longer.clone()).await.problem(403, "forbidden");
        let edited = estate.admin.patch(&path, &version, longer.clone()).await.ok(200);
        assert_eq!(edited.json("/edited"), true);
        estate.admin.patch(&path, &version, longer.clone()).await.problem(412, "version_stale");
        let law = format!("/v1/deadlines/{}", legal["id"].as_str().unwrap());
        let its = format!("\"{}\"", legal["version"]);
        estate.admin.patch(&law, &its, longer.clone()).await.problem(403, "forbidden");
        let cancel = json!({ "reason": "Житель отказался." });
        estate.dispatcher.post(&format!("/v1/tickets/{id}/cancel"), cancel).await.ok(200);
        let ended = estate.dispatcher.get(&path).await.ok(200);
        estate.admin.patch(&path, ended.etag(), longer).await.problem(409, "deadline_closed");
    }
}

on_both! {
    /// Work was done in time and reported late: it was in time, and what was told meanwhile is taken back.
    async fn a_late_report_of_work_done_in_time(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let id = estate.register("SEW-BLOCK", "Засор канализации.").await.id("/id");
        let done_at = house.clock().in_minutes(110);
        house.clock().advance_minutes(180);
        told(&estate.dispatcher, id, "resolve", 100).await;
        let done = json!({ "reason": "Доложил по телефону.", "waive_missing": true, "occurred_at": done_at });
        estate.dispatcher.post(&format!("/v1/tickets/{id}/complete"), done).await.ok(200);
        let resolve = clock(&estate.dispatcher, id, "resolve", "legal").await;
        assert_eq!((&resolve["state"], &resolve["met_at"]), (&json!("met"), &json!(done_at)));
        let alert = told(&estate.dispatcher, id, "resolve", 100).await;
        assert!(!alert["taken_back_at"].is_null(), "{alert}");
        let events = estate.admin.get(&format!("/v1/tickets/{id}/events?limit=200")).await.ok(200);
        let last = events.list("/items").iter().rev().find(|event| event["act"] == "ticket.complete").unwrap();
        assert!(last["changes"].to_string().contains("taken_back_at"), "{last}");
    }
}

on_both! {
    /// A policy changes while clocks run: they are counted anew, and the journal tells from when to when. What is no
    /// policy is refused.
    async fn a_policy_changes_while_clocks_run(house: &House) {
        house.clock().set_to("2026-03-02T06:00:00Z");
        let estate = Estate::found(house, "УК Дом").await;
        let create = json!({ "rules": eight_hours() });
        let policy = estate.admin.post("/v1/deadline-policies", create.clone()).await.ok(201);
        estate.admin.post("/v1/deadline-policies", create).await.problem(409, "already_exists");
        let id = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
        let before = clock(&estate.dispatcher, id, "resolve", "contract").await;
        assert_eq!(instant(&before["due_at"]), Some(at("2026-03-02T14:00:00Z")));
        let mut rules = eight_hours();
        rules["contract"]["resolve"]["default"]["amount"] = json!(36_000);
        let path = format!("/v1/deadline-policies/{}", policy.id("/id"));
        let revised = estate.admin.patch(&path, policy.etag(), json!({ "rules": rules })).await.ok(200);
        assert_eq!(revised.number("/number"), 2);
        eventually("the clock to be counted anew", async || {
            let after = clock(&estate.dispatcher, id, "resolve", "contract").await;
            (instant(&after["due_at"]) == Some(at("2026-03-03T07:00:00Z"))).then_some(())
        })
        .await;
        let events = estate.admin.get(&format!("/v1/tickets/{id}/events?limit=200")).await.ok(200);
        let told = events.list("/items").iter().find(|event| event["act"] == "deadline.recalculate").unwrap();
        let text = told["changes"].to_string();
        assert!(text.contains("2026-03-02T14:00:00Z") && text.contains("2026-03-03T07:00:00Z"), "{text}");
        for wrong in [
            json!({ "inform": { "within": { "amount": -1, "unit": "seconds" }, "basis": "legal" } }),
            json!({ "inform": { "within": { "amount": 36_525, "unit": "days" }, "basis": "legal" } }),
            json!({ "steps": [80, 50, 100] }),
            json!({ "repeat_times": 100_000 }),
        ] {
            let call = estate.admin.request(reqwest::Method::PATCH, &path).header("If-Match", revised.etag());
            let body = json!({ "rules": wrong });
            call.outside_contract().json(&body).send().await.problem(422, "invalid_field");
        }
    }
}

on_both! {
    /// The service sleeps for six hours: one step is told, not six.
    async fn six_hours_of_outage(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        estate.tells_nobody(&["registered"]).await;
        let id = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
        house.sigterm().await;
        house.clock().advance_minutes(360);
        house.open().await;
        told(&estate.dispatcher, id, "inform", 100).await;
        // What comes later comes later than all that was due before.
        let other = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
        house.clock().advance_minutes(15);
        told(&estate.dispatcher, other, "inform", 50).await;
        assert_eq!(alerts(&estate.dispatcher, id).await.len(), 1);
    }
}

on_both! {
    /// The applicant is told the term within half an hour, or the desk is reminded.
    async fn the_applicant_is_told_the_term(house: &House) {
        proves!(R19, part);
        let estate = Estate::found(house, "УК Дом").await;
        estate.tells_nobody(&["registered"]).await;
        let told_one = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
        let forgotten = estate.register("SEW-SMELL", "Запах в подвале.").await.id("/id");
        house.clock().advance_minutes(15);
        told(&estate.dispatcher, told_one, "inform", 50).await;
        let inform = format!("/v1/tickets/{told_one}/inform");
        let ticket = estate.dispatcher.post(&inform, json!({ "how": "phone" })).await.ok(200);
        assert_eq!(at(ticket.text("/informed_at")), house.clock().now());
        house.clock().advance_minutes(15);
        told(&estate.dispatcher, forgotten, "inform", 100).await;
        assert_eq!(alerts(&estate.dispatcher, told_one).await.len(), 1);
        assert_eq!(clock(&estate.dispatcher, told_one, "inform", "legal").await["state"], "met");
        house.clock().advance_minutes(10);
        let inform = format!("/v1/tickets/{forgotten}/inform");
        estate.dispatcher.post(&inform, json!({ "how": "phone" })).await.ok(200);
        let late = clock(&estate.dispatcher, forgotten, "inform", "legal").await;
        assert_eq!((&late["state"], &late["late_s"]), (&json!("missed"), &json!(600)));
    }
}

on_both! {
    /// A request from the app: the resident is told the term by the answer, and somebody must be given the work within
    /// five minutes.
    async fn a_request_from_the_app(house: &House) {
        proves!(R67);
        proves!(R101, part);
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let resident = resident_of(house, naryad_tests::estate::RESIDENT_PHONE).await;
        let body = json!({
            "request_type_id": estate.kinds["SEW-SMELL"], "premises_id": estate.premises,
            "description": "Пахнет на кухне.",
        });
        let ticket = resident.post("/v1/tickets", body.clone()).await.ok(201);
        let id = ticket.id("/id");
        assert!(ticket.text("/say").contains("Плановый срок: 5 марта"), "{}", ticket.text("/say"));
        assert_eq!(ticket.text("/informed_how"), "app");
        let other = resident.post("/v1/tickets", body).await.ok(201).id("/id");
        house.clock().advance_minutes(2);
        let (start, end) = (house.clock().in_minutes(60), house.clock().in_minutes(120));
        let plan = json!({ "technicians": [anna.user.id], "start": start, "end": end });
        estate.dispatcher.post(&format!("/v1/tickets/{id}/plan"), plan).await.ok(200);
        house.clock().advance_minutes(3);
        told(&estate.dispatcher, other, "assign", 100).await;
        assert!(alerts(&estate.dispatcher, id).await.is_empty());
        assert_eq!(clock(&estate.dispatcher, id, "assign", "contract").await["state"], "met");
        let seen = resident.get(&format!("/v1/tickets/{id}")).await.ok(200);
        assert_eq!(at(seen.text("/planned_term")), at(ticket.text("/planned_term")));
        resident.get("/v1/alerts").await.problem(403, "forbidden");
    }
}

on_both! {
    /// A minor fault, called in at night: works and time are agreed with the applicant, and the promise is the term.
    async fn a_minor_fault_at_an_agreed_time(house: &House) {
        proves!(R18);
        house.clock().set_to("2026-03-03T00:00:00Z");
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let mut request = estate.request("METER", "Опломбировать счётчик.");
        request["measures"] = json!("Проверка и пломбировка счётчика воды.");
        let ticket = estate.dispatcher.post("/v1/tickets", request).await.ok(201);
        let id = ticket.id("/id");
        assert!(ticket.json("/planned_term").is_null());
        let window = |from: &str, to: &str| json!({ "kind": "promised", "start": from, "end": to });
        let body = json!({
            "technicians": [anna.user.id], "start": "2026-03-03T07:00:00Z", "end": "2026-03-03T08:00:00Z",
            "window": window("2026-03-03T07:00:00Z", "2026-03-03T09:00:00Z"),
        });
        let planned = estate.dispatcher.post(&format!("/v1/tickets/{id}/plan"), body).await.ok(200);
        let say = planned.text("/say");
        assert!(say.contains("3 марта с 10:00 до 12:00") && say.contains("пломбировка счётчика"), "{say}");
        assert_eq!(at(planned.text("/planned_term")), at("2026-03-03T09:00:00Z"));
        let visit = planned.id("/visits/0/id");
        let later = json!({
            "start": "2026-03-03T11:00:00Z", "end": "2026-03-03T12:00:00Z",
            "window": window("2026-03-03T11:00:00Z", "2026-03-03T13:00:00Z"),
        });
        estate.dispatcher.post(&format!("/v1/visits/{visit}/move"), later).await.ok(200);
        let resolve = clock(&estate.dispatcher, id, "resolve", "contract").await;
        assert_eq!(instant(&resolve["due_at"]), Some(at("2026-03-03T13:00:00Z")));
        let ticket = estate.dispatcher.get(&format!("/v1/tickets/{id}")).await.ok(200);
        assert_eq!(at(ticket.text("/planned_term")), at("2026-03-03T13:00:00Z"));
    }
}

on_both! {
    /// The service is killed again and again as it gives alarm: each step is told once.
    async fn killed_while_it_tells(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        estate.tells_nobody(&["registered"]).await;
        let mut tickets = Vec::new();
        for n in 0..30 {
            tickets.push(estate.register("SEW-SMELL", &format!("Запах в квартире {n}.")).await.id("/id"));
        }
        for (minutes, percent) in [(15, 50), (9, 80), (6, 100)] {
            house.clock().advance_minutes(minutes);
            for _ in 0..3 {
                house.kill9().await;
                house.open().await;
            }
            for ticket in &tickets {
                told(&estate.dispatcher, *ticket, "inform", percent).await;
            }
        }
        for ticket in tickets {
            let percents: Vec<_> =
                alerts(&estate.dispatcher, ticket).await.iter().rev().map(|alert| alert["percent"].clone()).collect();
            assert_eq!(percents, [50, 80, 100]);
        }
    }
}
