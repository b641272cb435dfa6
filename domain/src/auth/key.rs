//! The key that signs access tokens, and the ring of keys that are still believed.

use std::{io, path::Path};

use aws_lc_rs::{
    encoding::AsBigEndian,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    file::Draft,
    secret::{Purpose, ServerSecret},
};
use crate::{Error, Result};

/// DER of a SubjectPublicKeyInfo of Ed25519 up to the 32 bytes of the key (RFC 8410, section 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// An Ed25519 private key, and the server's secrets derived from it. It never shows itself.
pub struct SigningKey {
    encoding: EncodingKey,
    public: VerifyingKey,
    rotation: ServerSecret,
    otp: ServerSecret,
    cursor: ServerSecret,
    feed: ServerSecret,
    delivery: ServerSecret,
    pairing: ServerSecret,
    calendar: ServerSecret,
    content: ServerSecret,
    survey: ServerSecret,
}

impl SigningKey {
    /// Reads the key at `path` (PEM or DER, PKCS#8); where there is no file, makes a key and writes it as PEM, mode 0600.
    /// Processes that start at once end with the same key: the first name wins and the others read it.
    /// An existing file is never replaced. The folder must exist.
    ///
    /// # Errors
    /// `internal` when the file cannot be read, written, or is not an Ed25519 private key.
    pub fn load_or_create(path: &Path) -> Result<Self> {
        match std::fs::read(path) {
            Ok(bytes) => Self::from_file(path, &bytes),
            Err(absent) if absent.kind() == io::ErrorKind::NotFound => Self::create(path),
            Err(failure) => Err(unusable(path, &failure)),
        }
    }

    fn create(path: &Path) -> Result<Self> {
        let pair = Ed25519KeyPair::generate().map_err(Error::internal)?;
        // Version 1, which the OpenSSL command line reads too; its 48 bytes are one line of base64.
        let document = pair.to_pkcs8v1().map_err(Error::internal)?;
        let text = STANDARD.encode(document.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");

        match Draft::beside(path, pem.as_bytes()).and_then(|draft| draft.publish_new(path)) {
            Ok(()) => Self::from_pkcs8(document.as_ref()),
            Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists => {
                let bytes = std::fs::read(path).map_err(|failure| unusable(path, &failure))?;
                Self::from_file(path, &bytes)
            }
            Err(failure) => Err(unusable(path, &failure)),
        }
    }

    fn from_file(path: &Path, bytes: &[u8]) -> Result<Self> {
        match std::str::from_utf8(bytes) {
            Ok(text) if text.contains("-----BEGIN ") => Self::from_pem(text),
            _ => Self::from_pkcs8(bytes),
        }
        .map_err(|failure| unusable(path, &failure))
    }

    /// Reads a PKCS#8 key as PEM (`BEGIN PRIVATE KEY`), as `openssl genpkey -algorithm ed25519` writes it.
    ///
    /// # Errors
    /// `internal` when it is not an Ed25519 private key.
    pub fn from_pem(pem: &str) -> Result<Self> {
        Self::from_pkcs8(&pem_body(pem, "PRIVATE KEY")?)
    }

    /// Reads a PKCS#8 key as DER, version 1 or 2.
    ///
    /// # Errors
    /// `internal` when it is not an Ed25519 private key.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self> {
        let pair = Ed25519KeyPair::from_pkcs8(der)
            .map_err(|_| Error::internal("not an Ed25519 private key in PKCS#8"))?;
        // The seed and not the file: the same key gives the same secrets in whichever form it comes.
        let seed = pair.seed().and_then(|seed| seed.as_be_bytes()).map_err(Error::internal)?;
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        Ok(Self {
            encoding: EncodingKey::from_ed_der(der),
            public: VerifyingKey::new(public),
            rotation: ServerSecret::derive(seed.as_ref(), Purpose::Rotation)?,
            otp: ServerSecret::derive(seed.as_ref(), Purpose::Otp)?,
            cursor: ServerSecret::derive(seed.as_ref(), Purpose::Cursor)?,
            feed: ServerSecret::derive(seed.as_ref(), Purpose::Feed)?,
            delivery: ServerSecret::derive(seed.as_ref(), Purpose::Delivery)?,
            pairing: ServerSecret::derive(seed.as_ref(), Purpose::Pairing)?,
            calendar: ServerSecret::derive(seed.as_ref(), Purpose::Calendar)?,
            content: ServerSecret::derive(seed.as_ref(), Purpose::Content)?,
            survey: ServerSecret::derive(seed.as_ref(), Purpose::Survey)?,
        })
    }

    /// The public half.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// The identifier of the key: see [`VerifyingKey::kid`].
    pub fn kid(&self) -> &str {
        self.public.kid()
    }

