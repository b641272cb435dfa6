//! The resident: by his app, by a link, and by the right to be forgotten.

use naryad_tests::{
    Client, House,
    estate::{Estate, bring, resident_of},
    house::eventually,
    on_both, photos, proves,
};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

/// A technician who works all day long, and a ticket of the resident booked to him far enough ahead.
async fn booked(house: &House, estate: &Estate, resident: &Client) -> (Uuid, Uuid) {
    let anna = estate.technician(house, "Сидорова Анна Павловна").await;
    let me = resident.get("/v1/me").await.ok(200);
    let premises = me.id("/memberships/0/premises/0/id");
    let week = json!([{ "days": ["mo", "tu", "we", "th", "fr", "sa", "su"], "windows": [{ "from": "00:00", "to": "24:00" }] }]);
    let shift = json!({ "technician_id": anna.user.id, "valid_from": "2026-01-01", "week": week });
    estate.admin.post("/v1/shifts", shift).await.ok(201);
    let body = json!({
        "request_type_id": estate.kinds["HVS-BURST"], "premises_id": premises, "description": "Капает кран на кухне.",
    });
    let ticket = resident.post("/v1/tickets", body).await.ok(201).id("/id");
    let (start, end) = (house.clock().in_minutes(24 * 60), house.clock().in_minutes(25 * 60));
    let plan = json!({
        "technicians": [anna.user.id], "start": start, "end": end, "override_reason": "По просьбе заявителя.",
        "window": { "kind": "promised", "start": start, "end": end },
    });
    let planned = estate.dispatcher.post(&format!("/v1/tickets/{ticket}/plan"), plan).await.ok(200);
    (ticket, planned.id("/visits/0/id"))
}

on_both! {
    /// He registers with a photo, follows, confirms, chooses another of the offered times, says that nobody is at home.
    /// Another resident sees none of it.
    async fn a_resident_does_it_all_himself(house: &House) {
        proves!(R7, part);
        let estate = Estate::found(house, "УК Дом").await;
        let resident = estate.resident(house).await;
        let (ticket, visit) = booked(house, &estate, &resident).await;
        let photo = bring(&resident, ticket, "before", &photos::jpeg(1)).await;
        let seen = resident.get(&format!("/v1/tickets/{ticket}")).await.ok(200).has("/status", "planned");
        assert_eq!(seen.text("/visits/0/crew/0/full_name"), "Сидорова Анна Павловна");
        assert!(seen.list("/photos/0/flags").is_empty());
        resident.request(Method::POST, &format!("/v1/visits/{visit}/confirm")).send().await.ok(200);
        let offers = resident.get(&format!("/v1/visits/{visit}/offers")).await.ok(200);
        let times = offers.list("/times").to_vec();
        assert!(times.len() > 3, "{:?}", offers.body);
        assert!(!offers.body.to_string().contains("Сидорова"), "when, not who");
        let chosen = times.last().unwrap()["start"].clone();
        let moved = resident.post(&format!("/v1/visits/{visit}/choose"), json!({ "start": chosen })).await.ok(200);
        assert_eq!(moved.json("/visits/0/planned_start"), &chosen);
        assert_eq!(moved.json("/visits/0/confirmed_at"), &serde_json::Value::Null);
        assert_eq!(moved.text("/visits/0/reschedules/0/cause"), "resident");
        let odd = json!({ "start": house.clock().in_minutes(3 * 24 * 60 + 7) });
        resident.post(&format!("/v1/visits/{visit}/choose"), odd).await.problem(409, "slot_taken");
        resident.post(&format!("/v1/visits/{visit}/absent"), json!({ "words": "Буду после семи." })).await.ok(200);
        let alerts = estate.dispatcher.get("/v1/alerts").await.ok(200);
        assert!(alerts.list("/items").iter().any(|alert| alert["kind"] == "resident_absent"));
        estate.dispatcher.get(&format!("/v1/visits/{visit}/offers")).await.problem(403, "forbidden");

        // A neighbour, and a person of another house.
        let other = json!({
            "full_name": "Сосед Пётр Ильич", "phones": ["+79120000077"],
            "accounts": [{ "number": "77", "premises_id": estate.premises }],
        });
        estate.dispatcher.post("/v1/residents", other).await.ok(201);
        let neighbour = resident_of(house, "+79120000077").await;
        for path in [
            format!("/v1/tickets/{ticket}"), format!("/v1/photos/{photo}"), format!("/v1/visits/{visit}"),
            format!("/v1/visits/{visit}/offers"), format!("/v1/tickets/{ticket}/act"),
        ] {
            neighbour.get(&path).await.problem(404, "not_found");
        }
        for path in ["confirm", "accept"] {
            let path = if path == "confirm" { format!("/v1/visits/{visit}/confirm") } else { format!("/v1/tickets/{ticket}/accept") };
            neighbour.request(Method::POST, &path).send().await.problem(404, "not_found");
        }
        assert!(neighbour.get("/v1/tickets").await.ok(200).list("/items").is_empty());
    }
}

