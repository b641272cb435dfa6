//! SMS Aero, version 2: JSON in and out, Basic authorization, errors by the status and in the body.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::AUTHORIZATION},
    web::{Bytes, Data},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    Dialect, LOGIN, SECRET, SENDER, Sent, Take,
    book::{Desk, Kept},
    request,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Send {
    number: String,
    text: String,
    sign: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    id: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

pub(super) fn error(status: u16, data: &Value) -> HttpResponse {
    let body = json!({ "success": false, "data": data, "message": "words" });
    HttpResponse::build(StatusCode::from_u16(status).expect("a status")).json(body)
}

fn well(data: &Value) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "success": true, "data": data, "message": null }))
}

pub(super) fn taken(sent: &Sent) -> HttpResponse {
    let mut answer = well(&told(sent));
    answer.extensions_mut().insert(Kept);
    answer
}

fn told(sent: &Sent) -> Value {
    json!({
        "id": sent.reference.parse::<u64>().expect("a number"), "from": sent.sender, "number": sent.to,
        "text": sent.text, "status": sent.status, "extendStatus": "words", "channel": "FREE SIGN", "cost": 5.49,
        "dateCreate": sent.at.timestamp(), "dateSend": sent.at.timestamp(),
    })
}

/// What is asked by who may ask, or the answer to who may not.
fn enter<T: DeserializeOwned>(
    desk: &Desk,
    request: &HttpRequest,
    body: &[u8],
) -> Result<T, Box<HttpResponse>> {
    let complain = |complaint: String| {
        desk.complain(complaint);
        Box::new(error(400, &Value::Null))
    };
    request::check(request, "application/json").map_err(complain)?;
    let said = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let known = format!("Basic {}", BASE64_STANDARD.encode(format!("{LOGIN}:{SECRET}")));
    if said != Some(&*known) {
        return Err(Box::new(error(401, &Value::Null)));
    }
    serde_json::from_slice(body).map_err(|error| complain(error.to_string()))
}

pub(super) async fn send(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    desk.book().asked += 1;
    let Send { number, text, sign } = match enter(&desk, &request, &body) {
        Ok(send) => send,
        Err(refusal) => return *refusal,
    };
    let long = text.chars().count();
    let checked = request::phone(&number).and_then(|()| match long {
        2..=640 => Ok(()),
        _ => Err(format!("a text of {long} characters")),
    });
    if let Err(complaint) = checked {
        desk.complain(complaint);
        return error(400, &json!({ "number": ["words"] }));
    }
    if sign != SENDER {
        return error(400, &json!({ "sign": ["words"] }));
    }
    let take = Take { dialect: Dialect::SmsAero, name: None, to: number, text, sender: Some(sign) };
    desk.take(take).await
}

pub(super) async fn status(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let Ask { id } = match enter(&desk, &request, &body) {
        Ok(ask) => ask,
        Err(refusal) => return *refusal,
    };
    match desk.find(Dialect::SmsAero, &id.to_string(), None) {
        Some(sent) => well(&told(&sent)),
        None => error(404, &Value::Null),
    }
}

pub(super) async fn balance(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    match enter::<Nothing>(&desk, &request, &body) {
        Ok(Nothing {}) => well(&json!({ "balance": 337.03 })),
        Err(refusal) => *refusal,
    }
}
