//! A technician's phone is paired by a code that the dispatcher shows him.
//!
//! The code stands for the first refresh token of a sign-in that the desk has opened: using it is a rotation like any
//! other. The same code with the same rotation has the same answer, with another rotation it is in two hands and the sign-in
//! ends; and nothing but a hash is stored.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Holder, SignIn, Tokens, find_user, open_family_until, session::wrong};
use crate::{
    Code, Error, Result, Scope, Time,
    auth::{PairingCode, Purpose, RefreshToken, Role},
    id::{FamilyId, TechnicianId, UserId},
    people::technician,
    write::{Act, Tx},
};

/// How long a code can be used.
pub const PAIRING_LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// A code to show.
#[derive(Clone, Serialize, ToSchema)]
pub struct PairingDocument {
    /// Eight letters and digits, `ABCD-EFGH`; in any case, with or without the hyphen.
    pub code: String,
    /// From when on it is void.
    pub expires_at: DateTime<Utc>,
}

impl std::fmt::Debug for PairingDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PairingDocument").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// A code that was shown.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PairPhone {
    /// The code.
    pub code: String,
    /// Made (version 4 or 7) and saved by the phone before it asks: the same question has the same answer for as long as the
    /// code lives; another identifier on a used code ends the sign-in.
    pub rotation_id: Uuid,
}

impl std::fmt::Debug for PairPhone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PairPhone").field("rotation_id", &self.rotation_id).finish_non_exhaustive()
    }
}

impl SignIn {
    /// Makes a code for a technician; a former one that nobody has used is void.
    ///
    /// # Errors
    /// `forbidden` for whoever is not of the desk; `not_found` for whoever is no technician of the organization any more.
    pub async fn offer_pairing(&self, scope: Scope, technician: TechnicianId) -> Result<PairingDocument> {
        let code = PairingCode::generate()?;
        let offer = OfferPairing {
            technician,
            family: FamilyId::new(&**self.db.clock()),
            first: self.token_of(&code),
        };
        let expires_at = self.db.write(scope, offer).await?;
        Ok(PairingDocument { code: code.expose(), expires_at })
    }

    /// Signs in the technician to whom the code was shown.
    ///
    /// # Errors
    /// `bad_credentials` when the code is wrong, over, used by another phone, or its technician was let go alike.
    pub async fn pair(&self, args: PairPhone) -> Result<Tokens> {
        let code = PairingCode::parse(&args.code).ok_or_else(wrong)?;
        let told = self.rotate(&self.token_of(&code), args.rotation_id, None).await;
        told.map_err(|error| match error.code() {
            Code::TokenInvalid | Code::TokenReused => wrong(),
            _ => error,
        })
    }

    fn token_of(&self, code: &PairingCode) -> RefreshToken {
        code.token(self.keys.secret(Purpose::Pairing))
    }
}

/// Opens a sign-in that begins with a code.
struct OfferPairing {
    technician: TechnicianId,
    family: FamilyId,
    first: RefreshToken,
}

impl Act for OfferPairing {
    const NAME: &'static str = "technician.pair";
    type Out = Time;

    async fn run(&self, tx: &mut Tx) -> Result<Time> {
        tx.scope().require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
        let scope = *tx.scope();
        technician::store::find(&tx.reader(), &scope, self.technician).await?;
        let user = UserId(self.technician.0);
        tx.lock_subject("app_user", user.0).await?;
        let active = find_user(&tx.reader(), user).await?.is_some_and(|user| user.active);
        if !active {
            return Err(Error::not_found("technician"));
        }
        tx.execute(
            "UPDATE token_family SET revoked_at = $2, revoked_reason = 'another_code'
             WHERE user_id = $1 AND paired_by IS NOT NULL AND revoked_at IS NULL
               AND NOT EXISTS (SELECT 1 FROM refresh_token t
                               WHERE t.family_id = token_family.id AND t.used_rotation IS NOT NULL)",
            [user.0.into(), tx.now().into()],
        )
        .await?;
        let until = tx.now() + PAIRING_LIFETIME;
        open_family_until(tx, self.family, Holder::Staff(user), &self.first, until).await?;
        tx.execute(
            "UPDATE token_family SET paired_by = $2 WHERE id = $1",
            [self.family.0.into(), scope.actor_id().into()],
        )
        .await?;
        Ok(until)
    }
}
