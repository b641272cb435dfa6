//! The contract: `openapi.yaml`, held against every request and answer that a story sees.

mod closed;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

/// The content type of an error (RFC 9457).
pub const PROBLEM: &str = "application/problem+json";

/// The contract of the workspace: `openapi.yaml`, or the file that `NARYAD_OPENAPI` names.
pub fn contract() -> &'static Contract {
    static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
        let path = std::env::var("NARYAD_OPENAPI")
            .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi.yaml").to_owned());
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{path}: {error}; `make openapi` writes it from the code"));
        Contract::parse(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
    });
    &CONTRACT
}

/// What the service promises about its paths, answers and bodies.
#[derive(Debug)]
pub struct Contract {
    spec: Value,
    /// Path templates split at `/`, with the template itself.
    templates: Vec<(Vec<String>, String)>,
    /// Compiled schemas by JSON pointer.
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
}

/// An answer as it came from the wire.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Method in capitals.
    pub method: &'a str,
    /// Path without the query.
    pub path: &'a str,
    /// Status code.
    pub status: u16,
    /// Content type with its parameters, if there was one.
    pub content_type: Option<&'a str>,
    /// Body; `None` when it is a stream that was not read.
    pub body: Option<&'a [u8]>,
}

/// A request that the service accepted.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// Method in capitals.
    pub method: &'a str,
    /// Path without the query.
    pub path: &'a str,
    /// Names of the query parameters that were sent.
    pub query: &'a [String],
    /// Content type with its parameters, if there was a body.
    pub content_type: Option<&'a str>,
    /// Body.
    pub body: &'a [u8],
}

impl Contract {
    /// Reads an OpenAPI 3.1 document.
    ///
    /// # Errors
    /// It is not YAML, or has no `paths`.
    pub fn parse(yaml: &str) -> Result<Self, String> {
        let spec: Value =
            serde_norway::from_str(yaml).map_err(|error| format!("not readable as YAML: {error}"))?;
        let paths = spec.get("paths").and_then(Value::as_object).ok_or("the document has no `paths`")?;
        let mut templates: Vec<_> = paths.keys().map(|path| (split(path), path.clone())).collect();
        // A literal segment beats a parameter, so `/v1/slots/search` is never taken for `/v1/slots/{id}`.
        templates.sort_by_key(|(segments, _)| {
            segments.iter().map(|segment| is_parameter(segment)).collect::<Vec<_>>()
        });
        Ok(Self { spec, templates, compiled: Mutex::default() })
    }

    /// Every documented operation, as `GET /v1/tickets/{id}`, sorted.
    pub fn operations(&self) -> BTreeSet<String> {
        let methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
        let mut found = BTreeSet::new();
        for (_, template) in &self.templates {
            for method in methods {
                if self.spec["paths"][template].get(method).is_some() {
                    found.insert(format!("{} {template}", method.to_uppercase()));
                }
            }
        }
        found
    }

    /// Holds an answer against the contract: path, method, status, content type and body must be documented.
    ///
    /// # Errors
    /// Every mismatch, in words.
    pub fn check_answer(&self, seen: Seen<'_>) -> Result<(), Vec<String>> {
        let (operation, pointer) = self.operation(seen.method, seen.path).map_err(|error| vec![error])?;
        let at = format!("{} {} {}", seen.method, seen.path, seen.status);
        let (response, pointer) = documented_status(operation, &pointer, seen.status)
            .ok_or_else(|| vec![format!("{at}: this status is not documented")])?;
        let (response, pointer) = self.resolve(response, pointer);
        let content =
            response.get("content").and_then(Value::as_object).filter(|content| !content.is_empty());
        if matches!(seen.status, 204 | 304) && seen.body.is_some_and(|body| !body.is_empty()) {
            return Err(vec![format!("{at}: this status has no body, but one came")]);
        }
        let bodiless = seen.method == "HEAD" || seen.body.is_some_and(<[u8]>::is_empty);
        let Some(content) = content else {
            return if bodiless {
                Ok(())
            } else {
                Err(vec![format!("{at}: a body came, but none is documented")])
            };
        };
        if bodiless {
            // A 304 repeats the headers of the answer it stands for, without its body.
            let fine =
                seen.method == "HEAD" || seen.status == 304 || content.keys().all(|kind| !is_json(kind));
            return if fine {
                Ok(())
            } else {
                Err(vec![format!("{at}: a body is documented, but none came")])
            };
        }
        let kind = seen.content_type.map(essence).unwrap_or_default();
        let problem = seen.status >= 400;
        if problem && kind != PROBLEM {
            return Err(vec![format!("{at}: an error must be {PROBLEM}, this is `{kind}`")]);
        }
        let Some(documented) = content.keys().find(|documented| kind_matches(documented, &kind)) else {
            let known: Vec<_> = content.keys().cloned().collect();
            return Err(vec![format!(
                "{at}: content type `{kind}` is not documented (known: {})",
                known.join(", ")
            )]);
        };
        let Some(body) = seen.body.filter(|_| is_json(&kind)) else { return Ok(()) };
        let value: Value = match serde_json::from_slice(body) {
            Ok(value) => value,
            Err(error) => return Err(vec![format!("{at}: the body is not JSON: {error}")]),
        };
        let pointer = format!("{pointer}/content/{}/schema", escape(documented));
        let mut wrong =
            self.check_value(&pointer, &value, if problem { Members::Any } else { Members::Documented });
        if problem {
            wrong.extend(self.check_code(&pointer, &value));
        }
        finish(&at, wrong)
    }

