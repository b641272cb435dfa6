//! The keys that access tokens are verified with.

use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use crate::state::State;

/// A JWK set (RFC 7517).
#[derive(Serialize, ToSchema)]
struct Jwks {
    /// The current key first, then those whose tokens still live.
    keys: Vec<Jwk>,
}

/// An Ed25519 public key (RFC 8037).
#[derive(Serialize, ToSchema)]
struct Jwk {
    kty: String,
    crv: String,
    /// The key, base64url.
    x: String,
    /// Its identifier: the thumbprint (RFC 7638).
    kid: String,
    #[serde(rename = "use")]
    usage: String,
    alg: String,
}

/// Public keys of the access tokens, for other services that accept them.
#[utoipa::path(tag = "auth", security(()), responses((status = 200, description = "The keys", body = Jwks)))]
#[get("/.well-known/jwks.json")]
pub(super) async fn jwks(app: State) -> HttpResponse {
    HttpResponse::Ok().insert_header(("Cache-Control", "public, max-age=300")).json(app.keys.jwks())
}
