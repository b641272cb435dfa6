use super::*;

const SPEC: &str = r##"
openapi: 3.1.0
info: { title: tiny, version: "1" }
paths:
  /v1/tickets:
    parameters:
      - { name: limit, in: query, schema: { type: integer } }
    post:
      requestBody:
        content: { application/json: { schema: { $ref: "#/components/schemas/NewTicket" } } }
      responses:
        "201": { description: made, content: { application/json: { schema: { $ref: "#/components/schemas/Ticket" } } } }
        "4XX": { $ref: "#/components/responses/Problem" }
  /v1/tickets/{id}:
    get:
      responses:
        "200": { description: found, content: { application/json: { schema: { $ref: "#/components/schemas/Ticket" } } } }
        "304": { description: same }
        "404": { $ref: "#/components/responses/Problem" }
    delete:
      responses: { "204": { description: gone } }
  /v1/tickets/search:
    get:
      responses: { "200": { description: found, content: { text/csv: {} } } }
  /v1/photos/{id}:
    get:
      responses: { "200": { description: bytes, content: { "image/*": {} } } }
components:
  responses:
    Problem:
      description: an error
      content: { application/problem+json: { schema: { $ref: "#/components/schemas/Problem" } } }
  schemas:
    NewTicket: { type: object, required: [text], properties: { text: { type: string } } }
    Ticket:
      allOf:
        - { $ref: "#/components/schemas/NewTicket" }
        - type: object
          required: [id, state]
          properties:
            id: { type: string, format: uuid }
            state: { type: string, enum: [registered, planned] }
            window: { oneOf: [{ type: "null" }, { $ref: "#/components/schemas/Window" }] }
            extra: { type: object }
    Window:
      oneOf:
        - { type: object, required: [kind], properties: { kind: { const: none } } }
        - type: object
          required: [kind, from]
          properties: { kind: { const: promised }, from: { type: string, format: date-time } }
    Problem:
      type: object
      required: [type, title, status, code]
      properties:
        type: { type: string }
        title: { type: string }
        status: { type: integer }
        code: { $ref: "#/components/schemas/Code" }
    Code: { type: string, enum: [not_found, slot_taken] }
"##;

const ID: &str = "0195a3c0-0000-7000-8000-000000000001";

fn contract() -> Contract {
    Contract::parse(SPEC).unwrap()
}

fn answer(method: &str, path: &str, status: u16, kind: &str, body: &str) -> Result<(), Vec<String>> {
    let kind = Some(kind).filter(|kind| !kind.is_empty());
    contract().check_answer(Seen { method, path, status, content_type: kind, body: Some(body.as_bytes()) })
}

fn ticket(change: impl FnOnce(&mut Value)) -> String {
    let mut ticket = json!({
        "id": ID, "text": "Течёт кран", "state": "registered",
        "window": { "kind": "promised", "from": "2026-03-02T06:00:00Z" }, "extra": { "any": 1 },
    });
    change(&mut ticket);
    ticket.to_string()
}

fn get_ticket(body: &str) -> Result<(), Vec<String>> {
    answer("GET", &format!("/v1/tickets/{ID}"), 200, "application/json; charset=utf-8", body)
}

#[track_caller]
fn refused(outcome: Result<(), Vec<String>>, words: &str) {
    let wrong = outcome.expect_err("a mismatch").join("\n");
    assert!(wrong.contains(words), "`{words}` is not in: {wrong}");
}

#[test]
fn a_documented_answer_passes() {
    get_ticket(&ticket(|_| {})).unwrap();
    get_ticket(&ticket(|ticket| ticket["window"] = json!({ "kind": "none" }))).unwrap();
    get_ticket(&ticket(|ticket| ticket["window"] = Value::Null)).unwrap();
    answer("POST", "/v1/tickets", 201, "application/json", &ticket(|_| {})).unwrap();
    answer("DELETE", &format!("/v1/tickets/{ID}"), 204, "", "").unwrap();
    answer("GET", &format!("/v1/tickets/{ID}"), 304, "", "").unwrap();
    answer("GET", "/v1/photos/1", 200, "image/jpeg", "\u{1}").unwrap();
}

