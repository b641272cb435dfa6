//! Production calendars of an organization: imported year by year, for the country and for its region over it.

use std::{collections::BTreeMap, fmt, str::FromStr};

use chrono::{DateTime, Datelike, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::{IntoParams, ToSchema};

use super::{
    DayKind, ProductionDays,
    check::check,
    row::{Column, Entity, Model},
};
use crate::{
    Error, Result, Scope, Time,
    auth::Role,
    db::Reader,
    deadline,
    id::OrganizationId,
    people::organization,
    shift::LocalDate,
    write::{Act, Tx},
};

/// A region with days of its own, by any code the organization likes: `RU-TA`, `16`.
#[derive(Clone, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "RU-TA", pattern = "^[A-Z0-9][A-Z0-9-]{0,19}$")]
pub struct Region(String);

/// The text is no code of a region.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no code of a region such as RU-TA: up to 20 capital letters, digits and hyphens")]
pub struct NotARegion(String);

impl Region {
    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = NotARegion;
    fn from_str(text: &str) -> Result<Self, NotARegion> {
        let fits = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-';
        let good = (1..=20).contains(&text.len()) && text.bytes().all(fits) && !text.starts_with('-');
        if good { Ok(Self(text.to_owned())) } else { Err(NotARegion(text.to_owned())) }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Region {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A day that differs from its week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedDay {
    /// The day.
    pub date: LocalDate,
    /// What it is.
    pub kind: DayKind,
    /// Of a day off: the weekend it was moved from. A weekend that is worked in the country must be named so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<LocalDate>,
}

/// A production calendar of a year.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportCalendar {
    /// The region whose days these are, over those of the country; without it, the country.
    #[serde(default)]
    pub region: Option<Region>,
    /// The days that differ from their week. Of a region: only those that differ from the country.
    #[schema(max_items = 366)]
    pub days: Vec<NamedDay>,
}

/// Whose calendar is meant.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct CalendarQuery {
    /// The region; without it, the country.
    #[param(value_type = Option<String>)]
    pub region: Option<Region>,
}

/// A calendar as it was imported last.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CalendarDocument {
    /// The year.
    pub year: i64,
    /// The region; null for the country.
    pub region: Option<Region>,
    /// The version of the organization's calendars since which it stands so.
    pub version: i64,
    /// When it was imported.
    pub imported_at: DateTime<Utc>,
    /// The days that differ from their week.
    pub days: Vec<NamedDay>,
}

impl CalendarDocument {
    fn of(row: &Model) -> Result<Self> {
        let region = Some(&row.region).filter(|region| !region.is_empty());
        Ok(Self {
            year: row.year,
            region: region.map(|region| region.parse()).transpose().map_err(Error::internal)?,
            version: row.version,
            imported_at: row.imported_at,
            days: row.named()?,
        })
    }
}

/// What is imported, and what is not.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CalendarOverview {
    /// The region whose days come over those of the country.
    pub region: Option<Region>,
    /// Rises whenever a working day may read differently.
    pub version: i64,
    /// The calendars that count, by year, the country's first. Those of other regions are not here.
    pub calendars: Vec<CalendarDocument>,
    /// Years without a calendar of the country, between the first that has one and the present or the last: their days
    /// are worked from Monday to Friday.
    pub holes: Vec<i64>,
}

/// Takes the production calendar of a year in, as a new version. The same days again change nothing.
#[derive(Clone, Debug)]
pub struct Import {
    /// The year, 2000 to 2099.
    pub year: i32,
    /// Its days.
    pub args: ImportCalendar,
}

impl Act for Import {
    const NAME: &'static str = "production_calendar.import";
    type Out = CalendarDocument;

    async fn run(&self, tx: &mut Tx) -> Result<CalendarDocument> {
        tx.scope().require(&[Role::Manager, Role::Admin])?;
        if !(2000..=2099).contains(&self.year) {
            return Err(Error::field("year", "must be from 2000 to 2099"));
        }
        check(self.year, self.args.region.is_some(), &self.args.days)?;
        let organization = tx.scope().organization();
        let region = self.args.region.as_ref().map_or("", Region::as_str);
        tx.lock_subject("organization", organization.0).await?;
        let reader = tx.reader();
        let before = organization::store::find(&reader, tx.scope()).await?;
        let mut named = self.args.days.clone();
        named.sort_by_key(|day| day.date);
        let days = serde_json::to_value(&named).map_err(Error::internal)?;
        if let Some(row) = latest(&reader, organization, region, self.year.into()).await?
            && row.days == days
        {
            return CalendarDocument::of(&row);
        }
        let row = Model {
            organization_id: organization,
            region: region.to_owned(),
            year: self.year.into(),
            version: before.calendar_version + 1,
            days,
            imported_by: tx.scope().actor_id(),
            imported_at: tx.now(),
        };
        tx.insert(&row).await?;
        let after = organization::Model { calendar_version: row.version, ..before.clone() };
        tx.update(&before, &after).await?;
        recalculate(tx, row.version);
        CalendarDocument::of(&row)
    }
}

