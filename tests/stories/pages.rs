//! Lists and pages for readers.

use naryad_tests::{House, estate::Estate, on_both};
use serde_json::json;

on_both! {
    /// Pages join without a gap or a double while new tickets arrive; filters find by any spelling.
    async fn lists_are_paged_and_filtered(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let mut made = Vec::new();
        for n in 0..7 {
            house.clock().advance_minutes(1);
            let code = if n % 2 == 0 { "SEW-SMELL" } else { "HVS-BURST" };
            made.push(estate.register(code, "Запах из канализации.").await.id("/id").to_string());
        }
        made.reverse();
        let mut seen = Vec::new();
        let mut path = "/v1/tickets?limit=3".to_owned();
        loop {
            let page = estate.dispatcher.get(&path).await.ok(200);
            seen.extend(page.list("/items").iter().map(|ticket| ticket["id"].as_str().unwrap().to_owned()));
            if seen.len() == 3 {
                // Newer than the first page: it does not disturb the pages after it.
                house.clock().advance_minutes(1);
                estate.register("SEW-SMELL", "Новый запах.").await;
            }
            match page.json("/next_cursor").as_str() {
                Some(cursor) => path = format!("/v1/tickets?limit=3&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!(seen, made);
        let count = async |query: &str| {
            estate.dispatcher.get(&format!("/v1/tickets?{query}")).await.ok(200).list("/items").len()
        };
        assert_eq!(count("emergency=true").await, 3);
        assert_eq!(count("number=2026-000002").await, 1);
        assert_eq!(count("phone=8(912)345-67-89").await, 8);
        assert_eq!(count("status=closed").await, 0);
        assert_eq!(count(&format!("building_id={}&status=registered", estate.building)).await, 8);
        assert_eq!(count(&format!("request_type_id={}", estate.kinds["HVS-BURST"])).await, 3);
        estate.dispatcher.get("/v1/tickets?cursor=tampered").await.problem(422, "invalid_field");
        estate.dispatcher.get("/v1/tickets?limit=0").await.problem(422, "invalid_field");
        estate.dispatcher.get("/v1/tickets?phone=sip:anna").await.problem(422, "invalid_field");
    }
}

on_both! {
    /// The pages generated from the code are the ones in the repository.
    async fn generated_pages_are_fresh(house: &House) {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let spec = house.naryad(&["openapi"]).await.expect_success().stdout;
        let committed = std::fs::read_to_string(format!("{root}/openapi.yaml")).unwrap();
        assert!(spec == committed, "openapi.yaml is stale: make openapi");
        house.naryad(&["docs", "--check", "--root", root]).await.expect_success();
    }
}

on_both! {
    /// A dispatcher's stream is poked when something changes, and carries no data.
    async fn the_desk_is_poked(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let mut stream = estate.dispatcher.events("/v1/events").await;
        estate.register("SEW-SMELL", "Запах из канализации.").await;
        let poke = stream.next_named("poke").await;
        assert_eq!(poke.data.parse::<serde_json::Value>().unwrap(), json!({ "entities": ["deadline", "ticket"] }));
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        anna.client.get("/v1/events").await.problem(403, "forbidden");
    }
}
