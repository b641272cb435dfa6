//! Time zones by their IANA names.

use std::{fmt, str::FromStr};

use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::ToSchema;

use crate::{Error, Result};

/// A time zone of the IANA database, `Europe/Moscow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "Europe/Moscow")]
pub struct Zone(Tz);

impl Zone {
    /// The rules of the zone.
    pub fn tz(self) -> Tz {
        self.0
    }

    /// The zone of a stored row.
    ///
    /// # Errors
    /// `internal` naming the row: only checked names are stored.
    pub fn stored(name: &str, row: impl fmt::Display) -> Result<Self> {
        name.parse().map_err(|fault| Error::internal(format!("{row}, column zone: {fault}")))
    }
}

/// The name is not in the IANA database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time zone of the IANA database, such as Europe/Moscow")]
pub struct UnknownZone(String);

impl FromStr for Zone {
    type Err = UnknownZone;
    fn from_str(name: &str) -> Result<Self, UnknownZone> {
        name.parse().map(Self).map_err(|_| UnknownZone(name.to_owned()))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_read_by_its_name_and_written_so() {
        let zone: Zone = serde_json::from_str("\"Asia/Yekaterinburg\"").unwrap();
        assert_eq!(serde_json::to_string(&zone).unwrap(), "\"Asia/Yekaterinburg\"");
        for wrong in ["", "Moscow", "UTC+3", "Europe/moscow"] {
            assert_eq!(wrong.parse::<Zone>(), Err(UnknownZone(wrong.to_owned())));
        }
    }
}
