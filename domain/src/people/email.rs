//! E-mail addresses.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::ToSchema;

use crate::text::Line;

/// An e-mail address: something, `@`, and a domain with a dot. Whether it exists only a letter can tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = "email", max_length = 254, example = "anna@example.org")]
pub struct Email(String);

impl Email {
    /// Reads an address; the domain is put in lower case.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let line = Line::<254>::parse(text).map_err(|fault| fault.to_string())?;
        let fault = || "is no e-mail address".to_owned();
        let (name, domain) = line.as_str().rsplit_once('@').ok_or_else(fault)?;
        let labels = domain.split('.').collect::<Vec<_>>();
        let plain = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == '@');
        if plain(name) && labels.len() > 1 && labels.iter().all(|label| plain(label)) {
            Ok(Self(format!("{name}@{}", domain.to_lowercase())))
        } else {
            Err(fault())
        }
    }
}

impl From<Email> for String {
    fn from(email: Email) -> String {
        email.0
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_an_address_is_one() {
        assert_eq!(String::from(Email::parse(" Anna@Example.ORG ").unwrap()), "Anna@example.org");
        for wrong in [
            "",
            "anna",
            "anna@",
            "@example.org",
            "anna@org",
            "an na@example.org",
            "a@b@example.org",
            "a@b..c",
        ] {
            assert!(Email::parse(wrong).is_err(), "{wrong}");
        }
    }
}
