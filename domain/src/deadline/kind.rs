//! What a clock measures, by what right, and where it stands.

use sea_orm::{DeriveActiveEnum, EnumIter};

/// What is awaited.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    EnumIter,
    DeriveActiveEnum,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum DeadlineKind {
    /// A call is answered.
    Answer,
    /// A missed caller is called back.
    Callback,
    /// The applicant is told the planned term.
    Inform,
    /// Somebody is given the work.
    Assign,
    /// A contractor says whether he takes the work.
    Accept,
    /// The damage is localized.
    Localize,
    /// The work is done.
    Resolve,
    /// The quality is checked on site.
    CheckVisit,
    /// A letter is answered.
    Reply,
}

impl DeadlineKind {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Callback => "callback",
            Self::Inform => "inform",
            Self::Assign => "assign",
            Self::Accept => "accept",
            Self::Localize => "localize",
            Self::Resolve => "resolve",
            Self::CheckVisit => "check_visit",
            Self::Reply => "reply",
        }
    }
}

/// By what right a term runs. Legal and contract terms of one work run side by side.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    EnumIter,
    DeriveActiveEnum,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
#[schema(as = DeadlineBasis)]
pub enum Basis {
    /// Law: it never pauses, and nobody moves it.
    Legal,
    /// A contract, or a rule of the house.
    Contract,
}

/// Where a clock stands. A running one whose due moment has passed is overdue.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    EnumIter,
    DeriveActiveEnum,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum DeadlineState {
    /// It runs.
    Running,
    /// It stands still while the ticket is on hold.
    Paused,
    /// What was awaited came in time.
    Met,
    /// It came late, or its subject ended late without it.
    Missed,
    /// It is awaited no more.
    Cancelled,
}

impl DeadlineState {
    /// Whether something is still awaited.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }
}

/// What a clock stands on.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    EnumIter,
    DeriveActiveEnum,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum DeadlineSubject {
    /// A ticket.
    Ticket,
    /// A ticket offered to a contractor.
    Handover,
    /// A call.
    Call,
    /// A voice message.
    VoiceMessage,
    /// A letter.
    Letter,
}
