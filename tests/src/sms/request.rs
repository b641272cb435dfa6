//! How the gateways are asked, whatever the dialect.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest,
    http::{Method, header::CONTENT_TYPE},
};

/// The fields of a form.
pub(super) type Fields = BTreeMap<String, String>;

/// A POST with everything in its body, of this type.
pub(super) fn check(request: &HttpRequest, kind: &str) -> Result<(), String> {
    if request.method() != Method::POST {
        return Err(format!("{} {}", request.method(), request.path()));
    }
    if !request.query_string().is_empty() {
        return Err(format!("the address of {} has a query: it stands in every log", request.path()));
    }
    let said = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if said != Some(kind) {
        return Err(format!("{} came as {said:?}", request.path()));
    }
    Ok(())
}

/// The fields of a form in UTF-8; each stands there once, is known, and the needed ones are there.
pub(super) fn form(
    request: &HttpRequest,
    body: &[u8],
    needed: &[&str],
    possible: &[&str],
) -> Result<Fields, String> {
    check(request, "application/x-www-form-urlencoded")?;
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    // A form is the query of an address.
    let url = reqwest::Url::parse(&format!("http://form/?{text}")).map_err(|error| error.to_string())?;
    let mut fields = Fields::new();
    for (name, value) in url.query_pairs() {
        // What was no UTF-8 has become this.
        if value.contains('\u{fffd}') {
            return Err(format!("`{name}` is no UTF-8"));
        }
        if fields.insert(name.to_string(), value.into_owned()).is_some() {
            return Err(format!("`{name}` stands there twice"));
        }
    }
    if let Some(missing) = needed.iter().find(|name| fields.get(**name).is_none_or(String::is_empty)) {
        return Err(format!("`{missing}` is missing"));
    }
    let known = |name: &&String| needed.contains(&name.as_str()) || possible.contains(&name.as_str());
    match fields.keys().find(|name| !known(name)) {
        Some(strange) => Err(format!("`{strange}` is no parameter")),
        None => Ok(fields),
    }
}

/// A phone in digits, as all of them take it.
pub(super) fn phone(text: &str) -> Result<(), String> {
    // No country is called 89: that is a Russian phone without its country.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with("89");
    let long = if text.starts_with('7') { text.len() == 11 } else { (10..=15).contains(&text.len()) };
    // The phone itself does not belong into a log.
    if digits && long { Ok(()) } else { Err(format!("a phone of {} signs is none", text.len())) }
}
