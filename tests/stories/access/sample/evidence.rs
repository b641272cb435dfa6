//! Samples of paid works, stock, acts, links, personal data, and the resident's part of a visit.

use naryad_tests::{
    estate::{announce, fresh, location, open_upload},
    photos,
};
use serde_json::json;
use uuid::Uuid;

use super::{Sample, World};

/// A work of the price list.
async fn work(world: &World) -> Uuid {
    let code = format!("W-{}", &fresh().simple().to_string()[20..]);
    let body = json!({ "code": code, "name": "Замена смесителя", "unit": "шт.", "price_minor": 100 });
    world.estate.admin.post("/v1/works", body).await.ok(201).id("/id")
}

/// A storeroom.
async fn room(world: &World) -> Uuid {
    world.estate.admin.post("/v1/stock/places", json!({ "name": "Склад" })).await.ok(201).id("/id")
}

pub(super) async fn sample(world: &World, operation: &str) -> Option<Sample> {
    let (ticket, visit, desk) = (world.ticket, world.visit, &world.estate.dispatcher);
    let on_ticket = |what: &str| format!("/v1/tickets/{ticket}/{what}");
    let sample = match operation {
        "GET /v1/photos/doubtful"
        | "GET /v1/works"
        | "GET /v1/stock/places"
        | "GET /v1/stock/movements"
        | "GET /v1/stock/balances" => Sample::of(operation.trim_start_matches("GET "), None).common(),
        "POST /v1/works" => {
            let code = format!("W-{}", &fresh().simple().to_string()[20..]);
            let body = json!({ "code": code, "name": "Прочистка", "unit": "шт.", "price_minor": 100 });
            Sample::of("/v1/works", Some(body)).common()
        }
        "GET /v1/works/{id}" => Sample::of(&format!("/v1/works/{}", work(world).await), None),
        "PATCH /v1/works/{id}" => {
            Sample::of(&format!("/v1/works/{}", work(world).await), Some(json!({}))).stale()
        }
        "GET /v1/works/{id}/versions" => {
            Sample::of(&format!("/v1/works/{}/versions", work(world).await), None)
        }
        "GET /v1/materials/{id}/versions" => {
            Sample::of(&format!("/v1/materials/{}/versions", world.material), None)
        }
        "POST /v1/tickets/{id}/estimates" => {
            let body = json!({ "lines": [{ "item": { "work": work(world).await }, "quantity": "1" }] });
            Sample::of(&on_ticket("estimates"), Some(body))
        }
        "POST /v1/tickets/{id}/estimates/{estimate_id}/answer" => {
            let lines = json!({ "lines": [{ "item": { "work": work(world).await }, "quantity": "1" }] });
            let offered = desk.post(&on_ticket("estimates"), lines).await.ok(201).id("/estimates/0/id");
            let body = json!({ "agreed": true, "words": "Согласен." });
            Sample::of(&on_ticket(&format!("estimates/{offered}/answer")), Some(body))
        }
        "POST /v1/tickets/{id}/works" => {
            Sample::of(&on_ticket("works"), Some(json!({ "work_id": work(world).await, "quantity": "1" })))
        }
        "DELETE /v1/tickets/{id}/works/{line_id}" => {
            let line = json!({ "work_id": work(world).await, "quantity": "1", "line_id": fresh() });
            desk.post(&on_ticket("works"), line.clone()).await.ok(201);
            Sample::of(&on_ticket(&format!("works/{}", line["line_id"].as_str().unwrap())), None)
        }
        "POST /v1/tickets/{id}/payments" => {
            let body = json!({ "kind": "payment", "method": "cash", "sum_minor": 100 });
            Sample::of(&on_ticket("payments"), Some(body))
        }
        "POST /v1/stock/places" => Sample::of("/v1/stock/places", Some(json!({ "name": "Склад" }))).common(),
        "PATCH /v1/stock/places/{id}" => {
            Sample::of(&format!("/v1/stock/places/{}", room(world).await), Some(json!({}))).stale()
        }
        "POST /v1/stock/movements" => {
            let body = json!({
                "kind": "receive", "material_id": world.material, "quantity": "1", "to_place_id": room(world).await,
            });
            Sample::of("/v1/stock/movements", Some(body))
        }
        "POST /v1/tickets/{id}/act" => Sample::of(&on_ticket("act"), None),
        "GET /v1/tickets/{id}/act" => {
            // Of a ticket that is done; the technician had no part in it.
            let done = world.own_ticket().await;
            let why = json!({ "reason": "По телефону.", "waive_missing": true });
            desk.post(&format!("/v1/tickets/{done}/complete"), why).await.ok(200);
            desk.request(reqwest::Method::POST, &format!("/v1/tickets/{done}/act")).send().await.ok(201);
            Sample::of(&format!("/v1/tickets/{done}/act"), None)
        }
        "GET /v1/residents/{id}/reads" | "GET /v1/residents/{id}/erasure" => {
            let what = operation.rsplit('/').next().unwrap();
            Sample::of(&format!("/v1/residents/{}/{what}", world.estate.resident), None)
        }
        "POST /v1/residents/{id}/erasure" => {
            let body = json!({
                "full_name": "Временный житель", "phones": [format!("+7916{:07}", fresh().as_u128() % 10_000_000)],
                "accounts": [],
            });
            let once = desk.post("/v1/residents", body).await.ok(201).id("/id");
            Sample::of(&format!("/v1/residents/{once}/erasure"), Some(json!({ "ground": "request" })))
        }
        "POST /v1/tickets/{id}/track-links" => {
            // At most ten stand: those of the samples before are taken away.
            let standing = desk.get(&on_ticket("track-links")).await.ok(200);
            for link in standing.list("/items") {
                let path = on_ticket(&format!("track-links/{}", link["id"].as_str().unwrap()));
                desk.request(reqwest::Method::DELETE, &path).send().await.ok(204);
            }
            Sample::of(&on_ticket("track-links"), None)
        }
        "GET /v1/tickets/{id}/track-links" => Sample::of(&on_ticket("track-links"), None),
        "DELETE /v1/tickets/{id}/track-links/{link_id}" => {
            let made = desk.request(reqwest::Method::POST, &on_ticket("track-links")).send().await.ok(201);
            Sample::of(&on_ticket(&format!("track-links/{}", made.id("/id"))), None)
        }
        "GET /v1/track/{token}" => Sample::of("/v1/track/ntl_x", None).common(),
        "POST /v1/track/{token}/accept" => Sample::of("/v1/track/ntl_x/accept", None).common(),
        "GET /v1/track/{token}/photos/{photo_id}" => {
            Sample::of(&format!("/v1/track/ntl_x/photos/{}", fresh()), None).common()
        }
        "GET /v1/track/{token}/visits/{visit_id}/offers" => {
            Sample::of(&format!("/v1/track/ntl_x/visits/{}/offers", fresh()), None).common()
        }
        "POST /v1/track/{token}/visits/{visit_id}/choose" => {
            let body = json!({ "start": "2026-03-02T10:00:00Z" });
            Sample::of(&format!("/v1/track/ntl_x/visits/{}/choose", fresh()), Some(body)).common()
        }
        "POST /v1/track/{token}/visits/{visit_id}/confirm" => {
            Sample::of(&format!("/v1/track/ntl_x/visits/{}/confirm", fresh()), None).common()
        }
        "POST /v1/track/{token}/visits/{visit_id}/absent" => {
            Sample::of(&format!("/v1/track/ntl_x/visits/{}/absent", fresh()), Some(json!({}))).common()
        }
        "GET /v1/content/{token}" => Sample::of("/v1/content/x", None).common(),
        "GET /v1/photos/{id}/link" => Sample::of(&format!("/v1/photos/{}/link", world.photo), None),
        "POST /v1/visits/{id}/checklist" => {
            let body = json!({ "checked": ["nothing"] });
            Sample::of(&format!("/v1/visits/{visit}/checklist"), Some(body))
        }
        "GET /v1/visits/{id}/offers" => Sample::of(&format!("/v1/visits/{visit}/offers"), None),
        "POST /v1/visits/{id}/choose" => {
            let body = json!({ "start": "2026-03-01T10:00:00Z" });
            Sample::of(&format!("/v1/visits/{visit}/choose"), Some(body))
        }
        "POST /v1/visits/{id}/confirm" => Sample::of(&format!("/v1/visits/{visit}/confirm"), None),
        "POST /v1/visits/{id}/absent" => Sample::of(&format!("/v1/visits/{visit}/absent"), Some(json!({}))),
        "POST /v1/uploads/{id}/signed" | "POST /v1/uploads/{id}/arrived" => {
            let bytes = photos::jpeg(16);
            let photo = announce(&world.anna.client, ticket, "before", &bytes).await;
            let upload = location(&open_upload(&world.anna.client, photo, &bytes).await.ok(201));
            Sample::of(&format!("{upload}/{}", operation.rsplit('/').next().unwrap()), None)
        }
        _ => return None,
    };
    Some(sample)
}
