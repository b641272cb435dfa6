//! Signing in, over HTTP.

mod jwks;
mod session;

use crate::routes::Routes;

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(jwks::jwks);
    session::routes(routes);
}
