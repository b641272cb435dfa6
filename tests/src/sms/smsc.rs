//! SMSC, answering in JSON (`fmt=3`): always with 200, and with an error inside where there is one.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Bytes, Data},
};
use serde_json::{Value, json};

use super::{
    Dialect, LOGIN, SECRET, SENDER, Sent, Take,
    book::{Desk, Kept},
    request::{self, Fields},
};

const COMMON: [&str; 4] = ["login", "psw", "fmt", "charset"];

pub(super) fn error(code: i64, words: &str) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "error": words, "error_code": code }))
}

pub(super) fn taken(sent: &Sent) -> HttpResponse {
    let id: Value = sent.reference.parse::<u32>().map_or_else(|_| json!(sent.reference), |id| json!(id));
    let mut answer = HttpResponse::Ok().json(json!({ "id": id, "cnt": 1 }));
    answer.extensions_mut().insert(Kept);
    answer
}

/// The fields of who may ask, or the answer to who may not.
fn enter(
    desk: &Desk,
    request: &HttpRequest,
    body: &[u8],
    needed: &[&str],
    possible: &[&str],
) -> Result<Fields, Box<HttpResponse>> {
    let needed = [&COMMON, needed].concat();
    let checked = request::form(request, body, &needed, possible).and_then(|fields| {
        match (&*fields["fmt"], &*fields["charset"]) {
            ("3", "utf-8") => Ok(fields),
            other => Err(format!("fmt and charset are {other:?}")),
        }
    });
    let fields = checked.map_err(|complaint| {
        desk.complain(complaint);
        Box::new(error(1, "parameters error"))
    })?;
    if fields["login"] == LOGIN && fields["psw"] == SECRET {
        Ok(fields)
    } else {
        Err(Box::new(error(2, "authorise error")))
    }
}

pub(super) async fn send(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    desk.book().asked += 1;
    let fields = match enter(&desk, &request, &body, &["phones", "mes", "id"], &["sender"]) {
        Ok(fields) => fields,
        Err(refusal) => return *refusal,
    };
    if let Err(complaint) = check(&fields) {
        desk.complain(complaint);
        return error(1, "parameters error");
    }
    if fields.get("sender").is_some_and(|sender| sender != SENDER) {
        return error(6, "message is denied");
    }
    let own = |name: &str| fields.get(name).cloned();
    let take = Take {
        dialect: Dialect::Smsc,
        name: own("id"),
        to: own("phones").unwrap_or_default(),
        text: own("mes").unwrap_or_default(),
        sender: own("sender"),
    };
    desk.take(take).await
}

fn check(fields: &Fields) -> Result<(), String> {
    request::phone(&fields["phones"])?;
    let id = &fields["id"];
    if !id.parse::<i32>().is_ok_and(|number| number >= 1) {
        return Err(format!("the id `{id}`"));
    }
    match fields["mes"].chars().count() {
        0..=1000 => Ok(()),
        more => Err(format!("{more} characters are too many")),
    }
}

pub(super) async fn status(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let fields = match enter(&desk, &request, &body, &["phone", "id"], &[]) {
        Ok(fields) => fields,
        Err(refusal) => return *refusal,
    };
    if let Err(complaint) = request::phone(&fields["phone"]) {
        desk.complain(complaint);
        return error(1, "parameters error");
    }
    let said = match desk.find(Dialect::Smsc, &fields["id"], Some(&fields["phone"])) {
        Some(sent) => json!({
            "status": sent.status, "last_date": "02.03.2026 09:00:00", "last_timestamp": sent.at.timestamp(),
        }),
        None => json!({ "status": -3, "id": fields["id"], "phone": fields["phone"] }),
    };
    HttpResponse::Ok().json(said)
}

pub(super) async fn balance(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    match enter(&desk, &request, &body, &[], &[]) {
        Ok(_) => HttpResponse::Ok().json(json!({ "balance": "286.55" })),
        Err(refusal) => *refusal,
    }
}
