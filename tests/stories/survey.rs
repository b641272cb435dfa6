//! Residents are asked about the quality, and what they answer has consequences.

use chrono::TimeDelta;
use naryad_tests::{
    Answer, Client, House, Role, database,
    estate::{Estate, RESIDENT_PHONE, resident_of},
    house::eventually,
    on_both, proves,
};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use uuid::Uuid;

/// What people were told of a kind, oldest first: what stands in the queue of delivery.
async fn told(house: &House, kind: &str) -> Vec<Value> {
    let sql = |text| format!("SELECT {text} AS facts FROM notification WHERE kind = '{kind}' ORDER BY id");
    let texts: Vec<String> = match house.database().url() {
        Some(url) => {
            let mut connection = database::connect(url).await;
            let rows = sqlx::query(AssertSqlSafe(sql("facts::text"))).fetch_all(&mut connection).await;
            rows.expect("the queue is readable").iter().map(|row| row.get("facts")).collect()
        }
        None => {
            let path = format!("sqlite://{}", house.data().join("naryad.db").display());
            let mut connection = sqlx::SqliteConnection::connect(&path).await.expect("the file opens");
            let rows = sqlx::query(AssertSqlSafe(sql("facts"))).fetch_all(&mut connection).await;
            rows.expect("the queue is readable").iter().map(|row| row.get("facts")).collect()
        }
    };
    texts.iter().map(|text| serde_json::from_str(text).expect("facts are JSON")).collect()
}

/// Waits for what a periodic task does. A turn that ends after the clock has jumped is planned behind the jump: the clock
/// goes on while we wait.
async fn in_time<T>(house: &House, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    eventually(what, async || {
        let seen = look().await;
        if seen.is_none() {
            house.clock().advance_minutes(1);
        }
        seen
    })
    .await
}

/// Waits until so many people were asked; the path of the newest question.
async fn asked(house: &House, number: usize) -> String {
    let facts = in_time(house, &format!("{number} questions"), async || {
        let told = told(house, "survey_ask").await;
        (told.len() >= number).then_some(told)
    })
    .await;
    assert_eq!(facts.len(), number);
    facts[number - 1]["link"].as_str().expect("a link").to_owned()
}

async fn complete(estate: &Estate, ticket: Uuid) {
    let body = json!({ "reason": "Техник сообщил по телефону.", "waive_missing": true });
    estate.dispatcher.post(&format!("/v1/tickets/{ticket}/complete"), body).await.ok(200);
}

/// A ticket of the estate's resident whose work is done.
async fn completed(estate: &Estate) -> Uuid {
    let ticket = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
    complete(estate, ticket).await;
    ticket
}

async fn press(client: &Client, path: &str) -> Answer {
    client.request(Method::POST, path).send().await
}

