//! A new password ends every session that the old one opened.

use serde::Deserialize;
use utoipa::ToSchema;

use super::{Model, credentials::Password, store::find};
use crate::{
    Code, Error, Result, Scope,
    auth::{PasswordPolicy, Role, password, store::revoke_families},
    db::Db,
    id::UserId,
    scope::Actor,
    write::{Act, Tx},
};

/// A new password in the place of the old one.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The one in force.
    pub old_password: Password,
    /// The new one.
    pub new_password: Password,
}

/// A new password for somebody who lost his.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPassword {
    /// The new one.
    pub new_password: Password,
}

/// Changes one's own password.
///
/// # Errors
/// `bad_credentials` when the old one is wrong, `invalid_field` when the new one is against the policy, `forbidden` for
/// those who have none: residents and jobs.
pub async fn change_own(db: &Db, scope: Scope, args: ChangePassword) -> Result<()> {
    let Actor::Staff { user, .. } = scope.actor() else {
        return Err(Error::new(Code::Forbidden, "only staff have passwords"));
    };
    let row = find(&db.reader(), &scope, user).await?;
    let old = args.old_password.expose();
    if old.chars().count() > PasswordPolicy::LONGEST
        || !password::verify_blocking(old.to_owned(), row.password_hash.clone()).await?
    {
        return Err(wrong());
    }
    let hash = hash(&args.new_password, &row).await?;
    db.write(scope, Replace { user, hash, replaces: Some(row.password_hash) }).await
}

/// Sets another's password. Administrators only.
///
/// # Errors
/// `forbidden` for all but administrators and for one's own, which is changed with the old one; `invalid_field` when it
/// is against the policy; `not_found` for who is not of the organization.
pub async fn set(db: &Db, scope: Scope, user: UserId, args: SetPassword) -> Result<()> {
    scope.require(&[Role::Admin])?;
    if scope.actor_id() == user.0 {
        return Err(Error::new(Code::Forbidden, "your own password is changed with the old one"));
    }
    let row = find(&db.reader(), &scope, user).await?;
    let hash = hash(&args.new_password, &row).await?;
    db.write(scope, Replace { user, hash, replaces: None }).await
}

async fn hash(new: &Password, row: &Model) -> Result<String> {
    PasswordPolicy::check(new.expose(), &row.login).map_err(|refusal| {
        Error::field("new_password", refusal.fields().first().map_or("", |f| &f.message))
    })?;
    password::hash_blocking(new.expose().to_owned()).await
}

fn wrong() -> Error {
    Error::new(Code::BadCredentials, Code::BadCredentials.title())
}

/// Puts a new hash in place.
struct Replace {
    user: UserId,
    hash: String,
    /// The hash the old password was checked against; another may stand there by now.
    replaces: Option<String>,
}

impl Act for Replace {
    const NAME: &'static str = "user.set_password";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.lock_subject("app_user", self.user.0).await?;
        let before = find(&tx.reader(), tx.scope(), self.user).await?;
        if self.replaces.as_ref().is_some_and(|hash| *hash != before.password_hash) {
            return Err(wrong());
        }
        let mut after = before.clone();
        after.password_hash.clone_from(&self.hash);
        after.version += 1;
        tx.update(&before, &after).await?;
        revoke_families(tx, self.user, "password").await
    }
}