on_both! {
    /// Without signing in: the link shows number, window and crew, moves, says nobody is at home, shows the photos of the
    /// result, accepts; it opens nothing else, and nothing after it was revoked.
    async fn a_link_is_enough_to_wait_for_the_crew(house: &House) {
        proves!(R7);
        let estate = Estate::found(house, "УК Дом").await;
        let resident = estate.resident(house).await;
        let (ticket, visit) = booked(house, &estate, &resident).await;
        let desk = &estate.dispatcher;
        let made = desk.request(Method::POST, &format!("/v1/tickets/{ticket}/track-links")).send().await.ok(201);
        let path = made.text("/path").to_owned();
        let nobody = house.client();
        let seen = nobody.get(&path).await.ok(200).has("/number", "2026-000001");
        assert_eq!(seen.header("referrer-policy"), "no-referrer");
        assert_eq!(seen.header("cache-control"), "no-store");
        assert_eq!(seen.text("/visits/0/workers/0"), "Сидорова Анна Павловна");
        let body = seen.body.to_string();
        assert!(!body.contains("+7") && !body.contains("Ильин"), "{body}");
        let offers = nobody.get(&format!("{path}/visits/{visit}/offers")).await.ok(200);
        let chosen = offers.list("/times").last().unwrap()["start"].clone();
        nobody.post(&format!("{path}/visits/{visit}/choose"), json!({ "start": chosen })).await.ok(200);
        nobody.request(Method::POST, &format!("{path}/visits/{visit}/confirm")).send().await.ok(200);
        nobody.post(&format!("{path}/visits/{visit}/absent"), json!({})).await.ok(200);
        nobody.request(Method::POST, &format!("{path}/accept")).send().await.problem(409, "illegal_move");
        let photo = bring(desk, ticket, "after", &photos::jpeg(2)).await;
        desk.post(&format!("/v1/tickets/{ticket}/complete"), json!({
            "reason": "Техник сообщил по телефону.", "waive_missing": true,
        })).await.ok(200);
        let shown = eventually("the photo of the result", async || {
            let seen = nobody.get(&path).await.ok(200);
            (seen.list("/photos").len() == 1).then_some(seen)
        })
        .await;
        assert_eq!(shown.json("/can_accept"), true);
        let picture = nobody.get(&format!("{path}/photos/{photo}")).await.ok(200);
        assert_eq!(picture.header("content-type"), "image/jpeg");
        assert!(!picture.bytes.windows(4).any(|part| part == b"Exif"));
        // Another ticket's visit and photo, and every other door.
        let other = estate.register("HVS-BURST", "Прорвало трубу на кухне.").await.id("/id");
        let strange = bring(desk, other, "after", &photos::jpeg(3)).await;
        nobody.get(&format!("{path}/photos/{strange}")).await.problem(404, "not_found");
        nobody.request(Method::POST, &format!("{path}/accept")).send().await.ok(200).has("/status", "closed");
        nobody.request(Method::POST, &format!("{path}/accept")).send().await.problem(409, "illegal_move");
        let events = desk.get(&format!("/v1/tickets/{ticket}/events?limit=200")).await.ok(200);
        let by_link = events.list("/items").iter().filter(|event| event["actor"]["kind"] == "link").count();
        assert_eq!(by_link, 4, "choose, confirm, absent, accept stand in the journal as the link's");
        // The last letter of 32 bytes in Base64 is never a B.
        let forged = format!("{}B", &path[..path.len() - 1]);
        nobody.get(&forged).await.problem(404, "not_found");
        let links = desk.get(&format!("/v1/tickets/{ticket}/track-links")).await.ok(200);
        let link = links.id("/items/0/id");
        desk.request(Method::DELETE, &format!("/v1/tickets/{ticket}/track-links/{link}")).send().await.ok(204);
        nobody.get(&path).await.problem(404, "not_found");
    }
}

