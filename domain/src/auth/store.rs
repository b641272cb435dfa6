//! Credentials in the database: the only finds without a scope, because whoever signs in has none yet.

mod code;
mod pairing;
mod session;

use std::sync::Arc;

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub use self::{
    code::{RequestCode, VerifyCode},
    pairing::{PAIRING_LIFETIME, PairPhone, PairingDocument},
    session::{LogIn, LogOut, Refresh},
};
use super::{AccessClaims, KeyRing, RefreshToken, Role, StoredToken, refresh::RotationId, token};
use crate::{
    Code, Error, Result, Scope, Time,
    channel::Sms,
    db::{Db, Reader},
    id::{FamilyId, LoginId, OrganizationId, UserId},
    people::{
        resident::login::{Membership, memberships},
        user,
    },
    write::Tx,
};

/// How long a refresh token lives; each rotation begins anew.
pub const REFRESH_LIFETIME: TimeDelta = TimeDelta::days(30);

/// Signs people in and out.
#[derive(Clone, Debug)]
pub struct SignIn {
    db: Db,
    keys: Arc<KeyRing>,
    sms: Arc<dyn Sms>,
}

/// What a client gets when it has signed in or refreshed.
#[derive(Clone, Serialize, ToSchema)]
pub struct Tokens {
    /// For the header `Authorization: Bearer ...`.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// Seconds until the access token is void.
    pub expires_in: i64,
    /// For the next refresh, once. Keep it until the answer with its successor is saved.
    pub refresh_token: String,
    /// Seconds until the refresh token is void.
    pub refresh_expires_in: i64,
    /// The person: the user, or the membership of a resident.
    pub id: Uuid,
    /// His role.
    pub role: Role,
    /// The organization the access token is for.
    pub organization_id: OrganizationId,
    /// Every organization a resident can refresh into; empty for staff.
    pub memberships: Vec<Membership>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("id", &self.id).field("role", &self.role).finish_non_exhaustive()
    }
}

impl SignIn {
    /// Signs in against `db`, with tokens of `keys` and codes by `sms`.
    pub fn new(db: Db, keys: Arc<KeyRing>, sms: Arc<dyn Sms>) -> Self {
        Self { db, keys, sms }
    }

    fn tokens(
        &self,
        bearer: Bearer,
        family: FamilyId,
        refresh: &RefreshToken,
        void_at: Time,
    ) -> Result<Tokens> {
        let clock = &**self.db.clock();
        let (sub, org, role) = (bearer.id, bearer.organization, bearer.role);
        let mut claims = AccessClaims::new(sub, org, role, family, token::ACCESS_LIFETIME, clock);
        if let Some(login) = bearer.login {
            claims = claims.with_login(login);
        }
        Ok(Tokens {
            access_token: token::issue(&self.keys, &claims)?,
            token_type: "Bearer",
            expires_in: (claims.exp - claims.iat).num_seconds(),
            refresh_token: refresh.expose(),
            refresh_expires_in: (void_at - clock.now()).num_seconds(),
            id: bearer.id,
            role: bearer.role,
            organization_id: bearer.organization,
            memberships: bearer.memberships,
        })
    }
}

/// On whose behalf tokens are issued.
#[derive(Clone, Debug)]
struct Bearer {
    id: Uuid,
    organization: OrganizationId,
    role: Role,
    login: Option<LoginId>,
    memberships: Vec<Membership>,
}

impl Bearer {
    fn staff(user: &user::Model) -> Self {
        Self {
            id: user.id.0,
            organization: user.organization_id,
            role: user.role,
            login: None,
            memberships: Vec::new(),
        }
    }

    /// The resident by one of his memberships: the wanted one, or else the oldest. `None` when he has none at all.
    async fn resident(
        reader: &Reader<'_>,
        login: LoginId,
        wanted: Option<OrganizationId>,
    ) -> Result<Option<Self>> {
        let memberships = memberships(reader, login).await?;
        if memberships.is_empty() {
            return Ok(None);
        }
        let chosen = memberships
            .iter()
            .find(|membership| wanted.is_none_or(|id| id == membership.organization_id))
            .ok_or_else(|| Error::not_found("organization of this resident"))?;
        Ok(Some(Self {
            id: chosen.resident_id.0,
            organization: chosen.organization_id,
            role: Role::Resident,
            login: Some(login),
            memberships,
        }))
    }
}

/// A sign-in belongs to no organization where a resident's login is concerned, and changes no journaled row: the scope
/// of such a write names nobody.
fn nobody() -> Scope {
    Scope::system(OrganizationId(Uuid::nil()))
}

fn void() -> Error {
    Error::new(Code::TokenInvalid, Code::TokenInvalid.title())
}

