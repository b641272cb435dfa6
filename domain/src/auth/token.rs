//! Access tokens: short-lived JWTs signed by the key ring, checked against the clock of the service.

use chrono::{SubsecRound, TimeDelta};
use jsonwebtoken::{Algorithm, Header, Validation};
use uuid::Uuid;

use super::{key::KeyRing, role::Role};
use crate::{
    Clock, Code, Error, Result, Time,
    id::{FamilyId, LoginId, OrganizationId, new_uuid},
};

/// How long an access token lives unless the caller says otherwise.
pub const ACCESS_LIFETIME: TimeDelta = TimeDelta::minutes(15);

/// How far in the future a token may have been issued: the clocks of two nodes differ a little.
const SKEW: TimeDelta = TimeDelta::seconds(60);

/// Issuer and audience; a token for something else is not ours even if our key signed it.
const NAME: &str = "naryad";

/// Our tokens have about 500 bytes; a longer one is refused unread.
const LONGEST: usize = 4096;

/// What an access token says. `iss`, `aud` and `kid` are added and checked by [`issue`] and [`verify`].
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AccessClaims {
    /// The person: a member of staff, a resident of the organization, or an integration.
    pub sub: Uuid,
    /// The organization he signed in to.
    pub org: OrganizationId,
    /// His role there.
    pub role: Role,
    /// The sign-in this token comes from.
    pub fam: FamilyId,
    /// When it was issued, to the second.
    #[serde(with = "chrono::serde::ts_seconds")]
    pub iat: Time,
    /// From when on it is void, to the second.
    #[serde(with = "chrono::serde::ts_seconds")]
    pub exp: Time,
    /// The login of a resident, which may lead to several organizations; staff have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<LoginId>,
    /// The token's own identifier.
    pub jti: Uuid,
}

impl AccessClaims {
    /// Claims that begin now and end after `lifetime` (usually [`ACCESS_LIFETIME`]).
    pub fn new(
        sub: Uuid,
        org: OrganizationId,
        role: Role,
        fam: FamilyId,
        lifetime: TimeDelta,
        clock: &dyn Clock,
    ) -> Self {
        let iat = clock.now().trunc_subsecs(0);
        Self { sub, org, role, fam, iat, exp: iat + lifetime, login: None, jti: new_uuid(clock) }
    }

    /// The same claims for a resident who came by `login`.
    #[must_use]
    pub fn with_login(mut self, login: LoginId) -> Self {
        self.login = Some(login);
        self
    }
}

#[derive(serde::Serialize)]
struct Issued<'a> {
    iss: &'static str,
    aud: &'static str,
    #[serde(flatten)]
    claims: &'a AccessClaims,
}

#[derive(serde::Deserialize)]
struct Received {
    nbf: Option<i64>,
    #[serde(flatten)]
    claims: AccessClaims,
}

/// Signs `claims` with the current key of the ring.
///
/// # Errors
/// `internal` when signing fails.
pub fn issue(ring: &KeyRing, claims: &AccessClaims) -> Result<String> {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(ring.current().kid().to_owned());
    let body = Issued { iss: NAME, aud: NAME, claims };
    jsonwebtoken::encode(&header, &body, ring.current().encoding()).map_err(Error::internal)
}

/// The claims of a token that one of the ring's keys signed and that lives at `now`.
///
/// The only algorithm is EdDSA, whatever the token says; `kid` must name a key of the ring. There is no leeway at the
/// end; `iat` and `nbf` may lie up to 60 s in the future.
///
/// # Errors
/// `token_expired` from the second of `exp` on, `token_invalid` for everything else.
pub fn verify(ring: &KeyRing, token: &str, now: Time) -> Result<AccessClaims> {
    if token.len() > LONGEST {
        return Err(invalid().caused_by("longer than any token of ours"));
    }
    let header = jsonwebtoken::decode_header(token).map_err(|cause| invalid().caused_by(cause))?;
    let kid = header.kid.ok_or_else(|| invalid().caused_by("no kid"))?;
    let key = ring.find(&kid).ok_or_else(|| invalid().caused_by("unknown kid"))?;
    let received = jsonwebtoken::decode::<Received>(token, &key.decoding(), &validation())
        .map_err(|cause| invalid().caused_by(cause))?
        .claims;

    let claims = received.claims;
    let latest = now + SKEW;
    if claims.iat > latest || received.nbf.is_some_and(|nbf| nbf > latest.timestamp()) {
        return Err(invalid().caused_by("issued in the future"));
    }
    if now >= claims.exp {
        return Err(Error::new(Code::TokenExpired, Code::TokenExpired.title()));
    }
    Ok(claims)
}

fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.set_issuer(&[NAME]);
    validation.set_audience(&[NAME]);
    // The library would read the wall clock; `verify` asks the clock of the service.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.leeway = 0;
    validation
}

fn invalid() -> Error {
    Error::new(Code::TokenInvalid, Code::TokenInvalid.title())
}

#[cfg(test)]
mod tests;
