//! A company that came into being as companies do, for the tests of people, places, catalogue and sign-in.

use serde_json::json;

use super::{
    organization::{self, store::OrganizationDocument},
    resident::{self, store::ResidentDocument},
    user::{self, credentials::Password, store::UserDocument},
};
use crate::{
    Scope,
    auth::Role,
    db::Db,
    id::{BuildingId, OrganizationId, PremisesId, UserId},
    page::PageRequest,
    place::{building, premises},
};

/// The password of everybody.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// An organization with one of each of its staff.
pub(crate) struct Company {
    pub(crate) id: OrganizationId,
    pub(crate) admin: Scope,
    pub(crate) dispatcher: Scope,
    pub(crate) manager: Scope,
    pub(crate) technician: Scope,
}

/// Founds a company; its people sign in as `admin@name`, `dispatcher@name`...
pub(crate) async fn company(db: &Db, name: &str) -> Company {
    let id = OrganizationId::new(&**db.clock());
    let args = json!({ "name": name, "kind": "managing", "zone": "Europe/Moscow" });
    let create = organization::store::Create { id, args: serde_json::from_value(args).unwrap() };
    let founded: OrganizationDocument = db.write(Scope::system(id), create).await.unwrap();
    assert_eq!(founded.name, name);
    let mut scopes = Vec::new();
    for role in [Role::Admin, Role::Dispatcher, Role::Manager, Role::Technician] {
        let user = hire(db, Scope::system(id), role, name).await;
        scopes.push(Scope::staff(id, user.id, role));
    }
    Company { id, admin: scopes[0], dispatcher: scopes[1], manager: scopes[2], technician: scopes[3] }
}

pub(crate) async fn hire(db: &Db, scope: Scope, role: Role, company: &str) -> UserDocument {
    let role_name = serde_json::to_value(role).unwrap();
    let args = json!({
        "role": role, "login": format!("{}@{company}", role_name.as_str().unwrap()), "password": PASSWORD,
        "full_name": "Анна Петрова",
    });
    let id = UserId::new(&**db.clock());
    let create = user::store::Create::prepare(id, serde_json::from_value(args).unwrap()).await.unwrap();
    db.write(scope, create).await.unwrap()
}

pub(crate) async fn building(db: &Db, scope: Scope, address: &str) -> BuildingId {
    let id = BuildingId::new(&**db.clock());
    let args = serde_json::from_value(json!({ "id": id, "address": address })).unwrap();
    db.write(scope, building::store::Create { args }).await.unwrap();
    id
}

pub(crate) async fn flat(db: &Db, scope: Scope, building_id: BuildingId, number: &str) -> PremisesId {
    let id = PremisesId::new(&**db.clock());
    let args = json!({
        "id": id, "building_id": building_id, "kind": "flat", "number": number, "access_notes": "Код 17К45",
    });
    let args = serde_json::from_value(args).unwrap();
    db.write(scope, premises::store::Create { args }).await.unwrap();
    id
}

pub(crate) async fn resident(
    db: &Db,
    scope: Scope,
    phones: &[&str],
    flats: &[PremisesId],
) -> ResidentDocument {
    let accounts: Vec<_> = flats
        .iter()
        .enumerate()
        .map(|(at, id)| json!({ "number": format!("10{at}"), "premises_id": id }))
        .collect();
    let args = json!({ "full_name": "Фёдор Ильин", "phones": phones, "accounts": accounts });
    let args = serde_json::from_value(args).unwrap();
    db.write(scope, resident::store::Create { args }).await.unwrap()
}

pub(crate) fn first_page() -> PageRequest {
    PageRequest::default()
}

pub(crate) fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}
