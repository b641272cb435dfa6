//! The hours in which a term counts.

use std::{fmt, str::FromStr};

use chrono::{NaiveDate, Weekday};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::ToSchema;

use super::term::{TermError, two_digits};

/// A local time of day in whole minutes, `08:00`; `24:00` is the end of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, example = "08:00", pattern = "^([0-1][0-9]|2[0-4]):[0-5][0-9]$")]
pub struct DayTime(u16);

impl DayTime {
    /// The first minute of the day.
    pub const START: Self = Self(0);
    /// The end of the day.
    pub const END: Self = Self(24 * 60);

    /// Reads `08:00`.
    ///
    /// # Errors
    /// Not a time from `00:00` to `24:00`.
    pub fn parse(text: &str) -> Result<Self, TermError> {
        let time = text
            .split_once(':')
            .and_then(|(hours, minutes)| Some((two_digits(hours)?, two_digits(minutes)?)));
        match time {
            Some((hours @ 0..=23, minutes @ 0..=59)) => Ok(Self(u16::from(hours) * 60 + u16::from(minutes))),
            Some((24, 0)) => Ok(Self::END),
            _ => Err(TermError::DayTime(text.to_owned())),
        }
    }

    /// Minutes since the start of the day, 0 to 1440.
    pub fn minutes(self) -> u16 {
        self.0
    }
}

impl fmt::Display for DayTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Serialize for DayTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DayTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    /// Monday.
    Mo,
    /// Tuesday.
    Tu,
    /// Wednesday.
    We,
    /// Thursday.
    Th,
    /// Friday.
    Fr,
    /// Saturday.
    Sa,
    /// Sunday.
    Su,
}

impl Day {
    const WEEK: [(Self, &str); 7] = [
        (Self::Mo, "Mo"),
        (Self::Tu, "Tu"),
        (Self::We, "We"),
        (Self::Th, "Th"),
        (Self::Fr, "Fr"),
        (Self::Sa, "Sa"),
        (Self::Su, "Su"),
    ];

    fn parse(text: &str) -> Option<Self> {
        Self::WEEK.iter().find(|(_, name)| *name == text).map(|(day, _)| *day)
    }
}

impl From<Weekday> for Day {
    fn from(weekday: Weekday) -> Self {
        match weekday {
            Weekday::Mon => Self::Mo,
            Weekday::Tue => Self::Tu,
            Weekday::Wed => Self::We,
            Weekday::Thu => Self::Th,
            Weekday::Fri => Self::Fr,
            Weekday::Sat => Self::Sa,
            Weekday::Sun => Self::Su,
        }
    }
}

/// Opening hours on some days of the week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WeekHours {
    /// The days.
    #[schema(min_items = 1)]
    pub days: Vec<Day>,
    /// When they open, local time.
    pub from: DayTime,
    /// When they close, local time.
    pub to: DayTime,
}

/// When a term counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", try_from = "ClockData")]
pub enum Clock {
    /// Round the clock.
    Always,
    /// Inside a window of each day, local time.
    Daily {
        /// When it opens.
        from: DayTime,
        /// When it closes.
        to: DayTime,
    },
    /// Inside the opening hours of a week, local time.
    Weekly {
        /// The opening hours; none overlap.
        windows: Vec<WeekHours>,
    },
    /// Not by a clock: the term is the end of the window promised to the resident.
    Slot,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum ClockData {
    // Braces, because a plain variant would swallow unknown fields.
    Always {},
    Daily { from: DayTime, to: DayTime },
    Weekly { windows: Vec<WeekHours> },
    Slot {},
}

impl TryFrom<ClockData> for Clock {
    type Error = TermError;
    fn try_from(data: ClockData) -> Result<Self, TermError> {
        match data {
            ClockData::Always {} => Ok(Self::Always),
            ClockData::Daily { from, to } => Self::daily(from, to),
            ClockData::Weekly { windows } => Self::weekly(windows),
            ClockData::Slot {} => Ok(Self::Slot),
        }
    }
}

impl Clock {
    /// A window of each day.
    ///
    /// # Errors
    /// It ends before it begins.
    pub fn daily(from: DayTime, to: DayTime) -> Result<Self, TermError> {
        if from < to { Ok(Self::Daily { from, to }) } else { Err(TermError::HoursEmpty) }
    }

    /// The opening hours of a week.
    ///
    /// # Errors
    /// No day, hours that end before they begin, or two that overlap on one day.
    pub fn weekly(windows: Vec<WeekHours>) -> Result<Self, TermError> {
        if windows.is_empty() || windows.iter().any(|window| window.days.is_empty()) {
            return Err(TermError::NoDays);
        }
        if windows.iter().any(|window| window.from >= window.to) {
            return Err(TermError::HoursEmpty);
        }
        let clock = Self::Weekly { windows };
        for (day, _) in Day::WEEK {
            if clock.on(day).windows(2).any(|pair| pair[0].1 > pair[1].0) {
                return Err(TermError::HoursOverlap);
            }
        }
        Ok(clock)
    }

