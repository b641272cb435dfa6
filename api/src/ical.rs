//! Bookings in calendars elsewhere.

use actix_web::{HttpResponse, delete, get, http::header, post, web};
use naryad_domain::{
    auth::Purpose,
    ical::{
        self, CalendarLinkDocument, CreateCalendarLink, NewCalendarLink, VisitLink,
        link::{self, Create, Revoke},
    },
    id::{CalendarLinkId, TechnicianId, VisitId},
    page::Page,
};

use crate::{
    extract::{Caller, Json, PathId},
    problem::Answer,
    reply::{self, AsJson, NoContent, PageOf},
    routes::Routes,
    state::State,
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(create_calendar_link).add(list_calendar_links).add(revoke_calendar_link);
    routes.add(link_visit_calendar).add(read_calendar);
}

/// Makes a link by which a calendar subscribes to a technician's bookings. The technician and his desk.
#[utoipa::path(
    tag = "calendars",
    responses((status = 201, description = "The link, whose address is shown once", body = NewCalendarLink)),
)]
#[post("/v1/technicians/{id}/calendar-links")]
async fn create_calendar_link(
    app: State,
    caller: Caller,
    id: PathId<TechnicianId>,
    args: Json<CreateCalendarLink>,
) -> Answer {
    // Its answer holds a secret: it is not kept for a repetition.
    app.write(&caller, Create { technician: id.0, args: args.0 }, AsJson::created()).await
}

/// The links to a technician's bookings that stand. The technician and his desk.
#[utoipa::path(
    tag = "calendars",
    responses((status = 200, description = "All of them", body = PageOf<CalendarLinkDocument>)),
)]
#[get("/v1/technicians/{id}/calendar-links")]
async fn list_calendar_links(app: State, caller: Caller, id: PathId<TechnicianId>) -> Answer {
    let items = link::list(&app.db.reader(), &caller.scope, id.0).await?;
    app.page(Page { items, next: None })
}

/// Revokes a link to a technician's bookings. The technician and his desk.
#[utoipa::path(tag = "calendars", responses((status = 204, description = "It no longer opens anything")))]
#[delete("/v1/technicians/{id}/calendar-links/{link_id}")]
async fn revoke_calendar_link(
    app: State,
    caller: Caller,
    path: PathId<(TechnicianId, CalendarLinkId)>,
) -> Answer {
    let (technician, link) = path.0;
    app.write(&caller, Revoke { technician, link }, NoContent).await
}

/// The signed link to a visit for the resident's calendar. The resident himself and the desk.
#[utoipa::path(
    tag = "calendars",
    responses((status = 200, description = "The link and when it ends", body = VisitLink)),
)]
#[get("/v1/visits/{id}/calendar-link")]
async fn link_visit_calendar(app: State, caller: Caller, id: PathId<VisitId>) -> Answer {
    let secret = app.keys.secret(Purpose::Calendar);
    reply::document(&ical::visit_link(&app.db.reader(), &caller.scope, secret, id.0).await?)
}

/// A calendar by its link: iCalendar (RFC 5545), to open or to subscribe to.
#[utoipa::path(
    tag = "calendars",
    security(()),
    params(("token" = String, Path, description = "What the link says, with `.ics` at its end")),
    responses((status = 200, description = "The calendar", body = String, content_type = "text/calendar")),
)]
#[get("/v1/calendars/{token}")]
async fn read_calendar(app: State, token: web::Path<String>) -> Answer {
    let secret = app.keys.secret(Purpose::Calendar);
    let text = ical::open(&app.db.reader(), secret, &token, app.clock().now()).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/calendar; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .insert_header((header::CONTENT_DISPOSITION, "inline; filename=\"naryad.ics\""))
        .body(text))
}
