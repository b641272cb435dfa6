//! Who am I: what a signed-in person is told of himself.

use sea_orm::FromQueryResult;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    organization::OrganizationKind,
    resident::{self, login},
    user,
};
use crate::{
    Code, Error, Result, Scope,
    auth::Role,
    db::Reader,
    id::{OrganizationId, PremisesId},
    place::Zone,
    scope::Actor,
};

/// The signed-in person.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MeDocument {
    /// His identifier: of the user, or of the membership of a resident.
    pub id: Uuid,
    /// His role.
    pub role: Role,
    /// His name.
    pub full_name: String,
    /// The organization he signed in to.
    pub organization: MyOrganization,
    /// Every organization a resident belongs to, this one among them; empty for staff.
    pub memberships: Vec<MyMembership>,
}

/// The organization he signed in to.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MyOrganization {
    /// Its identifier.
    pub id: OrganizationId,
    /// What it is.
    pub kind: OrganizationKind,
    /// Its name.
    pub name: String,
    /// Its time zone.
    pub zone: Zone,
}

/// An organization a resident belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MyMembership {
    /// Which one, and who he is there.
    #[serde(flatten)]
    pub membership: login::Membership,
    /// His premises there.
    pub premises: Vec<MyPremises>,
}

/// Premises of a resident.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema, FromQueryResult)]
pub struct MyPremises {
    /// Their identifier.
    pub id: PremisesId,
    /// The address of the building.
    pub address: String,
    /// Number or name in the building.
    pub number: String,
    /// His account number for them.
    pub account_number: String,
}

/// The signed-in person.
///
/// # Errors
/// `token_invalid` for a person who is no longer there; `forbidden` for a job, which is nobody.
pub async fn me(reader: &Reader<'_>, scope: &Scope) -> Result<MeDocument> {
    let gone = |_| Error::new(Code::TokenInvalid, Code::TokenInvalid.title());
    let (full_name, memberships) = match scope.actor() {
        Actor::Staff { user, .. } => {
            (user::store::find(reader, scope, user).await.map_err(gone)?.full_name, Vec::new())
        }
        Actor::Resident { login, resident } => {
            let row = resident::store::find(reader, scope, resident).await.map_err(gone)?;
            (row.full_name, my_memberships(reader, login::memberships(reader, login).await?).await?)
        }
        Actor::Link { .. } | Actor::System => {
            return Err(Error::new(Code::Forbidden, Code::Forbidden.title()));
        }
    };
    let organization = super::organization::store::find(reader, scope).await?;
    Ok(MeDocument {
        id: scope.actor_id(),
        role: scope.role().ok_or_else(|| Error::new(Code::Forbidden, Code::Forbidden.title()))?,
        full_name,
        organization: MyOrganization {
            id: organization.id,
            kind: organization.kind,
            zone: Zone::stored(&organization.zone, format_args!("organization {}", organization.id))?,
            name: organization.name,
        },
        memberships,
    })
}

async fn my_memberships(
    reader: &Reader<'_>,
    memberships: Vec<login::Membership>,
) -> Result<Vec<MyMembership>> {
    let mut mine = Vec::with_capacity(memberships.len());
    // A person belongs to one or two organizations.
    for membership in memberships {
        let premises = reader
            .all(
                "SELECT p.id, b.address, p.number, a.number AS account_number FROM account a
                 JOIN premises p ON p.id = a.premises_id JOIN building b ON b.id = p.building_id
                 WHERE a.resident_id = $1 ORDER BY b.address, p.number, a.number",
                [membership.resident_id.0.into()],
            )
            .await?;
        mine.push(MyMembership { membership, premises });
    }
    Ok(mine)
}