#[test]
fn what_is_not_documented_is_refused() {
    refused(answer("GET", "/v1/ghosts", 200, "application/json", "{}"), "path is not documented");
    refused(answer("PUT", "/v1/tickets", 200, "application/json", "{}"), "method is not documented");
    refused(answer("GET", &format!("/v1/tickets/{ID}"), 500, PROBLEM, "{}"), "status is not documented");
    refused(
        answer("GET", &format!("/v1/tickets/{ID}"), 200, "text/html", "<p>"),
        "`text/html` is not documented",
    );
    refused(answer("DELETE", &format!("/v1/tickets/{ID}"), 204, "", "surprise"), "has no body");
    refused(answer("GET", &format!("/v1/tickets/{ID}"), 200, "application/json", ""), "none came");
    refused(answer("GET", &format!("/v1/tickets/{ID}"), 200, "application/json", "{"), "not JSON");
}

#[test]
fn a_literal_path_beats_a_parameter() {
    answer("GET", "/v1/tickets/search", 200, "text/csv", "a;b").unwrap();
    refused(answer("GET", "/v1/tickets/search", 404, PROBLEM, "{}"), "status is not documented");
}

#[test]
fn a_wrong_body_is_refused() {
    refused(get_ticket(&ticket(|ticket| ticket["state"] = json!("lost"))), "/state");
    refused(get_ticket(&ticket(|ticket| ticket["id"] = json!("7"))), "/id");
    refused(get_ticket(&ticket(|ticket| ticket["window"]["from"] = json!("tomorrow"))), "/window");
    refused(get_ticket(r#"{"id":1}"#), "required");
}

#[test]
fn an_undocumented_member_is_refused_at_any_depth() {
    refused(get_ticket(&ticket(|ticket| ticket["secret"] = json!(1))), "secret");
    refused(get_ticket(&ticket(|ticket| ticket["window"]["secret"] = json!(1))), "/window");
}

#[test]
fn an_error_is_a_problem_with_a_listed_code() {
    let problem =
        |code: &str| json!({ "type": "x", "title": "x", "status": 404, "code": code, "more": 1 }).to_string();
    let path = format!("/v1/tickets/{ID}");
    answer("GET", &path, 404, PROBLEM, &problem("not_found")).unwrap();
    refused(
        answer("GET", &path, 404, PROBLEM, &problem("vanished")),
        "`vanished` is not in the documented list",
    );
    refused(
        answer("GET", &path, 404, "application/json", &problem("not_found")),
        "must be application/problem+json",
    );
    answer("POST", "/v1/tickets", 409, PROBLEM, &problem("slot_taken")).unwrap();
}

#[test]
fn an_accepted_request_must_be_documented() {
    let send = |query: &[String], kind, body: &str| {
        let (method, path, body) = ("POST", "/v1/tickets", body.as_bytes());
        contract().check_request(Sent { method, path, query, content_type: Some(kind), body })
    };
    send(&["limit".to_owned()], "application/json", r#"{"text":"x"}"#).unwrap();
    refused(
        send(&["colour".to_owned()], "application/json", r#"{"text":"x"}"#),
        "`colour` is not documented",
    );
    refused(send(&[], "application/json", r#"{"text":1}"#), "/text");
    refused(send(&[], "application/json", r#"{"text":"x","typo":1}"#), "typo");
    refused(send(&[], "text/plain", "x"), "`text/plain` of the request is not documented");
}

#[test]
fn operations_are_listed() {
    let operations = contract().operations();
    assert!(operations.contains("GET /v1/tickets/{id}"), "{operations:?}");
    assert_eq!(operations.len(), 5);
}
