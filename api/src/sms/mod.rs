//! Text messages through a gateway: SMSC, SMS.ru or SMS Aero.
//!
//! Each speaks its own dialect; the way there is the same. A gateway that took a message has not delivered it: that is
//! asked for later. Only SMSC lets us choose the name of a message, by which one whose answer was lost is found again.

mod aero;
mod dialect;
mod loose;
mod smsc;
mod smsru;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use naryad_domain::{
    Clock, Error, Result,
    channel::{SendError, Sms, SmsMessage, SmsStatus, Taken},
};
use reqwest::{Client, RequestBuilder, Url};
use uuid::Uuid;

use self::dialect::{Account, Dialect};
use crate::provider::{Answer, Guard, address, client};

/// Which gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gateway {
    /// <https://smsc.ru>.
    Smsc,
    /// <https://sms.ru>.
    SmsRu,
    /// <https://smsaero.ru>.
    SmsAero,
}

impl Gateway {
    /// Its word in the settings and the metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Smsc => "smsc",
            Self::SmsRu => "smsru",
            Self::SmsAero => "smsaero",
        }
    }

    fn address(self) -> &'static str {
        match self {
            Self::Smsc => "https://smsc.ru",
            Self::SmsRu => "https://sms.ru",
            Self::SmsAero => "https://gate.smsaero.ru",
        }
    }
}

/// Where messages go, and who sends them.
#[derive(Clone)]
pub struct SmsSettings {
    /// Which dialect is spoken.
    pub gateway: Gateway,
    /// The login; SMS.ru has none.
    pub login: Option<String>,
    /// The password or key.
    pub secret: String,
    /// The name that the phone shows; SMS Aero needs one.
    pub sender: Option<String>,
    /// Another address than the gateway's own.
    pub endpoint: Option<String>,
    /// Requests a second at most.
    pub per_second: u32,
}

impl std::fmt::Debug for SmsSettings {
    /// Without login and secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmsSettings").field("gateway", &self.gateway).finish_non_exhaustive()
    }
}

/// The way to a gateway.
#[derive(Debug)]
pub struct SmsGateway {
    http: Client,
    dialect: Box<dyn Dialect>,
    guard: Guard,
    clock: Arc<dyn Clock>,
}

impl SmsGateway {
    /// Makes the way ready; nothing is asked of the gateway yet.
    ///
    /// # Errors
    /// `invalid_field`: the address is neither https nor on the loopback, or the gateway needs what is not set.
    pub fn open(settings: &SmsSettings, clock: Arc<dyn Clock>) -> Result<Self> {
        let gateway = settings.gateway;
        let endpoint = settings.endpoint.as_deref().unwrap_or(gateway.address());
        let base = address("sms_endpoint", endpoint)?;
        let account = Account { base, settings };
        let dialect: Box<dyn Dialect> = match gateway {
            Gateway::Smsc => Box::new(smsc::Smsc::new(&account)?),
            Gateway::SmsRu => Box::new(smsru::SmsRu::new(&account)?),
            Gateway::SmsAero => Box::new(aero::SmsAero::new(&account)?),
        };
        let http = client(&[&account.base])?;
        let guard = Guard::new(gateway.name(), settings.per_second, Arc::clone(&clock));
        Ok(Self { http, dialect, guard, clock })
    }

    /// What is left on the account, in the words of the gateway; nothing is sent.
    ///
    /// # Errors
    /// The gateway does not take the login, or does not answer.
    pub async fn balance(&self) -> Result<String, SendError> {
        let answer = self.ask(self.dialect.look(&self.http)).await?;
        self.dialect.balance(&answer)
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Answer, SendError> {
        Answer::of(request, self.clock.now()).await
    }
}

#[async_trait::async_trait]
impl Sms for SmsGateway {
    async fn send(&self, message: &SmsMessage) -> Result<Taken, SendError> {
        let to = digits(&message.to).ok_or(SendError::Dead)?;
        if message.text.trim().is_empty() {
            return Err(SendError::Refused("no text".to_owned()));
        }
        let request = self.dialect.send(&self.http, message, to);
        let sending = async { self.dialect.taken(&self.ask(request).await?) };
        self.guard.call(sending).await
    }

    async fn status(&self, message: &SmsMessage, reference: &str) -> Result<Option<SmsStatus>, SendError> {
        let to = digits(&message.to).ok_or(SendError::Dead)?;
        // What another gateway took cannot be asked of this one.
        let Some(request) = self.dialect.ask(&self.http, to, reference) else { return Ok(None) };
        let asking = async { self.dialect.status(&self.ask(request).await?) };
        self.guard.call(asking).await
    }

    fn reference_of(&self, id: Uuid) -> Option<String> {
        self.dialect.reference_of(id)
    }
}

/// The digits of a phone in E.164.
fn digits(phone: &str) -> Option<&str> {
    let digits = phone.strip_prefix('+')?;
    let number = (10..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    number.then_some(digits)
}

/// The address of a method of the gateway.
///
/// # Errors
/// `invalid_field`: the address of the gateway cannot have a path.
fn method(base: &Url, path: &[&str]) -> Result<Url> {
    let mut url = base.clone();
    let unfit = |()| Error::field("sms_endpoint", "has no path");
    url.path_segments_mut().map_err(unfit)?.pop_if_empty().extend(path);
    url.set_query(None);
    Ok(url)
}
