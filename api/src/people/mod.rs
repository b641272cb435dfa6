//! Organization, staff, technicians, residents, devices.

mod device;
mod me;
mod organization;
mod resident;
mod technician;
mod user;

use crate::routes::Routes;

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(me::get_me);
    organization::routes(routes);
    user::routes(routes);
    technician::routes(routes);
    resident::routes(routes);
    device::routes(routes);
}