    /// Holds a request that was accepted against the contract: what works must be what is documented.
    ///
    /// # Errors
    /// Every mismatch, in words.
    pub fn check_request(&self, sent: Sent<'_>) -> Result<(), Vec<String>> {
        let (operation, pointer) = self.operation(sent.method, sent.path).map_err(|error| vec![error])?;
        let at = format!("{} {} was accepted", sent.method, sent.path);
        let known = self.query_parameters(operation, &pointer);
        let mut wrong: Vec<String> = sent
            .query
            .iter()
            .filter(|name| !known.contains(*name))
            .map(|name| format!("the query parameter `{name}` is not documented"))
            .collect();
        if sent.body.is_empty() {
            return finish(&at, wrong);
        }
        let Some(body) = operation.get("requestBody") else {
            wrong.push("a body was sent, but none is documented".to_owned());
            return finish(&at, wrong);
        };
        let (body, pointer) = self.resolve(body, format!("{pointer}/requestBody"));
        let kind = sent.content_type.map(essence).unwrap_or_default();
        let content = body.get("content").and_then(Value::as_object);
        let Some(documented) =
            content.and_then(|content| content.keys().find(|documented| kind_matches(documented, &kind)))
        else {
            wrong.push(format!("the content type `{kind}` of the request is not documented"));
            return finish(&at, wrong);
        };
        if is_json(&kind) {
            match serde_json::from_slice(sent.body) {
                Ok(value) => {
                    let pointer = format!("{pointer}/content/{}/schema", escape(documented));
                    wrong.extend(self.check_value(&pointer, &value, Members::Documented));
                }
                Err(error) => wrong.push(format!("the body is not JSON: {error}")),
            }
        }
        finish(&at, wrong)
    }

    fn operation(&self, method: &str, path: &str) -> Result<(&Value, String), String> {
        let segments = split(path);
        let mut allowed = false;
        for (template, name) in &self.templates {
            if !matches_template(template, &segments) {
                continue;
            }
            allowed = true;
            let method = method.to_lowercase();
            if let Some(operation) = self.spec["paths"][name].get(&method) {
                return Ok((operation, format!("/paths/{}/{method}", escape(name))));
            }
        }
        let reason = if allowed { "the method is not documented" } else { "the path is not documented" };
        Err(format!("{method} {path}: {reason}"))
    }

