//! Materials used for a ticket.

mod usage;

use crate::routes::Routes;

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    usage::routes(routes);
}
