//! Offline work: what phones pull, what they push, and what people decide of it.

use naryad_tests::{
    Answer, Engine, House,
    estate::{Estate, Technician, fresh, location, open_upload, send_slice},
    house::eventually,
    on_both,
    phone::Phone,
    photos, proves,
};
use serde_json::{Value, json};
use uuid::Uuid;

async fn book(house: &House, estate: &Estate, ticket: Uuid, technician: &Technician, after: i64) -> Uuid {
    let (start, end) = (house.clock().in_minutes(after), house.clock().in_minutes(after + 45));
    let body = json!({ "technicians": [technician.user.id], "start": start, "end": end });
    let planned = estate.dispatcher.post(&format!("/v1/tickets/{ticket}/plan"), body).await.ok(200);
    let visit = planned.list("/visits").iter().find(|visit| visit["status"] == "planned").unwrap();
    visit["id"].as_str().unwrap().parse().unwrap()
}

fn statuses(answer: &Answer) -> Vec<String> {
    answer.list("/results").iter().map(|one| one["status"].as_str().unwrap().to_owned()).collect()
}

fn codes(answer: &Answer) -> Vec<Value> {
    answer.list("/results").iter().map(|one| one["code"].clone()).collect()
}

fn photo(kind: &str, bytes: &[u8]) -> (Uuid, Value) {
    let id = fresh();
    (id, json!({ "photo_id": id, "kind": kind, "sha256": photos::sha256(bytes), "bytes": bytes.len() }))
}

/// A shop: a material that is stocked, and a technician with some of it in his van.
async fn van(estate: &Estate, anna: &Technician) -> Uuid {
    let pipe = json!({ "code": "PPR-20", "name": "Труба ППР 20", "unit": "м", "price_minor": 12_345, "stocked": true });
    let pipe = estate.admin.post("/v1/materials", pipe).await.ok(201).id("/id");
    let van = json!({ "name": "Машина Анны", "technician_id": anna.user.id });
    let van = estate.dispatcher.post("/v1/stock/places", van).await.ok(201).id("/id");
    let received = json!({ "kind": "receive", "material_id": pipe, "quantity": "5", "to_place_id": van });
    estate.dispatcher.post("/v1/stock/movements", received).await.ok(201);
    pipe
}

async fn in_van(estate: &Estate, pipe: Uuid) -> String {
    let balances = estate.dispatcher.get(&format!("/v1/stock/balances?material_id={pipe}")).await.ok(200);
    balances.text("/items/0/quantity").to_owned()
}