    /// Reads `always`, `slot`, `08:00-23:00`, or `Mo-Fr 10:00-19:00; Sa 11:00-18:00`.
    ///
    /// # Errors
    /// [`TermError`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, TermError> {
        let fault = || TermError::Clock(text.to_owned());
        match text {
            "always" => Ok(Self::Always),
            "slot" => Ok(Self::Slot),
            _ if text.starts_with(|c: char| c.is_ascii_digit()) => {
                let (from, to) = text.split_once('-').ok_or_else(fault)?;
                Self::daily(DayTime::parse(from)?, DayTime::parse(to)?)
            }
            _ => {
                let window = |part: &str| {
                    let (days, hours) = part.trim().split_once(' ').ok_or_else(fault)?;
                    let (from, to) = hours.split_once('-').ok_or_else(fault)?;
                    let days = parse_days(days).ok_or_else(fault)?;
                    Ok(WeekHours { days, from: DayTime::parse(from)?, to: DayTime::parse(to)? })
                };
                Self::weekly(text.split(';').map(window).collect::<Result<_, _>>()?)
            }
        }
    }

    /// The windows of a day of the week in their order; none for `slot`.
    fn on(&self, day: Day) -> Vec<(DayTime, DayTime)> {
        match self {
            Self::Always => vec![(DayTime::START, DayTime::END)],
            Self::Daily { from, to } => vec![(*from, *to)],
            Self::Weekly { windows } => {
                let mut open: Vec<_> = windows
                    .iter()
                    .flat_map(|w| w.days.iter().filter(|d| **d == day).map(|_| (w.from, w.to)))
                    .collect();
                open.sort_unstable();
                open
            }
            Self::Slot => Vec::new(),
        }
    }

    /// The windows of a local date in their order; none for `slot`.
    pub fn windows(&self, date: NaiveDate) -> Vec<(DayTime, DayTime)> {
        use chrono::Datelike as _;
        self.on(date.weekday().into())
    }
}

fn parse_days(text: &str) -> Option<Vec<Day>> {
    match text.split_once('-') {
        None => Day::parse(text).map(|day| vec![day]),
        Some((first, last)) => {
            let (first, last) = (Day::parse(first)?, Day::parse(last)?);
            let days: Vec<Day> =
                Day::WEEK.iter().map(|(day, _)| *day).filter(|day| (first..=last).contains(day)).collect();
            (!days.is_empty()).then_some(days)
        }
    }
}

impl FromStr for Clock {
    type Err = TermError;
    fn from_str(text: &str) -> Result<Self, TermError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DayTime {
        DayTime::parse(text).unwrap()
    }

    #[test]
    fn hours_of_the_catalogue() {
        assert_eq!(Clock::parse("always"), Ok(Clock::Always));
        assert_eq!(Clock::parse("slot"), Ok(Clock::Slot));
        assert_eq!(Clock::parse("08:00-23:00"), Ok(Clock::Daily { from: time("08:00"), to: time("23:00") }));
        let week = Clock::parse("Mo-Fr 10:00-19:00; Sa 11:00-18:00").unwrap();
        let on = |date: &str| week.windows(date.parse().unwrap());
        assert_eq!(on("2026-11-20"), [(time("10:00"), time("19:00"))]);
        assert_eq!(on("2026-11-21"), [(time("11:00"), time("18:00"))]);
        assert_eq!(on("2026-11-22"), []);
    }

    #[test]
    fn faults_are_named() {
        for (text, fault) in [
            ("", TermError::Clock(String::new())),
            ("nights", TermError::Clock("nights".into())),
            ("08:00", TermError::Clock("08:00".into())),
            ("Mo-Xx 09:00-18:00", TermError::Clock("Mo-Xx 09:00-18:00".into())),
            ("Fr-Mo 09:00-18:00", TermError::Clock("Fr-Mo 09:00-18:00".into())),
            ("08:00-24:01", TermError::DayTime("24:01".into())),
            ("08:00-8:30", TermError::DayTime("8:30".into())),
            ("23:00-08:00", TermError::HoursEmpty),
            ("Mo 09:00-09:00", TermError::HoursEmpty),
            ("Mo-Fr 09:00-18:00; We 17:00-19:00", TermError::HoursOverlap),
        ] {
            assert_eq!(Clock::parse(text), Err(fault), "{text}");
        }
        assert!(Clock::parse("Mo-Fr 09:00-13:00; Mo-Fr 13:00-18:00").is_ok());
    }

    #[test]
    fn json_round_trips_and_is_strict() {
        for (text, json) in [
            ("always", r#"{"kind":"always"}"#),
            ("slot", r#"{"kind":"slot"}"#),
            ("08:00-24:00", r#"{"kind":"daily","from":"08:00","to":"24:00"}"#),
            (
                "Mo-Tu 09:00-18:00; Sa 10:30-12:00",
                r#"{"kind":"weekly","windows":[{"days":["mo","tu"],"from":"09:00","to":"18:00"},{"days":["sa"],"from":"10:30","to":"12:00"}]}"#,
            ),
        ] {
            let clock = Clock::parse(text).unwrap();
            assert_eq!(serde_json::to_string(&clock).unwrap(), json);
            assert_eq!(serde_json::from_str::<Clock>(json).unwrap(), clock);
        }
        for wrong in [
            r#"{"kind":"always","from":"08:00"}"#,
            r#"{"kind":"daily","from":"08:00","to":"23:00","more":1}"#,
            r#"{"kind":"daily","from":"23:00","to":"08:00"}"#,
            r#"{"kind":"daily","from":"8:00","to":"23:00"}"#,
            r#"{"kind":"weekly","windows":[]}"#,
            r#"{"kind":"weekly","windows":[{"days":[],"from":"09:00","to":"18:00"}]}"#,
            r#"{"kind":"weekly","windows":[{"days":["mo","mo"],"from":"09:00","to":"18:00"}]}"#,
            r#"{"kind":"nights"}"#,
        ] {
            assert!(serde_json::from_str::<Clock>(wrong).is_err(), "{wrong}");
        }
    }
}