on_both! {
    /// Two hours after the work the resident is asked. His link shows the question as often as it is looked at, takes one
    /// answer, and the mark of 2 brings the ticket back with his words; both stand in the journal.
    async fn the_mark_of_two_that_reopens(house: &House) {
        proves!(R4);
        proves!(R23);
        let estate = Estate::found(house, "УК Дом").await;
        let ticket = completed(&estate).await;
        let nobody = house.client();
        assert!(told(house, "survey_ask").await.is_empty());
        house.clock().advance(TimeDelta::minutes(121));
        let path = asked(house, 1).await;
        // The desk sees that he was asked, and not the link by which he answers.
        let shown = eventually("the question to be written", async || {
            let all = estate.dispatcher.get("/v1/notifications?kind=survey_ask").await.ok(200);
            all.list("/items")[0]["body"].as_str().map(str::to_owned)
        })
        .await;
        assert!(shown.contains("Как выполнены") && !shown.contains("/v1/s/"), "{shown}");
        for _ in 0..3 {
            let seen = nobody.get(&path).await.ok(200);
            assert_eq!(seen.text("/question"), "Как выполнены работы по заявке № 2026-000001? Оценка от 1 до 5.");
            assert_eq!(seen.header("cache-control"), "no-store");
            let body = seen.body.to_string();
            assert!(!body.contains("Ильин") && !body.contains("+7"), "{body}");
        }
        let page = nobody.request(Method::GET, &path).header("accept", "text/html").outside_contract().send().await;
        let text = String::from_utf8_lossy(&page.bytes).into_owned();
        assert!(page.status == 200 && text.contains("<form method=\"post\"") && !text.contains("<script"), "{text}");
        assert!(page.header("content-security-policy").contains("default-src 'none'"));
        estate.dispatcher.get(&format!("/v1/tickets/{ticket}")).await.ok(200).has("/status", "completed");

        nobody.post(&path, json!({ "mark": 7 })).await.problem(422, "invalid_field");
        nobody.post(&path, json!({ "comment": "Так себе" })).await.problem(422, "invalid_field");
        let answer = json!({ "mark": 2, "reasons": ["not_mended"], "comment": "Запах вернулся." });
        nobody.post(&path, answer.clone()).await.ok(200).has("/follow_up", "returned");
        let seen = estate.dispatcher.get(&format!("/v1/tickets/{ticket}")).await.ok(200).has("/status", "registered");
        assert_eq!(seen.text("/returns/0/reason"), "Оценка 2 из 5. Запах вернулся.");
        nobody.post(&path, answer).await.problem(409, "survey_answered");
        nobody.get(&path).await.problem(409, "survey_answered");
        let answers = estate.dispatcher.get(&format!("/v1/surveys/answers?ticket_id={ticket}")).await.ok(200);
        assert_eq!(answers.number("/items/0/mark"), 2);
        assert_eq!(answers.text("/items/0/channel"), "link");
        let events = estate.dispatcher.get(&format!("/v1/tickets/{ticket}/events?limit=200")).await.ok(200);
        let acts: Vec<_> = events.list("/items").iter().map(|event| event["act"].clone()).collect();
        assert!(acts.contains(&json!("survey.answer")) && acts.contains(&json!("ticket.return")), "{acts:?}");
    }
}

on_both! {
    /// A link that somebody has made up, one that was used by the page of people, and one whose time is over.
    async fn links_forged_reused_and_expired(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        completed(&estate).await;
        house.clock().advance(TimeDelta::minutes(121));
        let path = asked(house, 1).await;
        let nobody = house.client();
        let (head, last) = path.split_at(path.len() - 1);
        let other = if last == "A" { "B" } else { "A" };
        for forged in [format!("{head}{other}"), format!("{path}A"), head.to_owned(), "/v1/s/x".to_owned()] {
            nobody.get(&forged).await.problem(404, "not_found");
            nobody.post(&forged, json!({ "mark": 1 })).await.problem(404, "not_found");
            press(&nobody, &format!("{forged}/stop")).await.problem(404, "not_found");
        }
        let form = |body: &'static str| {
            nobody.request(Method::POST, &path).header("accept", "text/html").outside_contract()
                .bytes("application/x-www-form-urlencoded", body).send()
        };
        assert_eq!(form("mark=nine").await.status, 422);
        let thanks = form("mark=5&reasons=late&comment=%3Cb%3Eok").await;
        assert!(thanks.status == 200 && String::from_utf8_lossy(&thanks.bytes).contains("Ответ принят"));
        assert_eq!(form("mark=1").await.status, 409);
        house.clock().advance(TimeDelta::days(8));
        nobody.get(&path).await.problem(410, "survey_expired");

        // Another ticket: a reminder after two days, and a week later nothing can be answered.
        let ticket = completed(&estate).await;
        house.clock().advance(TimeDelta::minutes(121));
        let path = asked(house, 2).await;
        house.clock().advance(TimeDelta::hours(49));
        in_time(house, "a reminder", async || (told(house, "survey_remind").await.len() == 1).then_some(())).await;
        house.clock().advance(TimeDelta::days(6));
        nobody.post(&path, json!({ "mark": 1 })).await.problem(410, "survey_expired");
        let seen = estate.dispatcher.get(&format!("/v1/surveys/answers?ticket_id={ticket}")).await.ok(200);
        assert!(seen.list("/items").is_empty());
        // What a link holds is nobody's business who reads the log.
        let log = house.log();
        assert!(!log.contains(path.trim_start_matches("/v1/s/")), "a link stands in the log");
    }
}