/// Open terms are counted anew by the calendar that reads differently now.
pub(crate) fn recalculate(tx: &mut Tx, version: i64) {
    let organization = tx.scope().organization();
    let job = deadline::recalculate_job(organization, tx.now(), &format!("calendar:{version}"));
    tx.enqueue(job);
}

async fn latest(
    reader: &Reader<'_>,
    organization: OrganizationId,
    region: &str,
    year: i64,
) -> Result<Option<Model>> {
    Ok(Entity::find()
        .filter(Column::OrganizationId.eq(organization))
        .filter(Column::Region.eq(region))
        .filter(Column::Year.eq(year))
        .order_by_desc(Column::Version)
        .one(reader)
        .await?)
}

/// The calendars of the country and of a region that count, by year, the country's before the region's.
async fn standing(
    reader: &Reader<'_>,
    organization: OrganizationId,
    region: Option<&str>,
) -> Result<Vec<Model>> {
    let sql = "SELECT c.* FROM production_calendar c WHERE c.organization_id = $1 AND c.region IN ('', $2)
                   AND c.version = (SELECT MAX(l.version) FROM production_calendar l
                       WHERE l.organization_id = $1 AND l.region = c.region AND l.year = c.year)
               ORDER BY c.year, c.region";
    reader.all::<Model>(sql, [organization.0.into(), region.unwrap_or_default().into()]).await
}

/// The production calendar by which an organization counts its working days: the days of its region over those of the
/// country. Years of which nothing was imported are worked from Monday to Friday.
///
/// # Errors
/// `not_found` when there is no such organization; `internal` when a stored calendar cannot be read.
pub async fn production_days(reader: &Reader<'_>, organization: OrganizationId) -> Result<ProductionDays> {
    let row = organization::Entity::find_by_id(organization).one(reader).await?;
    let row = row.ok_or_else(|| Error::not_found("organization"))?;
    if row.calendar_version == 0 {
        return Ok(ProductionDays::default());
    }
    let mut named = BTreeMap::new();
    for calendar in standing(reader, organization, row.production_region.as_deref()).await? {
        named.extend(calendar.named()?.into_iter().map(|day| (day.date.naive(), day.kind)));
    }
    Ok(ProductionDays::new(row.calendar_version, named))
}

/// The calendar of a year as it was imported last; staff only.
///
/// # Errors
/// `not_found` when nothing was imported.
pub async fn get(
    reader: &Reader<'_>,
    scope: &Scope,
    year: i64,
    query: &CalendarQuery,
) -> Result<CalendarDocument> {
    require_staff(scope)?;
    let region = query.region.as_ref().map_or("", Region::as_str);
    let row = latest(reader, scope.organization(), region, year).await?;
    CalendarDocument::of(&row.ok_or_else(|| Error::not_found("production calendar"))?)
}

/// All calendars that count; staff only.
///
/// # Errors
/// `forbidden` for residents.
pub async fn overview(reader: &Reader<'_>, scope: &Scope, now: Time) -> Result<CalendarOverview> {
    require_staff(scope)?;
    let organization = organization::store::find(reader, scope).await?;
    let region = organization.production_region;
    let rows = standing(reader, organization.id, region.as_deref()).await?;
    let known: Vec<i64> = rows.iter().filter(|row| row.region.is_empty()).map(|row| row.year).collect();
    let holes = match (known.first(), known.last()) {
        (Some(first), Some(last)) => {
            (*first..=(*last).max(now.year().into())).filter(|year| !known.contains(year)).collect()
        }
        _ => Vec::new(),
    };
    Ok(CalendarOverview {
        region: region.map(|region| region.parse()).transpose().map_err(Error::internal)?,
        version: organization.calendar_version,
        calendars: rows.iter().map(CalendarDocument::of).collect::<Result<_>>()?,
        holes,
    })
}

fn require_staff(scope: &Scope) -> Result<()> {
    scope.require(&[Role::Technician, Role::Dispatcher, Role::Manager, Role::Admin, Role::Integration])
}
