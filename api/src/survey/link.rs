//! A question answered by its link, without signing in. Looking changes nothing: those who make previews of links look too.

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, get, http::header, post, web};
use bytes::Bytes;
use naryad_domain::{
    Code, Error, Result,
    survey::{self, Answer as SurveyAnswer, AnswerByLink, Answered, SurveyPage, silence::StopByLink},
};
use serde_json::{Map, Value};

use super::page;
use crate::{
    extract::{self, Language},
    problem::{self, Answer},
    routes::Routes,
    state::State,
};

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(survey_page).add(survey_answer).add(survey_stop);
}

/// A form has no more than this, in bytes.
const LIMIT: usize = 16 * 1024;

/// Nobody on the way keeps it, and nothing of it is told to anybody else.
fn private(mut response: HttpResponseBuilder) -> HttpResponseBuilder {
    response
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header(("x-robots-tag", "noindex"));
    response
}

fn html(status: actix_web::http::StatusCode, body: String) -> HttpResponse {
    private(HttpResponse::build(status))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .content_type("text/html; charset=utf-8")
        .body(body)
}

/// Whether a person looks, with a browser.
fn wants_page(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// A refusal, as whoever asked can read it.
fn refused(request: &HttpRequest, language: Language, error: Error) -> Answer {
    if !wants_page(request) || matches!(error.code(), Code::Internal | Code::Unavailable) {
        return Err(error.into());
    }
    Ok(html(problem::status(error.code()), page::refusal(error.code(), language.0)))
}

/// What is asked; as a page for people where `Accept` names `text/html`. It changes nothing.
#[utoipa::path(
    tag = "surveys",
    security(()),
    params(("token" = String, Path, description = "What the link holds.")),
    responses((status = 200, description = "What is asked", content(
        (SurveyPage = "application/json"), (String = "text/html"),
    ))),
)]
#[get("/v1/s/{token}")]
async fn survey_page(
    app: State,
    token: web::Path<String>,
    request: HttpRequest,
    language: Language,
) -> Answer {
    let (reader, now) = (app.db.reader(), app.clock().now());
    let shown = async {
        let (_, invitation) = survey::open(&reader, &app.survey_links(), &token, now).await?;
        SurveyPage::of(&reader, &invitation, language.0, now).await
    };
    match shown.await {
        Ok(asked) if wants_page(&request) => {
            Ok(html(actix_web::http::StatusCode::OK, page::question(&asked, &token, language.0)))
        }
        Ok(asked) => Ok(private(HttpResponse::Ok()).json(asked)),
        Err(error) => refused(&request, language, error),
    }
}

/// Answers, once; JSON, or the form of the page.
#[utoipa::path(
    tag = "surveys",
    security(()),
    params(
        ("token" = String, Path, description = "What the link holds."),
        ("Idempotency-Key" = Option<String>, Header, description = "Not needed: it is answered once."),
    ),
    request_body(content((SurveyAnswer = "application/json"), (SurveyAnswer = "application/x-www-form-urlencoded"))),
    responses((status = 200, description = "What it did", content(
        (Answered = "application/json"), (String = "text/html"),
    ))),
)]
#[post("/v1/s/{token}")]
async fn survey_answer(
    app: State,
    token: web::Path<String>,
    request: HttpRequest,
    body: web::Payload,
    language: Language,
) -> Answer {
    let answered = async {
        let (scope, invitation) =
            survey::open(&app.db.reader(), &app.survey_links(), &token, app.clock().now()).await?;
        let body = body
            .to_bytes_limited(LIMIT)
            .await
            .map_err(|_| Error::new(Code::TooLarge, Code::TooLarge.title()).with("limit", LIMIT))?;
        let body = body.map_err(|cause| Error::new(Code::Malformed, cause.to_string()))?;
        let answer = read(&request, &body)?;
        app.db.write(scope, AnswerByLink { invitation: invitation.id, answer }).await
    };
    match answered.await {
        Ok(_) if wants_page(&request) => Ok(html(actix_web::http::StatusCode::OK, page::thanks(language.0))),
        Ok(answered) => Ok(private(HttpResponse::Ok()).json(answered)),
        Err(error) => refused(&request, language, error),
    }
}

/// «Do not ask me».
#[utoipa::path(
    tag = "surveys",
    security(()),
    params(
        ("token" = String, Path, description = "What the link holds."),
        ("Idempotency-Key" = Option<String>, Header, description = "Not needed: once more is the same."),
    ),
    responses(
        (status = 200, description = "He is not asked any more, for people", body = String, content_type = "text/html"),
        (status = 204, description = "He is not asked any more"),
    ),
)]
#[post("/v1/s/{token}/stop")]
async fn survey_stop(
    app: State,
    token: web::Path<String>,
    request: HttpRequest,
    language: Language,
) -> Answer {
    let stopped = async {
        let (scope, invitation) =
            survey::open(&app.db.reader(), &app.survey_links(), &token, app.clock().now()).await?;
        app.db.write(scope, StopByLink { invitation: invitation.id }).await
    };
    match stopped.await {
        Ok(()) if wants_page(&request) => {
            Ok(html(actix_web::http::StatusCode::OK, page::silence(language.0)))
        }
        Ok(()) => Ok(private(HttpResponse::NoContent()).finish()),
        Err(error) => refused(&request, language, error),
    }
}

/// Reads an answer as it came.
fn read(request: &HttpRequest, body: &Bytes) -> Result<SurveyAnswer> {
    use actix_web::HttpMessage as _;
    match request.content_type().trim().to_ascii_lowercase().as_str() {
        "application/json" => {
            let value: Value = serde_json::from_slice(body)
                .map_err(|cause| Error::new(Code::Malformed, cause.to_string()))?;
            extract::from_value(&value)
        }
        "application/x-www-form-urlencoded" => extract::from_value(&form(body)),
        _ => Err(Error::new(Code::UnsupportedMedia, Code::UnsupportedMedia.title())),
    }
}

/// The fields of a form as JSON: what is empty was not given.
fn form(body: &[u8]) -> Value {
    let mut fields = Map::new();
    let mut reasons = Vec::new();
    for (name, value) in form_urlencoded::parse(body) {
        if value.trim().is_empty() {
            continue;
        }
        let value = match (&*name, value.parse::<i64>(), &*value) {
            ("reasons", ..) => {
                reasons.push(Value::String(value.into_owned()));
                continue;
            }
            ("mark", Ok(mark), _) => mark.into(),
            ("done", _, "true") => true.into(),
            ("done", _, "false") => false.into(),
            _ => Value::String(value.into_owned()),
        };
        fields.insert(name.into_owned(), value);
    }
    fields.insert("reasons".to_owned(), reasons.into());
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_form_is_read_as_json() {
        let read = form("mark=2&reasons=dirt&reasons=late&comment=%D0%90+%3Cb%3E&done=".as_bytes());
        assert_eq!(read, json!({ "mark": 2, "reasons": ["dirt", "late"], "comment": "А <b>" }));
        assert_eq!(form(b"done=false"), json!({ "done": false, "reasons": [] }));
        assert_eq!(form(b"mark=two"), json!({ "mark": "two", "reasons": [] }));
    }
}
