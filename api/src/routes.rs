//! All routes. A handler that is not documented cannot be registered: [`Routes::add`] does not take it.

use actix_web::dev::HttpServiceFactory;
use utoipa_actix_web::{OpenApiFactory, service_config::ServiceConfig};

use crate::{
    act, alert, auth, authority, board, call, catalogue, deadline, escalation, events, handover, health,
    ical, job, material, metrics, notification, openapi, paid, people, photo, place, privacy, review, shift,
    slot, stock, survey, sync, ticket, track, upload, visit, web_push, worktime,
};

/// Registers the handlers. The order counts: what has a literal segment goes before what has an identifier there.
pub(crate) fn all(routes: &mut Routes<'_, '_>) {
    health::routes(routes);
    metrics::routes(routes);
    routes.add(openapi::openapi);
    auth::routes(routes);
    events::routes(routes);
    job::routes(routes);
    people::routes(routes);
    notification::routes(routes);
    web_push::routes(routes);
    place::routes(routes);
    catalogue::routes(routes);
    material::routes(routes);
    paid::routes(routes);
    stock::routes(routes);
    act::routes(routes);
    privacy::routes(routes);
    track::routes(routes);
    survey::routes(routes);
    ticket::routes(routes);
    alert::routes(routes);
    call::routes(routes);
    authority::routes(routes);
    escalation::routes(routes);
    slot::routes(routes);
    visit::routes(routes);
    sync::routes(routes);
    review::routes(routes);
    handover::routes(routes);
    ical::routes(routes);
    shift::routes(routes);
    photo::routes(routes);
    upload::routes(routes);
    worktime::routes(routes);
    board::routes(routes);
    deadline::routes(routes);
}

/// Takes documented handlers.
pub(crate) struct Routes<'a, 'b>(&'a mut ServiceConfig<'b>);

impl<'a, 'b> Routes<'a, 'b> {
    pub(crate) fn new(config: &'a mut ServiceConfig<'b>) -> Self {
        Self(config)
    }

    /// Registers a handler with its documentation.
    pub(crate) fn add<Handler>(&mut self, handler: Handler) -> &mut Self
    where
        Handler: HttpServiceFactory + OpenApiFactory + 'static,
    {
        self.0.service(handler);
        self
    }
}
