//! The evidence of the work: what closing demands, the act, the estimate, the resident's word.

use naryad_tests::{
    Client, House,
    estate::{Estate, announce, bring},
    house::eventually,
    on_both, photos, proves,
};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// A kind of work that demands everything.
async fn demanding(estate: &Estate) -> Uuid {
    let code = "HVS-BURST";
    let kind = estate.kinds[code];
    let seen = estate.admin.get(&format!("/v1/request-types/{kind}")).await.ok(200);
    let demands = json!({
        "photos": [{ "kind": "before", "count": 1 }, { "kind": "after", "count": 1 }],
        "materials": true,
        "act": true,
        "reading": false,
        "reading_in": { "unit": "м³", "min_milli": 0, "max_milli": 99_999_000 },
        "checklist": [
            { "key": "tools", "label_ru": "Инструмент и материалы", "label_en": "Tools and materials" },
            { "key": "badge", "label_ru": "Бейдж", "label_en": "Badge" },
        ],
        "paid": true,
        "handover": false,
        "receipt": false,
        "fields": [{ "key": "cause", "label_ru": "Причина", "label_en": "Cause",
                     "kind": { "type": "text", "max": 200 }, "required": true }],
    });
    estate
        .admin
        .patch(&format!("/v1/request-types/{kind}"), seen.etag(), json!({ "demands": demands }))
        .await
        .ok(200);
    kind
}

fn lacks(answer: &naryad_tests::Answer) -> Vec<String> {
    let name = |one: &Value| one["what"].as_str().unwrap().to_owned();
    answer.list("/missing").iter().map(name).collect()
}

/// A visit of the technician that stands.
async fn book(house: &House, estate: &Estate, ticket: Uuid, technician: Uuid) -> Uuid {
    let (start, end) = (house.clock().in_minutes(30), house.clock().in_minutes(90));
    let body = json!({ "technicians": [technician], "start": start, "end": end });
    let planned = estate.dispatcher.post(&format!("/v1/tickets/{ticket}/plan"), body).await.ok(200);
    let visit = planned.list("/visits").iter().find(|visit| visit["status"] == "planned").unwrap();
    visit["id"].as_str().unwrap().parse().unwrap()
}

async fn examined(client: &Client, ticket: Uuid, photo: Uuid) {
    eventually("a preview", async || {
        let seen = client.get(&format!("/v1/tickets/{ticket}")).await.ok(200);
        let photos = seen.list("/photos").to_vec();
        let one = photos.iter().find(|one| one["id"] == photo.to_string())?;
        (one["preview"] == "ready").then_some(())
    })
    .await;
}

