//! What an organization has decided for itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::email::Email;
use crate::{Error, Result, catalogue::AuthorityNature, survey::SurveySettings};

/// Settings of an organization. What is not given has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// After how many days a completed ticket that nobody accepted or returned is closed, 1 to 60.
    #[schema(minimum = 1, maximum = 60)]
    pub auto_close_days: u16,
    /// For how many days after the close a ticket can be returned, 0 to 365.
    #[schema(minimum = 0, maximum = 365)]
    pub return_days: u16,
    /// How long a visit lasts where the kind of work does not say, in minutes, 5 to 1440.
    #[schema(minimum = 5, maximum = 1440)]
    pub default_visit_minutes: u16,
    /// What is kept free before a visit for the way, in minutes, 0 to 240.
    #[schema(minimum = 0, maximum = 240)]
    pub travel_buffer_minutes: u16,
    /// How far ahead times are searched and booked, in days, 1 to 90.
    #[schema(minimum = 1, maximum = 90)]
    pub slot_horizon_days: u16,
    /// How long a time is kept for a dispatcher who has the resident on the phone, in seconds, 15 to 900.
    #[schema(minimum = 15, maximum = 900)]
    pub hold_seconds: u16,
    /// How long the window is that a resident is promised, in minutes, 15 to 720.
    #[schema(minimum = 15, maximum = 720)]
    pub promised_window_minutes: u16,
    /// From which minutes of the hour times are offered, in minutes, 5 to 120.
    #[schema(minimum = 5, maximum = 120)]
    pub slot_step_minutes: u16,
    /// How fast technicians get from building to building as the crow flies, in km/h, 1 to 120. It ranks times and
    /// never forbids one.
    #[schema(minimum = 1, maximum = 120)]
    pub travel_speed_kmh: u16,
    /// How far from the building a photo may be taken before the desk sees a doubt, in metres, 50 to 50000.
    #[schema(minimum = 50, maximum = 50_000)]
    pub photo_distance_m: u16,
    /// How far clocks may be apart before the desk sees a doubt about a photo, in minutes, 1 to 1440.
    #[schema(minimum = 1, maximum = 1440)]
    pub photo_clock_minutes: u16,
    /// How long before the planned begin a resident can still choose another time, in hours, 0 to 72.
    #[schema(minimum = 0, maximum = 72)]
    pub resident_move_hours: u16,
    /// How often a resident can choose another time of a ticket, 0 to 20.
    #[schema(minimum = 0, maximum = 20)]
    pub resident_moves: u16,
    /// For how many days after the end of a ticket the link to it still opens, 1 to 365.
    #[schema(minimum = 1, maximum = 365)]
    pub track_days: u16,
    /// For how many days it is kept who has read whose personal data, 30 to 3650.
    #[schema(minimum = 30, maximum = 3650)]
    pub personal_read_days: u16,
    /// How residents are asked about the quality.
    pub surveys: SurveySettings,
    /// Where the local authority is told of damage.
    pub authorities: Authorities,
}

/// Addresses of the local authority, by what is damaged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Authorities {
    /// For water.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub water: Option<Email>,
    /// For sewage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sewage: Option<Email>,
    /// For heating.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heating: Option<Email>,
}

impl Authorities {
    /// Where it is told of such damage.
    pub fn of(&self, nature: AuthorityNature) -> Option<Email> {
        match nature {
            AuthorityNature::Water => self.water.clone(),
            AuthorityNature::Sewage => self.sewage.clone(),
            AuthorityNature::Heating => self.heating.clone(),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            auto_close_days: 3,
            return_days: 14,
            default_visit_minutes: 60,
            travel_buffer_minutes: 0,
            slot_horizon_days: 14,
            hold_seconds: 120,
            promised_window_minutes: 120,
            slot_step_minutes: 30,
            travel_speed_kmh: 20,
            photo_distance_m: 500,
            photo_clock_minutes: 10,
            resident_move_hours: 3,
            resident_moves: 3,
            track_days: 14,
            personal_read_days: 365,
            surveys: SurveySettings::default(),
            authorities: Authorities::default(),
        }
    }
}

impl Settings {
    /// Checks settings that came from outside; `path` is where they stand in the request.
    ///
    /// # Errors
    /// `invalid_field` naming the setting that is out of its range.
    pub fn check(&self, path: &str) -> Result<()> {
        for (name, value, least, most) in [
            ("auto_close_days", self.auto_close_days, 1, 60),
            ("return_days", self.return_days, 0, 365),
            ("default_visit_minutes", self.default_visit_minutes, 5, 1_440),
            ("travel_buffer_minutes", self.travel_buffer_minutes, 0, 240),
            ("slot_horizon_days", self.slot_horizon_days, 1, 90),
            ("hold_seconds", self.hold_seconds, 15, 900),
            ("promised_window_minutes", self.promised_window_minutes, 15, 720),
            ("slot_step_minutes", self.slot_step_minutes, 5, 120),
            ("travel_speed_kmh", self.travel_speed_kmh, 1, 120),
            ("photo_distance_m", self.photo_distance_m, 50, 50_000),
            ("photo_clock_minutes", self.photo_clock_minutes, 1, 1_440),
            ("resident_move_hours", self.resident_move_hours, 0, 72),
            ("resident_moves", self.resident_moves, 0, 20),
            ("track_days", self.track_days, 1, 365),
            ("personal_read_days", self.personal_read_days, 30, 3_650),
        ] {
            if !(least..=most).contains(&value) {
                return Err(Error::field(
                    format!("{path}.{name}"),
                    format!("must be from {least} to {most}"),
                ));
            }
        }
        self.surveys.check(&format!("{path}.surveys"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_given_has_its_default() {
        let settings: Settings = serde_json::from_str(r#"{"return_days": 30}"#).unwrap();
        assert_eq!(settings, Settings { return_days: 30, ..Settings::default() });
        assert_eq!(Settings::default().auto_close_days, 3);
        assert!(serde_json::from_str::<Settings>(r#"{"auto_close": 3}"#).is_err());
        Settings::default().check("settings").unwrap();
    }

    #[test]
    fn a_setting_out_of_range_is_named() {
        for (settings, name) in [
            (Settings { auto_close_days: 0, ..Settings::default() }, "settings.auto_close_days"),
            (Settings { return_days: 366, ..Settings::default() }, "settings.return_days"),
            (Settings { default_visit_minutes: 4, ..Settings::default() }, "settings.default_visit_minutes"),
            (
                Settings { travel_buffer_minutes: 241, ..Settings::default() },
                "settings.travel_buffer_minutes",
            ),
        ] {
            assert_eq!(settings.check("settings").unwrap_err().fields()[0].field, name);
        }
    }
}
