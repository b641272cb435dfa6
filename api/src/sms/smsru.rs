//! SMS.ru: forms to `/sms/*`, answers in JSON with a code for the request and one for each phone
//! (<https://sms.ru/api/send>).

use chrono::TimeDelta;
use naryad_domain::{
    Result,
    channel::{SendError, SmsMessage, SmsStatus, Taken},
};
use reqwest::{Client, RequestBuilder, Url};
use serde::Deserialize;
use serde_json::Value;

use super::{
    dialect::{Account, Dialect, out_of_shape, refused, unheard_of},
    loose::Loose,
    method,
};
use crate::provider::{Answer, form};

/// It was done.
const WELL: i64 = 100;
/// The same again is taken again only after this.
const SAME_AGAIN: TimeDelta = TimeDelta::seconds(60);

/// The dialect of SMS.ru.
pub(super) struct SmsRu {
    key: String,
    sender: Option<String>,
    send: Url,
    status: Url,
    balance: Url,
}

#[derive(Deserialize)]
struct Said {
    status_code: Loose,
    #[serde(default)]
    sms: Value,
    balance: Option<Loose>,
}

/// What is said of one message.
#[derive(Deserialize)]
struct One {
    status_code: Loose,
    sms_id: Option<Loose>,
}

impl SmsRu {
    pub(super) fn new(account: &Account<'_>) -> Result<Self> {
        Ok(Self {
            key: account.settings.secret.clone(),
            sender: account.settings.sender.clone(),
            send: method(&account.base, &["sms", "send"])?,
            status: method(&account.base, &["sms", "status"])?,
            balance: method(&account.base, &["my", "balance"])?,
        })
    }

    fn form(&self, http: &Client, to: &Url, own: &[(&str, &str)]) -> RequestBuilder {
        let common = [("api_id", &*self.key), ("json", "1")];
        form(http, to, &[&common, own].concat())
    }
}

/// The answer, if the request as a whole was well.
fn read(answer: &Answer) -> Result<Said, SendError> {
    if answer.status != 200 {
        return Err(answer.by_status());
    }
    let said: Said = answer.read().ok_or_else(|| out_of_shape(answer))?;
    match said.status_code.number() {
        Some(WELL) => Ok(said),
        Some(code) => Err(meaning(code)),
        None => Err(out_of_shape(answer)),
    }
}

/// What is said of the one message that was asked about, and its code.
fn one(answer: &Answer) -> Result<(One, i64), SendError> {
    let Value::Object(messages) = read(answer)?.sms else { return Err(out_of_shape(answer)) };
    let mut messages = messages.into_iter();
    let (Some((_, message)), None) = (messages.next(), messages.next()) else {
        return Err(out_of_shape(answer));
    };
    let one: Option<One> = serde_json::from_value(message).ok();
    let coded = one.and_then(|one| one.status_code.number().map(|code| (one, code)));
    coded.ok_or_else(|| out_of_shape(answer))
}

fn meaning(code: i64) -> SendError {
    let later = SendError::Busy { retry_after: None };
    match code {
        200 | 300 | 301 => refused(code, "the key is wrong"),
        201 => refused(code, "no money is left"),
        202 => SendError::Dead,
        203 => refused(code, "no text"),
        204 => refused(code, "the sender is not agreed"),
        205 => refused(code, "the text is too long"),
        // The account's own limit of a day.
        206 => later,
        207 => refused(code, "no way leads to this phone"),
        208 => refused(code, "the time is wrong"),
        209 => refused(code, "the phone is on the stop list of the account"),
        210..=213 => refused(code, "the request is wrong"),
        214 => refused(code, "the phone is abroad"),
        215 => refused(code, "the phone is on the stop list of the gateway"),
        216 => refused(code, "the text is forbidden"),
        220 => later,
        230 | 233 => later,
        231 => SendError::Busy { retry_after: Some(SAME_AGAIN) },
        232 => refused(code, "the same was sent to this phone too often today"),
        302 => refused(code, "the account is not confirmed"),
        500 => SendError::Down(format!("error {code}")),
        _ => unheard_of(code),
    }
}

impl Dialect for SmsRu {
    fn send(&self, http: &Client, message: &SmsMessage, to: &str) -> RequestBuilder {
        let mut own = vec![("to", to), ("msg", &*message.text)];
        own.extend(self.sender.as_deref().map(|sender| ("from", sender)));
        self.form(http, &self.send, &own)
    }

    fn taken(&self, answer: &Answer) -> Result<Taken, SendError> {
        let (one, code) = one(answer)?;
        if code != WELL {
            return Err(meaning(code));
        }
        let reference = one.sms_id.and_then(|id| id.name()).ok_or_else(|| out_of_shape(answer))?;
        Ok(Taken { reference: Some(reference) })
    }

    fn ask(&self, http: &Client, _: &str, reference: &str) -> Option<RequestBuilder> {
        let own = |byte: u8| byte.is_ascii_digit() || byte == b'-';
        let is_own = !reference.is_empty() && reference.bytes().all(own);
        is_own.then(|| self.form(http, &self.status, &[("sms_id", reference)]))
    }

    fn status(&self, answer: &Answer) -> Result<Option<SmsStatus>, SendError> {
        let (_, code) = one(answer)?;
        let failed = |what: &str| SmsStatus::Failed(what.to_owned());
        Ok(Some(match code {
            -1 => SmsStatus::Unknown,
            100..=102 => SmsStatus::Underway,
            103 | 110 => SmsStatus::Delivered,
            104 => failed("expired"),
            105 => failed("removed by the operator"),
            106 => failed("the phone failed"),
            107 => failed("for reasons unknown"),
            108 => failed("rejected"),
            150 => failed("no way leads to this phone"),
            201 => failed("no money"),
            202..=216 | 230..=233 => failed("refused after all"),
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
}

impl std::fmt::Debug for SmsRu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SmsRu")
    }
}