on_both! {
    /// A shift in the basement: everything is recorded without a network, the answer of the push is lost, the same is sent
    /// again, and again to be sure: each act counts once, at the time at which it took place, and the phone holds what its
    /// technician sees.
    async fn a_shift_without_a_network_arrives_exactly_once(house: &House) {
        proves!(R5, part);
        proves!(R36);
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let pipe = van(&estate, &anna).await;
        let ticket = estate.register("SEW-SMELL", "Запах из канализации в подвале.").await.id("/id");
        let visit = book(house, &estate, ticket, &anna, 10).await;
        let mut phone = Phone::register(&anna.client).await;
        phone.pull(3).await;
        let before = phone.all("ticket")[&ticket].clone();
        assert_eq!(before["status"], "planned");
        assert_eq!(phone.all("van_stock").len(), 1);
        assert!(!phone.all("request_type").is_empty() && phone.all("material").contains_key(&pipe));
        assert!(phone.all("premises").values().any(|place| place["address"].as_str().is_some_and(|text| !text.is_empty())));

        house.clock().advance_minutes(10);
        let started = house.clock().now();
        let bytes = photos::jpeg(7);
        let (id, shot) = photo("after", &bytes);
        let usage = fresh();
        let mut shift = vec![
            phone.record(house, ticket, "visit.en_route", &json!({ "visit_id": visit })),
            phone.record(house, ticket, "visit.start", &json!({ "visit_id": visit })),
            phone.record(house, ticket, "photo.add", &shot),
            phone.record(house, ticket, "material.use", &json!({ "usage_id": usage, "material_id": pipe, "quantity": "1.5" })),
            phone.record(house, ticket, "ticket.comment", &json!({ "id": fresh(), "body": "Прокладка заменена." })),
        ];
        house.clock().advance_minutes(20);
        let done = house.clock().now();
        shift.push(phone.record(house, ticket, "ticket.complete", &json!({})));
        shift.push(phone.record(house, ticket, "ticket.wave_a_wand", &json!({ "how": "twice" })));
        house.clock().advance_minutes(300);

        let first = phone.push(house, &shift).await.ok(200);
        let mut expected = vec!["applied"; 6];
        expected.push("held_for_review");
        assert_eq!(statuses(&first), expected, "{}", first.json(""));
        assert_eq!(codes(&first)[6], "unknown_type");
        for _ in 0..2 {
            let again = phone.push(house, &shift).await.ok(200);
            assert_eq!(statuses(&again), expected);
            assert!(again.list("/results").iter().all(|one| one["replayed"] == true));
            assert_eq!(again.number("/acked_seq"), 7);
        }
        let seen = estate.dispatcher.get(&format!("/v1/tickets/{ticket}")).await.ok(200);
        assert_eq!(seen.text("/status"), "completed");
        assert_eq!(seen.json("/visits/0/started_at"), &json!(started));
        assert_eq!(seen.json("/completed_at"), &json!(done));
        assert_eq!((seen.list("/materials").len(), seen.list("/comments").len()), (1, 1));
        assert_eq!(in_van(&estate, pipe).await, "3.5");

        let upload = location(&open_upload(&anna.client, id, &bytes).await.ok(201));
        send_slice(&anna.client, &upload, 0, &bytes).await.ok(204);
        phone.pull(2).await;
        let held = phone.all("ticket");
        assert_eq!(held[&ticket]["status"], "completed");
        assert_eq!(held[&ticket]["photos"][0]["state"], "received");
        assert_eq!(phone.all("outcome").len(), 1, "the unknown act waits for a decision");
        // A fresh phone holds the same, once nothing changes by itself any more: the worker looks at the photo.
        eventually("the photo is looked at", async || {
            let seen = estate.dispatcher.get(&format!("/v1/tickets/{ticket}")).await.ok(200);
            (seen.text("/photos/0/preview") == "ready").then_some(())
        })
        .await;
        let mut other = Phone::register(&anna.client).await;
        other.pull(500).await;
        phone.pull(500).await;
        for (key, held) in &other.held {
            assert_eq!(phone.held.get(key), Some(held), "two phones of one technician hold the same");
        }
        assert_eq!(phone.held.len(), other.held.len());
    }
}

