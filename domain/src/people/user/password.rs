//! A new password ends every session that the old one opened.

use serde::Deserialize;
use utoipa::ToSchema;

use super::{credentials::Password, store::find};
use crate::{
    Code, Error, Result, Scope,
    auth::{PasswordPolicy, Role, password, store::revoke_families},
    db::Db,
    id::UserId,
    write::{Act, Tx},
};

/// A new password.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPassword {
    /// The one in force; needed for one's own, not for another's.
    pub old_password: Option<Password>,
    /// The new one.
    pub new_password: Password,
}

/// Sets a password: one's own with the old one, another's as an administrator.
///
/// # Errors
/// `bad_credentials` when the old one is wrong, `invalid_field` when it is missing or the new one is against the policy,
/// `not_found` for whom one may not see.
pub async fn set(db: &Db, scope: Scope, user: UserId, args: SetPassword) -> Result<()> {
    let own = scope.actor_id() == user.0;
    if !own && scope.require(&[Role::Admin]).is_err() {
        // A manager sees his colleagues; nobody else learns that there is one.
        super::store::get(&db.reader(), &scope, user).await?;
        return scope.require(&[Role::Admin]);
    }
    let row = find(&db.reader(), &scope, user).await?;
    let new = args.new_password.expose();
    PasswordPolicy::check(new, &row.login).map_err(|refusal| {
        Error::field("new_password", refusal.fields().first().map_or("", |f| &f.message))
    })?;
    let replaces = if own {
        let old = args.old_password.ok_or_else(|| Error::field("old_password", "is needed for one's own"))?;
        if old.expose().chars().count() > PasswordPolicy::LONGEST
            || !password::verify_blocking(old.expose().to_owned(), row.password_hash.clone()).await?
        {
            return Err(Error::new(Code::BadCredentials, Code::BadCredentials.title()));
        }
        Some(row.password_hash)
    } else {
        None
    };
    let hash = password::hash_blocking(new.to_owned()).await?;
    db.write(scope, Replace { user, hash, replaces }).await
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
            return Err(Error::new(Code::BadCredentials, Code::BadCredentials.title()));
        }
        let mut after = before.clone();
        after.password_hash.clone_from(&self.hash);
        after.version += 1;
        tx.update(&before, &after).await?;
        revoke_families(tx, self.user, "password").await
    }
}
