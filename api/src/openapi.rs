//! The contract: assembled from the handlers, completed with what every operation has in common, printed as YAML.

use std::{borrow::Cow, collections::HashMap, sync::OnceLock};

use actix_web::{HttpResponse, get};
use naryad_domain::{Error, Result, error::FieldError};
use serde_json::{Map, Value, json};
use utoipa::PartialSchema;
use utoipa_actix_web::{AppExt, service_config::ServiceConfig};

use crate::{problem, routes::Routes};

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "patch", "head", "options"];

/// The contract as JSON; the same for the whole run of the program.
pub fn contract() -> &'static Value {
    static CONTRACT: OnceLock<Value> = OnceLock::new();
    CONTRACT.get_or_init(assemble)
}

/// The contract as YAML, as `naryad openapi` prints it.
///
/// # Errors
/// It cannot be written as YAML.
pub fn yaml() -> Result<String> {
    let written = serde_norway::to_string(contract()).map_err(Error::internal)?;
    Ok(written.lines().flat_map(|line| [for_older_yaml(line), Cow::Borrowed("\n")]).collect())
}

/// The writer follows YAML 1.2; to the many readers of YAML 1.1 these words are booleans unless they are quoted.
fn for_older_yaml(line: &str) -> Cow<'_, str> {
    let start = line.rfind([' ', '-']).map_or(0, |at| at + 1);
    let (before, word) = line.split_at(start);
    let is_value = before.ends_with(": ") || before.trim_start() == "- ";
    if is_value && ["on", "off", "yes", "no", "y", "n"].contains(&word) {
        return Cow::Owned(format!("{before}'{word}'"));
    }
    Cow::Borrowed(line)
}

/// The contract, for tools and people.
#[utoipa::path(
    tag = "service",
    security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = String, content_type = "application/yaml"))
)]
#[get("/openapi.yaml")]
pub(crate) async fn openapi() -> problem::Answer {
    Ok(HttpResponse::Ok().content_type("application/yaml").body(yaml()?))
}

/// The operation's documented query parameters; none for an operation that is not documented.
pub(crate) fn query_names(method: &str, template: &str) -> &'static [&'static str] {
    type Names = HashMap<&'static str, HashMap<String, Vec<&'static str>>>;
    static NAMES: OnceLock<Names> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let mut names = Names::new();
        for (template, method, operation) in operations(contract()) {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let query = parameters.filter(|parameter| parameter["in"] == "query");
            let query = query.filter_map(|parameter| parameter["name"].as_str()).collect();
            names.entry(template).or_default().insert(method.to_uppercase(), query);
        }
        names
    });
    names.get(template).and_then(|methods| methods.get(method)).map_or(&[], Vec::as_slice)
}

/// The methods that an address takes, if it is documented at all.
pub(crate) fn methods_of(path: &str) -> Option<Vec<String>> {
    let segments: Vec<_> = path.split('/').collect();
    let mut methods: Vec<_> = operations(contract())
        .filter(|(template, _, _)| matches(template, &segments))
        .map(|(_, method, _)| method.to_uppercase())
        .collect();
    methods.sort_unstable();
    methods.dedup();
    (!methods.is_empty()).then_some(methods)
}

fn matches(template: &str, segments: &[&str]) -> bool {
    let mut left = template.split('/');
    let fits = segments.iter().all(|segment| {
        left.next().is_some_and(|part| {
            part == *segment || (part.starts_with('{') && part.ends_with('}') && !segment.is_empty())
        })
    });
    fits && left.next().is_none()
}

fn operations(contract: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = contract["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(template, item)| {
        let operations = item.as_object().into_iter().flatten();
        operations
            .filter(|(method, _)| METHODS.contains(&method.as_str()))
            .map(move |(method, operation)| (template.as_str(), method.as_str(), operation))
    })
}

fn assemble() -> Value {
    let (_, documented) = actix_web::App::new()
        .into_utoipa_app()
        .configure(|config: &mut ServiceConfig<'_>| crate::routes::all(&mut Routes::new(config)))
        .split_for_parts();
    let mut contract = serde_json::to_value(documented).unwrap_or_default();
    contract["info"] = json!({
        "title": "Naryad",
        "description": "Dispatch service of housing management companies: tickets, visits, calendars, the work of \
                        technicians without a network. Errors are explained at `/docs/errors`.",
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        "version": env!("CARGO_PKG_VERSION"),
    });
    contract["security"] = json!([{ "bearer": [] }]);
    let components = &mut contract["components"];
    components["securitySchemes"] = json!({
        "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "Access token." },
    });
    components["responses"] = json!({
        "Problem": {
            "description": "An error; `code` says which.",
            "content": { problem::MEDIA_TYPE: { "schema": { "$ref": "#/components/schemas/Problem" } } },
        },
    });
    components["schemas"]["Problem"] = problem::schema();
    components["schemas"]["FieldError"] =
        serde_json::to_value(<FieldError as PartialSchema>::schema()).unwrap_or_default();
    sort(&mut components["schemas"]);
    for (template, item) in contract["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            complete(template, method, operation);
        }
    }
    sort(&mut contract["paths"]);
    contract
}

