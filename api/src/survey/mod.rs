//! Residents are asked about the quality: what the desk sees and writes down, and what residents answer.

mod desk;
mod link;
mod page;
mod replies;

use crate::routes::Routes;

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    desk::routes(routes);
    link::routes(routes);
    replies::routes(routes);
}
