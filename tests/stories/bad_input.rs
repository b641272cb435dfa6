//! Bad input gets a clear refusal, and changes nothing.

use std::collections::BTreeMap;

use naryad_tests::{
    House,
    estate::{Estate, announce, fresh, location, open_upload, send_slice},
    on_both, photos,
};
use reqwest::Method;
use serde_json::{Value, json};

on_both! {
    /// Fields: unknown, of the wrong type, too long, with control characters, impossible dates. Each is named.
    async fn the_field_is_named(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let cases: Vec<(&str, Value, &str)> = vec![
            ("colour", json!("red"), "colour"),
            ("description", json!(7), "description"),
            ("description", json!("а".repeat(4001)), "description"),
            ("description", json!("звонок\u{7}"), "description"),
            ("description", json!("текст \u{202e} наоборот"), "description"),
            ("description", json!("   "), "description"),
            ("damaged_at", json!("2026-02-30T10:00:00Z"), "damaged_at"),
            ("damaged_at", json!("9999-01-01T00:00:00Z"), "damaged_at"),
            ("damaged_at", json!("вчера"), "damaged_at"),
            ("applicant_phone", json!("sip:anna@example.org"), "applicant_phone"),
            ("applicant_phone", json!("112"), "applicant_phone"),
            ("request_type_id", json!("не идентификатор"), "request_type_id"),
            ("id", json!("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), "id"),
            ("wished", json!({ "start": "2026-03-02T10:00:00Z", "end": "2026-03-02T09:00:00Z" }), "wished.end"),
            ("wished", json!({ "start": "2026-03-02T10:00:00Z" }), "wished"),
            ("fields", json!({ "unknown": 1 }), "fields.unknown"),
        ];
        for (field, value, named) in cases {
            let mut body = estate.request("SEW-SMELL", "Запах из канализации.");
            body[field] = value.clone();
            let call = estate.dispatcher.request(Method::POST, "/v1/tickets").json(&body).outside_contract();
            let refused = call.send().await.problem(422, "invalid_field");
            let found = refused.text("/errors/0/field");
            assert!(found.starts_with(named), "{field}: {value} is reported as {found}: {refused}");
        }
        assert_eq!(estate.dispatcher.get("/v1/tickets").await.ok(200).list("/items").len(), 0);
        // Nothing was left behind: the next number is the first.
        let first = estate.register("SEW-SMELL", "Запах из канализации.").await;
        assert_eq!(first.text("/number"), "2026-000001");
    }
}

on_both! {
    /// Bodies that are no JSON, of another type or too large; unknown addresses and methods.
    async fn the_request_itself_is_wrong(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let send = async |kind: &str, body: Vec<u8>| {
            let call = estate.dispatcher.request(Method::POST, "/v1/tickets").bytes(kind, body);
            call.outside_contract().send().await
        };
        send("application/json", b"{".to_vec()).await.problem(400, "malformed_request");
        send("application/json", vec![0xff, 0xfe]).await.problem(400, "malformed_request");
        send("application/json", b"[]".to_vec()).await.problem(422, "invalid_field");
        send("application/json", Vec::new()).await.problem(400, "malformed_request");
        send("text/plain", b"{}".to_vec()).await.problem(415, "unsupported_media");
        send("application/json", vec![b' '; 3 * 1024 * 1024]).await.problem(413, "too_large");
        let deep = "[".repeat(100_000);
        send("application/json", deep.into_bytes()).await.problem(422, "invalid_field");
        let deep = format!("{{\"fields\":{}", "{\"a\":".repeat(100_000));
        send("application/json", deep.into_bytes()).await.problem(400, "malformed_request");
        let outside = async |method: Method, path: &str| {
            estate.dispatcher.request(method, path).outside_contract().send().await
        };
        outside(Method::GET, "/v1/nothing").await.problem(404, "not_found");
        outside(Method::DELETE, "/v1/tickets").await.problem(405, "method_not_allowed");
        outside(Method::GET, "/v1/tickets/seven").await.problem(404, "not_found");
        outside(Method::GET, "/v1/tickets?colour=red").await.problem(422, "invalid_field");
        outside(Method::GET, "/v1/tickets?limit=many").await.problem(422, "invalid_field");
        let call = estate.dispatcher.request(Method::POST, "/v1/tickets");
        let body = estate.request("SEW-SMELL", "Запах из канализации.");
        outside(Method::GET, "/v1/tickets?number=%00").await.problem(422, "invalid_field");
        outside(Method::GET, "/v1/tickets?from=-5000-01-01T00:00:00Z").await.problem(422, "invalid_field");
        outside(Method::GET, "/v1/tickets?to=%2B262142-12-31T23:59:59Z").await.problem(422, "invalid_field");
        outside(Method::GET, "/v1/residents?q=%00").await.ok(200);
        let long = "k".repeat(256);
        call.key(&long).json(&body).outside_contract().send().await.problem(422, "invalid_field");
    }
}

on_both! {
    /// Moves and versions: the refusal names what is legal.
    async fn the_move_is_not_legal(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let ticket = estate.register("SEW-SMELL", "Запах из канализации.").await;
        let id = ticket.id("/id");
        let path = |step: &str| format!("/v1/tickets/{id}/{step}");
        let accept = async |client: &naryad_tests::Client| client.request(Method::POST, &path("accept")).send().await;
        let refused = accept(&estate.dispatcher).await.problem(409, "illegal_move");
        let legal: Vec<&str> = refused.list("/legal").iter().map(|step| step.as_str().unwrap()).collect();
        assert_eq!(legal, ["executor", "plan", "start", "localize", "hold", "complete", "cancel"]);
        accept(&anna.client).await.problem(404, "not_found");
        let ticket_path = format!("/v1/tickets/{id}");
        let patch = estate.dispatcher.request(Method::PATCH, &ticket_path).json(&json!({ "place": "Кухня" }));
        patch.outside_contract().send().await.problem(428, "version_required");
        estate.dispatcher.patch(&ticket_path, "\"77\"", json!({ "place": "Кухня" })).await.problem(412, "version_stale");
        let plan = async |start: &str, end: &str, technicians: Value| {
            let body = json!({ "technicians": technicians, "start": start, "end": end });
            let call = estate.dispatcher.request(Method::POST, &path("plan")).json(&body).outside_contract();
            call.send().await
        };
        let crew = json!([anna.user.id]);
        let (ten, eleven) = ("2026-03-02T10:00:00Z", "2026-03-02T11:00:00Z");
        plan(eleven, ten, crew.clone()).await.problem(422, "invalid_field");
        plan(ten, ten, crew.clone()).await.problem(422, "invalid_field");
        plan(ten, "2026-03-09T10:00:00Z", crew.clone()).await.problem(422, "invalid_field");
        plan("2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z", crew.clone()).await.problem(422, "invalid_field");
        plan(ten, eleven, json!([])).await.problem(422, "invalid_field");
        plan(ten, eleven, json!([anna.user.id, anna.user.id])).await.problem(422, "invalid_field");
        plan(ten, eleven, json!([fresh()])).await.problem(404, "not_found");
        plan(ten, eleven, crew).await.ok(200);
    }
}

on_both! {
    /// Uploads: no photo, another hash, too much, another offset, another protocol. None is ever served.
    async fn the_upload_is_wrong(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let id = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
        let body = json!({
            "technicians": [anna.user.id],
            "start": house.clock().in_minutes(10), "end": house.clock().in_minutes(70),
        });
        estate.dispatcher.post(&format!("/v1/tickets/{id}/plan"), body).await.ok(200);
        let phone = &anna.client;
        let unserved = async |photo| {
            phone.get(&format!("/v1/photos/{photo}?size=original")).await.problem(404, "not_found");
        };

        let words = photos::not_a_photo(1, 5000);
        let photo = announce(phone, id, "before", &words).await;
        let upload = location(&open_upload(phone, photo, &words).await.ok(201));
        send_slice(phone, &upload, 0, &words).await.problem(422, "not_a_photo");
        unserved(photo).await;

        let (real, other) = (photos::jpeg(1), photos::jpeg(2));
        let photo = announce(phone, id, "before", &real).await;
        let upload = location(&open_upload(phone, photo, &real).await.ok(201));
        send_slice(phone, &upload, 5, &real[5..]).await.problem(409, "offset_mismatch");
        let mut wrong = other.clone();
        wrong.resize(real.len(), 0);
        send_slice(phone, &upload, 0, &wrong).await.problem(460, "hash_mismatch");
        unserved(photo).await;
        let mut long = real.clone();
        long.push(0);
        send_slice(phone, &upload, 0, &long).await.problem(413, "too_large");
        let old = phone.request(Method::HEAD, &upload).header("Tus-Resumable", "0.2.2").outside_contract();
        assert_eq!(old.send().await.status, 412);
        // The upload stands at 0 again, and the right bytes still arrive.
        send_slice(phone, &upload, 0, &real).await.ok(204);
        assert_eq!(phone.get(&format!("/v1/photos/{photo}?size=original")).await.ok(200).bytes, real);

        let body = json!({ "photo_id": fresh(), "kind": "before", "sha256": photos::sha256(&real), "bytes": 1_u64 << 40 });
        let call = phone.request(Method::POST, &format!("/v1/tickets/{id}/photos")).json(&body).outside_contract();
        let refused = call.send().await;
        assert!(matches!(refused.status, 413 | 422), "{refused}");
    }
}

on_both! {
    /// Tokens: none, not one, one of a past hour.
    async fn the_token_is_wrong(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let client = house.client();
        let challenge = client.get("/v1/tickets").await.problem(401, "token_missing");
        assert!(challenge.header("WWW-Authenticate").starts_with("Bearer"));
        client.set_token("eyJhbGciOiJub25lIn0.e30.");
        let bad = client.request(Method::GET, "/v1/tickets").as_it_is().send().await.problem(401, "token_invalid");
        assert!(bad.header("WWW-Authenticate").contains("invalid_token"));
        house.clock().advance_minutes(16);
        let old = estate.dispatcher.request(Method::GET, "/v1/tickets").as_it_is().send().await;
        old.problem(401, "token_expired");
        client.login("nobody", "лошадь верно батарея скрепка").await.problem(401, "bad_credentials");
    }
}

/// Values that no field expects.
fn strange() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(1e308),
        json!(9_223_372_036_854_775_807_i64),
        json!(""),
        json!("\u{0}"),
        json!("'; DROP TABLE ticket; --"),
        json!("я".repeat(70_000)),
        json!([]),
        json!({}),
        json!([[[[[[]]]]]]),
        json!("0001-01-01T00:00:00Z"),
        json!("+262142-12-31T23:59:59Z"),
        json!("00000000-0000-0000-0000-000000000000"),
    ]
}

