//! Which way a message takes to a person, and which comes next.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::NotificationKind;
use crate::{Error, Result};

/// A way to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// To his phones and browsers.
    Push,
    /// A text message.
    Sms,
    /// E-mail.
    Mail,
    /// Somebody of the desk calls.
    Call,
}

impl Rung {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Sms => "sms",
            Self::Mail => "mail",
            Self::Call => "call",
        }
    }
}

/// A step of a ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The way.
    pub rung: Rung,
    /// How long a sign that the message arrived is awaited before the next step, in minutes, 1 to 1440.
    #[schema(minimum = 1, maximum = 1440)]
    pub wait_minutes: u16,
}

impl Step {
    /// How long a sign is awaited.
    pub fn wait(self) -> TimeDelta {
        TimeDelta::minutes(self.wait_minutes.into())
    }
}

/// The steps by which a message climbs until it arrives; each way once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Ladder(pub Vec<Step>);

impl Ladder {
    /// The ladder of a kind where its organization has said nothing.
    pub fn standard(kind: NotificationKind) -> Self {
        use NotificationKind as Kind;
        use Rung::{Call, Mail, Push, Sms};
        let steps: &[(Rung, u16)] = match kind {
            // Within the 30 minutes of the rules, with time left for the call.
            Kind::Registered => &[(Push, 8), (Sms, 8), (Mail, 10), (Call, 10)],
            Kind::OnTheWay => &[(Push, 3), (Sms, 10)],
            Kind::Localized | Kind::Completed | Kind::CalledInVain => &[(Push, 15), (Sms, 30), (Mail, 30)],
            Kind::Booked
            | Kind::BookingLost
            | Kind::BookingMoved
            | Kind::CrewChanged
            | Kind::BookingCancelled => &[(Push, 15), (Sms, 30), (Mail, 30), (Call, 30)],
            Kind::SurveyAsk | Kind::SurveyRemind => &[(Push, 240), (Sms, 240)],
            Kind::MassNotice => &[(Push, 60), (Sms, 60), (Mail, 60)],
            Kind::Assigned => &[(Push, 5), (Sms, 10), (Mail, 30), (Call, 30)],
            Kind::Offered => &[(Push, 5), (Mail, 30), (Call, 30)],
            Kind::Alarm | Kind::Accident | Kind::Unassigned => &[(Push, 2), (Sms, 5), (Mail, 10), (Call, 10)],
            Kind::AuthorityNotice => &[(Mail, 60), (Call, 60)],
        };
        Self(steps.iter().map(|&(rung, wait_minutes)| Step { rung, wait_minutes }).collect())
    }

    /// Checks a ladder that came from outside.
    ///
    /// # Errors
    /// `invalid_field`: no step, a way twice, a wait out of its range, something after the call.
    pub fn check(&self, path: &str) -> Result<()> {
        if self.0.is_empty() {
            return Err(Error::field(path, "must have a step"));
        }
        for (at, step) in self.0.iter().enumerate() {
            if self.0[..at].iter().any(|before| before.rung == step.rung) {
                return Err(Error::field(format!("{path}[{at}].rung"), "stands in the ladder already"));
            }
            if !(1..=1440).contains(&step.wait_minutes) {
                return Err(Error::field(format!("{path}[{at}].wait_minutes"), "must be from 1 to 1440"));
            }
            if step.rung == Rung::Call && at + 1 < self.0.len() {
                return Err(Error::field(
                    format!("{path}[{at}].rung"),
                    "the call is the last step: a person ends it",
                ));
            }
        }
        Ok(())
    }

    /// The same without the ways that cannot be gone.
    #[must_use]
    pub fn possible(&self, can: impl Fn(Rung) -> bool) -> Self {
        Self(self.0.iter().copied().filter(|step| can(step.rung)).collect())
    }

    /// The step that stands at `at`.
    pub fn at(&self, at: i64) -> Option<Step> {
        usize::try_from(at).ok().and_then(|at| self.0.get(at)).copied()
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::Iterable;

    use super::*;

    #[test]
    fn each_standard_ladder_is_one_that_could_be_saved() {
        for kind in NotificationKind::iter() {
            Ladder::standard(kind).check("ladder").unwrap();
        }
    }

    #[test]
    fn the_first_word_has_gone_every_way_within_half_an_hour() {
        let ladder = Ladder::standard(NotificationKind::Registered);
        let waits: i64 = ladder.0.iter().take(3).map(|step| i64::from(step.wait_minutes)).sum();
        assert!(waits + 2 <= 30, "two minutes for the booking, then {waits}");
    }

    #[test]
    fn what_no_ladder_is_is_named() {
        let step = |rung, wait_minutes| Step { rung, wait_minutes };
        for (steps, field) in [
            (vec![], "ladder"),
            (vec![step(Rung::Push, 5), step(Rung::Push, 5)], "ladder[1].rung"),
            (vec![step(Rung::Push, 0)], "ladder[0].wait_minutes"),
            (vec![step(Rung::Push, 1441)], "ladder[0].wait_minutes"),
            (vec![step(Rung::Call, 5), step(Rung::Sms, 5)], "ladder[0].rung"),
        ] {
            let refused = Ladder(steps).check("ladder").unwrap_err();
            assert_eq!(refused.fields()[0].field, field);
        }
    }
}
