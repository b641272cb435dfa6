//! The move table of a ticket: the one place that says what may follow what, printed into the documentation.

use super::Status;
use crate::{Code, Error, Result, Scope, auth::Role, scope::Actor};

/// Who may make a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The desk: dispatcher, manager, administrator.
    Desk,
    /// A technician of the crew.
    Technician,
    /// The resident who asked for it.
    Resident,
    /// The service itself.
    Job,
}

impl By {
    /// As what a scope acts.
    pub fn of(scope: &Scope) -> Option<Self> {
        match scope.actor() {
            Actor::System => Some(Self::Job),
            Actor::Resident { .. } | Actor::Link { .. } => Some(Self::Resident),
            Actor::Staff { role: Role::Technician, .. } => Some(Self::Technician),
            Actor::Staff { role: Role::Dispatcher | Role::Manager | Role::Admin, .. } => Some(Self::Desk),
            Actor::Staff { .. } => None,
        }
    }

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Desk => "dispatcher",
            Self::Technician => "technician",
            Self::Resident => "resident",
            Self::Job => "job",
        }
    }
}

macro_rules! moves {
    ($($variant:ident $name:literal [$($from:ident),*] -> $to:literal by [$($by:ident),*] $note:literal;)*) => {
        /// A move of a ticket.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        #[schema(as = TicketMove)]
        pub enum Move { $(#[doc = $note] $variant,)* }

        impl Move {
            /// Every move, in the order of the documentation.
            pub const ALL: &[Move] = &[$(Move::$variant),*];

            /// The stable name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The states from which it is legal.
            pub fn from(self) -> &'static [Status] {
                match self { $(Self::$variant => &[$(Status::$from),*],)* }
            }

            /// Where it leads, in words.
            pub fn to(self) -> &'static str {
                match self { $(Self::$variant => $to,)* }
            }

            /// Who may make it.
            pub fn by(self) -> &'static [By] {
                match self { $(Self::$variant => &[$(By::$by),*],)* }
            }

            /// What it is.
            pub fn note(self) -> &'static str {
                match self { $(Self::$variant => $note,)* }
            }
        }
    };
}

moves! {
    Executor "executor" [Registered, Planned, OnHold] -> "same; planned becomes registered if it takes the visit away"
        by [Desk] "Choose who executes: own staff, a contractor, nobody";
    Plan "plan" [Registered, Planned, OnHold, InProgress] -> "planned; stays in_progress"
        by [Desk] "Book a crew; also for a further visit";
    Unplan "unplan" [Planned] -> "registered"
        by [Desk] "Take the booked visits away";
    Start "start" [Registered, Planned, InProgress] -> "in_progress"
        by [Technician, Desk] "Work of a visit begins";
    Localize "localize" [Registered, Planned, InProgress] -> "same; localized_at is set"
        by [Technician, Desk] "The damage is localised: a milestone, not a state";
    Hold "hold" [Registered, Planned, InProgress] -> "on_hold"
        by [Technician, Desk] "Wait for something outside, with a reason and until when";
    Resume "resume" [OnHold] -> "registered"
        by [Technician, Desk] "Go on";
    Complete "complete" [Registered, Planned, InProgress] -> "completed"
        by [Technician, Desk] "The work is done; the desk says on whose report";
    Accept "accept" [Completed] -> "closed"
        by [Resident, Desk, Job] "The work is accepted, or nobody objected in time";
    Return "return" [Completed, Closed] -> "registered"
        by [Resident, Desk] "The work is not accepted; closed tickets only within the term of return";
    Cancel "cancel" [Registered, Planned, OnHold, InProgress] -> "cancelled"
        by [Desk, Resident] "It will not be done; the resident only before work has begun";
}

/// The moves that `by` may make from `status`.
pub fn legal(status: Status, by: By) -> Vec<Move> {
    let begun = matches!(status, Status::InProgress);
    Move::ALL
        .iter()
        .copied()
        .filter(|step| step.by().contains(&by) && step.from().contains(&status))
        .filter(|step| !(*step == Move::Cancel && by == By::Resident && begun))
        // Only the desk takes a phoned report of work that nobody has started.
        .filter(|step| !(*step == Move::Complete && by == By::Technician && status == Status::Registered))
        .collect()
}

/// Passes a legal move.
///
/// # Errors
/// `forbidden` when this kind of actor never makes the move, `illegal_move` naming the legal ones when the state does
/// not allow it.
pub fn check(step: Move, status: Status, scope: &Scope) -> Result<By> {
    let by = By::of(scope).filter(|by| step.by().contains(by));
    let Some(by) = by else {
        return Err(Error::new(Code::Forbidden, Code::Forbidden.title()).with("move", step.name()));
    };
    let legal = legal(status, by);
    if legal.contains(&step) {
        return Ok(by);
    }
    let names: Vec<&str> = legal.iter().map(|step| step.name()).collect();
    let message = format!("a ticket that is {} cannot take the move {}", status.name(), step.name());
    Err(Error::new(Code::IllegalMove, message).with("status", status.name()).with("legal", names))
}
