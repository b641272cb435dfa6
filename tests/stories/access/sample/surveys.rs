//! Samples of questions about the quality.

use serde_json::json;

use super::{Sample, World, fresh};

pub(super) async fn sample(world: &World, operation: &str) -> Option<Sample> {
    let estate = &world.estate;
    let mark = json!({ "mark": 5 });
    let poll = json!({ "question": "Довольны ли вы уборкой?", "building_ids": [estate.building] });
    Some(match operation {
        "GET /v1/me/surveys"
        | "GET /v1/reports/surveys"
        | "GET /v1/sms-replies"
        | "GET /v1/surveys"
        | "GET /v1/surveys/answers"
        | "GET /v1/surveys/calls" => Sample::of(operation.trim_start_matches("GET "), None).common(),
        "PUT /v1/me/surveys" => Sample::of("/v1/me/surveys", Some(json!({ "ask": true }))).common(),
        "POST /v1/surveys" => Sample::of("/v1/surveys", Some(poll)),
        "GET /v1/surveys/{id}" => {
            let made = estate.admin.post("/v1/surveys", poll).await.ok(201).id("/id");
            Sample::of(&format!("/v1/surveys/{made}"), None)
        }
        "PUT /v1/surveys/silence" => {
            let who = json!({ "kind": "resident", "id": estate.resident });
            Sample::of("/v1/surveys/silence", Some(json!({ "who": who, "silent": false })))
        }
        // Nobody was asked: whoever may answer is told so.
        "POST /v1/surveys/{id}/answer" => Sample::of(&format!("/v1/surveys/{}/answer", fresh()), Some(mark)),
        "POST /v1/surveys/{id}/review" => {
            Sample::of(&format!("/v1/surveys/{}/review", fresh()), Some(json!({ "word": "Проверка." })))
        }
        "POST /v1/tickets/{id}/survey" => {
            Sample::of(&format!("/v1/tickets/{}/survey", world.ticket), Some(mark))
        }
        "POST /v1/sms-replies" => {
            let body = json!({ "phone": "+79001112233", "text": "Спасибо" });
            Sample::of("/v1/sms-replies", Some(body)).common()
        }
        "POST /v1/sms-replies/{id}/read" => Sample::of(&format!("/v1/sms-replies/{}/read", fresh()), None),
        "GET /v1/s/{token}" => Sample::of("/v1/s/forged", None),
        "POST /v1/s/{token}" => Sample::of("/v1/s/forged", Some(mark)),
        "POST /v1/s/{token}/stop" => Sample::of("/v1/s/forged/stop", None),
        _ => return None,
    })
}
