//! The term of a kind of work, which may depend on the season (R28).

use std::{fmt, str::FromStr};

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::ToSchema;

use super::amount::{Amount, Unit};

/// Why a term, or the hours in which it counts, cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TermError {
    /// Not a duration of one component.
    #[error("{0:?} is not a duration such as PT30M, PT2H or P3D")]
    Amount(String),
    /// Longer than any term is.
    #[error("a term has at most {0} {1:?}")]
    TooLong(u32, Unit),
    /// Not a day of the year.
    #[error("{0:?} is not a day of the year such as 04-01")]
    MonthDay(String),
    /// Not a season with its term.
    #[error("{0:?} is not a season such as 04-01..10-31=P3D")]
    Season(String),
    /// Two seasons have a day in common.
    #[error("two seasons have {0} in common")]
    SeasonsOverlap(MonthDay),
    /// Not a time of day.
    #[error("{0:?} is not a time of day such as 08:00")]
    DayTime(String),
    /// Not opening hours.
    #[error("{0:?} is neither always, slot, 08:00-23:00, nor Mo-Fr 09:00-18:00")]
    Clock(String),
    /// Hours that end before they begin.
    #[error("opening hours must end after they begin")]
    HoursEmpty,
    /// Opening hours without a day, or none at all.
    #[error("weekly opening hours must have at least one day")]
    NoDays,
    /// Opening hours that overlap on one day.
    #[error("opening hours overlap on the same day")]
    HoursOverlap,
}

/// A day of the year, `04-01`.
// 100 times the month plus the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, example = "04-01", pattern = "^[0-1][0-9]-[0-3][0-9]$")]
pub struct MonthDay(u16);

impl MonthDay {
    /// Reads `04-01`; `02-29` is a day of the year.
    ///
    /// # Errors
    /// Not a day that a year can have.
    pub fn parse(text: &str) -> Result<Self, TermError> {
        let fault = || TermError::MonthDay(text.to_owned());
        let (month, day) = text.split_once('-').ok_or_else(fault)?;
        let number = |text: &str| two_digits(text).ok_or_else(fault);
        let (month, day) = (number(month)?, number(day)?);
        // A leap year has every day of every year.
        NaiveDate::from_ymd_opt(2024, month.into(), day.into()).ok_or_else(fault)?;
        Ok(Self(u16::from(month) * 100 + u16::from(day)))
    }

    /// The day of the year of a date.
    pub fn of(date: NaiveDate) -> Self {
        // At most 1231.
        Self((date.month() * 100 + date.day()) as u16)
    }
}

/// Exactly two ASCII digits.
pub(super) fn two_digits(text: &str) -> Option<u8> {
    (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

impl fmt::Display for MonthDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}-{:02}", self.0 / 100, self.0 % 100)
    }
}

impl Serialize for MonthDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MonthDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A part of the year with its own term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Season {
    /// The first day.
    pub from: MonthDay,
    /// The last day, included; earlier than `from` where the season spans New Year.
    pub to: MonthDay,
    /// The term in this season.
    pub amount: Amount,
}

impl Season {
    /// Whether a day belongs to the season.
    pub fn contains(&self, day: MonthDay) -> bool {
        if self.from <= self.to {
            self.from <= day && day <= self.to
        } else {
            self.from <= day || day <= self.to
        }
    }
}

/// How long a kind of work may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "TermData", deny_unknown_fields)]
pub struct Term {
    /// The term outside the seasons.
    pub default: Amount,
    /// Parts of the year with another term; no two have a day in common.
    #[serde(default)]
    pub seasons: Vec<Season>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TermData {
    default: Amount,
    #[serde(default)]
    seasons: Vec<Season>,
}

impl TryFrom<TermData> for Term {
    type Error = TermError;
    fn try_from(data: TermData) -> Result<Self, TermError> {
        Self::new(data.default, data.seasons)
    }
}

impl From<Amount> for Term {
    fn from(default: Amount) -> Self {
        Self { default, seasons: Vec::new() }
    }
}

impl Term {
    /// A term with its seasons.
    ///
    /// # Errors
    /// Two seasons have a day in common.
    pub fn new(default: Amount, seasons: Vec<Season>) -> Result<Self, TermError> {
        for (at, season) in seasons.iter().enumerate() {
            // Two stretches of a circle meet where one of them begins.
            for other in &seasons[..at] {
                if let Some(day) =
                    [season.from, other.from].into_iter().find(|d| season.contains(*d) && other.contains(*d))
                {
                    return Err(TermError::SeasonsOverlap(day));
                }
            }
        }
        Ok(Self { default, seasons })
    }