on_both! {
    /// A text message that is no mark is kept for somebody to read and changes nothing; one that is, is the answer.
    async fn a_text_message_that_is_no_mark(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let gateway = house.staff(&estate.organization, Role::Integration).await;
        let ticket = completed(&estate).await;
        house.clock().advance(TimeDelta::minutes(121));
        asked(house, 1).await;
        let reply = async |text: &str| {
            gateway.post("/v1/sms-replies", json!({ "phone": RESIDENT_PHONE, "text": text })).await.ok(201)
        };
        for text in ["Спасибо, всё хорошо", "5 подъезд", "10"] {
            reply(text).await.has("/outcome", "unread").has("/invitation_id", Value::Null);
        }
        let unread = estate.dispatcher.get("/v1/sms-replies?outcome=unread").await.ok(200);
        assert_eq!(unread.list("/items").len(), 3);
        gateway.get("/v1/sms-replies").await.problem(403, "forbidden");
        let first = unread.id("/items/0/id");
        press(&estate.dispatcher, &format!("/v1/sms-replies/{first}/read")).await.ok(200).has("/outcome", "read");
        reply("4").await.has("/outcome", "answer");
        reply("1").await.has("/outcome", "unread");
        let seen = estate.dispatcher.get(&format!("/v1/surveys/answers?ticket_id={ticket}")).await.ok(200);
        assert_eq!((seen.number("/items/0/mark"), seen.text("/items/0/channel")), (4, "sms"));
        estate.dispatcher.get(&format!("/v1/tickets/{ticket}")).await.ok(200).has("/status", "completed");
    }
}

on_both! {
    /// The flat that said «do not ask me» is not asked, by whichever way it was said; and is, when it changes its mind.
    async fn the_flat_that_said_do_not_ask_me(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let settings = json!({ "settings": { "surveys": { "rest_days": 0 } } });
        let organization = estate.admin.get("/v1/organization").await.ok(200);
        estate.admin.patch("/v1/organization", organization.etag(), settings).await.ok(200);
        let resident = resident_of(house, RESIDENT_PHONE).await;
        completed(&estate).await;
        house.clock().advance(TimeDelta::minutes(121));
        let path = asked(house, 1).await;
        press(&house.client(), &format!("{path}/stop")).await.ok(204);
        house.client().get(&path).await.problem(410, "survey_closed");
        resident.get("/v1/me/surveys").await.ok(200).has("/ask", false);
        // He is not asked about the next one; a neighbour of another flat, who is asked after him, is.
        completed(&estate).await;
        let neighbour = async || {
            let body = json!({
                "request_type_id": estate.kinds["SEW-SMELL"], "building_id": estate.building,
                "applicant_phone": "+79120000077", "description": "Запах в подвале.",
            });
            let ticket = estate.dispatcher.post("/v1/tickets", body).await.ok(201).id("/id");
            complete(&estate, ticket).await;
            house.clock().advance(TimeDelta::minutes(121));
        };
        neighbour().await;
        asked(house, 2).await;
        resident.put("/v1/me/surveys", json!({ "ask": true })).await.ok(200).has("/ask", true);
        let flat = json!({ "who": { "kind": "premises", "id": estate.premises }, "silent": true });
        resident.put("/v1/surveys/silence", flat.clone()).await.problem(404, "not_found");
        estate.dispatcher.put("/v1/surveys/silence", flat).await.ok(204);
        completed(&estate).await;
        neighbour().await;
        asked(house, 3).await;
        let flat = json!({ "who": { "kind": "premises", "id": estate.premises }, "silent": false });
        estate.dispatcher.put("/v1/surveys/silence", flat).await.ok(204);
        completed(&estate).await;
        house.clock().advance(TimeDelta::minutes(121));
        asked(house, 4).await;
    }
}

