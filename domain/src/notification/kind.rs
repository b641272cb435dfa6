//! What somebody can be told.

use sea_orm::{DeriveActiveEnum, EnumIter};
use serde::{Deserialize, Serialize};

/// What somebody is told.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    EnumIter,
    DeriveActiveEnum,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum NotificationKind {
    /// To the applicant: the ticket is registered, with its number, term and measures.
    Registered,
    /// To the applicant: who comes and when.
    Booked,
    /// To the applicant: the visit will not take place at the promised time; another is being looked for.
    BookingLost,
    /// To the applicant: the visit was moved to another time.
    BookingMoved,
    /// To the applicant: others come than were named, or fewer.
    CrewChanged,
    /// To the applicant: the visit will not take place.
    BookingCancelled,
    /// To the applicant: the technician is on his way.
    OnTheWay,
    /// To the applicant: the damage is localised.
    Localized,
    /// To the applicant: the work is done, with the question whether he accepts it.
    Completed,
    /// To the applicant: he could not be reached by phone.
    CalledInVain,
    /// To a resident: how good was it?
    SurveyAsk,
    /// To a resident: the question once more.
    SurveyRemind,
    /// To the residents of chosen buildings.
    MassNotice,
    /// To a technician: a visit is his.
    Assigned,
    /// To the desk of a contractor: a ticket is offered.
    Offered,
    /// To staff: a term runs out, or something else wants attention.
    Alarm,
    /// To staff: a large accident.
    Accident,
    /// To staff: a ticket waits for somebody to take it.
    Unassigned,
    /// To the local authority: nature and planned term of a damage.
    AuthorityNotice,
}

/// Which queue a notification waits in: each has workers of its own, so that none waits behind another.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumIter, DeriveActiveEnum, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum Lane {
    /// At once.
    Urgent,
    /// Soon.
    Normal,
    /// To many, when there is time.
    Bulk,
}

impl NotificationKind {
    /// Which queue it waits in.
    pub fn lane(self) -> Lane {
        match self {
            Self::Assigned | Self::Alarm | Self::Accident | Self::Unassigned | Self::OnTheWay => Lane::Urgent,
            Self::SurveyAsk | Self::SurveyRemind | Self::MassNotice => Lane::Bulk,
            _ => Lane::Normal,
        }
    }
}