on_both! {
    /// No value in any field of the desk's requests gives a 500, and the chains and feeds stay sound.
    async fn no_value_breaks_the_house(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let id = estate.register("HVS-BURST", "Прорвало трубу.").await.id("/id");
        let plan = json!({
            "technicians": [anna.user.id], "start": house.clock().in_minutes(10),
            "end": house.clock().in_minutes(20), "window": { "kind": "none" }, "visit_id": fresh(),
        });
        let mut whole = estate.request("SEW-SMELL", "Запах из канализации.");
        for (field, value) in [
            ("id", json!(fresh())),
            ("cause", json!("Разрыв.")),
            ("measures", json!("Замена.")),
            ("place", json!("Кухня")),
            ("applicant_name", json!("Иван")),
            ("applicant_phone", json!("+79120000000")),
            ("crew_needed", json!(true)),
            ("emergency", json!(true)),
            ("source", json!("phone")),
            ("damaged_at", json!("2026-03-01T10:00:00Z")),
            ("wished", json!({ "start": "2026-03-02T10:00:00Z", "end": "2026-03-02T11:00:00Z" })),
            ("precondition_confirmed", json!(true)),
            ("fields", json!({})),
        ] {
            whole[field] = value;
        }
        let targets: BTreeMap<String, Value> = BTreeMap::from([
            ("/v1/tickets".to_owned(), whole),
            (format!("/v1/tickets/{id}/plan"), plan),
            (format!("/v1/tickets/{id}/hold"), json!({ "reason": "Ждём.", "until": "2026-04-01T10:00:00Z" })),
            (format!("/v1/tickets/{id}/complete"), json!({ "reason": "Готово.", "fields": {}, "waive_missing": false })),
            (format!("/v1/tickets/{id}/comments"), json!({ "body": "Да.", "audience": "internal", "id": fresh() })),
        ]);
        for (path, body) in targets {
            for field in body.as_object().unwrap().keys().cloned().collect::<Vec<_>>() {
                for value in strange() {
                    let mut bad = body.clone();
                    bad[&field] = value.clone();
                    let call = estate.dispatcher.request(Method::POST, &path).json(&bad).outside_contract();
                    let answer = call.send().await;
                    assert!(answer.status < 500, "{path} {field}: {answer}");
                }
            }
        }
    }
}