on_both! {
    /// The visit was given to another while the work waited on the phone. Nothing is lost: acts, photos and materials wait
    /// for the dispatcher. One review is applied, one attached, one sent back; materials count once, and the phone learns.
    async fn work_that_was_given_to_another_waits_for_a_decision(house: &House) {
        proves!(R5, part);
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let boris = estate.technician(house, "Волков Борис Ильич").await;
        let pipe = van(&estate, &anna).await;
        let desk = &estate.dispatcher;
        let mut phone = Phone::register(&anna.client).await;
        let mut left = 5.0_f64;
        for (round, decision) in ["apply", "attach", "send_back"].into_iter().enumerate() {
            let later = 60 * round as i64;
            let ticket = estate.register("SEW-SMELL", "Запах из канализации в подвале.").await.id("/id");
            let visit = book(house, &estate, ticket, &anna, 10).await;
            phone.pull(500).await;
            house.clock().advance_minutes(10);
            let bytes = photos::jpeg(100 + round as u64);
            let (id, shot) = photo("after", &bytes);
            let usage = json!({ "usage_id": fresh(), "material_id": pipe, "quantity": "0.5" });
            let work = [
                phone.record(house, ticket, "photo.add", &shot),
                phone.record(house, ticket, "material.use", &usage),
                phone.record(house, ticket, "ticket.complete", &json!({})),
            ];
            house.clock().advance_minutes(1);
            let moved = json!({ "start": house.clock().in_minutes(60 + later), "end": house.clock().in_minutes(105 + later),
                                "technicians": [boris.user.id] });
            desk.post(&format!("/v1/visits/{visit}/move"), moved).await.ok(200);
            let answer = phone.push(house, &work).await.ok(200);
            assert_eq!(statuses(&answer), ["held_for_review"; 3], "{}", answer.json(""));
            assert_eq!(codes(&answer), [json!("not_assigned"), json!("not_assigned"), json!("not_assigned")]);
            let review = answer.id("/results/0/review_id");
            assert_eq!(answer.id("/results/2/review_id"), review, "what is of one ticket is decided together");
            let upload = location(&open_upload(&anna.client, id, &bytes).await.ok(201));
            send_slice(&anna.client, &upload, 0, &bytes).await.ok(204);
            let seen = desk.get(&format!("/v1/tickets/{ticket}")).await.ok(200);
            assert_eq!((seen.text("/status"), seen.list("/photos").len(), seen.list("/materials").len()), ("planned", 0, 0));
            assert_eq!(in_van(&estate, pipe).await, decimal(left));

            let inbox = desk.get("/v1/reviews?state=open").await.ok(200);
            assert_eq!(inbox.list("/items").len(), 1);
            let details = desk.get(&format!("/v1/reviews/{review}")).await.ok(200);
            assert_eq!((details.list("/mutations").len(), details.list("/photos").len()), (3, 1));
            assert!(details.list("/meanwhile").iter().any(|event| event["act"] == "visit.move"), "{}", details.json(""));
            let decide = format!("/v1/reviews/{review}/decide");
            desk.post(&decide, json!({ "decision": "send_back" })).await.problem(422, "invalid_field");
            let word = json!({ "decision": decision, "word": "Принято по записи техника." });
            desk.post(&decide, word.clone()).await.ok(200);
            desk.post(&decide, word).await.problem(409, "review_decided");
            if decision != "send_back" {
                left -= 0.5;
            }
            let seen = desk.get(&format!("/v1/tickets/{ticket}")).await.ok(200);
            let stands = match decision {
                "apply" => ("completed", 1, 1),
                "attach" => ("planned", 1, 1),
                _ => ("planned", 0, 0),
            };
            assert_eq!((seen.text("/status"), seen.list("/photos").len(), seen.list("/materials").len()), stands, "{decision}");
            assert_eq!(in_van(&estate, pipe).await, decimal(left), "{decision}");
            phone.pull(500).await;
            let outcome = phone.all("outcome")[&review].clone();
            let state = match decision { "apply" => "applied", "attach" => "attached", _ => "sent_back" };
            assert_eq!((outcome["state"].as_str(), outcome["word"].as_str()), (Some(state), Some("Принято по записи техника.")));
            assert!(!phone.all("ticket").contains_key(&ticket), "it is not in her hands");
        }
    }
}

fn decimal(value: f64) -> String {
    format!("{value}")
}

