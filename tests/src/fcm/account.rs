//! The service account of a test, and what its assertions must say (RFC 7523).

use std::{collections::BTreeMap, fmt};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

pub(super) const PROJECT: &str = "naryad-stories";
const EMAIL: &str = "push@naryad-stories.iam.gserviceaccount.com";
const KEY_ID: &str = "0f1e2d3c";
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A service account with a key of its own.
pub(super) struct Account {
    token_uri: String,
    pem: String,
    public: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    scope: String,
    aud: String,
    iat: i64,
    exp: i64,
}

impl Account {
    pub(super) fn generate(token_uri: &str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("an RSA key");
        let der: Pkcs8V1Der<'_> = pair.as_der().expect("the key in PKCS#8");
        let text = BASE64_STANDARD.encode(der.as_ref());
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("base64")).collect();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
        Self { token_uri: token_uri.to_owned(), pem, public: pair.public_key().as_ref().to_vec() }
    }

    /// As the console gives it.
    pub(super) fn file(&self) -> Value {
        json!({
            "type": "service_account", "project_id": PROJECT, "private_key_id": KEY_ID, "private_key": self.pem,
            "client_email": EMAIL, "client_id": "1", "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": self.token_uri, "universe_domain": "googleapis.com",
        })
    }

    /// Whether the form asks for access as it must at `now`.
    pub(super) fn check(&self, form: &[u8], now: DateTime<Utc>) -> Result<(), String> {
        let text = std::str::from_utf8(form).map_err(|error| error.to_string())?;
        // A form is the query of an address.
        let url = reqwest::Url::parse(&format!("http://form/?{text}")).map_err(|error| error.to_string())?;
        let fields: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        let names: Vec<&str> = fields.keys().map(String::as_str).collect();
        if names != ["assertion", "grant_type"] {
            return Err(format!("the form has {names:?}"));
        }
        if fields["grant_type"] != GRANT {
            return Err(format!("grant_type {}", fields["grant_type"]));
        }
        self.check_assertion(&fields["assertion"], now)
    }

    fn check_assertion(&self, assertion: &str, now: DateTime<Utc>) -> Result<(), String> {
        let parts: Vec<&str> = assertion.split('.').collect();
        let [header, claims, signature] = parts[..] else { return Err("no three parts".to_owned()) };
        let signed = &assertion[..header.len() + 1 + claims.len()];
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|error| error.to_string())?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public)
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| "the signature is not the account's".to_owned())?;
        let header: Header = decode(header)?;
        if (header.alg.as_str(), header.typ.as_str(), header.kid.as_str()) != ("RS256", "JWT", KEY_ID) {
            return Err("the header is not the account's".to_owned());
        }
        let claims: Claims = decode(claims)?;
        let said = (claims.iss.as_str(), claims.scope.as_str(), claims.aud.as_str());
        if said != (EMAIL, SCOPE, self.token_uri.as_str()) {
            return Err(format!("the claims say {said:?}"));
        }
        let now = now.timestamp();
        if claims.iat > now || claims.exp <= now || claims.exp - claims.iat > 3600 {
            return Err(format!("it is {now}, the claims say {} to {}", claims.iat, claims.exp));
        }
        Ok(())
    }
}

fn decode<T: DeserializeOwned>(part: &str) -> Result<T, String> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Account")
    }
}
