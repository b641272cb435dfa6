//! The search box of the desk.

use naryad_tests::{House, Role, estate::Estate, house::eventually, on_both};
use serde_json::json;

/// Percent-encoded, as a browser sends it.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

on_both! {
    /// The dispatcher types what the caller says: a number, an address, a part of the phone, a name, in any spelling.
    async fn the_desk_finds_a_ticket_by_whatever_the_caller_says(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let first = estate.register("SEW-SMELL", "Запах из ёлочной канализации.").await;
        house.clock().advance_minutes(1);
        let second = estate.register("HVS-BURST", "Прорвало трубу.").await;
        let ask = async |q: &str| {
            let page = estate.dispatcher.get(&format!("/v1/tickets?q={}", encoded(q))).await.ok(200);
            page.list("/items").iter().map(|line| line["number"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let (one, two) = (first.text("/number").to_owned(), second.text("/number").to_owned());
        let both = vec![two.clone(), one.clone()];
        for (q, expected) in [
            (one.as_str(), vec![one.clone()]),
            ("ЕЛОЧНОЙ", vec![one.clone()]),
            ("ильин мира", both.clone()),
            ("345-67-89", both.clone()),
            ("8 (912) 345 67 89", both.clone()),
            ("мира 1 12", both.clone()),
            ("прорва", vec![two.clone()]),
            ("сидоров", vec![]),
            ("\" OR 1=1 -- *", vec![]),
            ("труб\u{0}у", vec![]),
        ] {
            assert_eq!(ask(q).await, expected, "{q}");
        }
        let path = format!("/v1/tickets?q={}", encoded(&"кран ".repeat(2_000)));
        estate.dispatcher.get(&path).await.problem(422, "invalid_field").has("/errors/0/field", "q");
        for list in ["buildings", "premises"] {
            let path = format!("/v1/{list}?q={}", encoded(&"дом ".repeat(2_000)));
            estate.dispatcher.get(&path).await.problem(422, "invalid_field").has("/errors/0/field", "q");
        }
        // Together with the filters of the board.
        let path = format!("/v1/tickets?q={}&emergency=true&status=registered,planned", encoded("мира"));
        let page = estate.dispatcher.get(&path).await.ok(200);
        assert_eq!(page.list("/items").len(), 1);
        estate.dispatcher.get("/v1/tickets?status=lost").await.problem(422, "invalid_field");
        // The address is corrected: the tickets follow it.
        let building = format!("/v1/buildings/{}", estate.building);
        let seen = estate.dispatcher.get(&building).await.ok(200);
        let change = json!({ "address": "Москва, улица Трудовая, 1" });
        estate.dispatcher.patch(&building, seen.etag(), change).await.ok(200);
        eventually("both are found by the new address", async || (ask("трудовая").await == both).then_some(())).await;
        assert!(ask("мира").await.is_empty());
        // The resident sees his own, a neighbour company nothing.
        let mine = estate.resident(house).await.get(&format!("/v1/tickets?q={}", encoded("запах"))).await.ok(200);
        assert_eq!(mine.list("/items").len(), 1);
        let other = house.company("УК Чужая").await;
        let stranger = house.staff(&other, Role::Dispatcher).await;
        let page = stranger.get(&format!("/v1/tickets?q={}", encoded("трудовая"))).await.ok(200);
        assert!(page.list("/items").is_empty());
    }
}

on_both! {
    /// An incoming call: whose number is it, and what is the name like.
    async fn the_caller_is_found_by_phone_and_by_name(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        for (name, phone) in [("Ёлкина Анна Львовна", "+79160000001"), ("Ян Ли", "+79160000002")] {
            let body = json!({ "full_name": name, "phones": [phone] });
            estate.dispatcher.post("/v1/residents", body).await.ok(201);
        }
        let count = async |query: &str| {
            estate.dispatcher.get(&format!("/v1/residents?{query}")).await.ok(200).list("/items").len()
        };
        assert_eq!(count("phone=89160000001").await, 1);
        for (q, expected) in [("елкин", 1), ("ян", 1), ("000-00-01", 1), ("анна 0001", 1), ("Анна 0002", 0), ("*", 3)] {
            assert_eq!(count(&format!("q={}", encoded(q))).await, expected, "{q}");
        }
        assert_eq!(count(&format!("phone=89160000001&q={}", encoded("ёлк"))).await, 1);
        assert_eq!(count(&format!("premises_id={}", estate.premises)).await, 1);
    }
}