    fn query_parameters(&self, operation: &Value, pointer: &str) -> BTreeSet<String> {
        let path =
            pointer.rsplit_once('/').and_then(|(path, _)| self.spec.pointer(path)).unwrap_or(&Value::Null);
        let lists = [operation, path].map(|holder| holder.get("parameters").and_then(Value::as_array));
        let parameters = lists.into_iter().flatten().flatten();
        parameters
            .map(|parameter| self.resolve(parameter, String::new()).0)
            .filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| Some(parameter["name"].as_str()?.to_owned()))
            .collect()
    }

    fn resolve<'a>(&'a self, value: &'a Value, pointer: String) -> (&'a Value, String) {
        let (mut value, mut pointer) = (value, pointer);
        while let Some(target) =
            value.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'))
        {
            let Some(next) = self.spec.pointer(target) else { break };
            (value, pointer) = (next, target.to_owned());
        }
        (value, pointer)
    }

    fn check_value(&self, pointer: &str, value: &Value, members: Members) -> Vec<String> {
        let validator = match self.validator(pointer, members) {
            Ok(validator) => validator,
            Err(error) => return vec![error],
        };
        validator.iter_errors(value).map(|error| format!("at `{}`: {error}", error.instance_path())).collect()
    }

    fn validator(&self, pointer: &str, members: Members) -> Result<Arc<Validator>, String> {
        let key = format!("{members:?} {pointer}");
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = compiled.get(&key) {
            return Ok(Arc::clone(validator));
        }
        let schema = self.spec.pointer(pointer).ok_or_else(|| format!("no schema stands at {pointer}"))?;
        let components = self.spec.get("components").cloned().unwrap_or_else(|| json!({}));
        let document = match members {
            Members::Any => json!({ "allOf": [schema], "components": components }),
            Members::Documented => closed::document(schema, &components),
        };
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true)
            .offline()
            .build(&document)
            .map_err(|error| format!("the schema at {pointer} does not compile: {error}"))?;
        let validator = Arc::new(validator);
        compiled.insert(key, Arc::clone(&validator));
        Ok(validator)
    }

    fn check_code(&self, pointer: &str, problem: &Value) -> Vec<String> {
        let schema = self.spec.pointer(pointer).unwrap_or(&Value::Null);
        let codes = self.codes_of(schema);
        let Some(code) = problem.get("code").and_then(Value::as_str) else {
            return vec!["the problem has no `code`".to_owned()];
        };
        if codes.is_empty() {
            return vec!["the documented problem does not list its codes as an enum".to_owned()];
        }
        if codes.contains(code) {
            Vec::new()
        } else {
            vec![format!("the code `{code}` is not in the documented list")]
        }
    }

    fn codes_of(&self, schema: &Value) -> BTreeSet<String> {
        let (schema, _) = self.resolve(schema, String::new());
        let mut codes = BTreeSet::new();
        if let Some(code) = schema.pointer("/properties/code") {
            let (code, _) = self.resolve(code, String::new());
            codes.extend(code["const"].as_str().map(str::to_owned));
            codes.extend(
                code["enum"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|name| Some(name.as_str()?.to_owned())),
            );
        }
        for word in ["allOf", "oneOf", "anyOf"] {
            for part in schema[word].as_array().into_iter().flatten() {
                codes.extend(self.codes_of(part));
            }
        }
        codes
    }
}

/// Which members an object may have.
#[derive(Debug, Clone, Copy)]
enum Members {
    /// Those the schema tolerates; problems carry extension members.
    Any,
    /// Only those the schema names: an undocumented field is a mismatch.
    Documented,
}

fn finish(at: &str, wrong: Vec<String>) -> Result<(), Vec<String>> {
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.into_iter().map(|line| format!("{at}: {line}")).collect())
    }
}

fn split(path: &str) -> Vec<String> {
    path.split('/').map(str::to_owned).collect()
}

fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{') && segment.ends_with('}')
}

fn matches_template(template: &[String], segments: &[String]) -> bool {
    template.len() == segments.len()
        && template
            .iter()
            .zip(segments)
            .all(|(template, segment)| template == segment || (is_parameter(template) && !segment.is_empty()))
}

fn documented_status<'a>(operation: &'a Value, pointer: &str, status: u16) -> Option<(&'a Value, String)> {
    let class = status / 100;
    [status.to_string(), format!("{class}XX"), format!("{class}xx"), "default".to_owned()]
        .into_iter()
        .find_map(|key| Some((operation.get("responses")?.get(&key)?, format!("{pointer}/responses/{key}"))))
}

fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_lowercase()
}

fn kind_matches(documented: &str, kind: &str) -> bool {
    let documented = essence(documented);
    documented == kind
        || documented == "*/*"
        || documented.strip_suffix("/*").is_some_and(|class| kind.split('/').next() == Some(class))
}

fn is_json(kind: &str) -> bool {
    let kind = essence(kind);
    kind == "application/json" || kind.ends_with("+json")
}

#[cfg(test)]
mod tests;
