//! SMSC: forms to `/sys/*.php`, answers in JSON, always with 200 (<https://smsc.ru/api/http/>).

use chrono::TimeDelta;
use naryad_domain::{
    Result,
    channel::{SendError, SmsMessage, SmsStatus, Taken},
};
use reqwest::{Client, RequestBuilder, Url};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    dialect::{Account, Dialect, out_of_shape, refused, unheard_of},
    loose::Loose,
    method,
};
use crate::provider::{Answer, form};

/// The same again is taken again only after this.
const SAME_AGAIN: TimeDelta = TimeDelta::seconds(60);

/// The dialect of SMSC.
pub(super) struct Smsc {
    login: String,
    password: String,
    sender: Option<String>,
    send: Url,
    status: Url,
    balance: Url,
}

#[derive(Deserialize)]
struct Said {
    id: Option<Loose>,
    status: Option<Loose>,
    balance: Option<Loose>,
    error: Option<serde::de::IgnoredAny>,
    error_code: Option<Loose>,
}

impl Smsc {
    pub(super) fn new(account: &Account<'_>) -> Result<Self> {
        let page = |name| method(&account.base, &["sys", name]);
        Ok(Self {
            login: account.login()?,
            password: account.settings.secret.clone(),
            sender: account.settings.sender.clone(),
            send: page("send.php")?,
            status: page("status.php")?,
            balance: page("balance.php")?,
        })
    }

    fn form(&self, http: &Client, to: &Url, own: &[(&str, &str)]) -> RequestBuilder {
        let common = [("login", &*self.login), ("psw", &*self.password), ("fmt", "3"), ("charset", "utf-8")];
        form(http, to, &[&common, own].concat())
    }
}

/// The answer, if it is no error.
fn read(answer: &Answer) -> Result<Said, SendError> {
    if answer.status != 200 {
        return Err(answer.by_status());
    }
    let said: Said = answer.read().ok_or_else(|| out_of_shape(answer))?;
    if said.error.is_none() && said.error_code.is_none() {
        return Ok(said);
    }
    let code = said.error_code.as_ref().and_then(Loose::number);
    Err(code.map_or_else(|| out_of_shape(answer), meaning))
}

fn meaning(code: i64) -> SendError {
    match code {
        1 => refused(code, "the parameters are wrong"),
        2 => refused(code, "the login or the password is wrong"),
        3 => refused(code, "no money is left"),
        // Blocked for a while because of many errors.
        4 => SendError::Busy { retry_after: None },
        5 => refused(code, "the time is wrong"),
        6 => refused(code, "the text or the sender is forbidden"),
        7 => SendError::Dead,
        // The operator, the country or the account may be at fault: the phone may be good.
        8 => refused(code, "it cannot be delivered to this phone"),
        9 => SendError::Busy { retry_after: Some(SAME_AGAIN) },
        _ => unheard_of(code),
    }
}

impl Dialect for Smsc {
    fn send(&self, http: &Client, message: &SmsMessage, to: &str) -> RequestBuilder {
        let id = name(message.id);
        let mut own = vec![("phones", to), ("mes", &*message.text), ("id", &*id)];
        own.extend(self.sender.as_deref().map(|sender| ("sender", sender)));
        self.form(http, &self.send, &own)
    }

    fn taken(&self, answer: &Answer) -> Result<Taken, SendError> {
        let id = read(answer)?.id.and_then(|id| id.name());
        let reference = id.ok_or_else(|| out_of_shape(answer))?;
        Ok(Taken { reference: Some(reference) })
    }

    fn ask(&self, http: &Client, to: &str, reference: &str) -> Option<RequestBuilder> {
        let is_own = reference.parse::<u32>().is_ok();
        is_own.then(|| self.form(http, &self.status, &[("phone", to), ("id", reference)]))
    }

    fn status(&self, answer: &Answer) -> Result<Option<SmsStatus>, SendError> {
        let code = read(answer)?.status.and_then(|status| status.number());
        let failed = |what: &str| SmsStatus::Failed(what.to_owned());
        Ok(Some(match code.ok_or_else(|| out_of_shape(answer))? {
            -3 => SmsStatus::Unknown,
            -2 => failed("stopped"),
            -1 | 0 => SmsStatus::Underway,
            1 | 2 | 4 => SmsStatus::Delivered,
            3 => failed("expired"),
            20 => failed("undeliverable"),
            22 => failed("wrong number"),
            23 => failed("forbidden"),
            24 => failed("no money"),
            25 => failed("unavailable number"),
            _ => return Ok(None),
        }))
    }

    fn look(&self, http: &Client) -> RequestBuilder {
        self.form(http, &self.balance, &[])
    }

    fn balance(&self, answer: &Answer) -> Result<String, SendError> {
        let balance = read(answer)?.balance.and_then(|balance| balance.money());
        balance.ok_or_else(|| out_of_shape(answer))
    }

    fn reference_of(&self, id: Uuid) -> Option<String> {
        Some(name(id))
    }
}

/// The name of a message: a number of 31 bits above 0. Names count together with the phone, so two messages to one phone
/// would have to meet in it.
fn name(id: Uuid) -> String {
    let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(id.as_bytes()));
    let number = u32::from_be_bytes([a, b, c, d]) >> 1;
    number.max(1).to_string()
}

impl std::fmt::Debug for Smsc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Smsc")
    }
}