on_both! {
    /// Everything that can be demanded is demanded, is missed by name, and is given in turn: checklist, estimate, photos,
    /// materials from the van, reading, cause, both signatures. The act is made, read, and signed; the resident returns
    /// the work with a photo, and accepts it at last.
    async fn evidence_arrives_and_holds(house: &House) {
        proves!(R22);
        proves!(R36);
        proves!(R38);
        proves!(R39);
        proves!(R23, part);
        let estate = Estate::found(house, "УК Дом").await;
        demanding(&estate).await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let resident = estate.resident(house).await;
        let (desk, phone) = (&estate.dispatcher, &anna.client);
        let pipe = json!({ "code": "PPR-20", "name": "Труба ППР 20", "unit": "м", "price_minor": 12_345, "stocked": true });
        let pipe = estate.admin.post("/v1/materials", pipe).await.ok(201).id("/id");
        let work = json!({ "code": "Р-1", "name": "Замена участка трубы", "unit": "шт.", "price_minor": 150_000 });
        let work = estate.admin.post("/v1/works", work).await.ok(201).id("/id");
        let van = json!({ "name": "Машина Анны", "technician_id": anna.user.id });
        let van = desk.post("/v1/stock/places", van).await.ok(201).id("/id");
        let received = json!({ "kind": "receive", "material_id": pipe, "quantity": "3", "to_place_id": van });
        desk.post("/v1/stock/movements", received).await.ok(201);
        let ticket = estate.register("HVS-BURST", "Прорвало трубу в ванной.").await.id("/id");
        let at = |what: &str| format!("/v1/tickets/{ticket}/{what}");
        let visit = book(house, &estate, ticket, anna.user.id).await;

        let checked = json!({ "checked": ["tools"] });
        phone.post(&format!("/v1/visits/{visit}/checklist"), checked).await.ok(200);
        phone.post(&format!("/v1/visits/{visit}/checklist"), json!({ "checked": ["cap"] })).await.problem(422, "invalid_field");
        house.clock().advance_minutes(30);
        phone.post(&format!("/v1/visits/{visit}/start"), json!({})).await.problem(409, "estimate_not_agreed");
        let lines = json!({ "lines": [
            { "item": { "work": work }, "quantity": "1" }, { "item": { "material": pipe }, "quantity": "2" },
        ] });
        let offered = phone.post(&at("estimates"), lines.clone()).await.ok(201);
        assert_eq!(offered.number("/estimates/0/total_minor"), 150_000 + 24_690);
        let estimate = offered.id("/estimates/0/id");
        resident.post(&at(&format!("estimates/{estimate}/answer")), json!({ "agreed": true })).await.ok(200);
        phone.post(&format!("/v1/visits/{visit}/checklist"), json!({ "checked": ["badge"] })).await.ok(200);
        phone.post(&format!("/v1/visits/{visit}/start"), json!({})).await.ok(200).has("/status", "in_progress");

        let refused = phone.post(&at("complete"), json!({})).await.problem(422, "evidence_missing");
        assert_eq!(lacks(&refused), ["photo", "photo", "photo", "materials", "reading", "field"]);
        let before = bring(phone, ticket, "before", &photos::jpeg(1)).await;
        let after_photo = photos::jpeg(2);
        let after = Uuid::now_v7();
        phone.post(&at("photos"), json!({
            "photo_id": after, "kind": "after", "sha256": photos::sha256(&after_photo), "bytes": after_photo.len(),
            "pair_of": before,
        })).await.ok(201);
        phone.post(&at("materials"), json!({ "material_id": pipe, "quantity": "2", "unit": "м" })).await.ok(201);
        phone.post(&at("materials"), json!({ "material_id": pipe, "quantity": "1", "unit": "кг" })).await.problem(422, "invalid_field");
        phone.post(&at("materials"), json!({ "material_id": pipe, "quantity": "1000000000000000000" })).await.problem(422, "invalid_field");
        phone.post(&at("works"), json!({ "work_id": work, "quantity": "1" })).await.ok(201);
        let balance = desk.get(&format!("/v1/stock/balances?place_id={van}")).await.ok(200);
        assert_eq!(balance.text("/items/0/quantity"), "1");
        for kind in ["signature_crew", "signature_resident"] {
            let drawn = photos::png(if kind == "signature_crew" { 3 } else { 4 });
            let signature = bring(phone, ticket, kind, &drawn).await;
            examined(desk, ticket, signature).await;
        }
        let wrong = json!({ "fields": { "cause": "Износ", "reading": 1_000_000 } });
        phone.post(&at("complete"), wrong).await.problem(422, "invalid_field");
        let right = json!({ "fields": { "cause": "Износ", "reading": 318.5 } });
        let extra = phone.post(&at("materials"), json!({ "material_id": pipe, "quantity": "0.5" })).await.ok(201);
        phone.post(&at("complete"), right.clone()).await.problem(409, "estimate_exceeded");
        let line = extra.list("/materials").iter().find(|line| line["quantity"] == "0.5").unwrap();
        let line = line["id"].as_str().unwrap().to_owned();
        phone.request(Method::DELETE, &at(&format!("materials/{line}"))).send().await.ok(200);
        let done = phone.post(&at("complete"), right).await.ok(200).has("/status", "completed");
        assert_eq!(done.number("/evidence_pending"), 1, "closing never waits for bytes");
        assert_eq!(done.number("/total/total_minor"), 174_690);

        // The act: both signatures, the sums, the words.
        let act = phone.request(Method::POST, &at("act")).send().await.ok(201);
        assert!(act.json("/signed_resident") == true && act.json("/signed_crew") == true);
        assert_eq!(act.number("/total_minor"), 174_690);
        let again = desk.request(Method::POST, &at("act")).send().await.ok(201);
        assert_eq!(again.text("/sha256"), act.text("/sha256"), "nothing has changed");
        let pdf = resident.get(&at("act")).await.ok(200);
        assert_eq!(pdf.header("content-type"), "application/pdf");
        assert!(pdf.header("content-disposition").starts_with("attachment"));
        assert_eq!(photos::sha256(&pdf.bytes), act.text("/sha256"));
        let text = extracted(house, &pdf.bytes).await;
        let mut at_letter = 0;
        for words in [
            "Акт выполненных работ № 2026-000001", "Сидорова Анна Павловна", "Работы", "Замена участка трубы",
            "Материалы", "Труба ППР 20", "Итого:", "Одна тысяча семьсот сорок шесть рублей 90 копеек",
            "Претензий к качеству не имею", "Исполнитель", "Заявитель",
        ] {
            let found = text[at_letter..].find(words);
            at_letter += found.unwrap_or_else(|| panic!("{words:?} stands in order in:\n{text}"));
        }

        // The resident returns the work with a photo; then it is done and accepted.
        let puddle = announce(&resident, ticket, "other", &photos::jpeg(9)).await;
        let returned = resident
            .post(&at("return"), json!({ "reason": "Снова капает.", "photos": [puddle] }))
            .await
            .ok(200)
            .has("/status", "registered")
            .has("/return_count", 1);
        assert_eq!(returned.text("/returns/0/photos/0"), puddle.to_string());
        assert_eq!(returned.json("/returns/0/by_resident"), true);
        let listed = desk.get("/v1/tickets?returned=true").await.ok(200);
        assert_eq!(listed.list("/items").len(), 1);
        let visit = book(house, &estate, ticket, anna.user.id).await;
        house.clock().advance_minutes(30);
        phone.post(&format!("/v1/visits/{visit}/start"), json!({})).await.ok(200);
        phone.post(&at("complete"), json!({})).await.ok(200);
        resident.request(Method::POST, &at("accept")).send().await.ok(200).has("/status", "closed");
        desk.post(&at("payments"), json!({ "kind": "payment", "method": "card", "sum_minor": 174_690 })).await.ok(201)
            .has("/total/paid_minor", 174_690);
        house.clock().advance_minutes(15 * 24 * 60);
        resident.post(&at("return"), json!({ "reason": "Поздно." })).await.problem(409, "return_term_over");
        let stock = house.naryad(&["stock", "verify"]).await;
        assert!(stock.stdout.contains("stock: 0 findings"), "{}", stock.stdout);
    }
}

