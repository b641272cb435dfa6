//! The service account, and how its services are reached.

use std::path::Path;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use naryad_domain::{Error, Result, Time};
use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::provider::address;

/// What access is asked for.
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
/// How long an assertion counts, in seconds; the service takes an hour at most.
const ASSERTION: i64 = 3600;

/// A service account. It never shows its key.
#[derive(Debug)]
pub(super) struct Account {
    client_email: String,
    key: EncodingKey,
    key_id: Option<String>,
    token_uri: Url,
    project: String,
}

#[derive(Deserialize)]
struct File {
    client_email: String,
    private_key: String,
    private_key_id: Option<String>,
    token_uri: String,
    project_id: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

impl Account {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|cause| unusable(path, &cause))?;
        // The place alone: the words of the parser may show a value.
        let file: File = serde_json::from_str(&text).map_err(|at| {
            unusable(path, &format!("no service account (line {}, column {})", at.line(), at.column()))
        })?;
        let key = EncodingKey::from_rsa_pem(file.private_key.as_bytes())
            .map_err(|_| unusable(path, &"private_key is no RSA key in PEM"))?;
        if file.project_id.is_empty() || file.project_id.contains(['/', '?', '#', '%']) {
            return Err(unusable(path, &"project_id is no identifier"));
        }
        Ok(Self {
            client_email: file.client_email,
            key,
            key_id: file.private_key_id,
            token_uri: address("token_uri", &file.token_uri)?,
            project: file.project_id,
        })
    }

    pub(super) fn token_uri(&self) -> &Url {
        &self.token_uri
    }

    /// Where messages are sent to.
    pub(super) fn send_address(&self, endpoint: &Url) -> Result<Url> {
        endpoint.join(&format!("/v1/projects/{}/messages:send", self.project)).map_err(Error::internal)
    }

    /// The signed request for access (RFC 7523).
    pub(super) fn assertion(&self, now: Time) -> Result<String> {
        let mut header = Header::new(Algorithm::RS256);
        header.kid.clone_from(&self.key_id);
        let iat = now.timestamp();
        let claims = Claims {
            iss: &self.client_email,
            scope: SCOPE,
            aud: self.token_uri.as_str(),
            iat,
            exp: iat + ASSERTION,
        };
        jsonwebtoken::encode(&header, &claims, &self.key).map_err(Error::internal)
    }
}

fn unusable(path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::internal(format!("{}: {why}", path.display()))
}
