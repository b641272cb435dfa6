//! The states of a ticket and who executes it.

use sea_orm::{DeriveActiveEnum, EnumIter};

use super::row::Model;
use crate::{Error, Result, id::OrganizationId, text::search_column};

/// Where a ticket stands.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    EnumIter,
    DeriveActiveEnum,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
#[schema(as = TicketStatus)]
pub enum Status {
    /// In the journal, nobody booked.
    Registered,
    /// A visit is booked.
    Planned,
    /// Work has begun.
    InProgress,
    /// Waits for something outside.
    OnHold,
    /// The work is done; the resident may return it.
    Completed,
    /// Accepted.
    Closed,
    /// Will not be done.
    Cancelled,
}

impl Status {
    /// Every state.
    pub const ALL: &[Status] = &[
        Self::Registered,
        Self::Planned,
        Self::InProgress,
        Self::OnHold,
        Self::Completed,
        Self::Closed,
        Self::Cancelled,
    ];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Planned => "planned",
            Self::InProgress => "in_progress",
            Self::OnHold => "on_hold",
            Self::Completed => "completed",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Where a ticket came from.
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
#[schema(as = TicketSource)]
pub enum Source {
    /// A call.
    Phone,
    /// The residents' app.
    App,
    /// At the desk.
    InPerson,
    /// E-mail or letter.
    Letter,
    /// Found by staff.
    Staff,
}

/// How the applicant was told the term.
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
pub enum InformedHow {
    /// By phone.
    Phone,
    /// In the residents' app.
    App,
    /// At the desk.
    InPerson,
    /// In writing.
    Message,
}

/// The column that tells which executor it is.
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
pub enum ExecutorKind {
    /// Nobody yet.
    Nobody,
    /// The owner's own staff.
    OwnStaff,
    /// A contractor organization.
    Contractor,
}

impl ExecutorKind {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::OwnStaff => "own_staff",
            Self::Contractor => "contractor",
        }
    }
}

/// Who executes a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Executor {
    /// Nobody yet.
    Nobody,
    /// The owner's own staff.
    OwnStaff,
    /// A contractor: its dispatcher, and only he, books its staff.
    Contractor {
        /// The contractor.
        organization_id: OrganizationId,
    },
}

impl Model {
    /// Who executes the ticket.
    ///
    /// # Errors
    /// The row names a contractor and does not say which.
    pub fn executor(&self) -> Result<Executor> {
        match (self.executor_kind, self.executor_organization_id) {
            (ExecutorKind::Nobody, None) => Ok(Executor::Nobody),
            (ExecutorKind::OwnStaff, None) => Ok(Executor::OwnStaff),
            (ExecutorKind::Contractor, Some(organization_id)) => Ok(Executor::Contractor { organization_id }),
            _ => Err(Error::internal(format!("ticket {}, column executor_organization_id", self.id))),
        }
    }

    /// Sets both columns of the executor.
    pub fn set_executor(&mut self, executor: Executor) {
        (self.executor_kind, self.executor_organization_id) = match executor {
            Executor::Nobody => (ExecutorKind::Nobody, None),
            Executor::OwnStaff => (ExecutorKind::OwnStaff, None),
            Executor::Contractor { organization_id } => (ExecutorKind::Contractor, Some(organization_id)),
        };
    }

    /// The organization whose dispatchers book the visits: the contractor's where there is one, else the owner's.
    pub fn staff_organization(&self) -> OrganizationId {
        self.executor_organization_id.unwrap_or(self.organization_id)
    }

    /// What text search looks at: number, address, premises, applicant, description.
    pub(crate) fn search_column(&self, address: &str, premises_number: Option<&str>) -> String {
        search_column(&[
            &self.number,
            address,
            premises_number.unwrap_or_default(),
            self.applicant_name.as_deref().unwrap_or_default(),
            self.applicant_phone.as_deref().unwrap_or_default(),
            &self.description,
        ])
    }
}
