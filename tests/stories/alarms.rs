//! Whom an alarm reaches: calls that nobody answers, alerts that nobody takes, large accidents, the local authority.

use std::collections::BTreeMap;

use naryad_tests::{Client, House, Role, User, estate::Estate, house::eventually, on_both, proves};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

async fn standing(client: &Client, ticket: Uuid, kind: &str) -> Vec<Value> {
    let page = client.get(&format!("/v1/alerts?standing=true&limit=200&ticket_id={ticket}")).await.ok(200);
    page.list("/items").iter().filter(|alert| alert["kind"] == kind).cloned().collect()
}

/// Waits for an alert of a ticket that stands.
async fn alerted(client: &Client, ticket: Uuid, kind: &str) -> Uuid {
    eventually(&format!("the alert {kind}"), async || {
        let alerts = standing(client, ticket, kind).await;
        alerts.first().map(|alert| alert["id"].as_str().unwrap().parse().unwrap())
    })
    .await
}

/// What people were told of a ticket, as its journal has it.
async fn told(client: &Client, ticket: Uuid, kind: &str) -> Vec<Value> {
    let journal = client.get(&format!("/v1/tickets/{ticket}/events?limit=200")).await.ok(200);
    let changes = journal.list("/items").iter().flat_map(|event| event["changes"].as_array().unwrap());
    let rows = changes.filter(|change| change["table"] == "notification" && change["before"].is_null());
    rows.map(|change| change["after"].clone()).filter(|row| row["kind"] == kind).collect()
}

/// Waits until so many people were told, and says who.
async fn people(client: &Client, ticket: Uuid, kind: &str, count: usize) -> Vec<Uuid> {
    eventually(&format!("{count} people told by {kind}"), async || {
        let told = told(client, ticket, kind).await;
        let people = told.iter().map(|row| row["user_id"].as_str().unwrap().parse().unwrap());
        (told.len() >= count).then(|| people.collect())
    })
    .await
}

/// A staff with duties, on call from now on.
struct Staff {
    dispatcher: User,
    by_duty: BTreeMap<&'static str, User>,
}

impl Staff {
    async fn on_call(house: &House, estate: &Estate) -> Self {
        let dispatcher = house.user(&estate.organization, Role::Dispatcher).await;
        let mut by_duty = BTreeMap::new();
        for duty in ["master", "manager", "director"] {
            by_duty.insert(duty, house.user(&estate.organization, Role::Manager).await);
        }
        let staff = Self { dispatcher, by_duty };
        staff.put(house, estate, "dispatcher", staff.dispatcher.id).await;
        for (duty, user) in &staff.by_duty {
            staff.put(house, estate, duty, user.id).await;
        }
        staff
    }

    async fn put(&self, house: &House, estate: &Estate, duty: &str, user: Uuid) {
        let turn = json!({
            "duty": duty, "user_id": user, "from": house.clock().in_minutes(-1), "until": house.clock().in_minutes(720),
        });
        estate.admin.post("/v1/on-call", turn).await.ok(201).has("/duty", duty);
    }

    fn id(&self, duty: &str) -> Uuid {
        self.by_duty[duty].id
    }
}

