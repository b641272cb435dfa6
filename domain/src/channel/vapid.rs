//! The key by which push services of browsers know us (VAPID, RFC 8292). Browsers subscribe with its public half: with
//! another key their subscriptions count no more.

use std::{fmt::Display, io, path::Path};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use crate::{
    Error, Result, Time,
    auth::{Draft, key::pem_body},
};

/// How long a statement about us counts; push services take a day at most.
const STATEMENT: TimeDelta = TimeDelta::hours(12);

const NO_KEY: &str = "not a P-256 private key in PEM";

/// A P-256 private key. It never shows itself.
pub struct VapidKey {
    encoding: EncodingKey,
    public: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    exp: i64,
    sub: &'a str,
}

impl VapidKey {
    /// Reads the key at `path` (PEM); where there is no file, makes a key and writes it, mode 0600. Processes that start at
    /// once end with the same key. An existing file is never replaced. The folder must exist.
    ///
    /// # Errors
    /// `internal` when the file cannot be read, written, or is not a P-256 private key.
    pub fn load_or_create(path: &Path) -> Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(pem) => Self::from_file(path, &pem),
            Err(absent) if absent.kind() == io::ErrorKind::NotFound => Self::create(path),
            Err(failure) => Err(unusable(path, &failure)),
        }
    }

    fn create(path: &Path) -> Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(Error::internal)?;
        let document = pair.to_pkcs8v1().map_err(Error::internal)?;
        let text = STANDARD.encode(document.as_ref());
        let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
        for line in text.as_bytes().chunks(64) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END PRIVATE KEY-----\n");
        match Draft::beside(path, pem.as_bytes()).and_then(|draft| draft.publish_new(path)) {
            Ok(()) => Self::of(&pair),
            Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists => {
                let pem = std::fs::read_to_string(path).map_err(|failure| unusable(path, &failure))?;
                Self::from_file(path, &pem)
            }
            Err(failure) => Err(unusable(path, &failure)),
        }
    }

    /// Reads a key as PEM: `BEGIN PRIVATE KEY`, as `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`
    /// writes it, or the older `BEGIN EC PRIVATE KEY`.
    ///
    /// # Errors
    /// `internal` when it is not a P-256 private key.
    pub fn from_pem(pem: &str) -> Result<Self> {
        let is_old = pem.contains("-----BEGIN EC PRIVATE KEY-----");
        let label = if is_old { "EC PRIVATE KEY" } else { "PRIVATE KEY" };
        let der = pem_body(pem, label).map_err(|_| Error::internal(NO_KEY))?;
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &der)
            .map_err(|_| Error::internal(NO_KEY))?;
        Self::of(&pair)
    }

    fn from_file(path: &Path, pem: &str) -> Result<Self> {
        Self::from_pem(pem).map_err(|_| unusable(path, &NO_KEY))
    }

    fn of(pair: &EcdsaKeyPair) -> Result<Self> {
        let der = pair.to_pkcs8v1().map_err(Error::internal)?;
        Ok(Self {
            encoding: EncodingKey::from_ec_der(der.as_ref()),
            public: URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()),
        })
    }

    /// The public half: an uncompressed point, base64url.
    pub fn public_key(&self) -> &str {
        &self.public
    }

    /// The `Authorization` for the push service at the origin `audience`, so that whoever runs it finds us at `contact`.
    ///
    /// # Errors
    /// `internal`: it could not be signed.
    pub fn authorization(&self, audience: &str, contact: &str, now: Time) -> Result<String> {
        let claims = Claims { aud: audience, exp: (now + STATEMENT).timestamp(), sub: contact };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &self.encoding)
            .map_err(Error::internal)?;
        Ok(format!("vapid t={token}, k={}", self.public))
    }
}

impl std::fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VapidKey").field("public", &self.public).finish_non_exhaustive()
    }
}