on_both! {
    /// The protocol answers every misuse by its code, and loses nothing: gaps, forks, strangers' streams and cursors,
    /// what cannot be read, what was never allowed, tickets of other tenants.
    async fn misuse_has_its_code_and_poisons_nothing(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let boris = estate.technician(house, "Волков Борис Ильич").await;
        let strangers = Estate::found_with(house, "УК Чужая", "+79990001122").await;
        let theirs = strangers.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
        let ticket = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
        book(house, &estate, ticket, &anna, 10).await;
        let mut phone = Phone::register(&anna.client).await;
        phone.pull(500).await;
        let comment = |body: &str| json!({ "id": fresh(), "body": body });
        let first = phone.record(house, ticket, "ticket.comment", &comment("Один."));
        let second = phone.record(house, ticket, "ticket.comment", &comment("Два."));
        phone.push(house, std::slice::from_ref(&second)).await.problem(409, "expected_seq").has("/expected_seq", 1);
        phone.push(house, std::slice::from_ref(&first)).await.ok(200);
        let mut other = first.clone();
        other["args"]["body"] = json!("Другое.");
        phone.push(house, &[other.clone()]).await.problem(409, "stream_forked");
        other["seq"] = json!(2);
        let reused = phone.push(house, &[other]).await.ok(200);
        assert_eq!((statuses(&reused), codes(&reused)), (vec!["refused".to_owned()], vec![json!("mutation_id_reused")]));
        // The same act by another stream of hers has the same answer, and is not done twice.
        let mut spare = Phone::register(&anna.client).await;
        let same = spare.push(house, std::slice::from_ref(&first)).await.ok(200);
        assert_eq!((statuses(&same), same.list("/results")[0]["replayed"].clone()), (vec!["applied".to_owned()], json!(true)));
        spare.record(house, ticket, "ticket.comment", &comment("-"));
        let bad = [
            spare.record(house, theirs, "ticket.comment", &comment("Чужое.")),
            spare.record(house, fresh(), "ticket.complete", &json!({})),
            spare.record(house, ticket, "visit.start", &json!({ "visit_id": fresh() })),
            spare.record(house, ticket, "visit.start", &json!({ "visit_id": 7 })),
            json!({ "seq": 6, "nonsense": true }),
            { let mut newer = spare.record(house, ticket, "ticket.comment", &comment("Новое.")); newer["schema"] = json!(99); newer["seq"] = json!(7); newer },
        ];
        let call = spare.client.request(reqwest::Method::POST, "/v1/sync/push").json(&spare.body(house, &bad));
        let answer = call.outside_contract().send().await.ok(200);
        assert_eq!(
            codes(&answer),
            ["not_found", "not_found", "invalid_field", "invalid_field", "malformed_request", "schema_unknown"].map(Value::from)
        );
        assert_eq!(answer.number("/acked_seq"), 7);
        let kept = estate.dispatcher.get("/v1/sync/mutations?status=refused").await.ok(200);
        assert_eq!(kept.list("/items").len(), 6);
        assert_eq!(strangers.dispatcher.get("/v1/sync/mutations").await.ok(200).list("/items").len(), 0);

        // Streams and cursors of others.
        let mut hers = Phone::register(&boris.client).await;
        hers.stream = phone.stream;
        hers.push(house, std::slice::from_ref(&first)).await.problem(403, "stream_of_another");
        hers.ask(10).await.problem(403, "stream_of_another");
        let mut boris_phone = Phone::register(&boris.client).await;
        boris_phone.cursor = phone.cursor.clone();
        boris_phone.ask(10).await.problem(410, "resync_required").has("/reason", "other_user");
        boris_phone.cursor = json!("forged.cursor");
        boris_phone.ask(10).await.problem(410, "resync_required").has("/reason", "cursor_invalid");
        let odd = json!({ "protocol": 7, "schema": 1, "device_id": phone.device, "stream_id": phone.stream, "cursor": null });
        anna.client.post("/v1/sync/pull", odd).await.problem(400, "protocol_unknown");

        // The key delivers without anybody signed in, for this stream and no other; and opens nothing else.
        let delivery = format!("Delivery {}", phone.key);
        let third = phone.record(house, ticket, "ticket.comment", &comment("Три."));
        let push = |body: &Value| {
            let call = house.client().request(reqwest::Method::POST, "/v1/sync/push");
            call.header("Authorization", &delivery).json(body).send()
        };
        push(&phone.body(house, &[third])).await.ok(200).has("/acked_seq", 3);
        push(&spare.body(house, &[first])).await.problem(403, "stream_of_another");
        let list = house.client().request(reqwest::Method::GET, "/v1/tickets").header("Authorization", &delivery);
        list.send().await.problem(401, "token_invalid");
    }
}

