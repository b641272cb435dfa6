//! Hours in which terms count: daily windows, working hours, the production calendar of the year and of the region.

use naryad_tests::{
    Client, House, Role,
    estate::{Estate, fresh},
    on_both, proves,
};
use reqwest::Method;
use serde_json::{Value, json};

/// The calendar of Russia of 2026, as it is published.
const YEAR_2026: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<calendar year="2026" lang="ru" date="2025.09.30" country="ru">
<holidays><holiday id="1" title="Новогодние каникулы"/><holiday id="5" title="Праздник Весны и Труда"/></holidays>
<days>
<day d="01.01" t="1" h="1"/><day d="01.02" t="1" h="1"/><day d="01.03" t="1" h="1"/><day d="01.04" t="1" h="1"/>
<day d="01.05" t="1" h="1"/><day d="01.06" t="1" h="1"/><day d="01.07" t="1" h="1"/><day d="01.08" t="1" h="1"/>
<day d="01.09" t="1" f="01.03"/><day d="02.23" t="1"/><day d="03.08" t="1"/><day d="03.09" t="1" f="03.08"/>
<day d="04.30" t="2"/><day d="05.01" t="1" h="5"/><day d="05.08" t="2"/><day d="05.09" t="1"/>
<day d="05.11" t="1" f="05.09"/><day d="06.11" t="2"/><day d="06.12" t="1"/><day d="11.03" t="2"/>
<day d="11.04" t="1"/><day d="12.31" t="1" f="01.04"/>
</days></calendar>"#;

const PATH: &str = "/v1/production-calendars/2026";

async fn put_xml(client: &Client, path: &str, xml: &str) -> naryad_tests::Answer {
    client.request(Method::PUT, path).bytes("application/xml", xml).send().await
}

/// A ticket of a kind registered now; its planned term.
async fn term_of(estate: &Estate, kind: &str) -> String {
    let ticket = estate.register(kind, "Обращение по телефону.").await;
    ticket.text("/planned_term").to_owned()
}

on_both! {
    /// A chute that is blocked at 22:30 is cleared by 09:30, whatever the zone of the building.
    async fn the_chute_overnight(house: &House) {
        proves!(R17);
        let estate = Estate::found(house, "УК Дом").await;
        // From east to west, each at half past ten in the evening there.
        for (zone, evening, morning) in [
            ("Asia/Kamchatka", "2026-03-20T10:30:00Z", "2026-03-20T21:30:00Z"),
            ("Asia/Vladivostok", "2026-03-20T12:30:00Z", "2026-03-20T23:30:00Z"),
            ("Asia/Yekaterinburg", "2026-03-20T17:30:00Z", "2026-03-21T04:30:00Z"),
            ("Europe/Moscow", "2026-03-20T19:30:00Z", "2026-03-21T06:30:00Z"),
            ("Europe/Kaliningrad", "2026-03-20T20:30:00Z", "2026-03-21T07:30:00Z"),
            // Berlin goes forward on 29 March: the night is an hour shorter, the window is not.
            ("Europe/Berlin", "2026-03-28T21:30:00Z", "2026-03-29T07:30:00Z"),
        ] {
            house.clock().set_to(evening);
            let place = json!({ "address": format!("Город, улица Мира, дом {zone}"), "zone": zone });
            let building = estate.admin.post("/v1/buildings", place).await.ok(201).id("/id");
            let body = json!({
                "request_type_id": estate.kinds["CHUTE-BLOCK"], "building_id": building,
                "resident_id": estate.resident, "description": "Засор мусоропровода на четвёртом этаже.",
            });
            let ticket = estate.dispatcher.post("/v1/tickets", body).await.ok(201);
            assert_eq!(ticket.text("/planned_term"), morning, "{zone}");
            assert!(ticket.text("/say").contains("в 09:30"), "{zone}: {}", ticket.text("/say"));
        }
    }
}