on_both! {
    /// The applicant does not answer: he is called again after half an hour, and the third call in vain cancels the ticket
    /// and writes to him; an emergency is looked at by the desk instead.
    async fn three_calls_that_nobody_answers(house: &House) {
        proves!(R103);
        proves!(R32, part);
        let estate = Estate::found(house, "УК Дом").await;
        let resident = estate.dispatcher.get(&format!("/v1/residents/{}", estate.resident)).await.ok(200);
        let email = json!({ "email": "ilin@example.org" });
        let path = format!("/v1/residents/{}", estate.resident);
        estate.dispatcher.patch(&path, resident.etag(), email).await.ok(200);
        let desk = &estate.dispatcher;
        let ticket = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
        let calls = format!("/v1/tickets/{ticket}/call-attempts");
        let call = async |path: &str, outcome: &str| {
            house.clock().advance_minutes(1);
            desk.post(path, json!({ "outcome": outcome })).await.ok(201)
        };
        let first = call(&calls, "no_answer").await.has("/unanswered", 1);
        assert_eq!(first.text("/phone"), "+79123456789");
        house.clock().advance_minutes(29);
        assert!(standing(desk, ticket, "call_again").await.is_empty());
        house.clock().advance_minutes(1);
        alerted(desk, ticket, "call_again").await;
        call(&calls, "busy").await.has("/unanswered", 2);
        assert!(standing(desk, ticket, "call_again").await.is_empty(), "somebody has called");
        house.clock().advance_minutes(30);
        alerted(desk, ticket, "call_again").await;
        assert!(told(desk, ticket, "called_in_vain").await.is_empty());
        let third = call(&calls, "no_answer").await.has("/unanswered", 3).has("/ended", "cancelled");
        assert!(third.json("/next_at").is_null());
        let cancelled = desk.get(&format!("/v1/tickets/{ticket}")).await.ok(200).has("/status", "cancelled");
        assert!(cancelled.text("/say").contains("отменена"), "{cancelled}");
        let letters = told(desk, ticket, "called_in_vain").await;
        assert_eq!(letters.len(), 1);
        assert_eq!(letters[0]["email"], "ilin@example.org");
        assert!(standing(desk, ticket, "call_again").await.is_empty());
        assert_eq!(desk.get(&calls).await.ok(200).list("").len(), 3);
        // An emergency is not given up because nobody answers.
        let urgent = estate.register("HVS-BURST", "Течь в подвале.").await.id("/id");
        let calls = format!("/v1/tickets/{urgent}/call-attempts");
        for outcome in ["no_answer", "unreachable"] {
            call(&calls, outcome).await;
            // Dialling again at once is noted, and gives nobody up.
            let early = call(&calls, "busy").await;
            assert!(early.json("/ended").is_null(), "{early}");
            house.clock().advance_minutes(30);
        }
        call(&calls, "no_answer").await.has("/ended", "review");
        desk.get(&format!("/v1/tickets/{urgent}")).await.ok(200).has("/status", "registered");
        alerted(desk, urgent, "called_in_vain").await;
        // A call to whoever executes is logged too, and nothing follows from it.
        let body = json!({ "outcome": "answered", "party": "executor", "phone": "8 999 000-00-01", "note": "Выезжает." });
        desk.post(&calls, body).await.ok(201).has("/phone", "+79990000001").has("/unanswered", 0);
        desk.post(&calls, json!({ "outcome": "shouted" })).await.problem(422, "invalid_field");
        let resident = estate.resident(house).await;
        resident.get(&calls).await.problem(403, "forbidden");
        // The kind of work may say otherwise.
        let kind = format!("/v1/request-types/{}", estate.kinds["SEW-SMELL"]);
        let stands = estate.admin.get(&kind).await.ok(200).has("/unanswered_calls", "cancel");
        let policy = json!({ "unanswered_calls": "review" });
        estate.admin.patch(&kind, stands.etag(), policy).await.ok(200).has("/unanswered_calls", "review");
        let other = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
        let calls = format!("/v1/tickets/{other}/call-attempts");
        for _ in 0..2 {
            call(&calls, "no_answer").await;
            house.clock().advance_minutes(30);
        }
        call(&calls, "no_answer").await.has("/ended", "review");
    }
}