/// The cause names the file, for the log; never what stands in it.
fn unusable(path: &Path, cause: &dyn Display) -> Error {
    Error::internal(format!("Web Push key {}: {cause}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::{
        error::Error as _,
        sync::{Arc, Barrier},
    };

    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
    use serde_json::{Value, json};

    use super::*;

    /// One key in both forms, as OpenSSL writes them, and its point.
    const PKCS8: &str = "-----BEGIN PRIVATE KEY-----\n\
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqjcJs5iNELpiaTZm\n\
        RS/kJ+6nK1JPkJuiMviN5srGO8KhRANCAATaWD94nyl6skxUT4c2doPC6IWx4JmY\n\
        +JjeSAbj6XVCz5VMHXSbUgb3lYPp2xeg6lPzkiJPpIEKw4fM8o3ooM25\n\
        -----END PRIVATE KEY-----\n";
    const SEC1: &str = "-----BEGIN EC PRIVATE KEY-----\n\
        MHcCAQEEIKo3CbOYjRC6Ymk2ZkUv5CfupytST5CbojL4jebKxjvCoAoGCCqGSM49\n\
        AwEHoUQDQgAE2lg/eJ8perJMVE+HNnaDwuiFseCZmPiY3kgG4+l1Qs+VTB10m1IG\n\
        95WD6dsXoOpT85IiT6SBCsOHzPKN6KDNuQ==\n\
        -----END EC PRIVATE KEY-----\n";
    const POINT: &str =
        "BNpYP3ifKXqyTFRPhzZ2g8LohbHgmZj4mN5IBuPpdULPlUwddJtSBveVg-nbF6DqU_OSIk-kgQrDh8zyjeigzbk";

    fn read(text: &str) -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    }

    #[test]
    fn a_statement_is_signed_by_the_key_that_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let key = VapidKey::load_or_create(&folder.path().join("web-push-key.pem")).unwrap();
        let now: Time = "2026-03-02T09:00:00Z".parse().unwrap();
        let said = key.authorization("https://push.example", "mailto:ads@example.org", now).unwrap();
        let (token, told) = said.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        assert_eq!(told, key.public_key());
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let point = URL_SAFE_NO_PAD.decode(told).unwrap();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point)
            .verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
            .unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        assert_eq!(read(header), json!({ "typ": "JWT", "alg": "ES256" }));
        let exp = now.timestamp() + 12 * 3600;
        let claimed = json!({ "aud": "https://push.example", "exp": exp, "sub": "mailto:ads@example.org" });
        assert_eq!(read(claims), claimed);
    }

    #[test]
    fn both_forms_of_openssl_are_read() {
        let one = VapidKey::from_pem(PKCS8).unwrap();
        assert_eq!(one.public_key(), POINT);
        assert_eq!(VapidKey::from_pem(SEC1).unwrap().public_key(), POINT);
    }

    #[cfg(unix)]
    #[test]
    fn a_created_key_is_the_owners_alone_and_is_read_again() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web-push-key.pem");
        let created = VapidKey::load_or_create(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(VapidKey::load_or_create(&path).unwrap().public_key(), created.public_key());
        assert!(!format!("{created:?}").contains("PRIVATE"));
    }

    #[test]
    fn many_starting_at_once_end_with_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = Arc::new(folder.path().join("web-push-key.pem"));
        let start = Arc::new(Barrier::new(8));
        let starters: Vec<_> = (0..8)
            .map(|_| {
                let (path, start) = (Arc::clone(&path), Arc::clone(&start));
                std::thread::spawn(move || {
                    start.wait();
                    VapidKey::load_or_create(&path).unwrap().public_key().to_owned()
                })
            })
            .collect();
        let mut keys: Vec<_> = starters.into_iter().map(|starter| starter.join().unwrap()).collect();
        keys.dedup();
        assert_eq!(keys.len(), 1);
    }

    #[test]
    fn what_is_no_key_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web-push-key.pem");
        // An Ed25519 key is none for this.
        let other = "-----BEGIN PRIVATE KEY-----\n\
            MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
        for content in ["", "garbage", &PKCS8[..70], other] {
            std::fs::write(&path, content).unwrap();
            let refusal = VapidKey::load_or_create(&path).unwrap_err();
            let cause = refusal.source().unwrap().to_string();
            assert!(cause.contains("web-push-key.pem") && cause.contains("not a P-256"), "{cause}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
    }
}
