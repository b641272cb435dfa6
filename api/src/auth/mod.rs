//! Signing in, over HTTP.

mod jwks;

use crate::routes::Routes;

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(jwks::jwks);
}
