//! What the gateways differ in: how they are asked, and what their answers mean.

use naryad_domain::{
    Error, Result,
    channel::{SendError, SmsMessage, SmsStatus, Taken},
};
use reqwest::{Client, RequestBuilder, Url};
use uuid::Uuid;

use super::SmsSettings;
use crate::provider::Answer;

/// The dialect of one gateway. Its answers are read, never quoted: a phone or a key may stand in them.
pub(super) trait Dialect: Send + Sync + std::fmt::Debug {
    /// The request that sends a message; `to` in digits.
    fn send(&self, http: &Client, message: &SmsMessage, to: &str) -> RequestBuilder;

    /// Whether it was taken.
    fn taken(&self, answer: &Answer) -> Result<Taken, SendError>;

    /// The request that asks what became of a message. `None`: no message of this gateway is called so.
    fn ask(&self, http: &Client, to: &str, reference: &str) -> Option<RequestBuilder>;

    /// What became of it.
    fn status(&self, answer: &Answer) -> Result<Option<SmsStatus>, SendError>;

    /// The request for what is left on the account.
    fn look(&self, http: &Client) -> RequestBuilder;

    /// What is left on the account.
    fn balance(&self, answer: &Answer) -> Result<String, SendError>;

    /// The name that a message will have there, where we choose it.
    fn reference_of(&self, _: Uuid) -> Option<String> {
        None
    }
}

/// What a dialect is made of.
pub(super) struct Account<'a> {
    pub(super) base: Url,
    pub(super) settings: &'a SmsSettings,
}

impl Account<'_> {
    pub(super) fn login(&self) -> Result<String> {
        self.settings.login.clone().ok_or_else(|| self.missing("sms_login"))
    }

    pub(super) fn sender(&self) -> Result<String> {
        self.settings.sender.clone().ok_or_else(|| self.missing("sms_sender"))
    }

    fn missing(&self, field: &str) -> Error {
        Error::field(field, format!("is needed where sms_provider is {}", self.settings.gateway.name()))
    }
}

/// An error that the gateway has a code for, by the code and what its documentation says of it.
pub(super) fn refused(code: i64, meaning: &str) -> SendError {
    SendError::Refused(format!("error {code}: {meaning}"))
}

/// A code that the documentation does not have.
pub(super) fn unheard_of(code: i64) -> SendError {
    SendError::Down(format!("error {code}, which is unheard of"))
}

/// A 200 that is none of the gateway's answers: a proxy, a login page, a change of the interface.
pub(super) fn out_of_shape(answer: &Answer) -> SendError {
    SendError::Down(format!("{} out of shape", answer.status))
}
