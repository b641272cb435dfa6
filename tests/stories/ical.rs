//! Bookings in calendars elsewhere.

use std::collections::BTreeMap;

use naryad_tests::{Client, House, Role, estate::Estate, on_both};
use reqwest::Method;
use serde_json::json;

/// The events of a calendar by their UID, unfolded, with their properties.
fn events(bytes: &[u8]) -> Vec<BTreeMap<String, String>> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    for line in text.split("\r\n") {
        assert!(line.len() <= 75, "{} octets: {line}", line.len());
    }
    let unfolded = text.replace("\r\n ", "");
    let mut events = Vec::new();
    for block in unfolded.split("BEGIN:VEVENT\r\n").skip(1) {
        let lines = block.split("END:VEVENT").next().unwrap().lines();
        events.push(
            lines.filter_map(|l| l.split_once(':')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        );
    }
    events
}

async fn read(client: &Client, path: &str) -> Vec<BTreeMap<String, String>> {
    let answer = client.get(path).await.ok(200);
    assert!(answer.header("Content-Type").starts_with("text/calendar"));
    events(&answer.bytes)
}

on_both! {
    /// A technician in Kamchatka subscribes: his visits stand in UTC, follow every move, and are gone with the link.
    async fn a_technician_subscribes_to_his_bookings(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let links = format!("/v1/technicians/{}/calendar-links", anna.user.id);
        let made = anna.client.post(&links, json!({ "label": "телефон" })).await.ok(201);
        let path = made.text("/path").to_owned();
        let outsider = house.client();
        assert!(read(&outsider, &path).await.is_empty());
        let id = estate.register("SEW-SMELL", "Запах; из канализации, на кухне.").await.id("/id");
        // 09:00 in Moscow is 18:00 in Kamchatka and 06:00 in UTC.
        let (start, end) = (house.clock().in_minutes(60), house.clock().in_minutes(120));
        let body = json!({ "technicians": [anna.user.id], "start": start, "end": end });
        let visit = estate.dispatcher.post(&format!("/v1/tickets/{id}/plan"), body).await.ok(200).id("/visits/0/id");
        let seen = read(&outsider, &path).await;
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0]["DTSTART"], "20260302T070000Z");
        assert_eq!(seen[0]["DTEND"], "20260302T080000Z");
        assert_eq!(seen[0]["LOCATION"], "Москва\\, улица Мира\\, 1\\, помещение 12");
        assert_eq!(seen[0]["STATUS"], "CONFIRMED");
        let (uid, sequence): (_, i64) = (seen[0]["UID"].clone(), seen[0]["SEQUENCE"].parse().unwrap());
        let told = format!("{seen:?}");
        for personal in ["Ильин", "79123456789", "кухне"] {
            assert!(!told.contains(personal), "{personal} in {told}");
        }
        house.clock().advance_minutes(1);
        let later = json!({ "start": end, "end": house.clock().in_minutes(180) });
        estate.dispatcher.post(&format!("/v1/visits/{visit}/move"), later).await.ok(200);
        let moved = read(&outsider, &path).await;
        assert_eq!((&moved[0]["UID"], moved[0]["DTSTART"].as_str()), (&uid, "20260302T080000Z"));
        assert!(moved[0]["LAST-MODIFIED"] > seen[0]["LAST-MODIFIED"], "{moved:?}");
        let next: i64 = moved[0]["SEQUENCE"].parse().unwrap();
        assert!(next > sequence, "{next} after {sequence}");
        estate.dispatcher.post(&format!("/v1/visits/{visit}/cancel"), json!({})).await.ok(200);
        let gone = read(&outsider, &path).await;
        assert_eq!(gone[0]["STATUS"], "CANCELLED");
        assert!(gone[0]["SEQUENCE"].parse::<i64>().unwrap() > next);
        // The desk sees the link, without its secret, and revokes it.
        let list = estate.dispatcher.get(&links).await.ok(200);
        assert_eq!(list.list("/items").len(), 1);
        assert!(!String::from_utf8_lossy(&list.bytes).contains("nct_"));
        let link = made.id("/id");
        estate.dispatcher.delete(&format!("{links}/{link}")).await.ok(204);
        outsider.get(&path).await.problem(404, "not_found");
        estate.dispatcher.delete(&format!("{links}/{link}")).await.problem(404, "not_found");
        for forged in ["nct_AAAA", "nct_", "x", "nvt_AAAA.ics", "%00"] {
            outsider.get(&format!("/v1/calendars/{forged}")).await.problem(404, "not_found");
        }
        let boris = estate.technician(house, "Петров Борис Ильич").await;
        boris.client.post(&links, json!({})).await.problem(404, "not_found");
        assert!(!house.log().contains("nct_"), "a secret stands in the log");
    }
}

