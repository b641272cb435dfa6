//! The login of a resident: one for a phone number, whatever the number of organizations he belongs to.

use sea_orm::FromQueryResult;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Error, Result,
    db::Reader,
    id::{LoginId, OrganizationId, ResidentId},
    text::PhoneNumber,
    write::Tx,
};

/// An organization a resident belongs to, and who he is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema, FromQueryResult)]
pub struct Membership {
    /// The organization.
    pub organization_id: OrganizationId,
    /// Its name.
    pub organization_name: String,
    /// Who he is there.
    pub resident_id: ResidentId,
    /// His name there.
    pub full_name: String,
}

/// The memberships of a login, the oldest first. It takes no scope: a login stands above the organizations, and whoever
/// holds it may choose among them.
///
/// # Errors
/// The database cannot be read.
pub async fn memberships(reader: &Reader<'_>, login: LoginId) -> Result<Vec<Membership>> {
    reader
        .all(
            "SELECT r.organization_id, o.name AS organization_name, r.id AS resident_id, r.full_name
             FROM resident r JOIN organization o ON o.id = r.organization_id
             WHERE r.login_id = $1 ORDER BY r.created_at, r.id",
            [login.0.into()],
        )
        .await
}

/// The login of a phone number. It takes no scope: a login stands above the organizations.
pub(crate) async fn of_phone(reader: &Reader<'_>, phone: &PhoneNumber) -> Result<Option<LoginId>> {
    #[derive(FromQueryResult)]
    struct Found {
        id: LoginId,
    }
    let found = reader
        .one::<Found>("SELECT id FROM resident_login WHERE phone = $1", [phone.as_str().into()])
        .await?;
    Ok(found.map(|row| row.id))
}

/// The login of a phone number, made where there is none.
pub(super) async fn find_or_create(tx: &Tx, phone: &PhoneNumber) -> Result<LoginId> {
    // Of two organizations that register the number at once, the second waits here and finds the login of the first.
    tx.execute(
        "INSERT INTO resident_login (id, phone, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        [LoginId::new(tx.clock()).0.into(), phone.as_str().into(), tx.now().into()],
    )
    .await?;
    of_phone(&tx.reader(), phone).await?.ok_or_else(|| Error::restart("the login went away"))
}
