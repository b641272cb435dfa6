//! How long a term is.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::term::TermError;

/// A length of time in one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "AmountData", deny_unknown_fields)]
pub struct Amount {
    /// How many units; at most 366 days in seconds, or 3660 days.
    #[schema(maximum = 31_622_400)]
    amount: u32,
    /// What is counted.
    unit: Unit,
}

/// What a term counts.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    ToSchema,
    sea_orm::EnumIter,
    sea_orm::DeriveActiveEnum,
)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum Unit {
    /// Seconds of real time.
    Seconds,
    /// Calendar days: the same local time so many days later.
    Days,
    /// Days of the production calendar.
    WorkingDays,
}

impl Unit {
    /// The longest term in this unit.
    pub fn limit(self) -> u32 {
        match self {
            Self::Seconds => 366 * 86_400,
            Self::Days | Self::WorkingDays => 3_660,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AmountData {
    amount: u32,
    unit: Unit,
}

impl TryFrom<AmountData> for Amount {
    type Error = TermError;
    fn try_from(data: AmountData) -> Result<Self, TermError> {
        Self::new(data.amount, data.unit)
    }
}

impl Amount {
    /// So many units.
    ///
    /// # Errors
    /// More than [`Unit::limit`].
    pub fn new(amount: u32, unit: Unit) -> Result<Self, TermError> {
        if amount > unit.limit() {
            Err(TermError::TooLong(unit.limit(), unit))
        } else {
            Ok(Self { amount, unit })
        }
    }

    /// Reads a duration of ISO 8601 with one component: `P3D`, `PT2H`, `PT30M`, `PT45S`.
    ///
    /// # Errors
    /// Anything else, months, weeks and mixed durations included.
    pub fn parse(text: &str) -> Result<Self, TermError> {
        let read = || {
            let (digits, scale, unit) = match text.strip_prefix('P')?.strip_prefix('T') {
                None => (text.strip_prefix('P')?.strip_suffix('D')?, 1, Unit::Days),
                Some(time) => {
                    let units = [('H', 3_600), ('M', 60), ('S', 1)];
                    let find = |(letter, scale)| Some((time.strip_suffix(letter)?, scale, Unit::Seconds));
                    units.into_iter().find_map(find)?
                }
            };
            // u32 would read a leading plus sign too.
            let number: u32 = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())??;
            Some((number.saturating_mul(scale), unit))
        };
        let (amount, unit) = read().ok_or_else(|| TermError::Amount(text.to_owned()))?;
        Self::new(amount, unit)
    }

    /// How many.
    pub fn amount(self) -> u32 {
        self.amount
    }

    /// Of what.
    pub fn unit(self) -> Unit {
        self.unit
    }
}

impl FromStr for Amount {
    type Err = TermError;
    fn from_str(text: &str) -> Result<Self, TermError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_the_catalogue() {
        for (text, amount, unit) in [
            ("PT0M", 0, Unit::Seconds),
            ("PT30M", 1_800, Unit::Seconds),
            ("PT2H", 7_200, Unit::Seconds),
            ("PT45S", 45, Unit::Seconds),
            ("P1D", 1, Unit::Days),
            ("P20D", 20, Unit::Days),
        ] {
            let parsed = Amount::parse(text).unwrap();
            assert_eq!((parsed.amount(), parsed.unit()), (amount, unit), "{text}");
        }
    }

    #[test]
    fn other_durations_are_refused() {
        for text in [
            "", "P", "PT", "P1", "1D", "P-1D", "P+1D", "P1DD", "PT1HH", "PTM", "P1M", "P1W", "P1DT2H",
            "PT1H30M", "PT1.5H", "p1d", "P١D",
        ] {
            assert_eq!(Amount::parse(text), Err(TermError::Amount(text.to_owned())), "{text}");
        }
        assert_eq!(Amount::parse("P3661D"), Err(TermError::TooLong(3_660, Unit::Days)));
        assert!(Amount::parse("PT4294967295H").is_err());
    }

    #[test]
    fn json_round_trips_and_is_strict() {
        let json = serde_json::json!({ "amount": 10, "unit": "working_days" });
        let amount: Amount = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(amount).unwrap(), json);
        for wrong in [
            r#"{"amount":1,"unit":"weeks"}"#,
            r#"{"amount":-1,"unit":"days"}"#,
            r#"{"amount":9999,"unit":"days"}"#,
            r#"{"amount":1,"unit":"days","more":1}"#,
            r#"{"amount":1}"#,
        ] {
            assert!(serde_json::from_str::<Amount>(wrong).is_err(), "{wrong}");
        }
    }
}
