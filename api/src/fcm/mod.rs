//! Firebase Cloud Messaging, HTTP v1: messages to Android and to whatever else has a token of it.
//!
//! Access tokens are fetched for a service account and kept until shortly before their end. A message that is refused
//! with 401 is sent once more with a fresh one.

mod access;
mod account;
mod answer;
mod body;
#[cfg(test)]
mod tests;

use std::{path::PathBuf, sync::Arc};

use naryad_domain::{
    Clock, Result,
    channel::SendError,
    push::{Push, PushMessage},
};
use reqwest::{Client, Url};

use self::{access::Access, account::Account, answer::Verdict, body::Body};
use crate::provider::{Answer, Guard, address, client, in_time};

/// Where messages go, and who sends them.
#[derive(Clone, Debug)]
pub struct FcmSettings {
    /// The service account as the console gives it, JSON.
    pub service_account_file: PathBuf,
    /// Address of the service.
    pub endpoint: String,
    /// Messages a second at most.
    pub per_second: u32,
}

/// The way to FCM.
#[derive(Debug)]
pub struct FcmPush {
    http: Client,
    send: Url,
    access: Access,
    guard: Guard,
    clock: Arc<dyn Clock>,
}

impl FcmPush {
    /// Reads the service account; nothing is asked of the service yet.
    ///
    /// # Errors
    /// The file cannot be read or is no service account; an address is neither https nor on the loopback.
    pub fn open(settings: &FcmSettings, clock: Arc<dyn Clock>) -> Result<Self> {
        let account = Account::read(&settings.service_account_file)?;
        let endpoint = address("fcm_endpoint", &settings.endpoint)?;
        let send = account.send_address(&endpoint)?;
        let http = client(&[&send, account.token_uri()])?;
        let access = Access::new(account, http.clone(), Arc::clone(&clock));
        Ok(Self {
            send,
            access,
            http,
            guard: Guard::new("fcm", settings.per_second, Arc::clone(&clock)),
            clock,
        })
    }

    /// Whether the service gives access to the account.
    ///
    /// # Errors
    /// It does not, or does not answer.
    pub async fn probe(&self) -> Result<(), SendError> {
        in_time(async { self.access.token(None).await.map(drop) }).await
    }

    async fn send_twice(&self, message: &PushMessage) -> Result<(), SendError> {
        let token = self.access.token(None).await?;
        match self.ask(message, &token).await? {
            Verdict::Told(outcome) => outcome,
            Verdict::Stranger => {
                let fresh = self.access.token(Some(&token)).await?;
                match self.ask(message, &fresh).await? {
                    Verdict::Told(outcome) => outcome,
                    Verdict::Stranger => Err(SendError::Refused("401 to a fresh access token".to_owned())),
                }
            }
        }
    }

    async fn ask(&self, message: &PushMessage, token: &str) -> Result<Verdict, SendError> {
        let request = self.http.post(self.send.clone()).bearer_auth(token).json(&Body::of(message));
        Ok(answer::verdict(&Answer::of(request, self.clock.now()).await?))
    }
}

#[async_trait::async_trait]
impl Push for FcmPush {
    async fn send(&self, message: &PushMessage) -> Result<(), SendError> {
        self.guard.call(in_time(self.send_twice(message))).await
    }
}