/// Adds what every operation of its kind has: identifiers in the path, headers, problems.
fn complete(template: &str, method: &str, operation: &mut Value) {
    let mut parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let documented = |parameters: &[Value], name: &str| parameters.iter().any(|known| known["name"] == name);
    for name in template.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        if !documented(&parameters, name) {
            let schema = json!({ "type": "string", "format": "uuid" });
            parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
        }
    }
    let open = operation["security"].as_array().is_some_and(|list| list.iter().all(|way| *way == json!({})));
    if method == "post" && !open && !documented(&parameters, "Idempotency-Key") {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "The same request under the same key gets the stored answer for 48 hours.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255 },
        }));
    }
    if method == "patch" && !documented(&parameters, "If-Match") {
        parameters.push(json!({
            "name": "If-Match", "in": "header", "required": true,
            "description": "The ETag of the version that is being changed.",
            "schema": { "type": "string" },
        }));
    }
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    let responses = &mut operation["responses"];
    for status in problem::STATUSES {
        let status = status.to_string();
        if responses.get(&status).is_none() {
            responses[status] = json!({ "$ref": "#/components/responses/Problem" });
        }
    }
    sort(responses);
}

/// The same order on every machine, whatever the order of registration.
fn sort(object: &mut Value) {
    if let Value::Object(map) = object {
        let mut entries: Vec<_> = std::mem::take(map).into_iter().collect();
        entries.sort_by(|one, other| one.0.cmp(&other.0));
        *map = Map::from_iter(entries);
    }
}

#[cfg(test)]
mod tests {
    use actix_web::post;
    use naryad_domain::id::TicketId;

    use super::*;
    use crate::extract::{Json, PageQuery, PathId, Query};

    #[test]
    fn every_operation_says_which_problems_it_has_and_what_it_is() {
        let contract = contract();
        assert!(operations(contract).count() > 3);
        for (template, method, operation) in operations(contract) {
            let place = format!("{method} {template}");
            assert_eq!(operation["responses"]["422"]["$ref"], "#/components/responses/Problem", "{place}");
            assert!(
                operation["summary"].as_str().is_some_and(|text| text.len() > 3),
                "{place} has no summary"
            );
            for (status, response) in operation["responses"].as_object().unwrap() {
                let described = response["description"].as_str().is_some_and(|text| !text.is_empty());
                assert!(described || response.get("$ref").is_some(), "{place} {status} has no description");
            }
        }
        let mut names: Vec<_> = operations(contract)
            .map(|(_, _, operation)| operation["operationId"].as_str().unwrap())
            .collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "operation ids are unique");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
            match value {
                Value::Object(map) => {
                    found.extend(map.get("$ref").and_then(Value::as_str));
                    map.values().for_each(|value| walk(value, found));
                }
                Value::Array(list) => list.iter().for_each(|value| walk(value, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        walk(contract(), &mut found);
        for reference in found {
            assert!(contract().pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }

    #[test]
    fn the_contract_in_the_repository_is_what_the_code_says() {
        let committed = include_str!("../../openapi.yaml");
        assert!(committed == yaml().unwrap(), "run `naryad openapi > openapi.yaml`");
    }

    #[test]
    fn words_that_are_booleans_to_an_older_yaml_are_quoted() {
        for (line, expected) in [
            ("- name: on", "- name: 'on'"),
            ("      - off", "      - 'off'"),
            ("  description: not on", "  description: not on"),
            ("  y: 1", "  y: 1"),
            ("- online", "- online"),
        ] {
            assert_eq!(for_older_yaml(line), expected);
        }
        let again: Value = serde_norway::from_str(&yaml().unwrap()).unwrap();
        assert!(again == *contract());
    }

    #[derive(serde::Deserialize, utoipa::ToSchema)]
    struct Order {
        _lines: u32,
    }

    /// Takes everything.
    #[utoipa::path(params(PageQuery), responses((status = 204, description = "Nothing")))]
    #[post("/test/{id}")]
    async fn take_everything(
        _id: PathId<TicketId>,
        page: Query<PageQuery>,
        Json(body): Json<Order>,
    ) -> HttpResponse {
        let _ = (page, body._lines);
        HttpResponse::NoContent().finish()
    }

    #[test]
    fn extractors_document_themselves() {
        let mut operation = serde_json::to_value(<take_everything as utoipa::Path>::operation()).unwrap();
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(schema["$ref"], "#/components/schemas/Order");
        complete("/test/{id}", "post", &mut operation);
        let parameters = operation["parameters"].as_array().unwrap();
        let names: Vec<_> = parameters.iter().map(|parameter| parameter["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["cursor", "limit", "id", "Idempotency-Key"]);
    }

    #[test]
    fn an_address_knows_its_methods() {
        assert_eq!(methods_of("/healthz"), Some(vec!["GET".to_owned()]));
        assert_eq!(methods_of("/v1/jobs/0190/rerun"), Some(vec!["POST".to_owned()]));
        for path in ["/", "", "/healthz/", "/v1/jobs//rerun", "/v1/jobs/0190/rerun/x", "/nothing"] {
            assert_eq!(methods_of(path), None, "{path}");
        }
    }
}