on_both! {
    /// Every push goes to two nodes at once, and the servers are killed in between: each act is done once.
    async fn every_push_to_two_nodes_at_once_is_done_once(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let ticket = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
        book(house, &estate, ticket, &anna, 10).await;
        let mut phone = Phone::register(&anna.client).await;
        let second = match house.engine() {
            Engine::Postgres => house.client_of(&*house.serve_more(&["--no-worker"]).await),
            Engine::Sqlite => house.client(),
        };
        second.set_token(&anna.client.token().unwrap());
        let mut all = Vec::new();
        for round in 0..6 {
            let acts: Vec<Value> = (0..7)
                .map(|n| phone.record(house, ticket, "ticket.comment", &json!({ "id": fresh(), "body": format!("{round}/{n}") })))
                .collect();
            let body = phone.body(house, &acts);
            let (one, two) = tokio::join!(
                phone.client.post("/v1/sync/push", body.clone()),
                second.post("/v1/sync/push", body.clone())
            );
            let (one, two) = (one.ok(200), two.ok(200));
            assert_eq!(statuses(&one), statuses(&two));
            let fresh_answers = [&one, &two].iter().filter(|answer| answer.list("/results")[0]["replayed"] == false).count();
            assert_eq!(fresh_answers, 1, "one of the two has done it");
            all.extend(acts);
            if round % 3 == 2 {
                house.kill9().await;
                house.open().await;
            }
        }
        for chunk in all.chunks(20) {
            let again = phone.push(house, chunk).await.ok(200);
            assert!(again.list("/results").iter().all(|one| one["replayed"] == true && one["status"] == "applied"));
        }
        let seen = estate.dispatcher.get(&format!("/v1/tickets/{ticket}")).await.ok(200);
        assert_eq!(seen.list("/comments").len(), 42);
    }
}

on_both! {
    /// What a document tells of other things is told anew when those change: the name of a colleague, of a material, an
    /// address.
    async fn documents_follow_what_they_tell(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let pipe = van(&estate, &anna).await;
        let ticket = estate.register("SEW-SMELL", "Запах из канализации в подвале.").await.id("/id");
        book(house, &estate, ticket, &anna, 10).await;
        let mut phone = Phone::register(&anna.client).await;
        phone.pull(500).await;
        let rename = async |path: String, change: Value| {
            let seen = estate.admin.get(&path).await.ok(200);
            estate.admin.patch(&path, seen.etag(), change).await.ok(200);
        };
        rename(format!("/v1/users/{}", anna.user.id), json!({ "full_name": "Ильина Анна Павловна" })).await;
        rename(format!("/v1/materials/{pipe}"), json!({ "name": "Труба ППР 20 армированная" })).await;
        let building = estate.dispatcher.get(&format!("/v1/tickets/{ticket}")).await.ok(200).id("/building_id");
        rename(format!("/v1/buildings/{building}"), json!({ "address": "Москва, улица Мира, 1к2" })).await;

        let news = phone.ask(500).await.ok(200);
        let told: Vec<&str> = news.list("/changes").iter().filter_map(|change| change["entity"].as_str()).collect();
        assert!(["ticket", "van_stock", "material", "premises"].iter().all(|entity| told.contains(entity)), "{told:?}");
        phone.pull(500).await;
        let held = phone.all("ticket")[&ticket];
        assert_eq!(held["visits"][0]["crew"][0]["full_name"], "Ильина Анна Павловна");
        assert_eq!(held["address"], "Москва, улица Мира, 1к2");
        let van = phone.all("van_stock").into_values().next().unwrap();
        assert_eq!(van["balances"][0]["name"], "Труба ППР 20 армированная");
        let mut other = Phone::register(&anna.client).await;
        other.pull(500).await;
        assert_eq!(other.held, phone.held);
    }
}
