//! Samples of the offline protocol, and of what technicians find and wish on the spot.

use naryad_tests::{estate::fresh, phone::Phone};
use serde_json::json;

use super::{Sample, World};

pub(super) async fn sample(world: &World, operation: &str) -> Option<Sample> {
    let (ticket, visit) = (world.ticket, world.visit);
    let sample = match operation {
        "POST /v1/sync/pull" => {
            let phone = Phone::register(&world.anna.client).await;
            let body = json!({ "protocol": 1, "schema": 1, "device_id": phone.device, "stream_id": phone.stream, "cursor": null });
            Sample::of("/v1/sync/pull", Some(body)).common()
        }
        "POST /v1/sync/push" => {
            let phone = Phone::register(&world.anna.client).await;
            let body = json!({ "protocol": 1, "device_id": phone.device, "stream_id": phone.stream, "boot_id": fresh(),
                               "device_now": "2026-03-02T09:00:00Z", "mono_ms": 1, "mutations": [] });
            Sample::of("/v1/sync/push", Some(body)).common()
        }
        "GET /v1/sync/events" | "GET /v1/sync/phones" | "GET /v1/sync/mutations" | "GET /v1/reviews" => {
            Sample::of(operation.trim_start_matches("GET "), None).common()
        }
        "GET /v1/reviews/{id}" => Sample::of(&format!("/v1/reviews/{}", review(world).await), None),
        "POST /v1/reviews/{id}/decide" => {
            let body = json!({ "decision": "attach" });
            Sample::of(&format!("/v1/reviews/{}/decide", review(world).await), Some(body))
        }
        "POST /v1/tickets/{id}/fields" => {
            Sample::of(&format!("/v1/tickets/{ticket}/fields"), Some(json!({ "fields": {} })))
        }
        "POST /v1/tickets/{id}/follow-up" => {
            let kind = world.estate.kinds["SEW-SMELL"];
            let body = json!({ "request_type_id": kind, "description": "Течёт кран на кухне." });
            Sample::of(&format!("/v1/tickets/{ticket}/follow-up"), Some(body))
        }
        "POST /v1/visits/{id}/wish-move" => {
            let body = json!({ "reason": "Задерживаюсь на другом адресе." });
            Sample::of(&format!("/v1/visits/{visit}/wish-move"), Some(body))
        }
        _ => return None,
    };
    Some(sample)
}

/// Work that waits for a decision.
async fn review(world: &World) -> uuid::Uuid {
    let phone = Phone::register(&world.anna.client).await;
    let act = json!({ "seq": 1, "id": fresh(), "type": "ticket.sing", "schema": 1, "ticket_id": world.ticket,
                      "occurred_at": "2026-03-02T09:00:00Z", "args": {} });
    let body = json!({ "protocol": 1, "device_id": phone.device, "stream_id": phone.stream, "boot_id": fresh(),
                       "device_now": "2026-03-02T09:00:00Z", "mono_ms": 1, "mutations": [act] });
    phone.client.post("/v1/sync/push", body).await.ok(200).id("/results/0/review_id")
}
