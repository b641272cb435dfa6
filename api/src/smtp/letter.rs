//! A message as it goes over the wire (RFC 5322, MIME), and who may stand on its envelope.

use std::time::SystemTime;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lettre::{
    Address, Message,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0},
    },
};
use naryad_domain::{
    Error, Result, Time,
    channel::{MailMessage, SendError},
};
use url::Host;

/// A longer address does not fit a command (RFC 5321, section 4.5.3), in bytes.
const LONGEST_ADDRESS: usize = 254;
/// So much of a subject stands in one encoded word, which is no longer than 75 characters, in bytes.
const ENCODED: usize = 45;
/// A longer subject is none, in bytes.
const LONGEST_SUBJECT: usize = 998;

/// Who letters come from.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    mailbox: Mailbox,
}

impl Sender {
    /// Reads `smtp_from`.
    ///
    /// # Errors
    /// `invalid_field`: it is no address.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let refused = || Error::field("smtp_from", "must be an address, or `Name <address>`");
        let Mailbox { name, email } = text.trim().parse().map_err(|_| refused())?;
        let email = on_the_wire(email.as_ref()).ok_or_else(refused)?;
        if name.as_deref().is_some_and(|name| name.chars().any(char::is_control)) {
            return Err(refused());
        }
        Ok(Self { mailbox: Mailbox::new(name, email) })
    }
}

/// A letter and its envelope. It never shows itself.
pub(super) struct Letter {
    pub(super) from: String,
    pub(super) to: String,
    /// ASCII, in lines of at most 998 bytes that end with CRLF.
    pub(super) bytes: Vec<u8>,
}

impl Letter {
    /// Writes a letter. The same message has the same `Message-ID` whenever it is written.
    ///
    /// # Errors
    /// [`SendError::Dead`]: the recipient's address was never one. [`SendError::Refused`]: it cannot be written.
    pub(super) fn write(sender: &Sender, message: &MailMessage, now: Time) -> Result<Self, SendError> {
        let refused = |why: &str| SendError::Refused(why.to_owned());
        if !message.to.is_ascii() && message.to.split('@').next().is_some_and(|name| !name.is_ascii()) {
            return Err(refused("the name in the address has letters beyond ASCII"));
        }
        let to = on_the_wire(&message.to).ok_or(SendError::Dead)?;
        if message.subject.chars().any(char::is_control) || message.subject.len() > LONGEST_SUBJECT {
            return Err(refused("the subject is not one line"));
        }
        let from = &sender.mailbox.email;
        let written = Message::builder()
            .message_id(Some(format!("<{}@{}>", message.id, from.domain())))
            .date(SystemTime::from(now))
            .from(sender.mailbox.clone())
            .to(Mailbox::new(None, to.clone()))
            .raw_header(subject(&message.subject))
            // Nobody's holiday notice answers us (RFC 3834).
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body(plain(&message.text))
            .map_err(|_| refused("the letter cannot be written"))?;
        Ok(Self { from: from.to_string(), to: to.to_string(), bytes: written.formatted() })
    }

    /// The bytes as they follow `DATA`, with their end; `None`: a line would not arrive as it is.
    pub(super) fn stuffed(&self) -> Option<Vec<u8>> {
        stuffed(&self.bytes)
    }
}

/// Lines that begin with a dot get another (RFC 5321, section 4.5.2). A bare CR or LF would let one letter end and another
/// begin in the eyes of some servers.
pub(super) fn stuffed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len() + 8);
    let whole = bytes.strip_suffix(b"\r\n").unwrap_or(bytes);
    let text = std::str::from_utf8(whole).ok().filter(|text| text.is_ascii())?;
    for line in text.split("\r\n") {
        if line.len() > 998 || line.contains(['\r', '\n', '\0']) {
            return None;
        }
        if line.starts_with('.') {
            out.push(b'.');
        }
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    Some(out)
}

/// An address whose domain is written in ASCII; `None`: it is none, or no server would take it in a command.
fn on_the_wire(text: &str) -> Option<Address> {
    let (name, domain) = text.trim().rsplit_once('@')?;
    let Ok(Host::Domain(domain)) = Host::parse(domain) else { return None };
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'"' | b'\\');
    if name.len() + domain.len() >= LONGEST_ADDRESS || !name.bytes().all(plain) {
        return None;
    }
    Address::new(name, domain).ok()
}

/// A subject whose every letter arrives (RFC 2047). The library encodes word by word: it loses white space between two
/// encoded words, and lets through what only looks like one.
fn subject(text: &str) -> HeaderValue {
    let name = HeaderName::new_from_ascii_str("Subject");
    if text.is_ascii() && text.len() <= ENCODED && !text.contains("=?") && text.trim() == text {
        return HeaderValue::dangerous_new_pre_encoded(name, text.to_owned(), text.to_owned());
    }
    let mut words = vec![String::new()];
    for letter in text.chars() {
        match words.last_mut() {
            Some(word) if word.len() + letter.len_utf8() <= ENCODED => word.push(letter),
            _ => words.push(letter.to_string()),
        }
    }
    let words: Vec<_> = words.iter().map(|word| format!("=?utf-8?b?{}?=", STANDARD.encode(word))).collect();
    HeaderValue::dangerous_new_pre_encoded(name, text.to_owned(), words.join("\r\n "))
}

/// Text without what no mail carries: one kind of line break, no other control characters but tabs.
fn plain(text: &str) -> String {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    lines.chars().filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t')).collect()
}
