//! Signing in: keys, tokens, passwords, one-time codes and the roles they lead to.
//!
//! Everything here is free of the database: a use case reads its rows, asks these rules and writes what they say.

pub mod code;
mod file;
pub mod key;
pub mod password;
pub mod refresh;
pub mod role;
pub mod seal;
pub mod secret;
pub mod sms;
pub mod token;

pub use code::{CodeHash, CodeOutcome, OneTimeCode, StoredCode};
pub use key::{KeyRing, SigningKey, VerifyingKey};
pub use password::PasswordPolicy;
pub use refresh::{Decision, RefreshToken, RotationId, StoredToken};
pub use role::Role;
pub use secret::{Purpose, ServerSecret};
pub use sms::{OutboxSms, Sms};
pub use token::{ACCESS_LIFETIME, AccessClaims};
