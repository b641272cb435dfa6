//! Access tokens: fetched once for all who need one, and kept until shortly before their end.

use std::sync::Arc;

use chrono::TimeDelta;
use naryad_domain::{Clock, Time, channel::SendError};
use reqwest::Client;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{account::Account, answer};
use crate::provider::{self, Answer};

/// A token is not used any more so shortly before its end.
const EARLY: TimeDelta = TimeDelta::seconds(60);
/// No token is kept longer, whatever the service says, in seconds.
const LONGEST: i64 = 3600;
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The account's access. It never shows its token.
pub(super) struct Access {
    account: Account,
    http: Client,
    clock: Arc<dyn Clock>,
    granted: Mutex<Option<Granted>>,
}

struct Granted {
    token: Arc<str>,
    until: Time,
}

#[derive(Deserialize)]
struct Grant {
    access_token: String,
    expires_in: i64,
}

impl Access {
    pub(super) fn new(account: Account, http: Client, clock: Arc<dyn Clock>) -> Self {
        Self { account, http, clock, granted: Mutex::new(None) }
    }

    /// A token that counts, and that is not `stale`: the service has just refused that one. Whoever comes while one is
    /// being fetched waits for it.
    pub(super) async fn token(&self, stale: Option<&str>) -> Result<Arc<str>, SendError> {
        let mut granted = self.granted.lock().await;
        if let Some(Granted { token, until }) = &*granted
            && self.clock.now() < *until
            && stale != Some(&**token)
        {
            return Ok(Arc::clone(token));
        }
        *granted = None;
        let fresh = self.fetch().await?;
        Ok(Arc::clone(&granted.insert(fresh).token))
    }

    async fn fetch(&self) -> Result<Granted, SendError> {
        let now = self.clock.now();
        let signing = |_| SendError::Refused("the assertion could not be signed".to_owned());
        let assertion = self.account.assertion(now).map_err(signing)?;
        let fields = [("grant_type", GRANT), ("assertion", &*assertion)];
        let request = provider::form(&self.http, self.account.token_uri(), &fields);
        let Grant { access_token, expires_in } = answer::granted(&Answer::of(request, now).await?)?;
        let lasts = TimeDelta::seconds(expires_in.clamp(0, LONGEST));
        Ok(Granted { token: access_token.into(), until: now + (lasts - EARLY) })
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("account", &self.account).finish_non_exhaustive()
    }
}
