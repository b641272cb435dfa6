//! What a member of staff signs in with.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;

/// A login: 3 to 64 letters, digits and `. _ - @ +`, in lower case. `Anna` and `anna` are one login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, min_length = 3, max_length = 64, example = "anna")]
pub struct Login(String);

/// Why a text is no login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotLogin {
    /// Too short or too long.
    #[error("a login has 3 to 64 characters")]
    Length,
    /// Something else than letters, digits and `. _ - @ +`.
    #[error("a login has only letters, digits and . _ - @ +")]
    Character,
}

impl Login {
    /// Reads a login in any case.
    ///
    /// # Errors
    /// [`NotLogin`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, NotLogin> {
        let login = fold(text);
        if !(3..=64).contains(&login.chars().count()) {
            Err(NotLogin::Length)
        } else if !login.chars().all(|c| c.is_alphanumeric() || "._-@+".contains(c)) {
            Err(NotLogin::Character)
        } else {
            Ok(Self(login))
        }
    }

    /// The login as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The form in which logins are compared.
fn fold(text: &str) -> String {
    text.trim().nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

impl<'de> Deserialize<'de> for Login {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A password on its way to be hashed or checked. It never shows itself.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = "password", min_length = 10, max_length = 128)]
pub struct Password(String);

impl Password {
    /// A password that did not come in a request.
    pub fn new(password: String) -> Self {
        Self(password)
    }

    /// The password, for the hash and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_login_is_the_same_in_any_case() {
        assert_eq!(Login::parse(" Anna.Petrova ").unwrap().as_str(), "anna.petrova");
        assert_eq!(Login::parse("ДИСПЕТЧЕР-1").unwrap().as_str(), "диспетчер-1");
        assert_eq!(Login::parse("ab"), Err(NotLogin::Length));
        assert_eq!(Login::parse(&"a".repeat(65)), Err(NotLogin::Length));
        assert_eq!(Login::parse("anna petrova"), Err(NotLogin::Character));
        assert_eq!(Login::parse("anna\u{202e}"), Err(NotLogin::Character));
    }

    #[test]
    fn a_password_does_not_show_itself() {
        let password: Password = serde_json::from_str("\"correct horse\"").unwrap();
        assert_eq!(format!("{password:?}"), "Password(..)");
        assert_eq!(password.expose(), "correct horse");
    }

    proptest! {
        #[test]
        fn a_stored_login_is_found_again(text in ".{3,64}") {
            if let Ok(login) = Login::parse(&text) {
                prop_assert_eq!(Login::parse(login.as_str()), Ok(login));
            }
        }
    }
}