on_both! {
    /// Working hours follow the calendar of the country, and where the region has days of its own, those.
    async fn working_hours_follow_the_calendar_of_the_year_and_of_the_region(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let kind = json!({
            "code": "LETTER", "category": "hotline", "name_ru": "Письмо", "name_en": "Letter",
            "clock": { "kind": "always" }, "resolve": { "default": { "amount": 3, "unit": "working_days" } },
        });
        let letter = estate.admin.post("/v1/request-types", kind).await.ok(201).id("/id");
        let mut estate = estate;
        estate.kinds.insert("LETTER".to_owned(), letter);
        // Thursday before the holidays of May, a quarter to six in the evening in Moscow.
        house.clock().set_to("2026-04-30T14:45:00Z");
        // Nothing is imported: Friday is a day like others.
        assert_eq!(term_of(&estate, "CONSULT").await, "2026-05-01T06:15:00Z");
        assert_eq!(term_of(&estate, "LETTER").await, "2026-05-05T14:45:00Z");
        let none = estate.dispatcher.get("/v1/production-calendars").await.ok(200);
        assert_eq!((none.number("/version"), none.list("/calendars").len()), (0, 0));
        estate.dispatcher.get(PATH).await.problem(404, "not_found");

        let taken = put_xml(&estate.admin, PATH, YEAR_2026).await.ok(200);
        assert_eq!((taken.number("/version"), taken.list("/days").len()), (1, 22));
        // The same again changes nothing.
        assert_eq!(put_xml(&estate.admin, PATH, YEAR_2026).await.ok(200).number("/version"), 1);
        // Thursday was short and has ended, Friday is a holiday: Monday.
        assert_eq!(term_of(&estate, "CONSULT").await, "2026-05-04T06:30:00Z");
        assert_eq!(term_of(&estate, "LETTER").await, "2026-05-06T14:45:00Z");

        // A region celebrates on Monday; nothing changes before the organization says that it is there.
        let days = json!({ "region": "RU-TA", "days": [{ "date": "2026-05-04", "kind": "off" }] });
        estate.admin.put(PATH, days).await.ok(200).has("/region", "RU-TA").has("/version", 2);
        assert_eq!(term_of(&estate, "CONSULT").await, "2026-05-04T06:30:00Z");
        let organization = estate.admin.get("/v1/organization").await.ok(200);
        let moved = json!({ "production_region": "RU-TA" });
        let moved = estate.admin.patch("/v1/organization", organization.etag(), moved).await.ok(200);
        assert_eq!(moved.text("/production_region"), "RU-TA");
        assert_eq!(term_of(&estate, "CONSULT").await, "2026-05-05T06:30:00Z");
        assert_eq!(term_of(&estate, "LETTER").await, "2026-05-07T14:45:00Z");
        let regional = estate.dispatcher.get(&format!("{PATH}?region=RU-TA")).await.ok(200);
        assert_eq!(regional.list("/days").len(), 1);
        // Another company has not imported anything.
        let other = house.company("УК Сад").await;
        let stranger = house.staff(&other, Role::Admin).await;
        stranger.get(PATH).await.problem(404, "not_found");

        // A year between two is a hole that is told.
        let next: Vec<Value> = ["01-01", "01-04", "01-05", "01-06", "01-07", "01-08", "02-23", "03-08", "05-09", "06-12", "11-04"]
            .iter()
            .map(|day| json!({ "date": format!("2028-{day}"), "kind": "off" }))
            .chain([json!({ "date": "2028-01-03", "kind": "off" }), json!({ "date": "2028-05-01", "kind": "off" })])
            .collect();
        estate.admin.put("/v1/production-calendars/2028", json!({ "days": next })).await.ok(200);
        let overview = estate.dispatcher.get("/v1/production-calendars").await.ok(200);
        assert_eq!(overview.json("/holes"), &json!([2027]));
        assert_eq!(overview.list("/calendars").len(), 3);
    }
}

