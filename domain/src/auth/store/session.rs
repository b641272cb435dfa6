//! Sessions: signing in by login and password, refreshing, signing out.

use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Bearer, Holder, REFRESH_LIFETIME, SignIn, Tokens, find_login, find_token, find_user, keep_token, nobody,
    open_family, remember_organization, remembered_organization, revoke_family, void,
};
use crate::{
    Code, Error, Result, Scope, Time,
    auth::{
        Decision, PasswordPolicy, Purpose, RefreshToken, RotationId, password,
        refresh::{decide, successor},
    },
    db::Reader,
    id::{FamilyId, OrganizationId, UserId},
    people::user::credentials::{Login, Password},
    write::{Act, Tx},
};

/// Login and password of a member of staff.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    /// The login, in any case.
    pub login: String,
    /// The password.
    pub password: Password,
}

/// A refresh token and what to make of it.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The token.
    pub refresh_token: String,
    /// Made (version 4 or 7) and saved by the client before it asks: the same question with the same identifier has the
    /// same answer, whereas another identifier on a used token ends the sign-in.
    pub rotation_id: Uuid,
    /// The organization a resident goes on in; the one he was in if left out.
    pub organization_id: Option<OrganizationId>,
}

/// The sign-in to end.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogOut {
    /// Any refresh token of it.
    pub refresh_token: String,
}

impl std::fmt::Debug for Refresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Refresh").field("rotation_id", &self.rotation_id).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for LogOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogOut(..)")
    }
}

pub(super) fn wrong() -> Error {
    Error::new(Code::BadCredentials, Code::BadCredentials.title())
}

impl SignIn {
    /// Signs in a member of staff.
    ///
    /// # Errors
    /// `bad_credentials` for a wrong password, an unknown login and one who was let go alike.
    pub async fn log_in(&self, args: LogIn) -> Result<Tokens> {
        let given = args.password.expose();
        if given.chars().count() > PasswordPolicy::LONGEST {
            return Err(wrong());
        }
        let found = match Login::parse(&args.login) {
            Ok(login) => find_login(&self.db.reader(), login.as_str()).await?,
            Err(_) => None,
        };
        let Some(user) = found.filter(|user| user.active) else {
            password::verify_absent(given.to_owned()).await?;
            return Err(wrong());
        };
        if !password::verify_blocking(given.to_owned(), user.password_hash.clone()).await? {
            return Err(wrong());
        }
        let rehashed = match password::needs_rehash(&user.password_hash) {
            true => Some(password::hash_blocking(given.to_owned()).await?),
            false => None,
        };
        let (family, first) = (FamilyId::new(&**self.db.clock()), RefreshToken::generate()?);
        let open = Open {
            user: user.id,
            verified: user.password_hash.clone(),
            rehashed,
            family,
            first: first.clone(),
        };
        let void_at = self.db.write(Scope::system(user.organization_id), open).await?;
        self.tokens(Bearer::staff(&user), family, &first, void_at)
    }

    /// Gives the successor of a refresh token and a fresh access token.
    ///
    /// # Errors
    /// `token_reused` when the token is in two hands: the sign-in has ended; `token_invalid` when it is unknown, too old
    /// or ended, or its holder was let go; `not_found` for an organization the resident does not belong to.
    pub async fn refresh(&self, args: Refresh) -> Result<Tokens> {
        let token = RefreshToken::parse(&args.refresh_token)?;
        self.rotate(&token, args.rotation_id, args.organization_id).await
    }

    /// Uses a refresh token, or what stands for one.
    pub(super) async fn rotate(
        &self,
        token: &RefreshToken,
        rotation_id: Uuid,
        organization: Option<OrganizationId>,
    ) -> Result<Tokens> {
        let rotation = RotationId::from_client(rotation_id, "rotation_id")?;
        let held = find_token(&self.db.reader(), token).await?.ok_or_else(void)?;
        let scope = match held.user_id {
            Some(user) => {
                Scope::system(find_user(&self.db.reader(), user).await?.ok_or_else(void)?.organization_id)
            }
            None => nobody(),
        };
        let next = successor(self.keys.secret(Purpose::Rotation), token, rotation);
        let rotate = Rotate { token: token.clone(), next: next.clone(), rotation, organization };
        match self.db.write(scope, rotate).await? {
            Rotated::To { bearer, void_at } => self.tokens(bearer, held.family_id, &next, void_at),
            Rotated::Reused => Err(Error::new(Code::TokenReused, Code::TokenReused.title())),
            Rotated::Void => Err(void()),
        }
    }

    /// Ends a sign-in. Whether there was one is not told: it has ended now.
    ///
    /// # Errors
    /// `token_invalid` for what no token of ours can be.
    pub async fn log_out(&self, args: LogOut) -> Result<()> {
        let token = RefreshToken::parse(&args.refresh_token)?;
        let Some(held) = find_token(&self.db.reader(), &token).await? else { return Ok(()) };
        self.db.write(nobody(), Close { family: held.family_id }).await
    }
}