/// The member of staff with this login. Unscoped: he says who he is before anybody knows his organization.
async fn find_login(reader: &Reader<'_>, login: &str) -> Result<Option<user::Model>> {
    Ok(user::Entity::find().filter(user::Column::Login.eq(login)).one(reader).await?)
}

/// The member of staff of a sign-in. Unscoped: the token names him, and his row names the organization.
async fn find_user(reader: &Reader<'_>, user: UserId) -> Result<Option<user::Model>> {
    Ok(user::Entity::find_by_id(user).one(reader).await?)
}

/// A refresh token with its family.
#[derive(Clone, Debug, FromQueryResult)]
struct Held {
    family_id: FamilyId,
    user_id: Option<UserId>,
    login_id: Option<LoginId>,
    revoked_at: Option<Time>,
    used_rotation: Option<Uuid>,
    expires_at: Time,
}

impl Held {
    fn stored(&self) -> StoredToken {
        StoredToken {
            used_rotation: self.used_rotation.map(RotationId),
            expires_at: self.expires_at,
            family_revoked: self.revoked_at.is_some(),
        }
    }
}

/// The refresh token with this hash. Unscoped: it is the credential itself.
async fn find_token(reader: &Reader<'_>, token: &RefreshToken) -> Result<Option<Held>> {
    reader
        .one(
            "SELECT t.family_id, f.user_id, f.login_id, f.revoked_at, t.used_rotation, t.expires_at
             FROM refresh_token t JOIN token_family f ON f.id = t.family_id WHERE t.hash = $1",
            [token.hash().to_vec().into()],
        )
        .await
}

/// Whose sign-in it is.
#[derive(Clone, Copy, Debug)]
enum Holder {
    Staff(UserId),
    Resident(LoginId),
}

/// Begins a sign-in and returns from when on its first refresh token is void.
async fn open_family(tx: &Tx, family: FamilyId, holder: Holder, first: &RefreshToken) -> Result<Time> {
    let void_at = tx.now() + REFRESH_LIFETIME;
    open_family_until(tx, family, holder, first, void_at).await?;
    Ok(void_at)
}

/// Begins a sign-in whose first refresh token is void from `void_at` on.
async fn open_family_until(
    tx: &Tx,
    family: FamilyId,
    holder: Holder,
    first: &RefreshToken,
    void_at: Time,
) -> Result<()> {
    let (user, login) = match holder {
        Holder::Staff(user) => (Some(user.0), None),
        Holder::Resident(login) => (None, Some(login.0)),
    };
    tx.execute(
        "INSERT INTO token_family (id, user_id, login_id, created_at) VALUES ($1, $2, $3, $4)",
        [family.0.into(), user.into(), login.into(), tx.now().into()],
    )
    .await?;
    keep_token(tx, family, first, void_at).await
}

async fn keep_token(tx: &Tx, family: FamilyId, token: &RefreshToken, void_at: Time) -> Result<()> {
    tx.execute(
        "INSERT INTO refresh_token (hash, family_id, issued_at, expires_at) VALUES ($1, $2, $3, $4)",
        [token.hash().to_vec().into(), family.0.into(), tx.now().into(), void_at.into()],
    )
    .await?;
    Ok(())
}

/// Ends a sign-in.
async fn revoke_family(tx: &Tx, family: FamilyId, reason: &str) -> Result<()> {
    tx.execute(
        "UPDATE token_family SET revoked_at = $2, revoked_reason = $3 WHERE id = $1 AND revoked_at IS NULL",
        [family.0.into(), tx.now().into(), reason.into()],
    )
    .await?;
    Ok(())
}

/// Ends every sign-in of a member of staff; `reason` is kept with each.
pub(crate) async fn revoke_families(tx: &Tx, user: UserId, reason: &str) -> Result<()> {
    tx.execute(
        "UPDATE token_family SET revoked_at = $2, revoked_reason = $3 WHERE user_id = $1 AND revoked_at IS NULL",
        [user.0.into(), tx.now().into(), reason.into()],
    )
    .await?;
    Ok(())
}

/// Remembers the organization in which a sign-in goes on.
async fn remember_organization(tx: &Tx, family: FamilyId, organization: OrganizationId) -> Result<()> {
    let sql = "UPDATE token_family SET organization_id = $2 WHERE id = $1";
    tx.execute(sql, [family.0.into(), organization.0.into()]).await?;
    Ok(())
}

/// The organization in which a sign-in went on last.
async fn remembered_organization(reader: &Reader<'_>, family: FamilyId) -> Result<Option<OrganizationId>> {
    #[derive(FromQueryResult)]
    struct Row {
        organization_id: Option<OrganizationId>,
    }
    let sql = "SELECT organization_id FROM token_family WHERE id = $1";
    Ok(reader.one::<Row>(sql, [family.0.into()]).await?.and_then(|row| row.organization_id))
}

#[cfg(test)]
mod tests;