on_both! {
    /// A calendar with holes or contradictions is refused as a whole, and by name.
    async fn calendars_that_cannot_be(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let with = |day: &str| YEAR_2026.replace("</days>", &format!("{day}</days>"));
        for (xml, field, words) in [
            ("<calendar".to_owned(), "body", "XML"),
            (YEAR_2026.replace("2026\" lang", "2025\" lang"), "calendar.year", "2025"),
            (with(r#"<day d="05.12" t="7"/>"#), "days[22].t", "7"),
            (with(r#"<day d="02.30" t="1"/>"#), "days[22].d", "02.30"),
            (with(r#"<day d="05.11" t="2"/>"#), "days[22].date", "named twice"),
            (with(r#"<day d="05.16" t="2"/>"#), "days[22].kind", "a shortened weekend"),
            (with(r#"<day d="05.16" t="3"/>"#), "days[22].kind", "a worked weekend"),
            (with(r#"<day d="05.13" t="3"/>"#), "days[22].kind", "worked anyway"),
            (YEAR_2026.replace(r#"<day d="06.12" t="1"/>"#, ""), "days", "2026-06-12"),
        ] {
            let call = estate.admin.request(Method::PUT, PATH).bytes("application/xml", xml.as_str());
            let refused = call.outside_contract().send().await.problem(422, "invalid_field");
            assert_eq!(refused.text("/errors/0/field"), field, "{refused}");
            assert!(refused.text("/errors/0/message").contains(words), "{refused}");
        }
        for (body, field) in [
            (json!({ "days": [{ "date": "2025-12-31", "kind": "off" }] }), "days[0].date"),
            (json!({ "days": [{ "date": "31.12.2026", "kind": "off" }] }), "days[0].date"),
            (json!({ "days": [{ "date": "2026-12-31", "kind": "half" }] }), "days[0].kind"),
            (json!({ "days": [], "region": "Татарстан" }), "region"),
            (json!({ "days": [] }), "days"),
            (json!({}), "days"),
        ] {
            let call = estate.admin.request(Method::PUT, PATH).json(&body).outside_contract();
            let refused = call.send().await.problem(422, "invalid_field");
            assert_eq!(refused.text("/errors/0/field"), field, "{refused}");
        }
        let region = estate.admin.request(Method::PUT, &format!("{PATH}?region=RU-TA"));
        region.json(&json!({ "days": [] })).send().await.problem(422, "invalid_field");
        let far = estate.admin.request(Method::PUT, "/v1/production-calendars/1999").json(&json!({ "days": [] }));
        far.outside_contract().send().await.problem(422, "invalid_field");
        let plain = estate.admin.request(Method::PUT, PATH).bytes("text/plain", "days");
        plain.outside_contract().send().await.problem(415, "unsupported_media");
        estate.dispatcher.put(PATH, json!({ "days": [] })).await.problem(403, "forbidden");
        let none = estate.dispatcher.get("/v1/production-calendars").await.ok(200);
        assert_eq!((none.number("/version"), none.list("/calendars").len()), (0, 0));
    }
}

on_both! {
    /// The same file by the command line.
    async fn a_calendar_from_a_file(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let file = house.data().join("calendar-2026.xml");
        std::fs::write(&file, YEAR_2026).unwrap();
        let (file, organization) = (file.to_string_lossy().into_owned(), estate.organization.id.to_string());
        let arguments = ["calendar", "import", &file, "--org", &organization, "--year"];
        let taken = house.naryad(&[&arguments[..], &["2026"]].concat()).await.expect_success();
        assert_eq!(taken.json()["days"].as_array().unwrap().len(), 22);
        house.naryad(&[&arguments[..], &["2027"]].concat()).await.expect_failure();
        let stranger = fresh().to_string();
        house.naryad(&["calendar", "import", &file, "--org", &stranger, "--year", "2026"]).await.expect_failure();
        estate.dispatcher.get(PATH).await.ok(200).has("/version", 1);
    }
}