    /// The secret derived from this key for `purpose`.
    pub fn secret(&self, purpose: Purpose) -> &ServerSecret {
        match purpose {
            Purpose::Rotation => &self.rotation,
            Purpose::Otp => &self.otp,
            Purpose::Cursor => &self.cursor,
            Purpose::Feed => &self.feed,
            Purpose::Delivery => &self.delivery,
            Purpose::Pairing => &self.pairing,
            Purpose::Calendar => &self.calendar,
            Purpose::Content => &self.content,
            Purpose::Survey => &self.survey,
        }
    }

    pub(super) fn encoding(&self) -> &EncodingKey {
        &self.encoding
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid()).finish_non_exhaustive()
    }
}

/// An Ed25519 public key that access tokens are verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    kid: String,
    bytes: [u8; 32],
}

impl VerifyingKey {
    fn new(bytes: [u8; 32]) -> Self {
        let x = URL_SAFE_NO_PAD.encode(bytes);
        // The members and their order are those of RFC 8037, section 2.
        let thumbprint = Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#));
        Self { kid: URL_SAFE_NO_PAD.encode(thumbprint), bytes }
    }

    /// Reads a public key as PEM (`BEGIN PUBLIC KEY`), as `openssl pkey -pubout` writes it.
    ///
    /// # Errors
    /// `internal` when it is not an Ed25519 public key.
    pub fn from_pem(pem: &str) -> Result<Self> {
        let der = pem_body(pem, "PUBLIC KEY")?;
        der.strip_prefix(&SPKI_PREFIX)
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .map(Self::new)
            .ok_or_else(|| Error::internal("not an Ed25519 public key"))
    }

    /// The identifier of the key: base64url of its SHA-256 JWK thumbprint (RFC 7638).
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key as a JWK (RFC 8037).
    pub fn jwk(&self) -> Value {
        json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "x": URL_SAFE_NO_PAD.encode(self.bytes),
            "kid": self.kid,
            "use": "sig",
            "alg": "EdDSA",
        })
    }

    pub(super) fn decoding(&self) -> DecodingKey {
        DecodingKey::from_ed_der(&self.bytes)
    }

    #[cfg(test)]
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The key that signs, and the public keys of earlier ones whose tokens still live.
#[derive(Debug)]
pub struct KeyRing {
    current: SigningKey,
    previous: Vec<VerifyingKey>,
}

impl KeyRing {
    /// A ring that signs with `current` and believes `previous` too; a previous key that is the current one is left out.
    pub fn new(current: SigningKey, mut previous: Vec<VerifyingKey>) -> Self {
        previous.retain(|key| key.kid() != current.kid());
        Self { current, previous }
    }

    /// The key that signs.
    pub fn current(&self) -> &SigningKey {
        &self.current
    }

    /// The secret of the current key for `purpose`.
    pub fn secret(&self, purpose: Purpose) -> &ServerSecret {
        self.current.secret(purpose)
    }

    /// The public key of that identifier.
    pub fn find(&self, kid: &str) -> Option<&VerifyingKey> {
        self.public_keys().find(|key| key.kid() == kid)
    }

    /// The public keys as a JWK set (RFC 7517), the current one first.
    pub fn jwks(&self) -> Value {
        json!({ "keys": self.public_keys().map(VerifyingKey::jwk).collect::<Vec<_>>() })
    }

    fn public_keys(&self) -> impl Iterator<Item = &VerifyingKey> {
        std::iter::once(self.current.verifying_key()).chain(&self.previous)
    }
}

/// The bytes between the lines `BEGIN label` and `END label` (RFC 7468).
pub(crate) fn pem_body(pem: &str, label: &str) -> Result<Vec<u8>> {
    let absent = || Error::internal(format!("no PEM block «{label}»"));
    let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----")).ok_or_else(absent)?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----")).ok_or_else(absent)?;
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(body).map_err(|_| Error::internal(format!("PEM block «{label}» is not base64")))
}

