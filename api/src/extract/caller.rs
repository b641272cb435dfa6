//! Who asks.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header};
use naryad_domain::{
    Code, Error, Result, Scope, Time,
    auth::{Role, token},
    id::{ResidentId, UserId},
};

use super::query;
use crate::{problem::Problem, state::App};

/// The one who sent a valid access token. A handler that takes it is closed to everybody else.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// What he sees and may.
    pub scope: Scope,
    /// When his token ends: a stream ends then.
    pub until: Time,
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = identify(request).and_then(|caller| query::refuse_unknown(request).map(|()| caller));
        ready(caller.map_err(Problem))
    }
}

fn identify(request: &HttpRequest) -> Result<Caller> {
    let app = App::of(request)?;
    let Some(value) = request.headers().get(header::AUTHORIZATION) else {
        return Err(Error::new(Code::TokenMissing, Code::TokenMissing.title()));
    };
    let invalid = || Error::new(Code::TokenInvalid, Code::TokenInvalid.title());
    let (scheme, bearer) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(invalid)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(invalid());
    }
    let claims = token::verify(&app.keys, bearer.trim(), app.clock().now())?;
    let scope = match (claims.role, claims.login) {
        (Role::Resident, Some(login)) => Scope::resident(claims.org, login, ResidentId(claims.sub)),
        // A resident is known by his login; a token without one is none of ours.
        (Role::Resident, None) => return Err(invalid()),
        (role, _) => Scope::staff(claims.org, UserId(claims.sub), role),
    };
    Ok(Caller { scope, until: claims.exp })
}
