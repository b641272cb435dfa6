//! Production calendars.

use actix_web::{get, put};
use naryad_domain::worktime::{
    store::{self, CalendarDocument, CalendarOverview, CalendarQuery, Import, ImportCalendar},
    xml,
};
use naryad_domain::{Error, Result};

use crate::{
    extract::{Caller, JsonOrXml, PathId, Query},
    problem::Answer,
    reply::{self, AsJson},
    routes::Routes,
    state::State,
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(import_production_calendar).add(list_production_calendars).add(get_production_calendar);
}

/// Takes the production calendar of a year in.
///
/// The days that differ from their week, as JSON or as the XML in which they are published. Days of a region come over
/// those of the country. Holes and contradictions are refused by name; open terms are counted anew. Managers and
/// administrators only.
#[utoipa::path(
    tag = "worktime",
    params(("year" = i32, Path, description = "The year", minimum = 2000, maximum = 2099), CalendarQuery),
    request_body(content((ImportCalendar = "application/json"), (String = "application/xml"))),
    responses((status = 200, description = "The calendar", body = CalendarDocument)),
)]
#[put("/v1/production-calendars/{year}")]
async fn import_production_calendar(
    app: State,
    caller: Caller,
    year: PathId<i32>,
    query: Query<CalendarQuery>,
    body: JsonOrXml<ImportCalendar>,
) -> Answer {
    let args = arguments(year.0, query.0, body)?;
    app.write(&caller, Import { year: year.0, args }, AsJson::ok()).await
}

fn arguments(year: i32, query: CalendarQuery, body: JsonOrXml<ImportCalendar>) -> Result<ImportCalendar> {
    match body {
        JsonOrXml::Xml(text) => Ok(ImportCalendar { region: query.region, days: xml::parse(&text, year)? }),
        JsonOrXml::Json(args) if query.region.is_some() && args.region != query.region => {
            Err(Error::field("region", "is another in the body and in the address"))
        }
        JsonOrXml::Json(args) => Ok(args),
    }
}

/// The production calendars that count, and the years that have none.
#[utoipa::path(
    tag = "worktime",
    responses((status = 200, description = "The calendars", body = CalendarOverview)),
)]
#[get("/v1/production-calendars")]
async fn list_production_calendars(app: State, caller: Caller) -> Answer {
    let now = app.db.clock().now();
    reply::document(&store::overview(&app.db.reader(), &caller.scope, now).await?)
}

/// The production calendar of a year as it was imported last.
#[utoipa::path(
    tag = "worktime",
    params(("year" = i32, Path, description = "The year"), CalendarQuery),
    responses((status = 200, description = "The calendar", body = CalendarDocument)),
)]
#[get("/v1/production-calendars/{year}")]
async fn get_production_calendar(
    app: State,
    caller: Caller,
    year: PathId<i32>,
    query: Query<CalendarQuery>,
) -> Answer {
    reply::document(&store::get(&app.db.reader(), &caller.scope, year.0.into(), &query).await?)
}
