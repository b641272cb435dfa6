//! Buildings and premises.

mod building;
mod premises;

use crate::routes::Routes;

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    building::routes(routes);
    premises::routes(routes);
}
