//! Where a phone stands in its feeds: signed, of one user and of one life of the database. The phone keeps it as it is.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use naryad_domain::{Code, Error, Result, auth::ServerSecret};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A place in one feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// The epoch of the feed.
    pub(super) epoch: i64,
    /// Up to where it was pulled.
    pub(super) seq: i64,
    /// Removes up to here are passed over: what they take away, this phone has never had.
    pub(super) fresh_until: i64,
}

/// A place in every feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Whose it is.
    pub(super) user: Uuid,
    /// Which life of the database gave it.
    pub(super) incarnation: Uuid,
    /// The places.
    pub(super) feeds: BTreeMap<Uuid, Place>,
}

/// Why a phone has to begin anew.
pub(super) fn resync(reason: &'static str) -> Error {
    Error::new(Code::ResyncRequired, Code::ResyncRequired.title()).with("reason", reason)
}

impl Cursor {
    /// The text for the phone.
    pub(super) fn seal(&self, secret: &ServerSecret) -> Result<String> {
        let body = serde_json::to_vec(self).map_err(Error::internal)?;
        let tag = secret.mac(&body);
        Ok(format!("{}.{}", URL_SAFE_NO_PAD.encode(body), URL_SAFE_NO_PAD.encode(tag)))
    }

    /// Reads what a phone sent.
    ///
    /// # Errors
    /// `resync_required` with `cursor_invalid` for what is none of ours.
    pub(super) fn open(text: &str, secret: &ServerSecret) -> Result<Self> {
        let parts = || {
            let (body, tag) = text.split_once('.')?;
            let body = URL_SAFE_NO_PAD.decode(body).ok()?;
            let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
            secret.verify(&body, &tag).then(|| serde_json::from_slice(&body).ok())?
        };
        parts().ok_or_else(|| resync("cursor_invalid"))
    }
}
