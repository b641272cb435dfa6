//! Refresh tokens that rotate, and survive an answer lost in a basement.
//!
//! The client makes and saves a [`RotationId`] before it asks. The successor is computed from the token and that
//! identifier, so the same question has the same answer, and nothing but a hash is stored. A used token that comes
//! with another identifier is in two hands: the whole family ends.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::secret::{ServerSecret, random};
use crate::{Code, Error, Result, Time};

/// A token begins with this, so that it is recognised where it should not be: in a log, in a repository.
const PREFIX: &str = "nrt_";

/// An opaque refresh token: 32 bytes, written as `nrt_` and base64url. It never shows itself in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken([u8; 32]);

impl RefreshToken {
    /// The first token of a family, from the CSPRNG.
    ///
    /// # Errors
    /// `internal` when there is no randomness.
    pub fn generate() -> Result<Self> {
        random().map(Self)
    }

    /// The token that something else than itself stands for, made under a secret of its own.
    pub(super) fn of_mac(mac: [u8; 32]) -> Self {
        Self(mac)
    }

    /// Reads what a client sent.
    ///
    /// # Errors
    /// `token_invalid` for what no token of ours can be; the message does not repeat it.
    pub fn parse(text: &str) -> Result<Self> {
        text.strip_prefix(PREFIX)
            // Longer than any token: not worth decoding.
            .filter(|body| body.len() == 43)
            .and_then(|body| URL_SAFE_NO_PAD.decode(body).ok())
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| Error::new(Code::TokenInvalid, Code::TokenInvalid.title()))
    }

    /// The text for the client, and for nobody else.
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0))
    }

    /// What is stored and looked up: SHA-256 of the 32 bytes. No salt or stretching is needed for 256 random bits.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshToken(..)")
    }
}

/// A rotation, named by the client before it asks for it. Repeating the question repeats the name.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    sea_orm::DeriveValueType,
    utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct RotationId(pub Uuid);

impl RotationId {
    /// An identifier made by a client: random (version 4) or version 7. The others can be guessed, and whoever guesses
    /// it can replay a stolen token unseen.
    ///
    /// # Errors
    /// `invalid_field` naming `field` for any other UUID.
    pub fn from_client(uuid: Uuid, field: &str) -> Result<Self> {
        match uuid.get_version_num() {
            4 | 7 => Ok(Self(uuid)),
            _ => Err(Error::field(field, "a rotation id must be a UUID of version 4 or 7")),
        }
    }
}

/// The token that follows `token` in the rotation `rotation_id`: HMAC-SHA256 of both under the secret
/// [`Purpose::Rotation`](super::Purpose::Rotation). The same two always give the same successor.
pub fn successor(secret: &ServerSecret, token: &RefreshToken, rotation_id: RotationId) -> RefreshToken {
    // Both parts have a fixed width: no two pairs make the same message.
    let mut message = [0; 48];
    message[..32].copy_from_slice(&token.0);
    message[32..].copy_from_slice(rotation_id.0.as_bytes());
    RefreshToken(secret.mac(&message))
}

/// What is known of a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredToken {
    /// The rotation it was used for; `None` while it is unused.
    pub used_rotation: Option<RotationId>,
    /// From when on it is void.
    pub expires_at: Time,
    /// Whether its whole family was ended.
    pub family_revoked: bool,
}

/// What to do with a refresh token that came with a rotation id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// First use: mark it used by this rotation and store the hash of the successor.
    Rotate,
    /// The answer was lost: give the same successor again, store nothing.
    Replay,
    /// Two hands hold it: revoke the family.
    Reuse,
    /// It lived too long.
    Expired,
    /// Its family was ended before.
    Revoked,
}