on_both! {
    /// The resident puts the promised window into his calendar; the link ends after the visit, wherever that is moved, or
    /// with its applicant, and a forged one opens nothing.
    async fn a_resident_keeps_his_visit_in_a_calendar(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let id = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
        let body = json!({
            "technicians": [anna.user.id],
            "start": house.clock().in_minutes(60), "end": house.clock().in_minutes(120),
            "window": { "kind": "promised", "start": house.clock().in_minutes(60), "end": house.clock().in_minutes(240) },
        });
        let visit = estate.dispatcher.post(&format!("/v1/tickets/{id}/plan"), body).await.ok(200).id("/visits/0/id");
        let resident = estate.resident(house).await;
        let link = format!("/v1/visits/{visit}/calendar-link");
        let path = resident.get(&link).await.ok(200).text("/path").to_owned();
        let outsider = house.client();
        let seen = read(&outsider, &path).await;
        assert_eq!((seen[0]["DTSTART"].as_str(), seen[0]["DTEND"].as_str()), ("20260302T070000Z", "20260302T100000Z"));
        assert!(!format!("{seen:?}").contains("Ильин"));
        anna.client.get(&link).await.problem(403, "forbidden");
        let other = house.staff(&house.company("УК Чужая").await, Role::Dispatcher).await;
        other.get(&link).await.problem(404, "not_found");
        let mut forged = path.clone();
        let at = forged.len() - 10;
        let with = if forged.as_bytes()[at] == b'A' { "B" } else { "A" };
        forged.replace_range(at..=at, with);
        outsider.request(Method::GET, &forged).send().await.problem(404, "not_found");
        // The next visit is for an applicant who is no resident: his number is corrected, and his link is no more.
        let body = json!({
            "request_type_id": estate.kinds["SEW-SMELL"], "building_id": estate.building, "description": "Запах в подвале.",
            "applicant_phone": "+79160000001",
        });
        let next = estate.dispatcher.post("/v1/tickets", body).await.ok(201);
        let body = json!({
            "technicians": [anna.user.id], "start": house.clock().in_minutes(300), "end": house.clock().in_minutes(360),
        });
        let ticket = format!("/v1/tickets/{}", next.id("/id"));
        let planned = estate.dispatcher.post(&format!("{ticket}/plan"), body).await.ok(200);
        let link = format!("/v1/visits/{}/calendar-link", planned.id("/visits/0/id"));
        let applicants = estate.dispatcher.get(&link).await.ok(200).text("/path").to_owned();
        assert_eq!(read(&outsider, &applicants).await.len(), 1);
        let ticket_now = estate.dispatcher.get(&ticket).await.ok(200);
        let number = json!({ "applicant_phone": "+79160000002" });
        estate.dispatcher.patch(&ticket, ticket_now.etag(), number).await.ok(200);
        outsider.get(&applicants).await.problem(404, "not_found");

        // Six weeks on.
        let day = 24 * 60;
        let later = json!({
            "start": house.clock().in_minutes(42 * day), "end": house.clock().in_minutes(42 * day + 60),
        });
        estate.dispatcher.post(&format!("/v1/visits/{visit}/move"), later).await.ok(200);
        house.clock().advance_minutes(31 * day);
        assert_eq!(read(&outsider, &path).await.len(), 1);
        house.clock().advance_minutes(42 * day);
        outsider.get(&path).await.problem(404, "not_found");
    }
}
