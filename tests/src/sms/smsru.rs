//! SMS.ru, answering in JSON (`json=1`): always with 200, a code for the request and one for each phone.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Bytes, Data},
};
use serde_json::{Value, json};

use super::{
    Dialect, SECRET, SENDER, Sent, Take,
    book::{Desk, Kept},
    request::{self, Fields},
};

/// More parts than this are not sent.
const PARTS: usize = 8;
/// Letters of a part of a text that is not Latin.
const PART: usize = 67;

/// The request as a whole is refused.
pub(super) fn error(code: i64) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ERROR", "status_code": code, "status_text": "words" }))
}

/// The request is well; this one phone is refused.
pub(super) fn error_of(phone: &str, code: i64) -> HttpResponse {
    well(phone, &json!({ "status": "ERROR", "status_code": code, "status_text": "words" }))
}

pub(super) fn taken(sent: &Sent) -> HttpResponse {
    let mut answer = well(&sent.to, &json!({ "status": "OK", "status_code": 100, "sms_id": sent.reference }));
    answer.extensions_mut().insert(Kept);
    answer
}

fn well(of: &str, said: &Value) -> HttpResponse {
    let body = json!({ "status": "OK", "status_code": 100, "sms": { (of): said }, "balance": 4122.56 });
    HttpResponse::Ok().json(body)
}

/// The fields of who may ask, or the answer to who may not.
fn enter(
    desk: &Desk,
    request: &HttpRequest,
    body: &[u8],
    needed: &[&str],
    possible: &[&str],
) -> Result<Fields, Box<HttpResponse>> {
    let needed = [&["api_id", "json"], needed].concat();
    let fields = request::form(request, body, &needed, possible).map_err(|complaint| {
        desk.complain(complaint);
        Box::new(error(210))
    })?;
    if fields["json"] != "1" {
        desk.complain("json is not 1".to_owned());
        return Err(Box::new(HttpResponse::Ok().body("100\n")));
    }
    if fields["api_id"] == SECRET { Ok(fields) } else { Err(Box::new(error(200))) }
}

pub(super) async fn send(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    desk.book().asked += 1;
    let fields = match enter(&desk, &request, &body, &["to", "msg"], &["from"]) {
        Ok(fields) => fields,
        Err(refusal) => return *refusal,
    };
    if let Err(complaint) = request::phone(&fields["to"]) {
        desk.complain(complaint);
        return error(202);
    }
    if fields.get("from").is_some_and(|sender| sender != SENDER) {
        return error_of(&fields["to"], 204);
    }
    if fields["msg"].chars().count() > PARTS * PART {
        desk.complain("the text is too long".to_owned());
        return error_of(&fields["to"], 205);
    }
    let own = |name: &str| fields.get(name).cloned();
    let take = Take {
        dialect: Dialect::SmsRu,
        name: None,
        to: own("to").unwrap_or_default(),
        text: own("msg").unwrap_or_default(),
        sender: own("from"),
    };
    desk.take(take).await
}

pub(super) async fn status(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let fields = match enter(&desk, &request, &body, &["sms_id"], &[]) {
        Ok(fields) => fields,
        Err(refusal) => return *refusal,
    };
    let id = &fields["sms_id"];
    match desk.find(Dialect::SmsRu, id, None) {
        Some(sent) => well(id, &json!({ "status": "OK", "status_code": sent.status, "cost": 0.5 })),
        None => error_of(id, -1),
    }
}

pub(super) async fn balance(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    match enter(&desk, &request, &body, &[], &[]) {
        Ok(_) => HttpResponse::Ok().json(json!({ "status": "OK", "status_code": 100, "balance": 4122.56 })),
        Err(refusal) => *refusal,
    }
}
