//! A letter as the recipient reads it (RFC 5322, RFC 2045, RFC 2047), and what is wrong with one.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};

/// A letter that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The sender on the envelope.
    pub from: String,
    /// The recipient on the envelope.
    pub to: String,
    /// Its `Message-ID`, without the brackets.
    pub message_id: String,
    /// When it says it was written.
    pub date: DateTime<Utc>,
    /// The name of the sender, if it has one.
    pub from_name: String,
    /// Its subject.
    pub subject: String,
    /// Its text, with `\n`.
    pub text: String,
}

/// These and no others, once each.
const HEADERS: [&str; 9] = [
    "auto-submitted",
    "content-transfer-encoding",
    "content-type",
    "date",
    "from",
    "message-id",
    "mime-version",
    "subject",
    "to",
];

/// Reads a letter.
pub(super) fn read(from: &str, to: &str, bytes: &[u8]) -> Result<Received, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("no empty line after the headers")?;
    let headers = headers(head)?;
    let mut names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    if names != HEADERS {
        return Err(format!("the headers are {names:?}"));
    }
    let header = |name: &str| {
        let found = headers.iter().find(|(one, _)| one == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    if (header("mime-version"), header("auto-submitted")) != ("1.0", "auto-generated") {
        return Err("another MIME, or submitted by hand".to_owned());
    }
    if !header("content-type").eq_ignore_ascii_case("text/plain; charset=utf-8") {
        return Err(format!("the type {}", header("content-type")));
    }
    let (from_name, address) = mailbox(header("from"))?;
    if address != from {
        return Err("From and envelope differ".to_owned());
    }
    if mailbox(header("to"))? != (String::new(), to.to_owned()) {
        return Err("To and envelope differ".to_owned());
    }
    let message_id = header("message-id").strip_prefix('<').and_then(|id| id.strip_suffix('>'));
    let message_id = message_id
        .filter(|id| id.split_once('@').is_some_and(|(one, two)| !one.is_empty() && !two.is_empty()));
    let date = DateTime::parse_from_rfc2822(header("date")).map_err(|error| error.to_string())?;
    Ok(Received {
        from: from.to_owned(),
        to: to.to_owned(),
        message_id: message_id.ok_or("no Message-ID")?.to_owned(),
        date: date.to_utc(),
        from_name,
        subject: words(header("subject"))?,
        text: decoded(header("content-transfer-encoding"), body)?.replace("\r\n", "\n"),
    })
}

/// Names in small letters, and unfolded values.
fn headers(head: &str) -> Result<Vec<(String, String)>, String> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in head.split("\r\n") {
        if !line.is_ascii() {
            return Err("a header beyond ASCII".to_owned());
        }
        if let (Some((_, value)), true) = (headers.last_mut(), line.starts_with([' ', '\t'])) {
            value.push_str(line);
            continue;
        }
        let (name, value) = line.split_once(':').ok_or("a header without a colon")?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("a header without a name".to_owned());
        }
        headers.push((name.to_ascii_lowercase(), value.trim_start().to_owned()));
    }
    Ok(headers)
}

/// Name and address.
fn mailbox(text: &str) -> Result<(String, String), String> {
    match text.trim().rsplit_once('<') {
        Some((name, address)) => {
            let address = address.strip_suffix('>').ok_or("a mailbox that does not end")?;
            Ok((words(name.trim().trim_matches('"'))?, address.to_owned()))
        }
        None => Ok((String::new(), text.trim().to_owned())),
    }
}

/// Encoded words and plain ones; the white space between two encoded ones is none.
fn words(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    let mut after_encoded = false;
    while let Some((before, tail)) = rest.split_once("=?") {
        if !(after_encoded && before.trim().is_empty()) {
            out.push_str(before);
        }
        let parts: Vec<&str> = tail.splitn(4, '?').collect();
        let [charset, encoding, word, end] = parts[..] else { return Err("half an encoded word".to_owned()) };
        rest = end.strip_prefix('=').ok_or("an encoded word that does not end")?;
        if !charset.eq_ignore_ascii_case("utf-8") {
            return Err(format!("the charset {charset}"));
        }
        let length = charset.len() + encoding.len() + word.len() + 6;
        if length > 75 {
            return Err(format!("an encoded word of {length} characters"));
        }
        let bytes = match encoding {
            "b" | "B" => BASE64_STANDARD.decode(word).map_err(|error| error.to_string())?,
            "q" | "Q" => quoted(&word.replace('_', " "))?,
            _ => return Err(format!("the encoding {encoding}")),
        };
        out.push_str(&String::from_utf8(bytes).map_err(|error| error.to_string())?);
        after_encoded = true;
    }
    out.push_str(rest);
    Ok(out)
}

fn decoded(encoding: &str, body: &str) -> Result<String, String> {
    let bytes = match encoding.to_ascii_lowercase().as_str() {
        "7bit" => body.as_bytes().to_vec(),
        "base64" => {
            let text: String = body.split_ascii_whitespace().collect();
            BASE64_STANDARD.decode(text).map_err(|error| error.to_string())?
        }
        "quoted-printable" => quoted(&body.replace("=\r\n", ""))?,
        other => return Err(format!("the encoding {other}")),
    };
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

fn quoted(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'=' {
            out.push(byte);
            continue;
        }
        let digits = [bytes.next().unwrap_or_default(), bytes.next().unwrap_or_default()];
        let mut value = [0];
        hex::decode_to_slice(digits, &mut value).map_err(|_| "a quoted byte that is none".to_owned())?;
        out.push(value[0]);
    }
    Ok(out)
}