/// The text of a PDF as pypdf reads it, and that each of its fonts is embedded.
async fn extracted(house: &House, pdf: &[u8]) -> String {
    let python =
        std::env::var("NARYAD_TEST_PYPDF").expect("scripts/pypdf.sh prints the python that has pypdf");
    let file = house.data().join("act.pdf");
    std::fs::write(&file, pdf).unwrap();
    let program = "
import sys
from pypdf import PdfReader
reader = PdfReader(sys.argv[1])
for page in reader.pages:
    fonts = page['/Resources']['/Font']
    for name in fonts:
        font = fonts[name].get_object()
        font = font['/DescendantFonts'][0].get_object() if '/DescendantFonts' in font else font
        assert any(key in font['/FontDescriptor'] for key in ('/FontFile2', '/FontFile3')), name
    print(' '.join(page.extract_text().split()))
";
    let ran = tokio::process::Command::new(python)
        .args(["-c", program])
        .arg(&file)
        .output()
        .await
        .expect("python runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

on_both! {
    /// A demanded photo turns out to be none after the work was reported done: the desk sees the ticket again, is
    /// alerted, and new evidence ends it.
    async fn evidence_that_is_none_comes_back_to_the_desk(house: &House) {
        proves!(R37);
        let estate = Estate::found(house, "УК Дом").await;
        let kind = estate.kinds["HVS-BURST"];
        let seen = estate.admin.get(&format!("/v1/request-types/{kind}")).await.ok(200);
        let demands = json!({ "photos": [{ "kind": "after", "count": 1 }] });
        estate.admin.patch(&format!("/v1/request-types/{kind}"), seen.etag(), json!({ "demands": demands })).await.ok(200);
        let desk = &estate.dispatcher;
        let ticket = estate.register("HVS-BURST", "Прорвало трубу в ванной.").await.id("/id");
        let whole = photos::jpeg_of(11, 300, 200, 90);
        let half = &whole[..whole.len() / 2];
        let photo = announce(desk, ticket, "after", half).await;
        desk.post(&format!("/v1/tickets/{ticket}/complete"), json!({})).await.problem(422, "invalid_field");
        let reason = json!({ "reason": "Техник сообщил по телефону." });
        desk.post(&format!("/v1/tickets/{ticket}/complete"), reason).await.ok(200).has("/status", "completed");
        let upload = naryad_tests::estate::location(&naryad_tests::estate::open_upload(desk, photo, half).await.ok(201));
        naryad_tests::estate::send_slice(desk, &upload, 0, half).await.ok(204);
        eventually("the desk sees it", async || {
            let listed = desk.get("/v1/tickets?evidence_missing=true").await.ok(200);
            (listed.list("/items").len() == 1).then_some(())
        })
        .await;
        let seen = desk.get(&format!("/v1/tickets/{ticket}")).await.ok(200);
        assert_eq!(seen.text("/photos/0/refused_reason"), "truncated");
        assert_eq!(lacks(&seen), ["photo"]);
        let alerts = desk.get("/v1/alerts").await.ok(200);
        assert!(alerts.list("/items").iter().any(|alert| alert["kind"] == "evidence_missing"));
        bring(desk, ticket, "after", &whole).await;
        desk.get(&format!("/v1/tickets/{ticket}")).await.ok(200).has("/evidence_missing", false);
    }
}
