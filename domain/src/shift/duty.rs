//! Who works when: the roster of a range of dates, and who can be called at an instant.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{FromQueryResult, Value};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    LocalDate, rosters,
    weekly::{limit_to, reader_zone},
};
use crate::{
    Error, Result, Scope, Time,
    auth::Role,
    calendar::{
        self, Span,
        entry::{self, EntryKind},
        is_plausible,
        spans::{merge, subtract},
    },
    db::{Reader, Where},
    id::{AbsenceId, TechnicianId},
    page::{Page, PageRequest},
};

/// The longest range of a roster, in days.
const DAYS: i64 = 62;

/// From when to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RosterSpan {
    /// Begin.
    pub start: DateTime<Utc>,
    /// End, excluded.
    pub end: DateTime<Utc>,
}

/// When he is away, or has a break of that day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct RosterAbsence {
    /// The absence.
    pub absence_id: AbsenceId,
    /// `absence` or `break`.
    pub kind: EntryKind,
    /// Begin.
    pub start: DateTime<Utc>,
    /// End, excluded.
    pub end: DateTime<Utc>,
}

/// When a technician works.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RosterDocument {
    /// Who.
    pub technician_id: TechnicianId,
    /// His name.
    pub full_name: String,
    /// A schedule is kept for him; otherwise his times are not judged by shifts.
    pub kept: bool,
    /// Working time, breaks of the shift taken out; sorted, may cross midnight.
    pub open: Vec<RosterSpan>,
    /// Parts of `open` that only emergencies may book.
    pub reserve: Vec<RosterSpan>,
    /// Outside shifts: emergencies may be booked here.
    pub on_call: Vec<RosterSpan>,
    /// Absences, and breaks outside those of the shift.
    pub absences: Vec<RosterAbsence>,
}

/// Which roster is read.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RosterFilter {
    /// The first date, in the zone of the organization.
    pub from: LocalDate,
    /// The last one; at most 62 days.
    pub to: LocalDate,
    /// Only this technician; a technician sees himself anyway.
    pub technician_id: Option<TechnicianId>,
}

#[derive(FromQueryResult)]
struct Person {
    id: TechnicianId,
    full_name: String,
    phone: Option<String>,
}

/// Active technicians of the organization in the order in which they were taken on.
async fn people(
    reader: &Reader<'_>,
    scope: &Scope,
    one: Option<TechnicianId>,
    after: Option<TechnicianId>,
    limit: Option<usize>,
) -> Result<Vec<Person>> {
    let mut wanted = Where::new("t.organization_id = ?", [scope.organization().0.into()]);
    match one {
        Some(one) => wanted.and("t.id = ?", [one.0.into()]),
        None => wanted.and("u.active = ?", [Value::from(true)]),
    }
    if let Some(after) = after {
        wanted.and("t.id > ?", [after.0.into()]);
    }
    let limit = limit.map(|limit| format!("LIMIT {limit}")).unwrap_or_default();
    let sql = format!(
        "SELECT t.id, u.full_name, u.phone FROM technician t JOIN app_user u ON u.id = t.id
         WHERE {wanted} ORDER BY t.id {limit}"
    );
    reader.all(&sql, wanted.values).await
}

/// When technicians work in a range of dates.
///
/// # Errors
/// `forbidden` for all but the desk and technicians; `invalid_field` for a range that is none or too long.
pub async fn roster(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &RosterFilter,
    page: &PageRequest,
) -> Result<Page<RosterDocument>> {
    let one = limit_to(scope, filter.technician_id)?;
    let days = filter.to.days_since(filter.from);
    if !(0..DAYS).contains(&days) {
        return Err(Error::field("to", format!("must be from the first date on, within {DAYS} days")));
    }
    let zone = reader_zone(reader, scope).await?;
    let range = Span { start: filter.from.at(0, zone), end: filter.to.plus(1).at(0, zone) };
    let people = people(reader, scope, one, page.after()?, Some(page.limit() + 1)).await?;
    if people.is_empty() && one.is_some() && page.after::<TechnicianId>()?.is_none() {
        return Err(Error::not_found("technician"));
    }
    let people = page.cut(people, |person| person.id)?;
    let ids: Vec<TechnicianId> = people.items.iter().map(|person| person.id).collect();
    let mut rosters = rosters(reader, &ids, range).await?;
    let mut busy = calendar::between(reader, &ids, range.start, range.end).await?;
    let document = |person: Person| {
        let roster = rosters.remove(&person.id).unwrap_or_default();
        RosterDocument {
            technician_id: person.id,
            full_name: person.full_name,
            kept: roster.kept,
            open: told(&roster.open),
            reserve: told(&roster.reserve),
            on_call: told(&roster.on_call),
            absences: absences(busy.remove(&person.id).unwrap_or_default()),
        }
    };
    Ok(Page { items: people.items.into_iter().map(document).collect(), next: people.next })
}