    /// Reads `P3D` or `P1D; 04-01..10-31=P3D`.
    ///
    /// # Errors
    /// [`TermError`] says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, TermError> {
        let mut parts = text.split(';').map(str::trim);
        let default = Amount::parse(parts.next().unwrap_or_default())?;
        let seasons = parts.map(parse_season).collect::<Result<_, _>>()?;
        Self::new(default, seasons)
    }

    /// The term for what starts on a local date.
    pub fn on(&self, date: NaiveDate) -> Amount {
        let day = MonthDay::of(date);
        self.seasons.iter().find(|season| season.contains(day)).map_or(self.default, |season| season.amount)
    }
}

fn parse_season(text: &str) -> Result<Season, TermError> {
    let fault = || TermError::Season(text.to_owned());
    let (days, amount) = text.split_once('=').ok_or_else(fault)?;
    let (from, to) = days.split_once("..").ok_or_else(fault)?;
    Ok(Season { from: MonthDay::parse(from)?, to: MonthDay::parse(to)?, amount: Amount::parse(amount)? })
}

impl FromStr for Term {
    type Err = TermError;
    fn from_str(text: &str) -> Result<Self, TermError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn broken_glass_has_a_winter_and_a_summer_term() {
        let term = Term::parse("P1D; 04-01..10-31=P3D").unwrap();
        for (day, days) in
            [("2026-03-31", 1), ("2026-04-01", 3), ("2026-07-15", 3), ("2026-10-31", 3), ("2026-11-01", 1)]
        {
            assert_eq!(term.on(date(day)), Amount::new(days, Unit::Days).unwrap(), "{day}");
        }
    }

    #[test]
    fn a_season_may_span_new_year() {
        let term = Term::parse("P3D; 11-01..03-31=P1D").unwrap();
        for (day, days) in
            [("2026-10-31", 3), ("2026-11-01", 1), ("2028-02-29", 1), ("2026-03-31", 1), ("2026-04-01", 3)]
        {
            assert_eq!(term.on(date(day)).amount(), days, "{day}");
        }
    }

    #[test]
    fn faults_are_named() {
        for (text, fault) in [
            ("", TermError::Amount(String::new())),
            ("P1D;", TermError::Season(String::new())),
            ("P1D; 04-01=P3D", TermError::Season("04-01=P3D".into())),
            ("P1D; 04-31..10-31=P3D", TermError::MonthDay("04-31".into())),
            ("P1D; 4-1..10-31=P3D", TermError::MonthDay("4-1".into())),
            ("P1D; 04-01..10-31=3D", TermError::Amount("3D".into())),
        ] {
            assert_eq!(Term::parse(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn seasons_may_touch_but_not_overlap() {
        assert!(Term::parse("P1D; 01-01..03-31=P2D; 04-01..05-31=P3D").is_ok());
        for text in [
            "P1D; 04-01..10-31=P3D; 10-31..11-05=P2D",
            "P1D; 10-31..11-05=P2D; 04-01..10-31=P3D",
            "P1D; 04-01..10-31=P3D; 05-01..05-02=P2D",
            "P1D; 11-01..03-31=P3D; 12-31..01-01=P2D",
            "P1D; 11-01..03-31=P3D; 02-01..04-01=P2D",
        ] {
            assert!(matches!(Term::parse(text), Err(TermError::SeasonsOverlap(_))), "{text}");
        }
    }

    #[test]
    fn json_round_trips_and_is_strict() {
        let term = Term::parse("P1D; 04-01..10-31=P3D").unwrap();
        let json = serde_json::json!({
            "default": { "amount": 1, "unit": "days" },
            "seasons": [{ "from": "04-01", "to": "10-31", "amount": { "amount": 3, "unit": "days" } }],
        });
        assert_eq!(serde_json::to_value(&term).unwrap(), json);
        assert_eq!(serde_json::from_value::<Term>(json.clone()).unwrap(), term);
        let mut more = json.clone();
        more["more"] = 1.into();
        assert!(serde_json::from_value::<Term>(more).is_err());
        let mut overlap = json;
        let season = overlap["seasons"][0].clone();
        overlap["seasons"].as_array_mut().unwrap().push(season);
        let refusal = serde_json::from_value::<Term>(overlap).unwrap_err().to_string();
        assert_eq!(refusal, "two seasons have 04-01 in common");
    }
}
