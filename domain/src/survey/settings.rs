//! How an organization asks its residents.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Error, Result};

/// What a low mark does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LowAction {
    /// The ticket returns while it can be returned; later somebody looks into it.
    #[default]
    Return,
    /// Somebody looks into it.
    Review,
}

/// How residents are asked about the quality. What is not given has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SurveySettings {
    /// Of how many completed tickets of a hundred the applicant is asked, 0 to 100.
    #[schema(maximum = 100)]
    pub sample_percent: u16,
    /// How long after the completion he is asked, in minutes, 0 to 10080.
    #[schema(maximum = 10_080)]
    pub delay_minutes: u16,
    /// A person is asked at most once in so many days, 0 to 365; 0: as often as there is something to ask.
    #[schema(maximum = 365)]
    pub rest_days: u16,
    /// For how many days he can answer, 1 to 60.
    #[schema(minimum = 1, maximum = 60)]
    pub link_days: u16,
    /// After how many hours without an answer he is reminded, once, 0 to 720; 0: never.
    #[schema(maximum = 720)]
    pub remind_hours: u16,
    /// Up to which mark an answer is bad, 0 to 4; 0: no mark is.
    #[schema(maximum = 4)]
    pub low_mark: u16,
    /// What a bad answer does.
    pub low_action: LowAction,
    /// Within how many hours somebody looks into a bad answer, 1 to 720.
    #[schema(minimum = 1, maximum = 720)]
    pub review_hours: u16,
}

impl Default for SurveySettings {
    fn default() -> Self {
        Self {
            sample_percent: 100,
            delay_minutes: 120,
            rest_days: 7,
            link_days: 7,
            remind_hours: 48,
            low_mark: 2,
            low_action: LowAction::Return,
            review_hours: 24,
        }
    }
}

impl SurveySettings {
    /// Checks settings that came from outside; `path` is where they stand in the request.
    ///
    /// # Errors
    /// `invalid_field` naming the setting that is out of its range.
    pub fn check(&self, path: &str) -> Result<()> {
        for (name, value, least, most) in [
            ("sample_percent", self.sample_percent, 0, 100),
            ("delay_minutes", self.delay_minutes, 0, 10_080),
            ("rest_days", self.rest_days, 0, 365),
            ("link_days", self.link_days, 1, 60),
            ("remind_hours", self.remind_hours, 0, 720),
            ("low_mark", self.low_mark, 0, 4),
            ("review_hours", self.review_hours, 1, 720),
        ] {
            if !(least..=most).contains(&value) {
                let message = format!("must be from {least} to {most}");
                return Err(Error::field(format!("{path}.{name}"), message));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_out_of_range_is_named() {
        SurveySettings::default().check("settings.surveys").unwrap();
        for (settings, name) in [
            (SurveySettings { sample_percent: 101, ..SurveySettings::default() }, "sample_percent"),
            (SurveySettings { link_days: 0, ..SurveySettings::default() }, "link_days"),
            (SurveySettings { low_mark: 5, ..SurveySettings::default() }, "low_mark"),
        ] {
            let refused = settings.check("settings.surveys").unwrap_err();
            assert_eq!(refused.fields()[0].field, format!("settings.surveys.{name}"));
        }
    }
}