fn told(spans: &[Span]) -> Vec<RosterSpan> {
    spans.iter().map(|span| RosterSpan { start: span.start, end: span.end }).collect()
}

fn absences(entries: Vec<entry::Model>) -> Vec<RosterAbsence> {
    entries
        .into_iter()
        .filter_map(|entry| {
            Some(RosterAbsence {
                absence_id: AbsenceId(entry.absence_id?),
                kind: entry.kind,
                start: entry.busy_start,
                end: entry.busy_end,
            })
        })
        .collect()
}

/// Why somebody can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Duty {
    /// He is at work.
    Shift,
    /// He is on call.
    OnCall,
}

/// Somebody who can be called.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct OnDuty {
    /// Who.
    pub technician_id: TechnicianId,
    /// His name.
    pub full_name: String,
    /// His phone.
    pub phone: Option<String>,
    /// At work or on call.
    pub duty: Duty,
    /// Until when, as far as the next two days show.
    pub until: DateTime<Utc>,
}

/// Who can be called at an instant.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct OnDutyDocument {
    /// The instant.
    pub at: DateTime<Utc>,
    /// Those at work first, then those on call.
    pub items: Vec<OnDuty>,
}

/// Which instant is asked for.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct OnDutyFilter {
    /// The instant; absent: now.
    pub at: Option<DateTime<Utc>>,
}

/// Who can be called for an emergency: at work or on call, and not away.
///
/// # Errors
/// `forbidden` for all but the dispatcher's desk; `invalid_field` for an implausible instant.
pub async fn on_duty(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: OnDutyFilter,
    now: Time,
) -> Result<OnDutyDocument> {
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    let at = filter.at.unwrap_or(now);
    if !is_plausible(at) {
        return Err(Error::field("at", "is not a plausible date"));
    }
    let range = Span { start: at, end: at + TimeDelta::days(2) };
    let people = people(reader, scope, None, None, None).await?;
    let ids: Vec<TechnicianId> = people.iter().map(|person| person.id).collect();
    let rosters = rosters(reader, &ids, range).await?;
    let busy = calendar::between(reader, &ids, range.start, range.end).await?;
    let away: BTreeMap<TechnicianId, Vec<Span>> = busy
        .into_iter()
        .map(|(id, entries)| {
            let away = entries.iter().filter(|entry| entry.kind == EntryKind::Absence);
            (id, merge(away.map(|entry| Span { start: entry.busy_start, end: entry.busy_end }).collect()))
        })
        .collect();
    let mut items = Vec::new();
    for person in people {
        let (Some(roster), away) = (rosters.get(&person.id), away.get(&person.id)) else { continue };
        let until = |spans: &[Span]| {
            let there = subtract(spans, away.map_or(&[][..], Vec::as_slice));
            there.iter().find(|span| span.start <= at && at < span.end).map(|span| span.end)
        };
        let found = until(&roster.open).map(|end| (Duty::Shift, end));
        if let Some((duty, until)) = found.or_else(|| until(&roster.on_call).map(|end| (Duty::OnCall, end))) {
            items.push(OnDuty {
                technician_id: person.id,
                full_name: person.full_name,
                phone: person.phone,
                duty,
                until,
            });
        }
    }
    items.sort_by(|a, b| (a.duty, &a.full_name).cmp(&(b.duty, &b.full_name)));
    Ok(OnDutyDocument { at, items })
}
