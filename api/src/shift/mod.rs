//! Shifts, their exceptions, absences, the roster they come to, and bookings that lost their time.

mod absence;
mod duty;
mod exception;
mod rebooking;
mod template;

use serde::Deserialize;
use utoipa::IntoParams;

use crate::routes::Routes;

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    // `/v1/shifts/roster` goes before `/v1/shifts/{id}`.
    duty::routes(routes);
    template::routes(routes);
    exception::routes(routes);
    absence::routes(routes);
    routes.add(rebooking::list_rebookings);
}

/// The confirmation of a deletion.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Confirm {
    /// Confirms the bookings that a refusal with `displaces_bookings` listed.
    pub(super) confirm: Option<String>,
}
