//! The hours in which nobody is woken by what can wait.

use chrono::{DateTime, Days, NaiveTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::NotificationKind;
use crate::{Error, Result};

/// Hours by the clock of the person, from one to the other, over midnight where the first is the later. The same hour
/// twice: never quiet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// From this hour, 0 to 23.
    #[schema(minimum = 0, maximum = 23)]
    pub from: u8,
    /// Until this hour, 0 to 23.
    #[schema(minimum = 0, maximum = 23)]
    pub until: u8,
}

impl Default for QuietHours {
    fn default() -> Self {
        Self { from: 22, until: 8 }
    }
}

impl QuietHours {
    /// Checks hours that came from outside.
    ///
    /// # Errors
    /// `invalid_field`: no hour of a day.
    pub fn check(self, path: &str) -> Result<()> {
        for (name, hour) in [("from", self.from), ("until", self.until)] {
            if hour > 23 {
                return Err(Error::field(format!("{path}.{name}"), "must be from 0 to 23"));
            }
        }
        Ok(())
    }

    /// Whether an hour of the person's clock is quiet.
    pub fn covers(self, hour: u32) -> bool {
        let (from, until) = (u32::from(self.from), u32::from(self.until));
        if from <= until { (from..until).contains(&hour) } else { hour >= from || hour < until }
    }

    /// When the quiet that reigns at `now` ends; `None` when it is not quiet.
    pub fn end(self, now: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        let local = now.with_timezone(&zone);
        if !self.covers(local.hour()) {
            return None;
        }
        let until = NaiveTime::from_hms_opt(self.until.into(), 0, 0)?;
        let today = local.date_naive();
        // On the days on which clocks are moved the hour may not exist: then the next that does.
        [Some(today), today.checked_add_days(Days::new(1))]
            .into_iter()
            .flatten()
            .flat_map(|day| (0..4).map(move |later| day.and_time(until) + chrono::TimeDelta::hours(later)))
            .filter_map(|wall| zone.from_local_datetime(&wall).earliest())
            .map(|end| end.with_timezone(&Utc))
            .find(|end| *end > now && !self.covers(end.with_timezone(&zone).hour()))
    }
}

impl NotificationKind {
    /// Whether it can wait for the morning.
    pub fn waits_for_the_morning(self) -> bool {
        matches!(
            self,
            Self::Booked
                | Self::BookingLost
                | Self::BookingMoved
                | Self::CrewChanged
                | Self::BookingCancelled
                | Self::Completed
                | Self::CalledInVain
                | Self::SurveyAsk
                | Self::SurveyRemind
                | Self::MassNotice
        )
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn in_kamchatka_it_is_morning_when_moscow_sleeps() {
        let hours = QuietHours::default();
        let now: DateTime<Utc> = "2026-03-01T20:30:00Z".parse().unwrap();
        assert_eq!(hours.end(now, chrono_tz::Asia::Kamchatka), None, "half past eight");
        let end = hours.end(now, chrono_tz::Europe::Moscow).unwrap();
        assert_eq!(end, "2026-03-02T05:00:00Z".parse::<DateTime<Utc>>().unwrap());
    }

    proptest! {
        /// Against a walk minute by minute: quiet until the end, and not at it.
        #[test]
        fn the_end_is_the_first_minute_that_is_not_quiet(
            from in 0u8..24,
            until in 0u8..24,
            minute in 0i64..(2 * 365 * 24 * 60),
            zone in prop::sample::select(vec![
                chrono_tz::Asia::Kamchatka, chrono_tz::Europe::Kaliningrad, chrono_tz::Europe::Berlin,
                chrono_tz::America::Sao_Paulo, chrono_tz::Australia::Lord_Howe, chrono_tz::Asia::Kathmandu,
            ]),
        ) {
            let hours = QuietHours { from, until };
            let now = DateTime::<Utc>::from_timestamp(1_767_225_600 + minute * 60, 0).unwrap();
            let quiet = |at: DateTime<Utc>| hours.covers(at.with_timezone(&zone).hour());
            match hours.end(now, zone) {
                None => prop_assert!(!quiet(now)),
                Some(end) => {
                    prop_assert!(quiet(now) && end > now && !quiet(end));
                    let mut at = now;
                    while at < end {
                        prop_assert!(quiet(at), "{at} before {end}");
                        at += TimeDelta::minutes(1);
                    }
                }
            }
        }
    }
}
