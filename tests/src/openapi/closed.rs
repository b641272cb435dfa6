//! Closes the schemas of a document: an object may have only the members that its schema names.
//!
//! Without this a wrong documented type passes as long as its members are optional. The closing word
//! (`unevaluatedProperties: false`) is put where a schema is used for a value (a member, an item, the body itself),
//! never inside a component, so that components stay open to `allOf` and flattened variants.

use serde_json::{Value, json};

/// How deep references are followed to see whether a schema names members; deeper ones are left open.
const DEPTH: usize = 16;

/// A schema document for `schema` with the components it refers to, closed.
pub(super) fn document(schema: &Value, components: &Value) -> Value {
    let root = json!({ "components": components });
    let mut closed_components = components.clone();
    if let Some(schemas) = closed_components.get_mut("schemas").and_then(Value::as_object_mut) {
        for schema in schemas.values_mut() {
            *schema = inside(schema, &root);
        }
    }
    json!({ "allOf": [value(schema, &root)], "components": closed_components })
}

/// A schema that stands for a whole value.
fn value(schema: &Value, root: &Value) -> Value {
    let mut closed = inside(schema, root);
    if let Some(words) = closed.as_object_mut()
        && names(schema, root, DEPTH) == Names::Listed
        && !words.contains_key("additionalProperties")
    {
        words.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
    }
    closed
}

/// The schema itself left open, with everything below it closed.
fn inside(schema: &Value, root: &Value) -> Value {
    let Some(words) = schema.as_object() else { return schema.clone() };
    let mut words = words.clone();
    for (word, content) in &mut words {
        match (word.as_str(), content) {
            ("properties", Value::Object(members)) => {
                members.values_mut().for_each(|member| *member = value(member, root));
            }
            ("items" | "additionalProperties", content @ Value::Object(_)) => *content = value(content, root),
            ("prefixItems", Value::Array(items)) => {
                items.iter_mut().for_each(|item| *item = value(item, root));
            }
            ("allOf" | "oneOf" | "anyOf", Value::Array(parts)) => {
                parts.iter_mut().for_each(|part| *part = inside(part, root));
            }
            _ => {}
        }
    }
    Value::Object(words)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// Says nothing about members (a scalar, a list).
    Nothing,
    /// Names the members of an object.
    Listed,
    /// An object of any members, which must stay open.
    Free,
}

fn names(schema: &Value, root: &Value, depth: usize) -> Names {
    let Some(words) = schema.as_object().filter(|_| depth > 0) else { return Names::Free };
    let mut parts = Vec::new();
    if let Some(target) = words.get("$ref").and_then(Value::as_str) {
        let target = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        parts.push(target.map_or(Names::Free, |target| names(target, root, depth - 1)));
    }
    for word in ["allOf", "oneOf", "anyOf"] {
        let list = words.get(word).and_then(Value::as_array);
        parts.extend(list.into_iter().flatten().map(|part| names(part, root, depth - 1)));
    }
    if words.contains_key("properties") {
        parts.push(Names::Listed);
    } else if parts.is_empty() && may_be_object(schema) {
        parts.push(Names::Free);
    }
    if parts.contains(&Names::Free) {
        Names::Free
    } else if parts.contains(&Names::Listed) {
        Names::Listed
    } else {
        Names::Nothing
    }
}

fn may_be_object(schema: &Value) -> bool {
    if schema.get("enum").is_some() || schema.get("const").is_some() {
        return false;
    }
    match schema.get("type") {
        None => true,
        Some(Value::Array(types)) => types.iter().any(|name| name == "object"),
        Some(name) => name == "object",
    }
}
