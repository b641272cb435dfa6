//! The states of a visit and the window told to the resident.

use chrono::{DateTime, Utc};
use sea_orm::{DeriveActiveEnum, EnumIter};

use super::row::Model;
use crate::{Code, Error, Result};

/// Where a visit stands.
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
pub enum VisitStatus {
    /// Booked.
    Planned,
    /// On the way.
    EnRoute,
    /// At work.
    Started,
    /// Done.
    Done,
    /// Ended without the work being done.
    Unfinished,
    /// Nobody opened.
    NoAccess,
    /// Will not take place.
    Cancelled,
}

impl VisitStatus {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::EnRoute => "en_route",
            Self::Started => "started",
            Self::Done => "done",
            Self::Unfinished => "unfinished",
            Self::NoAccess => "no_access",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the visit is still to come or under way.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Planned | Self::EnRoute | Self::Started)
    }
}

macro_rules! visit_moves {
    ($($variant:ident $name:literal [$($from:ident),*] -> $to:literal $note:literal;)*) => {
        /// A move of a visit.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum VisitMove { $(#[doc = $note] $variant,)* }

        impl VisitMove {
            /// Every move, in the order of the documentation.
            pub const ALL: &[VisitMove] = &[$(VisitMove::$variant),*];

            /// The stable name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The states from which it is legal.
            pub fn from(self) -> &'static [VisitStatus] {
                match self { $(Self::$variant => &[$(VisitStatus::$from),*],)* }
            }

            /// Where it leads.
            pub fn to(self) -> &'static str {
                match self { $(Self::$variant => $to,)* }
            }

            /// What it is.
            pub fn note(self) -> &'static str {
                match self { $(Self::$variant => $note,)* }
            }
        }
    };
}

visit_moves! {
    EnRoute "en_route" [Planned] -> "en_route" "The crew is on its way";
    Start "start" [Planned, EnRoute] -> "started" "Work begins";
    Complete "complete" [Planned, EnRoute, Started] -> "done" "The ticket is completed; its open visits are done or cancelled";
    Unfinished "unfinished" [EnRoute, Started] -> "unfinished" "The crew leaves before the work is done, with a reason";
    NoAccess "no_access" [Planned, EnRoute, Started] -> "no_access" "Nobody opened; a photo shows the door";
    Move "move" [Planned, EnRoute] -> "planned" "Another time or another crew";
    Cancel "cancel" [Planned, EnRoute] -> "cancelled" "It will not take place";
}

/// Passes a legal move.
///
/// # Errors
/// `illegal_move` naming the legal ones.
pub fn check(step: VisitMove, status: VisitStatus) -> Result<()> {
    if step.from().contains(&status) {
        return Ok(());
    }
    let legal: Vec<&str> =
        VisitMove::ALL.iter().filter(|m| m.from().contains(&status)).map(|m| m.name()).collect();
    let message = format!("a visit that is {} cannot take the move {}", status.name(), step.name());
    Err(Error::new(Code::IllegalMove, message).with("status", status.name()).with("legal", legal))
}

/// The column that tells which window it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, EnumIter, DeriveActiveEnum)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum WindowKind {
    /// Told to the resident.
    Promised,
    /// Wished by the resident, not agreed.
    Wished,
    /// No window.
    None,
}

/// When the resident expects the crew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Window {
    /// Told to the resident: it is kept, or he is told otherwise.
    Promised {
        /// From.
        start: DateTime<Utc>,
        /// To.
        end: DateTime<Utc>,
    },
    /// Wished by the resident; the exact time is agreed later.
    Wished {
        /// From.
        start: DateTime<Utc>,
        /// To.
        end: DateTime<Utc>,
    },
    /// None.
    None,
}

impl Model {
    /// The window of the visit.
    ///
    /// # Errors
    /// The row names a window and does not say when.
    pub fn window(&self) -> Result<Window> {
        match (self.window_kind, self.window_start, self.window_end) {
            (WindowKind::Promised, Some(start), Some(end)) => Ok(Window::Promised { start, end }),
            (WindowKind::Wished, Some(start), Some(end)) => Ok(Window::Wished { start, end }),
            (WindowKind::None, None, None) => Ok(Window::None),
            _ => Err(Error::internal(format!("visit {}, column window_start", self.id))),
        }
    }

    /// Sets the three columns of the window.
    pub fn set_window(&mut self, window: Window) {
        (self.window_kind, self.window_start, self.window_end) = match window {
            Window::Promised { start, end } => (WindowKind::Promised, Some(start), Some(end)),
            Window::Wished { start, end } => (WindowKind::Wished, Some(start), Some(end)),
            Window::None => (WindowKind::None, None, None),
        };
    }
}