on_both! {
    /// The residents of a building are asked; whoever is to be called is called; the report says of how many marks a mean
    /// is; a bad answer without a ticket is looked into; another company sees none of it.
    async fn a_poll_by_telephone_and_its_report(house: &House) {
        proves!(R23);
        let estate = Estate::found(house, "УК Дом").await;
        let manager = house.staff(&estate.organization, Role::Manager).await;
        let body = json!({
            "question": "Довольны ли вы уборкой подъезда?", "building_ids": [estate.building], "by_phone": true,
        });
        estate.dispatcher.post("/v1/surveys", body.clone()).await.problem(403, "forbidden");
        let poll = manager.post("/v1/surveys", body).await.ok(201).id("/id");
        house.clock().advance_minutes(2);
        let calls = in_time(house, "a call", async || {
            let calls = estate.dispatcher.get("/v1/surveys/calls").await.ok(200);
            (!calls.list("/items").is_empty()).then_some(calls)
        })
        .await;
        assert_eq!((calls.text("/items/0/phone"), calls.text("/items/0/full_name")), (RESIDENT_PHONE, "Ильин Иван Петрович"));
        assert!(told(house, "survey_ask").await.is_empty());
        let call = calls.id("/items/0/id");

        let theirs = Estate::found_with(house, "УК Чужая", "+79990000000").await;
        theirs.dispatcher.post(&format!("/v1/surveys/{call}/answer"), json!({ "mark": 1 })).await.problem(404, "not_found");
        theirs.dispatcher.get(&format!("/v1/surveys/{poll}")).await.problem(404, "not_found");
        for path in ["/v1/surveys", "/v1/surveys/calls", "/v1/surveys/answers", "/v1/sms-replies"] {
            assert!(theirs.dispatcher.get(path).await.ok(200).list("/items").is_empty(), "{path}");
        }

        let answer = json!({ "mark": 1, "comment": "Не убирают." });
        let answered = estate.dispatcher.post(&format!("/v1/surveys/{call}/answer"), answer).await.ok(200);
        answered.has("/follow_up", "review");
        let alerts = estate.dispatcher.get("/v1/alerts").await.ok(200);
        assert!(alerts.list("/items").iter().any(|alert| alert["kind"] == "survey_low"));
        assert!(estate.dispatcher.get("/v1/surveys/calls").await.ok(200).list("/items").is_empty());
        house.clock().advance(TimeDelta::hours(25));
        in_time(house, "an alert that nobody has looked into it", async || {
            let alerts = estate.dispatcher.get("/v1/alerts").await.ok(200);
            alerts.list("/items").iter().any(|alert| alert["kind"] == "survey_review_late").then_some(())
        })
        .await;
        let review = json!({ "word": "Подрядчик убрал повторно." });
        estate.dispatcher.post(&format!("/v1/surveys/{call}/review"), review.clone()).await.ok(200);
        estate.dispatcher.post(&format!("/v1/surveys/{call}/review"), review).await.problem(409, "review_decided");
        manager.get(&format!("/v1/surveys/{poll}")).await.ok(200).has("/asked", 1).has("/answered", 1);

        // The resident says by his app how good the work of the technician was, without having been asked.
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let ticket = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
        let (start, end) = (house.clock().in_minutes(10), house.clock().in_minutes(70));
        let plan = json!({ "technicians": [anna.user.id], "start": start, "end": end });
        let planned = estate.dispatcher.post(&format!("/v1/tickets/{ticket}/plan"), plan).await.ok(200);
        house.clock().advance_minutes(15);
        let visit = planned.id("/visits/0/id");
        anna.client.post(&format!("/v1/visits/{visit}/start"), json!({})).await.ok(200);
        house.clock().advance_minutes(15);
        complete(&estate, ticket).await;
        let resident = resident_of(house, RESIDENT_PHONE).await;
        let path = format!("/v1/tickets/{ticket}/survey");
        resident.post(&path, json!({ "mark": 4, "done": true })).await.ok(200).has("/follow_up", "none");
        resident.post(&path, json!({ "mark": 5 })).await.problem(409, "survey_answered");
        anna.client.post(&path, json!({ "mark": 5 })).await.problem(403, "forbidden");
        house.clock().advance_minutes(1);
        let report = manager.get("/v1/reports/surveys?by=technician").await.ok(200);
        assert_eq!(report.list("/lines").len(), 1);
        let line = (report.text("/lines/0/name"), report.number("/lines/0/mean_hundredths"), report.number("/lines/0/marks"));
        assert_eq!(line, ("Сидорова Анна Павловна", 400, 1));
        assert_eq!((report.number("/total/mean_hundredths"), report.number("/total/marks")), (250, 2));
        let report = manager.get("/v1/reports/surveys?by=building").await.ok(200);
        assert_eq!((report.text("/lines/0/name"), report.number("/lines/0/marks")), ("Москва, улица Мира, 1", 2));
        estate.dispatcher.get("/v1/reports/surveys").await.problem(403, "forbidden");
    }
}