on_both! {
    /// A form that nobody takes within five minutes alerts the dispatchers, then the master, the manager, the director; one
    /// that somebody takes notice of, or is given to somebody, goes no further.
    async fn what_nobody_takes_climbs_to_the_director(house: &House) {
        proves!(R101);
        let estate = Estate::found(house, "УК Дом").await;
        let staff = Staff::on_call(house, &estate).await;
        let resident = estate.resident(house).await;
        let mut tickets = Vec::new();
        for _ in 0..3 {
            let body = json!({
                "request_type_id": estate.kinds["SEW-SMELL"], "premises_id": estate.premises,
                "description": "Пахнет на кухне.",
            });
            tickets.push(resident.post("/v1/tickets", body).await.ok(201).id("/id"));
        }
        let desk = &estate.dispatcher;
        let listed = desk.get("/v1/tickets?status=registered").await.ok(200);
        assert_eq!(listed.list("/items").len(), 3, "in the list at once");
        let (lost, noticed, given) = (tickets[0], tickets[1], tickets[2]);
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        house.clock().advance_minutes(5);
        for ticket in &tickets {
            assert_eq!(people(desk, *ticket, "unassigned", 1).await, [staff.dispatcher.id]);
        }
        let alert = alerted(desk, noticed, "assign").await;
        desk.request(Method::POST, &format!("/v1/alerts/{alert}/acknowledge")).send().await.ok(200);
        let (start, end) = (house.clock().in_minutes(60), house.clock().in_minutes(120));
        let plan = json!({ "technicians": [anna.user.id], "start": start, "end": end });
        desk.post(&format!("/v1/tickets/{given}/plan"), plan).await.ok(200);
        let mut reached = vec![staff.dispatcher.id];
        for duty in ["master", "manager", "director"] {
            house.clock().advance_minutes(5);
            reached.push(staff.id(duty));
            assert_eq!(people(desk, lost, "unassigned", reached.len()).await, reached, "{duty}");
        }
        assert_eq!(standing(desk, lost, "assign").await[0]["rung"], 4);
        for ticket in [noticed, given] {
            assert_eq!(told(desk, ticket, "unassigned").await.len(), 1);
        }
        // The organization decides otherwise.
        let rules = estate.admin.get("/v1/escalation").await.ok(200).has("/version", 0);
        assert_eq!(rules.list("/rules/steps").len(), 3);
        let ladder = json!([{ "after_minutes": 0, "tell": ["dispatcher", "director"] }]);
        let decided = json!({ "rules": { "kinds": [{ "kind": "assign", "steps": [{ "percent": 100, "ladder": ladder }] }] } });
        let put = async |client: &Client, body: &Value, version: &str| {
            client.request(Method::PUT, "/v1/escalation").header("If-Match", version).json(body).send().await
        };
        put(desk, &decided, rules.etag()).await.problem(403, "forbidden");
        put(&estate.admin, &decided, rules.etag()).await.ok(200).has("/version", 1);
        put(&estate.admin, &decided, rules.etag()).await.problem(412, "version_stale");
        let wrong = json!({ "rules": { "other": [] } });
        put(&estate.admin, &wrong, "\"1\"").await.problem(422, "invalid_field");
        let body = json!({
            "request_type_id": estate.kinds["SEW-SMELL"], "premises_id": estate.premises, "description": "Пахнет.",
        });
        let last = resident.post("/v1/tickets", body).await.ok(201).id("/id");
        house.clock().advance_minutes(5);
        let mut both = people(desk, last, "unassigned", 2).await;
        both.sort_unstable();
        let mut expected = vec![staff.dispatcher.id, staff.id("director")];
        expected.sort_unstable();
        assert_eq!(both, expected);
        // Who was on call is taken off the list.
        let turns = desk.get("/v1/on-call?duty=director").await.ok(200);
        let turn = turns.id("/items/0/id");
        desk.delete(&format!("/v1/on-call/{turn}")).await.problem(403, "forbidden");
        estate.admin.delete(&format!("/v1/on-call/{turn}")).await.ok(204);
        resident.get("/v1/on-call").await.problem(403, "forbidden");
    }
}

on_both! {
    /// A failure of equipment that serves the house, and an accident that the desk calls large: director and master hear
    /// of it at once.
    async fn a_large_accident_is_told_at_once(house: &House) {
        proves!(R86);
        let estate = Estate::found(house, "УК Дом").await;
        let staff = Staff::on_call(house, &estate).await;
        let desk = &estate.dispatcher;
        let mut chiefs = vec![staff.id("master"), staff.id("director")];
        chiefs.sort_unstable();
        let at_once = async |ticket: Uuid| {
            let mut told = people(desk, ticket, "accident", 2).await;
            told.sort_unstable();
            told
        };
        let body = json!({
            "request_type_id": estate.kinds["EL-VRU"], "building_id": estate.building, "description": "Нет света в доме.",
        });
        let equipment = desk.post("/v1/tickets", body).await.ok(201).id("/id");
        assert_eq!(at_once(equipment).await, chiefs, "the kind says so");
        let mut body = estate.request("FLOOD", "Затоплен подвал.");
        body["large_accident"] = json!(true);
        let flood = desk.post("/v1/tickets", body).await.ok(201).id("/id");
        assert_eq!(at_once(flood).await, chiefs, "the desk says so");
        let burst = estate.register("HVS-BURST", "Порыв на вводе.").await.id("/id");
        assert!(told(desk, burst, "accident").await.is_empty());
        let declare = format!("/v1/tickets/{burst}/accident");
        desk.request(Method::POST, &declare).send().await.ok(200);
        assert_eq!(at_once(burst).await, chiefs, "it has become one");
        desk.request(Method::POST, &declare).send().await.ok(200);
        assert_eq!(standing(desk, burst, "accident").await.len(), 1);
        house.clock().advance_minutes(10);
        assert_eq!(people(desk, burst, "accident", 3).await[2], staff.id("manager"));
        let resident = estate.resident(house).await;
        resident.request(Method::POST, &declare).send().await.problem(403, "forbidden");
    }
}

