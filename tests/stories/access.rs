//! Who may what: every operation of the contract, tried by every role and by a stranger.

mod sample;

use std::{collections::BTreeMap, fmt::Write};

use naryad_tests::{Client, House, Role, estate::Estate, on_both, openapi::contract};
use reqwest::Method;
use serde_json::json;

use self::sample::{Sample, World};

/// What an answer says of access.
fn outcome(status: u16) -> &'static str {
    match status {
        401 => "no",
        403 => "forbidden",
        404 => "unseen",
        // Admitted: it is done, or refused for what it asks and not for who asks it.
        _ => "yes",
    }
}

async fn attempt(client: &Client, operation: &str, sample: &Sample) -> (u16, Vec<u8>) {
    let (method, _) = operation.split_once(' ').unwrap();
    let method: Method = method.parse().unwrap();
    let mut call = client.request(method, &sample.path).as_it_is().outside_contract();
    for (name, value) in &sample.headers {
        call = call.header(name, value);
    }
    if let Some(body) = &sample.body {
        call = call.json(body);
    }
    if sample.stream {
        // An open stream has no end: that it opened is all that is asked.
        let url = format!("{}{}", client.url(), sample.path);
        let mut request = reqwest::Client::new().get(url);
        if let Some(token) = client.token() {
            request = request.bearer_auth(token);
        }
        return (request.send().await.unwrap().status().as_u16(), Vec::new());
    }
    let answer = call.send().await;
    assert!(answer.status < 500, "{operation}: {answer}");
    (answer.status, answer.bytes)
}

on_both! {
    /// The role x endpoint matrix. An operation without a sample fails: nobody has thought about who may do it.
    async fn the_matrix_of_roles(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let world = World::make(house, &estate).await;
        let mut rows = BTreeMap::new();
        for operation in contract().operations() {
            let mut row = Vec::new();
            for (name, client) in world.roles() {
                let sample = world.sample(&operation, client).await;
                let (status, _) = attempt(client, &operation, &sample).await;
                row.push(format!("{name}={}", outcome(status)));
            }
            rows.insert(operation, row);
        }
        let mut table = String::new();
        for (operation, row) in rows {
            writeln!(table, "{operation}\n    {}", row.join(" ")).unwrap();
        }
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("access", table);
        });
    }
}

on_both! {
    /// Everything of ours is tried by another tenant's people: nothing is found, nothing is told, nothing changes.
    async fn another_tenant_finds_nothing(house: &House) {
        let ours = Estate::found(house, "УК Дом").await;
        let world = World::make(house, &ours).await;
        let theirs = Estate::found_with(house, "УК Чужая", "+79990000000").await;
        let their_technician = theirs.technician(house, "Чужой Фёдор Фомич").await.client;
        let their_resident = naryad_tests::estate::resident_of(house, "+79990000000").await;
        let their_manager = house.staff(&theirs.organization, Role::Manager).await;
        let strangers = [
            ("admin", &theirs.admin),
            ("manager", &their_manager),
            ("dispatcher", &theirs.dispatcher),
            ("technician", &their_technician),
            ("resident", &their_resident),
        ];
        for operation in contract().operations() {
            for (name, client) in &strangers {
                let sample = world.sample(&operation, &ours.admin).await;
                let (status, bytes) = attempt(client, &operation, &sample).await;
                if sample.is_ours {
                    assert!(
                        matches!(status, 403 | 404),
                        "{operation}: another tenant's {name} got {status} {}",
                        String::from_utf8_lossy(&bytes)
                    );
                }
                // A problem repeats the address that was asked for.
                let told = String::from_utf8_lossy(&bytes).replace(sample.path.split('?').next().unwrap(), "");
                for id in world.secrets() {
                    assert!(!told.contains(&id), "{operation}: another tenant's {name} was told {id}: {told}");
                }
            }
        }
        let journal = ours.admin.get(&format!("/v1/tickets/{}/events?limit=200", world.ticket)).await.ok(200);
        for (name, client) in &strangers {
            let id = client.get("/v1/me").await.ok(200).text("/id").to_owned();
            let acted = journal.list("/items").iter().any(|event| event["actor"]["id"] == json!(id));
            assert!(!acted, "another tenant's {name} stands in the journal of our ticket");
        }
        ours.dispatcher.post(&format!("/v1/tickets/{}/comments", world.ticket), json!({ "body": "Здесь." })).await.ok(201);
    }
}