on_both! {
    /// Who has looked at a resident is kept; on request he is erased, in the store too, and the proofs hold.
    async fn a_resident_is_forgotten_and_the_journal_holds(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let resident = estate.resident(house).await;
        let desk = &estate.dispatcher;
        let ticket = estate.register("HVS-BURST", "Прорвало трубу в ванной.").await.id("/id");
        let photo = bring(&resident, ticket, "before", &photos::jpeg(1)).await;
        let seen = desk.get(&format!("/v1/tickets/{ticket}")).await.ok(200);
        let receipt = seen.text("/journal_head").to_owned();
        let who = estate.resident;
        desk.get(&format!("/v1/residents/{who}")).await.ok(200);
        let reads = eventually("the looks are kept", async || {
            let reads = estate.admin.get(&format!("/v1/residents/{who}/reads")).await.ok(200);
            (reads.list("/items").len() >= 2).then_some(reads)
        })
        .await;
        let operations: Vec<&str> =
            reads.list("/items").iter().map(|read| read["operation"].as_str().unwrap()).collect();
        assert!(operations.contains(&"get_ticket") && operations.contains(&"get_resident"), "{operations:?}");
        desk.get(&format!("/v1/residents/{who}/reads")).await.problem(403, "forbidden");
        let told = estate.admin.get(&format!("/v1/residents/{who}/erasure")).await.ok(200);
        assert_eq!((told.number("/tickets"), told.number("/photos")), (1, 1));
        let ground = json!({ "ground": "request" });
        desk.post(&format!("/v1/residents/{who}/erasure"), ground.clone()).await.problem(403, "forbidden");
        let erased = estate.admin.post(&format!("/v1/residents/{who}/erasure"), ground.clone()).await.ok(200);
        assert_eq!(erased.number("/tickets"), 1);
        estate.admin.post(&format!("/v1/residents/{who}/erasure"), ground).await.ok(200).has("/objects", 0);
        let seen = desk.get(&format!("/v1/tickets/{ticket}")).await.ok(200).has("/number", "2026-000001");
        assert_eq!(seen.text("/description"), "Удалено");
        desk.get(&format!("/v1/photos/{photo}")).await.problem(404, "not_found");
        let events = desk.get(&format!("/v1/tickets/{ticket}/events?limit=200")).await.ok(200);
        let hashes: Vec<&str> = events.list("/items").iter().map(|event| event["hash"].as_str().unwrap()).collect();
        assert!(hashes.contains(&receipt.as_str()), "the receipt from before is a link of the chain");
        assert!(!events.body.to_string().contains("ванной"));
        let kept = house.naryad(&["photos", "verify", "--deep"]).await;
        assert!(kept.stdout.contains("0 findings"), "{}", kept.stdout);
    }
}
