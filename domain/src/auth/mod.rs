//! Signing in: keys, tokens, passwords, one-time codes and the roles they lead to.
//!
//! The rules are free of the database; `store` alone reads and writes the rows of credentials and asks them.

pub mod code;
mod file;
pub mod key;
pub mod pairing;
pub mod password;
pub mod refresh;
pub mod role;
pub mod seal;
pub mod secret;
pub mod store;
pub mod token;

pub(crate) use file::Draft;

pub use code::{CodeHash, CodeOutcome, OneTimeCode, StoredCode};
pub use key::{KeyRing, SigningKey, VerifyingKey};
pub use pairing::PairingCode;
pub use password::PasswordPolicy;
pub use refresh::{Decision, RefreshToken, RotationId, StoredToken};
pub use role::Role;
pub use secret::{Purpose, ServerSecret};
pub use store::{REFRESH_LIFETIME, SignIn, Tokens};
pub use token::{ACCESS_LIFETIME, AccessClaims};