/// The cause names the file, for the log; never what stands in it.
fn unusable(path: &Path, cause: &dyn std::error::Error) -> Error {
    let cause = cause.source().map_or_else(|| cause.to_string(), ToString::to_string);
    Error::internal(format!("signing key {}: {cause}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::{
        error::Error as _,
        sync::{Arc, Barrier},
    };

    use super::*;

    /// The key pair of RFC 8032, section 7.1, test 1, as OpenSSL writes it.
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
        -----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
        -----END PUBLIC KEY-----\n";
    const KID: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

    #[test]
    fn the_kid_is_the_thumbprint_of_rfc_8037() {
        assert_eq!(SigningKey::from_pem(PRIVATE).unwrap().kid(), KID);
        assert_eq!(VerifyingKey::from_pem(PUBLIC).unwrap().kid(), KID);
    }

    #[test]
    fn jwks_holds_public_halves_only_and_the_current_key_first() {
        let folder = tempfile::tempdir().unwrap();
        let current = SigningKey::load_or_create(&folder.path().join("key.pem")).unwrap();
        let kid = current.kid().to_owned();
        let earlier = VerifyingKey::from_pem(PUBLIC).unwrap();
        let ring = KeyRing::new(current, vec![earlier.clone()]);

        let jwks = ring.jwks();
        assert_eq!(jwks["keys"].as_array().unwrap().len(), 2);
        assert_eq!(jwks["keys"][0]["kid"], kid);
        assert_eq!(
            jwks["keys"][1],
            json!({
                "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                "kid": KID, "use": "sig", "alg": "EdDSA",
            })
        );
        assert_eq!(ring.find(KID), Some(&earlier));
        assert_eq!(ring.find("another"), None);
    }

    #[test]
    fn a_key_is_not_its_own_predecessor() {
        let ring = KeyRing::new(
            SigningKey::from_pem(PRIVATE).unwrap(),
            vec![VerifyingKey::from_pem(PUBLIC).unwrap()],
        );
        assert_eq!(ring.jwks()["keys"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn a_created_key_is_read_again_as_pem_and_as_der() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        let created = SigningKey::load_or_create(&path).unwrap();
        let pem = std::fs::read_to_string(&path).unwrap();
        let read = SigningKey::load_or_create(&path).unwrap();

        let der = folder.path().join("key.der");
        std::fs::write(&der, pem_body(&pem, "PRIVATE KEY").unwrap()).unwrap();
        let from_der = SigningKey::load_or_create(&der).unwrap();

        for key in [&read, &from_der] {
            assert_eq!(key.kid(), created.kid());
            assert_eq!(key.secret(Purpose::Otp).mac(b"x"), created.secret(Purpose::Otp).mac(b"x"));
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), pem, "reading does not write");
    }

    #[cfg(unix)]
    #[test]
    fn a_created_key_is_the_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        SigningKey::load_or_create(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn many_starting_at_once_end_with_one_key() {
        for _ in 0..10 {
            let folder = tempfile::tempdir().unwrap();
            let path = Arc::new(folder.path().join("key.pem"));
            let start = Arc::new(Barrier::new(8));
            let starters: Vec<_> = (0..8)
                .map(|_| {
                    let (path, start) = (Arc::clone(&path), Arc::clone(&start));
                    std::thread::spawn(move || {
                        start.wait();
                        SigningKey::load_or_create(&path).unwrap().kid().to_owned()
                    })
                })
                .collect();
            let mut kids: Vec<_> = starters.into_iter().map(|starter| starter.join().unwrap()).collect();
            kids.push(SigningKey::load_or_create(&path).unwrap().kid().to_owned());
            kids.dedup();
            assert_eq!(kids.len(), 1);
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
        }
    }

    #[test]
    fn the_loser_takes_the_key_of_the_winner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        // The winner's file appears after the loser saw none: `create` is what runs from there on.
        std::fs::write(&path, PRIVATE).unwrap();
        assert_eq!(SigningKey::create(&path).unwrap().kid(), KID);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), PRIVATE);
    }

    #[test]
    fn what_is_no_key_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        let cut = &PRIVATE[..60];
        for content in ["", "garbage", PUBLIC, cut, "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----"]
        {
            std::fs::write(&path, content).unwrap();
            let refusal = SigningKey::load_or_create(&path).unwrap_err();
            let cause = refusal.source().unwrap().to_string();
            assert!(cause.contains("key.pem"), "{cause}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
        assert!(VerifyingKey::from_pem(PRIVATE).is_err());
    }

    #[test]
    fn the_secret_of_a_purpose_is_derived_from_the_seed_for_that_purpose() {
        let key = SigningKey::from_pem(PRIVATE).unwrap();
        let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
        for purpose in [Purpose::Rotation, Purpose::Otp, Purpose::Cursor, Purpose::Calendar] {
            let derived = ServerSecret::derive(&seed, purpose).unwrap();
            assert_eq!(key.secret(purpose).mac(b"message"), derived.mac(b"message"), "{purpose:?}");
        }
    }

    #[test]
    fn a_key_does_not_show_itself() {
        let key = SigningKey::from_pem(PRIVATE).unwrap();
        let shown = format!("{key:?} {:?}", key.secret(Purpose::Rotation));
        assert_eq!(shown, format!("SigningKey {{ kid: {KID:?}, .. }} ServerSecret(..)"));
    }
}
