//! Pages for people: the contract to try out, and the list of errors. They need no other network.

use actix_web::{HttpResponse, web};
use naryad_domain::Code;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::problem;

pub(crate) fn pages(config: &mut web::ServiceConfig) {
    config
        .route("/docs/errors", web::get().to(errors))
        .service(web::redirect("/docs", "/docs/"))
        .service(SwaggerUi::new("/docs/{_:.*}").config(Config::from("/openapi.yaml")));
}

async fn errors() -> HttpResponse {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Naryad: errors</title>\
         <style>body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}\
         table{border-collapse:collapse}td,th{text-align:left;padding:.3em .8em;border-bottom:1px solid #ccc}\
         :target{background:#ffd}</style><h1>Errors</h1><table>\
         <tr><th>code<th>status<th>what happened<th>what to do",
    );
    for code in Code::ALL {
        let (name, status) = (code.name(), problem::status(*code).as_u16());
        let (title, remedy) = (code.title(), code.remedy());
        page.push_str(&format!(
            "<tr id=\"{name}\"><td><code>{name}</code><td>{status}<td>{title}<td>{remedy}"
        ));
    }
    page.push_str("</table>");
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page)
}
