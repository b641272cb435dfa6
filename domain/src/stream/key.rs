//! The key by which a phone delivers its queue without anybody being signed in.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::{
    auth::{RotationId, ServerSecret},
    id::{StreamId, UserId},
};

/// A key begins with this, so that it is recognised where it should not be.
const PREFIX: &str = "ndk_";

/// A delivery key: 32 bytes, written as `ndk_` and base64url. It never shows itself in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct DeliveryKey([u8; 32]);

impl DeliveryKey {
    /// The key of a stream in a rotation that the phone has named: HMAC-SHA256 of stream, owner and rotation under the
    /// secret [`Purpose::Delivery`](crate::auth::Purpose::Delivery). A phone that lost the answer asks again and gets the
    /// same; nothing but a hash is stored.
    pub fn derive(secret: &ServerSecret, stream: StreamId, owner: UserId, rotation: RotationId) -> Self {
        // All parts have a fixed width: no two triples make the same message.
        let mut message = [0; 48];
        message[..16].copy_from_slice(stream.0.as_bytes());
        message[16..32].copy_from_slice(owner.0.as_bytes());
        message[32..].copy_from_slice(rotation.0.as_bytes());
        Self(secret.mac(&message))
    }

    /// Reads what a client sent. `None` for what no key of ours can be.
    pub fn parse(text: &str) -> Option<Self> {
        let body = text.strip_prefix(PREFIX).filter(|body| body.len() == 43)?;
        URL_SAFE_NO_PAD.decode(body).ok()?.try_into().ok().map(Self)
    }

    /// The text for the phone, and for nobody else.
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0))
    }

    /// What is stored and looked up.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

impl std::fmt::Debug for DeliveryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeliveryKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::auth::Purpose;

    proptest! {
        #[test]
        fn the_same_question_has_the_same_key_and_every_other_another(
            stream in any::<u128>(), owner in any::<u128>(), one in any::<u128>(), two in any::<u128>(),
        ) {
            let secret = ServerSecret::for_tests(Purpose::Delivery);
            let key = |stream, owner, rotation| {
                let id = |number| Uuid::from_u128(number);
                DeliveryKey::derive(&secret, StreamId(id(stream)), UserId(id(owner)), RotationId(id(rotation)))
            };
            let first = key(stream, owner, one);
            prop_assert_eq!(&DeliveryKey::parse(&first.expose()), &Some(key(stream, owner, one)));
            prop_assert_eq!(first == key(stream, owner, two), one == two);
            prop_assert_ne!(first.hash(), key(stream, owner.wrapping_add(1), one).hash());
            prop_assert_ne!(first.hash(), key(stream.wrapping_add(1), owner, one).hash());
        }

        #[test]
        fn garbage_is_no_key_or_exactly_one(text in "(ndk_)?[A-Za-z0-9_-]{40,45}|.{0,60}") {
            if let Some(key) = DeliveryKey::parse(&text) {
                prop_assert_eq!(key.expose(), text);
            }
        }
    }
}
