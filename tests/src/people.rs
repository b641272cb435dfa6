//! Organizations and their staff, made by the program's own commands.

use std::sync::atomic::Ordering;

use uuid::Uuid;

use crate::{client::Client, house::House};

/// The password of every user that the harness makes.
pub const PASSWORD: &str = "лошадь верно батарея скрепка";

/// Roles of users that sign in with a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Goes to the resident.
    Technician,
    /// Answers the phone and books.
    Dispatcher,
    /// Sees reports and sets policies.
    Manager,
    /// Administers the organization.
    Admin,
    /// Another system.
    Integration,
}

impl Role {
    /// Every role of this list.
    pub const ALL: [Role; 5] =
        [Role::Technician, Role::Dispatcher, Role::Manager, Role::Admin, Role::Integration];

    /// Its name in the interface.
    pub fn name(self) -> &'static str {
        match self {
            Role::Technician => "technician",
            Role::Dispatcher => "dispatcher",
            Role::Manager => "manager",
            Role::Admin => "admin",
            Role::Integration => "integration",
        }
    }
}

/// An organization.
#[derive(Debug, Clone)]
pub struct Organization {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
}

/// A user with what is needed to sign in.
#[derive(Debug, Clone)]
pub struct User {
    /// The id.
    pub id: Uuid,
    /// The organization.
    pub organization: Uuid,
    /// The role.
    pub role: Role,
    /// The login, unique in the house.
    pub login: String,
    /// The password.
    pub password: String,
    /// The full name.
    pub full_name: String,
}

impl House {
    /// A managing company in Moscow.
    pub async fn company(&self, name: &str) -> Organization {
        self.organization(name, "managing", "Europe/Moscow").await
    }

    /// A contractor in Moscow.
    pub async fn contractor(&self, name: &str) -> Organization {
        self.organization(name, "contractor", "Europe/Moscow").await
    }

    /// An organization of a kind (`managing`, `contractor`) in an IANA zone.
    pub async fn organization(&self, name: &str, kind: &str, zone: &str) -> Organization {
        let arguments = ["org", "create", "--name", name, "--kind", kind, "--zone", zone];
        let made = self.naryad(&arguments).await.expect_success().json();
        Organization { id: id(&made["id"]), name: name.to_owned() }
    }

    /// A user of the organization, with a login and a name of the harness's choice.
    pub async fn user(&self, organization: &Organization, role: Role) -> User {
        let count = self.logins.fetch_add(1, Ordering::Relaxed) + 1;
        let surnames = ["Иванова", "Петров", "Сидорова", "Кузнецов", "Смирнова", "Волков"];
        let full_name = format!("{} {} {count}-й", surnames[count % surnames.len()], role.name());
        self.user_named(organization, role, &full_name).await
    }

    /// A user of the organization with a full name, as notices print it.
    pub async fn user_named(&self, organization: &Organization, role: Role, full_name: &str) -> User {
        let count = self.logins.fetch_add(1, Ordering::Relaxed) + 1;
        let login = format!("{}-{count}", role.name());
        let owner = organization.id.to_string();
        let arguments = [
            "user",
            "create",
            "--org",
            &owner,
            "--role",
            role.name(),
            "--login",
            &login,
            "--full-name",
            full_name,
            "--password-stdin",
        ];
        let made = self.naryad_with_input(&arguments, &format!("{PASSWORD}\n")).await.expect_success().json();
        User {
            id: id(&made["id"]),
            organization: organization.id,
            role,
            login,
            password: PASSWORD.to_owned(),
            full_name: full_name.to_owned(),
        }
    }

    /// A client signed in as `user`. Costs a password hash: sign in once a user, and clone the client.
    pub async fn sign_in(&self, user: &User) -> Client {
        let client = self.client();
        client.login(&user.login, &user.password).await.ok(200);
        client
    }

    /// A new user of the organization, signed in.
    pub async fn staff(&self, organization: &Organization, role: Role) -> Client {
        self.sign_in(&self.user(organization, role).await).await
    }
}

pub(crate) fn id(value: &serde_json::Value) -> Uuid {
    let text = value.as_str().unwrap_or_else(|| panic!("`{value}` is not an id"));
    text.parse().unwrap_or_else(|error| panic!("`{text}` is not an id: {error}"))
}
