//! Who asks, and what of the house he may see. Every store function takes a scope.

use uuid::Uuid;

use crate::{
    Code, Error, Result,
    auth::Role,
    id::{LoginId, OrganizationId, ResidentId, TechnicianId, TicketId, TrackId, UserId},
};

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A member of staff.
    Staff {
        /// The user.
        user: UserId,
        /// His role.
        role: Role,
    },
    /// A resident, by his membership in the organization of the scope.
    Resident {
        /// The login, shared by all memberships.
        login: LoginId,
        /// The membership.
        resident: ResidentId,
    },
    /// Whoever holds a link to one ticket: the applicant, without signing in.
    Link {
        /// The link.
        link: TrackId,
        /// The one ticket it opens.
        ticket: TicketId,
    },
    /// A background job or the command line, acting for the organization.
    System,
}

/// The organization (as owner or as executor), the role and the person on whose behalf rows are found and changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    organization: OrganizationId,
    actor: Actor,
    /// A ticket that he sees although it is no longer in his hands.
    granted: Option<TicketId>,
}

impl Scope {
    /// The scope of a signed-in member of staff.
    pub fn staff(organization: OrganizationId, user: UserId, role: Role) -> Self {
        Self { organization, actor: Actor::Staff { user, role }, granted: None }
    }

    /// The scope of a signed-in resident.
    pub fn resident(organization: OrganizationId, login: LoginId, resident: ResidentId) -> Self {
        Self { organization, actor: Actor::Resident { login, resident }, granted: None }
    }

    /// The scope of whoever holds a link to a ticket: that ticket as its applicant sees it, and nothing else.
    pub fn link(organization: OrganizationId, link: TrackId, ticket: TicketId) -> Self {
        Self { organization, actor: Actor::Link { link, ticket }, granted: None }
    }

    /// The scope of a job or of the command line: the whole of one organization.
    pub fn system(organization: OrganizationId) -> Self {
        Self { organization, actor: Actor::System, granted: None }
    }

    /// The same technician with one ticket more in sight: the desk has decided that what he recorded of it counts, or
    /// keeps it until it has. The ticket must be one that his organization owns or executes.
    #[must_use]
    pub fn granting(self, ticket: TicketId) -> Self {
        Self { granted: Some(ticket), ..self }
    }

    /// The ticket that was granted.
    pub fn granted(&self) -> Option<TicketId> {
        self.granted
    }

    /// The organization whose rows are in sight.
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// Who acts.
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// The identifier that stands in the journal and on rows for the one who acts; the organization's own for a job.
    pub fn actor_id(&self) -> Uuid {
        match self.actor {
            Actor::Staff { user, .. } => user.0,
            Actor::Resident { resident, .. } => resident.0,
            Actor::Link { link, .. } => link.0,
            Actor::System => self.organization.0,
        }
    }

    /// The role, if a person acts.
    pub fn role(&self) -> Option<Role> {
        match self.actor {
            Actor::Staff { role, .. } => Some(role),
            Actor::Resident { .. } | Actor::Link { .. } => Some(Role::Resident),
            Actor::System => None,
        }
    }

    /// The technician, if one acts.
    pub fn technician(&self) -> Option<TechnicianId> {
        match self.actor {
            Actor::Staff { user, role: Role::Technician } => Some(TechnicianId(user.0)),
            _ => None,
        }
    }

    /// The resident, if one acts.
    pub fn resident_id(&self) -> Option<ResidentId> {
        match self.actor {
            Actor::Resident { resident, .. } => Some(resident),
            _ => None,
        }
    }

    /// Whether a resident acts, signed in or by a link: he is shown what concerns him, and none of the house's own.
    pub fn is_resident(&self) -> bool {
        matches!(self.actor, Actor::Resident { .. } | Actor::Link { .. })
    }

    /// Whether the dispatcher's desk acts: a dispatcher, his manager, an administrator, a job.
    pub fn is_desk(&self) -> bool {
        match self.actor {
            Actor::Staff { role, .. } => matches!(role, Role::Dispatcher | Role::Manager | Role::Admin),
            Actor::Resident { .. } | Actor::Link { .. } => false,
            Actor::System => true,
        }
    }

    /// Passes the roles in `roles`, and jobs.
    ///
    /// # Errors
    /// `forbidden` for everybody else.
    pub fn require(&self, roles: &[Role]) -> Result<()> {
        match self.role() {
            Some(role) if !roles.contains(&role) => {
                Err(Error::new(Code::Forbidden, Code::Forbidden.title()).with("role", role))
            }
            _ => Ok(()),
        }
    }
}