/// Judges a refresh token.
///
/// A used token with another rotation id is `Reuse` even after its time: theft does not lapse. A replay after its time
/// is `Expired`: otherwise an old token and its rotation id would open the door for ever.
pub fn decide(stored: &StoredToken, rotation_id: RotationId, now: Time) -> Decision {
    if stored.family_revoked {
        return Decision::Revoked;
    }
    match stored.used_rotation {
        Some(used) if used != rotation_id => Decision::Reuse,
        _ if now >= stored.expires_at => Decision::Expired,
        Some(_) => Decision::Replay,
        None => Decision::Rotate,
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;
    use crate::auth::secret::Purpose;

    fn secret() -> ServerSecret {
        ServerSecret::derive(&[7; 32], Purpose::Rotation).unwrap()
    }

    fn noon() -> Time {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    fn rotation(number: u128) -> RotationId {
        RotationId(Uuid::from_u128(number))
    }

    #[test]
    fn the_table_of_decisions() {
        use Decision::{Expired, Replay, Reuse, Revoked, Rotate};
        let (unused, same, other) = (None, Some(rotation(1)), Some(rotation(2)));
        let (alive, dead) = (TimeDelta::microseconds(1), TimeDelta::zero());
        for (used_rotation, left, family_revoked, expected) in [
            (unused, alive, false, Rotate),
            (same, alive, false, Replay),
            (other, alive, false, Reuse),
            (unused, dead, false, Expired),
            (same, dead, false, Expired),
            (other, dead, false, Reuse),
            (unused, alive, true, Revoked),
            (same, alive, true, Revoked),
            (other, alive, true, Revoked),
            (unused, dead, true, Revoked),
            (same, dead, true, Revoked),
            (other, dead, true, Revoked),
        ] {
            let stored = StoredToken { used_rotation, expires_at: noon() + left, family_revoked };
            assert_eq!(decide(&stored, rotation(1), noon()), expected, "{stored:?}");
        }
    }

    #[test]
    fn a_token_is_written_with_its_prefix_and_read_again() {
        let token = RefreshToken::generate().unwrap();
        let text = token.expose();
        assert!(text.starts_with("nrt_") && text.len() == 47, "{text}");
        assert_eq!(RefreshToken::parse(&text).unwrap(), token);
        assert_ne!(RefreshToken::generate().unwrap(), token);
        assert_eq!(format!("{token:?}"), "RefreshToken(..)");
    }

    #[test]
    fn the_stored_hash_is_sha_256_of_the_bytes() {
        let expected = "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925";
        assert_eq!(hex::encode(RefreshToken([0; 32]).hash()), expected);
    }

    #[test]
    fn the_successor_is_the_hmac_of_token_and_rotation() {
        let mut message = vec![3; 32];
        message.extend_from_slice(&5_u128.to_be_bytes());
        let expected = secret().mac(&message);
        assert_eq!(successor(&secret(), &RefreshToken([3; 32]), rotation(5)).0, expected);
    }

    #[test]
    fn a_guessable_rotation_id_is_refused() {
        for good in ["01890a5d-ac96-774b-bcce-b302099a8057", "3fa85f64-5717-4562-b3fc-2c963f66afa6"] {
            assert!(RotationId::from_client(good.parse().unwrap(), "rotation_id").is_ok());
        }
        for guessable in [Uuid::nil(), Uuid::max(), "c232ab00-9414-11ec-b3c8-9f6bdeced846".parse().unwrap()] {
            let refusal = RotationId::from_client(guessable, "rotation_id").unwrap_err();
            assert_eq!(refusal.fields()[0].field, "rotation_id");
        }
    }

    #[test]
    fn other_spellings_of_a_token_are_refused() {
        let text = RefreshToken([0; 32]).expose();
        // The last character carries two spare bits: only one spelling may be a token.
        let spare = format!("{}B", &text[..46]);
        for wrong in [&text[4..], &text[..46], &format!("{text}A"), &format!("{text}="), &spare, "nrt_", ""] {
            assert_eq!(RefreshToken::parse(wrong).unwrap_err().code(), Code::TokenInvalid, "{wrong}");
        }
    }

    fn tokens() -> impl Strategy<Value = RefreshToken> {
        any::<[u8; 32]>().prop_map(RefreshToken)
    }

    fn rotations() -> impl Strategy<Value = RotationId> {
        any::<u128>().prop_map(rotation)
    }

    proptest! {
        #[test]
        fn asking_again_with_the_same_id_replays_the_same_successor(
            token in tokens(), id in rotations(), lives in 1_i64..1_000_000, asked in prop::collection::vec(0_i64..2_000_000, 1..5),
        ) {
            let mut stored = StoredToken {
                used_rotation: None, expires_at: noon() + TimeDelta::seconds(lives), family_revoked: false,
            };
            prop_assert_eq!(decide(&stored, id, noon()), Decision::Rotate);
            stored.used_rotation = Some(id);
            let first = successor(&secret(), &token, id);
            for later in asked {
                let expected = if later < lives { Decision::Replay } else { Decision::Expired };
                prop_assert_eq!(decide(&stored, id, noon() + TimeDelta::seconds(later)), expected);
                prop_assert_eq!(&successor(&secret(), &token, id), &first);
            }
        }

        #[test]
        fn another_id_on_a_used_token_is_always_reuse(used in rotations(), other in rotations(), left in -1_000_000_i64..1_000_000) {
            prop_assume!(used != other);
            let stored = StoredToken {
                used_rotation: Some(used), expires_at: noon() + TimeDelta::seconds(left), family_revoked: false,
            };
            prop_assert_eq!(decide(&stored, other, noon()), Decision::Reuse);
        }

        #[test]
        fn other_tokens_and_other_ids_have_other_successors(
            one in tokens(), two in tokens(), first in rotations(), second in rotations(),
        ) {
            prop_assume!(one != two || first != second);
            prop_assert_ne!(successor(&secret(), &one, first), successor(&secret(), &two, second));
            prop_assert_ne!(successor(&secret(), &one, first), one);
        }

        #[test]
        fn garbage_is_refused_or_is_exactly_a_token(text in "(nrt_)?[A-Za-z0-9_-]{40,45}|.{0,60}") {
            if let Ok(token) = RefreshToken::parse(&text) {
                prop_assert_eq!(token.expose(), text);
            }
        }
    }
}
