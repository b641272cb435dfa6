//! SMS Aero, version 2: JSON to `/v2/*` with Basic authorization (<https://smsaero.ru/integration/documentation/api/>).

use naryad_domain::{
    Result,
    channel::{SendError, SmsMessage, SmsStatus, Taken},
};
use reqwest::{Client, RequestBuilder, Url};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    dialect::{Account, Dialect, out_of_shape},
    loose::Loose,
    method,
};
use crate::provider::Answer;

/// The dialect of SMS Aero.
pub(super) struct SmsAero {
    login: String,
    key: String,
    sender: String,
    send: Url,
    status: Url,
    balance: Url,
}

#[derive(Deserialize)]
struct Said {
    success: Option<bool>,
    /// What the old interface says instead.
    result: Option<String>,
    #[serde(default)]
    data: Value,
}

#[derive(Deserialize)]
struct Message {
    id: Option<Loose>,
    status: Option<Loose>,
}

#[derive(Deserialize)]
struct Purse {
    balance: Loose,
}

impl SmsAero {
    pub(super) fn new(account: &Account<'_>) -> Result<Self> {
        Ok(Self {
            login: account.login()?,
            key: account.settings.secret.clone(),
            sender: account.sender()?,
            send: method(&account.base, &["v2", "sms", "send"])?,
            status: method(&account.base, &["v2", "sms", "status"])?,
            balance: method(&account.base, &["v2", "balance"])?,
        })
    }

    fn post(&self, http: &Client, to: &Url, body: &Value) -> RequestBuilder {
        http.post(to.clone()).basic_auth(&self.login, Some(&self.key)).json(body)
    }
}

/// What a success holds.
fn read(answer: &Answer) -> Result<Value, SendError> {
    let said = answer.read::<Said>().filter(|said| said.success.is_some() || said.result.is_some());
    match (answer.status, said) {
        (200, Some(Said { success: Some(true), data, .. })) => Ok(data),
        (401, _) => Err(SendError::Refused("401: the login or the key is wrong".to_owned())),
        (429 | 500.., _) => Err(answer.by_status()),
        (_, Some(said)) => Err(refusal(answer, &said)),
        (200, None) => Err(out_of_shape(answer)),
        (_, None) => Err(answer.by_status()),
    }
}

fn refusal(answer: &Answer, said: &Said) -> SendError {
    let refused = |what: &str| SendError::Refused(format!("{}: {what}", answer.status));
    match (answer.status, said.result.as_deref()) {
        (402, _) | (_, Some("no credits")) => refused("no money is left"),
        (403, _) => refused("the account may not do this"),
        // The fields that are wrong stand there by name.
        _ if said.data.get("number").is_some_and(Value::is_array) => SendError::Dead,
        _ => refused("the request is refused"),
    }
}

fn message(answer: &Answer) -> Result<Message, SendError> {
    let data = read(answer)?;
    serde_json::from_value(data).map_err(|_| out_of_shape(answer))
}

impl Dialect for SmsAero {
    fn send(&self, http: &Client, message: &SmsMessage, to: &str) -> RequestBuilder {
        let body = json!({ "number": to, "text": message.text, "sign": self.sender });
        self.post(http, &self.send, &body)
    }

    fn taken(&self, answer: &Answer) -> Result<Taken, SendError> {
        let id = message(answer)?.id.and_then(|id| id.name());
        let reference = id.ok_or_else(|| out_of_shape(answer))?;
        Ok(Taken { reference: Some(reference) })
    }

    fn ask(&self, http: &Client, _: &str, reference: &str) -> Option<RequestBuilder> {
        let id: u64 = reference.parse().ok()?;
        Some(self.post(http, &self.status, &json!({ "id": id })))
    }

    fn status(&self, answer: &Answer) -> Result<Option<SmsStatus>, SendError> {
        if answer.status == 404 && answer.read::<Said>().is_some_and(|said| said.success == Some(false)) {
            return Ok(Some(SmsStatus::Unknown));
        }
        let code = message(answer)?.status.and_then(|status| status.number());
        let failed = |what: &str| SmsStatus::Failed(what.to_owned());
        Ok(Some(match code.ok_or_else(|| out_of_shape(answer))? {
            // In the line, handed over, waiting for the operator's word, looked at by the gateway.
            0 | 3 | 4 | 8 => SmsStatus::Underway,
            1 => SmsStatus::Delivered,
            2 => failed("undelivered"),
            6 => failed("rejected"),
            _ => return Ok(None),
        }))
    }

    fn look(&self, http: &Client) -> RequestBuilder {
        self.post(http, &self.balance, &json!({}))
    }

    fn balance(&self, answer: &Answer) -> Result<String, SendError> {
        let purse: Option<Purse> = serde_json::from_value(read(answer)?).ok();
        purse.and_then(|purse| purse.balance.money()).ok_or_else(|| out_of_shape(answer))
    }
}

impl std::fmt::Debug for SmsAero {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SmsAero")
    }
}
