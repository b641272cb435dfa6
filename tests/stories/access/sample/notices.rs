//! Samples of messages to people, and of what is decided about them.

use naryad_tests::{estate::Estate, house::eventually};
use serde_json::json;
use uuid::Uuid;

use super::Sample;

/// A message to the applicant, and one to a building.
pub(super) struct Notices {
    notification: Uuid,
    mass: Uuid,
}

impl Notices {
    pub(super) async fn make(estate: &Estate) -> Self {
        let notification = eventually("a message", async || {
            let all = estate.dispatcher.get("/v1/notifications?kind=registered").await.ok(200);
            (!all.list("/items").is_empty()).then(|| all.id("/items/0/id"))
        })
        .await;
        let body = json!({ "building_ids": [estate.building], "title": "Вода", "text": "Воды не будет." });
        let mass = estate.dispatcher.post("/v1/mass-notices", body).await.ok(201).id("/id");
        Self { notification, mass }
    }

    /// The sample of an operation, if it is one of these.
    pub(super) fn sample(&self, estate: &Estate, operation: &str) -> Option<Sample> {
        let words =
            json!({ "title": "Заявка {number}", "brief": "Принята.", "body": "Заявка {number} принята." });
        let (notification, mass) = (self.notification, self.mass);
        let sample = match operation {
            "GET /v1/notifications"
            | "GET /v1/notification-rules"
            | "GET /v1/notification-templates"
            | "GET /v1/me/notification-preference"
            | "GET /v1/mass-notices" => Sample::of(operation.trim_start_matches("GET "), None).common(),
            "GET /v1/notifications/{id}" => Sample::of(&format!("/v1/notifications/{notification}"), None),
            "POST /v1/notifications/{id}/receipt" => Sample::of(
                &format!("/v1/notifications/{notification}/receipt"),
                Some(json!({ "seen": "delivered" })),
            ),
            "POST /v1/notifications/{id}/call" => Sample::of(
                &format!("/v1/notifications/{notification}/call"),
                Some(json!({ "reached": false })),
            ),
            "PUT /v1/notification-rules/{kind}" => {
                Sample::of("/v1/notification-rules/registered", Some(json!({ "ladder": null })))
                    .common()
                    .stale()
            }
            "POST /v1/notification-templates/preview" => {
                let body = json!({ "kind": "registered", "locale": "ru" });
                Sample::of("/v1/notification-templates/preview", Some(body)).common()
            }
            "PUT /v1/notification-templates/{kind}/{locale}" => {
                Sample::of("/v1/notification-templates/registered/ru", Some(words)).common().stale()
            }
            "DELETE /v1/notification-templates/{kind}/{locale}" => {
                Sample::of("/v1/notification-templates/registered/ru", None).common()
            }
            "PUT /v1/me/notification-preference" => {
                Sample::of("/v1/me/notification-preference", Some(json!({}))).common().stale()
            }
            "POST /v1/mass-notices/audience" => {
                let body = json!({ "building_ids": [estate.building] });
                Sample::of("/v1/mass-notices/audience", Some(body)).common()
            }
            "POST /v1/mass-notices" => {
                let body =
                    json!({ "building_ids": [estate.building], "title": "Вода", "text": "Воды не будет." });
                Sample::of("/v1/mass-notices", Some(body)).common()
            }
            "GET /v1/mass-notices/{id}" => Sample::of(&format!("/v1/mass-notices/{mass}"), None),
            "POST /v1/mass-notices/{id}/stop" => Sample::of(&format!("/v1/mass-notices/{mass}/stop"), None),
            _ => return None,
        };
        Some(sample)
    }
}