on_both! {
    /// Damage to water, sewage and heating is told to the local authority, by the address that the organization has set;
    /// that of electricity is not.
    async fn the_authority_is_told_what_is_damaged_and_until_when(house: &House) {
        proves!(R24);
        let estate = Estate::found(house, "УК Дом").await;
        let company = estate.admin.get("/v1/organization").await.ok(200);
        let settings = json!({ "settings": { "authorities": { "water": "water@example.org", "heating": "heat@example.org" } } });
        estate.admin.patch("/v1/organization", company.etag(), settings).await.ok(200);
        let desk = &estate.dispatcher;
        let water = estate.register("HVS-BURST", "Порыв трубы в подвале.").await.id("/id");
        let path = format!("/v1/tickets/{water}/authority-notice");
        let draft = desk.get(&path).await.ok(200).has("/nature", "water").has("/email", "water@example.org");
        let text = draft.text("/text");
        for part in ["водоснабжения", "Москва, улица Мира, 1", "Прорыв или течь ХВС", "Планируемый срок устранения: 5 марта"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(draft.json("/sent_at").is_null());
        house.clock().advance_minutes(30);
        alerted(desk, water, "authority_notice").await;
        let edited = json!({ "text": "Порыв на вводе в дом 1 по улице Мира. Вода будет 5 марта." });
        let changed = desk.patch(&path, draft.etag(), edited).await.ok(200).has("/version", 2);
        let sent = desk.post(&path, json!({})).await.ok(200).has("/email", "water@example.org");
        assert_eq!(sent.text("/text"), changed.text("/text"));
        assert!(!sent.json("/sent_at").is_null() && !sent.json("/planned_term").is_null(), "{sent}");
        let letters = told(desk, water, "authority_notice").await;
        assert_eq!(letters.len(), 1);
        assert_eq!(letters[0]["email"], "water@example.org");
        assert!(standing(desk, water, "authority_notice").await.is_empty());
        desk.post(&path, json!({})).await.problem(409, "already_exists");
        let journal = desk.get(&format!("/v1/tickets/{water}/events?limit=200")).await.ok(200);
        let acts: Vec<&str> = journal.list("/items").iter().map(|event| event["act"].as_str().unwrap()).collect();
        assert!(acts.contains(&"authority_notice.edit") && acts.contains(&"authority_notice.send"), "{acts:?}");
        for (code, nature, email) in [("HEAT-BURST", "heating", Some("heat@example.org")), ("SEW-BREAK", "sewage", None)] {
            let ticket = estate.register(code, "Течь в подвале.").await.id("/id");
            let path = format!("/v1/tickets/{ticket}/authority-notice");
            desk.get(&path).await.ok(200).has("/nature", nature).has("/email", email);
            match email {
                Some(_) => desk.post(&path, json!({})).await.ok(200),
                None => desk.post(&path, json!({})).await.problem(422, "invalid_field"),
            };
        }
        let dark = estate.register("EL-NONE", "Нет света.").await.id("/id");
        desk.get(&format!("/v1/tickets/{dark}/authority-notice")).await.problem(404, "not_found");
        desk.post(&format!("/v1/tickets/{dark}/authority-notice"), json!({})).await.problem(404, "not_found");
        estate.resident(house).await.get(&path).await.problem(403, "forbidden");
    }
}
