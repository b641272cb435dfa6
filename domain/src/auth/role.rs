//! Who somebody is in an organization.

use sea_orm::{DeriveActiveEnum, EnumIter};

/// The role of a signed-in person or system in one organization; stored and sent in snake case.
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
pub enum Role {
    /// A resident or tenant: sees his own tickets.
    Resident,
    /// A technician: sees the tickets of his visits.
    Technician,
    /// A dispatcher: takes requests and books crews.
    Dispatcher,
    /// A manager: sees the reports and the escalations of his organization.
    Manager,
    /// An administrator: people, catalogue, settings.
    Admin,
    /// Another system, signed in by a key.
    Integration,
}

impl Role {
    /// Every role, from the least to the most of people, and the machine last.
    pub const ALL: &[Role] =
        &[Role::Resident, Role::Technician, Role::Dispatcher, Role::Manager, Role::Admin, Role::Integration];
}

#[cfg(test)]
mod tests {
    use sea_orm::{ActiveEnum, Iterable};

    use super::Role;

    #[test]
    fn all_holds_every_role() {
        assert_eq!(Role::iter().collect::<Vec<_>>(), Role::ALL);
    }

    #[test]
    fn the_stored_and_the_sent_name_are_the_same() {
        let names: Vec<_> = Role::ALL.iter().map(|role| role.to_value()).collect();
        assert_eq!(names, ["resident", "technician", "dispatcher", "manager", "admin", "integration"]);
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.to_value());
            assert_eq!(Role::try_from_value(&role.to_value()).unwrap(), *role);
        }
    }
}
