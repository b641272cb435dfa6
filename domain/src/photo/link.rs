//! Links to content for who cannot send a token along: a picture in a page, a player of sound.
//!
//! A bucket signs links of its own. Where the bytes lie behind the service, it seals what it would serve: whoever has
//! the link gets that one object for a while, and nothing else.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Content;
use crate::{
    Error, Result, Time,
    auth::{ServerSecret, seal},
    blob::{BlobKey, Blobs, Served, Sha256Hash},
    id::OrganizationId,
};

/// A link to content.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ContentLink {
    /// Where the bytes are: an address, or a path of this service.
    pub url: String,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Sealed {
    o: OrganizationId,
    h: Sha256Hash,
    b: u64,
    m: String,
    n: String,
    /// Seconds since 1970.
    e: i64,
}

/// Makes a link that counts for `lasts`.
///
/// # Errors
/// The store does not answer.
pub async fn link(
    blobs: &dyn Blobs,
    secret: &ServerSecret,
    content: &Content,
    now: Time,
    lasts: Duration,
) -> Result<ContentLink> {
    let expires_at = now + lasts;
    let disposition = content.disposition();
    let served = Served { media_type: &content.media_type, disposition: &disposition };
    if let Some(url) = blobs.sign_read(&content.key, &served, lasts).await? {
        return Ok(ContentLink { url, expires_at });
    }
    let sealed = Sealed {
        o: content.key.organization,
        h: content.key.sha256,
        b: content.bytes,
        m: content.media_type.clone(),
        n: content.name.clone(),
        e: expires_at.timestamp(),
    };
    let bytes = serde_json::to_vec(&sealed).map_err(Error::internal)?;
    Ok(ContentLink { url: format!("/v1/content/{}", seal::seal(secret, &bytes)), expires_at })
}

/// The content that a link of this service names.
///
/// # Errors
/// `not_found` for a link that this service did not make, or whose time is over.
pub fn linked(secret: &ServerSecret, token: &str, now: Time) -> Result<Content> {
    let unknown = || Error::not_found("content");
    let bytes = seal::open(secret, token).map_err(|_| unknown())?;
    let Sealed { o: organization, h: sha256, b: bytes, m: media_type, n: name, e: until } =
        serde_json::from_slice(&bytes).map_err(|_| unknown())?;
    if now.timestamp() >= until {
        return Err(unknown());
    }
    Ok(Content { key: BlobKey { organization, sha256 }, bytes, media_type, name })
}