/// Opens the session of one whose password was found right.
struct Open {
    user: UserId,
    /// The hash it was checked against; another may stand there by now.
    verified: String,
    /// The same password hashed at today's cost.
    rehashed: Option<String>,
    family: FamilyId,
    first: RefreshToken,
}

impl Act for Open {
    const NAME: &'static str = "auth.log_in";
    type Out = Time;

    async fn run(&self, tx: &mut Tx) -> Result<Time> {
        tx.lock_subject("app_user", self.user.0).await?;
        let before = find_user(&tx.reader(), self.user).await?;
        let before =
            before.filter(|user| user.active && user.password_hash == self.verified).ok_or_else(wrong)?;
        if let Some(hash) = &self.rehashed {
            let mut after = before.clone();
            after.password_hash.clone_from(hash);
            tx.update(&before, &after).await?;
        }
        open_family(tx, self.family, Holder::Staff(self.user), &self.first).await
    }
}

/// Uses a refresh token.
struct Rotate {
    token: RefreshToken,
    next: RefreshToken,
    rotation: RotationId,
    organization: Option<OrganizationId>,
}

/// What became of it. A reuse is an outcome and no error: an error would take the end of the family back.
enum Rotated {
    To { bearer: Bearer, void_at: Time },
    Reused,
    Void,
}

impl Act for Rotate {
    const NAME: &'static str = "auth.refresh";
    type Out = Rotated;

    async fn run(&self, tx: &mut Tx) -> Result<Rotated> {
        let Some(held) = find_token(&tx.reader(), &self.token).await? else { return Ok(Rotated::Void) };
        // All uses of all tokens of a sign-in come one after another.
        tx.lock_subject("token_family", held.family_id.0).await?;
        let Some(held) = find_token(&tx.reader(), &self.token).await? else { return Ok(Rotated::Void) };
        let decision = decide(&held.stored(), self.rotation, tx.now());
        match decision {
            Decision::Expired | Decision::Revoked => return Ok(Rotated::Void),
            Decision::Reuse => return self.reused(tx, held.family_id).await,
            Decision::Rotate | Decision::Replay => {}
        }
        let holder = match (held.user_id, held.login_id) {
            (Some(user), _) => Holder::Staff(user),
            (None, Some(login)) => Holder::Resident(login),
            (None, None) => return Ok(Rotated::Void),
        };
        let before = remembered_organization(&tx.reader(), held.family_id).await?;
        let Some(bearer) = self.bearer(&tx.reader(), holder, before).await? else { return Ok(Rotated::Void) };
        if decision == Decision::Rotate {
            let used = tx
                .execute(
                    "UPDATE refresh_token SET used_rotation = $2, used_at = $3
                     WHERE hash = $1 AND used_rotation IS NULL",
                    [self.token.hash().to_vec().into(), self.rotation.0.into(), tx.now().into()],
                )
                .await?;
            if used.rows_affected() != 1 {
                return Err(Error::restart("the token was used meanwhile"));
            }
            remember_organization(tx, held.family_id, bearer.organization).await?;
            let void_at = tx.now() + REFRESH_LIFETIME;
            keep_token(tx, held.family_id, &self.next, void_at).await?;
            return Ok(Rotated::To { bearer, void_at });
        }
        match find_token(&tx.reader(), &self.next).await? {
            // The answer did arrive: its token was used. Whoever asks again has only the older one.
            Some(next) if next.used_rotation.is_some() => self.reused(tx, held.family_id).await,
            Some(next) => Ok(Rotated::To { bearer, void_at: next.expires_at }),
            // The key has changed since: the successor can no longer be computed.
            None => Ok(Rotated::Void),
        }
    }
}

impl Rotate {
    async fn reused(&self, tx: &Tx, family: FamilyId) -> Result<Rotated> {
        revoke_family(tx, family, "reuse").await?;
        Ok(Rotated::Reused)
    }

    /// `before`: the organization the sign-in went on in last.
    async fn bearer(
        &self,
        reader: &Reader<'_>,
        holder: Holder,
        before: Option<OrganizationId>,
    ) -> Result<Option<Bearer>> {
        match holder {
            Holder::Resident(login) => match (self.organization, before) {
                (None, Some(before)) => match Bearer::resident(reader, login, Some(before)).await {
                    // He does not belong there any more.
                    Err(error) if error.code() == Code::NotFound => {
                        Bearer::resident(reader, login, None).await
                    }
                    bearer => bearer,
                },
                (wanted, _) => Bearer::resident(reader, login, wanted).await,
            },
            Holder::Staff(user) => {
                let Some(user) = find_user(reader, user).await?.filter(|user| user.active) else {
                    return Ok(None);
                };
                if self.organization.is_some_and(|organization| organization != user.organization_id) {
                    return Err(Error::not_found("organization of this member of staff"));
                }
                Ok(Some(Bearer::staff(&user)))
            }
        }
    }
}

/// Ends a session.
struct Close {
    family: FamilyId,
}

impl Act for Close {
    const NAME: &'static str = "auth.log_out";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        revoke_family(tx, self.family, "log_out").await
    }
}
