//! Clocks gathered: the live board, and the manager's report with the rows behind each figure (R27).

use std::{cmp::Reverse, collections::BTreeMap};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use sea_orm::{ActiveEnum, ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, Value};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    Basis, DeadlineKind,
    board::{Group, RECENT, check_range, require_desk},
};
use crate::{
    Error, Result, Scope, Time,
    catalogue::request_type,
    db::{Reader, Where},
    id::{BuildingId, RequestTypeId, UserId},
    people::user,
    place::building,
};

/// What a board is gathered by.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BoardQuery {
    /// A line for each of these.
    #[param(inline)]
    pub by: Group,
    /// What is awaited.
    #[serde(default)]
    pub kind: Option<DeadlineKind>,
    /// By this right.
    #[serde(default)]
    pub basis: Option<Basis>,
}

/// Which terms a report tells of.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReportQuery {
    /// With a term at or after.
    pub from: DateTime<Utc>,
    /// With a term before; at most 366 days later.
    pub to: DateTime<Utc>,
    /// A group for each of these; without it only the whole.
    #[serde(default)]
    #[param(inline)]
    pub by: Option<Group>,
}

/// A figure and the rows behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DeadlineFigure)]
pub struct Figure {
    /// How many clocks.
    pub count: i64,
    /// Where they are listed.
    #[schema(example = "/v1/deadlines?state=missed&kind=resolve")]
    pub rows: String,
}

/// A building, a technician or a kind of work on the board.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BoardGroup {
    /// Which one; null for clocks without any.
    pub id: Option<Uuid>,
    /// The address, the name, or the name of the kind of work.
    pub name: Option<String>,
    /// Running, and their term has passed.
    pub overdue: Figure,
    /// Running, and their term passes within an hour.
    pub next_hour: Figure,
    /// Running, and their term is to come.
    pub running: Figure,
    /// Standing still.
    pub paused: Figure,
    /// Missed, with a term within the last 24 hours.
    pub missed_today: Figure,
    /// The next term to come.
    pub next_due_at: Option<DateTime<Utc>>,
}

/// The board of terms, the worst first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Board {
    /// When it was read.
    pub at: DateTime<Utc>,
    /// At most 200.
    pub groups: Vec<BoardGroup>,
    /// There are more groups than these.
    pub has_more: bool,
}

/// What became of terms of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct KindFigures {
    /// What was awaited.
    pub kind: DeadlineKind,
    /// By what right.
    pub basis: Basis,
    /// It came in time.
    pub met: Figure,
    /// It came late, or not at all.
    pub missed: Figure,
    /// It is awaited still, and late.
    pub late: Figure,
    /// It is awaited still, and not late.
    pub running: Figure,
    /// Met of met, missed and late, in per cent to one decimal; null where there are none.
    pub in_time_percent: Option<f64>,
}

/// The terms of a group.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReportGroup {
    /// Which one; null for clocks without any.
    pub id: Option<Uuid>,
    /// The address, the name, or the name of the kind of work.
    pub name: Option<String>,
    /// By kind and right.
    pub kinds: Vec<KindFigures>,
}

/// The report of terms.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = DeadlineReport)]
pub struct Report {
    /// When it was made.
    pub at: DateTime<Utc>,
    /// Terms at or after.
    pub from: DateTime<Utc>,
    /// Terms before.
    pub to: DateTime<Utc>,
    /// All terms, each counted once.
    pub total: Vec<KindFigures>,
    /// The same by group, the most missed first. Work of several technicians counts with each of them.
    pub groups: Vec<ReportGroup>,
}

impl Group {
    /// The column that tells the group, and what must be joined for it; `$1` is the organization that asks: it sees the
    /// people of others only where it owns the ticket.
    fn column(self) -> (&'static str, &'static str) {
        match self {
            Self::Building => ("d.building_id", ""),
            Self::Type => ("d.request_type_id", ""),
            Self::Technician => (
                "a.technician_id",
                "LEFT JOIN visit_assignee a ON a.ticket_id = d.ticket_id
                 AND EXISTS (SELECT 1 FROM visit v WHERE v.id = a.visit_id AND v.status <> 'cancelled'
                             AND (v.organization_id = $1 OR v.staff_organization_id = $1))",
            ),
        }
    }

    /// The filter that lists the rows of one group.
    fn filter(self, id: Option<Uuid>) -> String {
        let (name, parameter) = match self {
            Self::Building => ("building", "building_id"),
            Self::Technician => ("technician", "technician_id"),
            Self::Type => ("type", "request_type_id"),
        };
        id.map_or_else(|| format!("&without={name}"), |id| format!("&{parameter}={id}"))
    }

    async fn names(self, reader: &Reader<'_>, ids: &[Uuid]) -> Result<BTreeMap<Uuid, String>> {
        Ok(match self {
            Self::Building => {
                let ids = ids.iter().copied().map(BuildingId);
                let found =
                    building::Entity::find().filter(building::Column::Id.is_in(ids)).all(reader).await?;
                found.into_iter().map(|row| (row.id.0, row.address)).collect()
            }
            Self::Technician => {
                let ids = ids.iter().copied().map(UserId);
                let found = user::Entity::find().filter(user::Column::Id.is_in(ids)).all(reader).await?;
                found.into_iter().map(|row| (row.id.0, row.full_name)).collect()
            }
            Self::Type => {
                let ids = ids.iter().copied().map(RequestTypeId);
                let kinds = request_type::Entity::find()
                    .filter(request_type::Column::Id.is_in(ids))
                    .all(reader)
                    .await?;
                kinds.into_iter().map(|row| (row.id.0, row.code)).collect()
            }
        })
    }
}

/// What a scope sees: what its organization owns, and what was passed to it.
fn visible(scope: &Scope) -> Where {
    let id: Value = scope.organization().0.into();
    Where::new("d.organization_id = ? OR d.executor_organization_id = ?", [id.clone(), id])
}

fn moment(at: Time) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[derive(FromQueryResult)]
struct BoardRow {
    id: Option<Uuid>,
    overdue: i64,
    next_hour: i64,
    running: i64,
    paused: i64,
    missed: i64,
    next_due_at: Option<Time>,
}

/// How many groups a board has at most.
const GROUPS: usize = 200;

/// The live board.
///
/// # Errors
/// `forbidden` for those who are not of the desk.
pub async fn board(reader: &Reader<'_>, scope: &Scope, query: &BoardQuery, now: Time) -> Result<Board> {
    require_desk(scope)?;
    let (hour, recent) = (now + TimeDelta::hours(1), now - RECENT);
    let mut conditions = visible(scope);
    conditions.and(
        "d.state IN ('running', 'paused') OR (d.state = 'missed' AND d.late_from >= ? AND d.late_from < ?)",
        [recent.into(), now.into()],
    );
    if let Some(kind) = query.kind {
        conditions.and("d.kind = ?", [kind.to_value().into()]);
    }
    if let Some(basis) = query.basis {
        conditions.and("d.basis = ?", [basis.to_value().into()]);
    }
    let mut values = conditions.values.clone();
    values.extend([Value::from(now), hour.into()]);
    let (now_at, hour_at) = (values.len() - 1, values.len());
    let (column, join) = query.by.column();
    let sql = format!(
        "SELECT {column} AS id,
         COUNT(DISTINCT CASE WHEN d.state = 'running' AND d.late_from < ${now_at} THEN d.id END) AS overdue,
         COUNT(DISTINCT CASE WHEN d.state = 'running' AND d.late_from >= ${now_at} AND d.late_from < ${hour_at}
             THEN d.id END) AS next_hour,
         COUNT(DISTINCT CASE WHEN d.state = 'running' AND d.late_from >= ${now_at} THEN d.id END) AS running,
         COUNT(DISTINCT CASE WHEN d.state = 'paused' THEN d.id END) AS paused,
         COUNT(DISTINCT CASE WHEN d.state = 'missed' THEN d.id END) AS missed,
         MIN(CASE WHEN d.state = 'running' AND d.late_from >= ${now_at} THEN d.late_from END) AS next_due_at
         FROM deadline d {join} WHERE {conditions} GROUP BY {column}"
    );
    let mut rows = reader.all::<BoardRow>(&sql, values).await?;
    rows.sort_by_key(|row| {
        (Reverse((row.overdue, row.missed)), row.next_due_at.is_none(), row.next_due_at, row.id)
    });
    let has_more = rows.len() > GROUPS;
    rows.truncate(GROUPS);
    let ids: Vec<Uuid> = rows.iter().filter_map(|row| row.id).collect();
    let names = query.by.names(reader, &ids).await?;
    let mut common = String::new();
    if let Some(kind) = query.kind {
        common.push_str(&format!("&kind={}", kind.to_value()));
    }
    if let Some(basis) = query.basis {
        common.push_str(&format!("&basis={}", basis.to_value()));
    }
    let groups = rows
        .into_iter()
        .map(|row| {
            let own = format!("{common}{}", query.by.filter(row.id));
            let figure =
                |count, filter: String| Figure { count, rows: format!("/v1/deadlines?{filter}{own}") };
            let (now, hour, recent) = (moment(now), moment(hour), moment(recent));
            BoardGroup {
                id: row.id,
                name: row.id.and_then(|id| names.get(&id).cloned()),
                overdue: figure(row.overdue, format!("state=running&to={now}")),
                next_hour: figure(row.next_hour, format!("state=running&from={now}&to={hour}")),
                running: figure(row.running, format!("state=running&from={now}")),
                paused: figure(row.paused, "state=paused".to_owned()),
                missed_today: figure(row.missed, format!("state=missed&from={recent}&to={now}")),
                next_due_at: row.next_due_at,
            }
        })
        .collect();
    Ok(Board { at: now, groups, has_more })
}

#[derive(FromQueryResult)]
struct ReportRow {
    id: Option<Uuid>,
    kind: DeadlineKind,
    basis: Basis,
    met: i64,
    missed: i64,
    late: i64,
    running: i64,
}

/// The report of the terms of a time.
///
/// # Errors
/// `invalid_field` for a range that is turned round or longer than 366 days; `forbidden` for those who are not of the
/// desk.
pub async fn report(reader: &Reader<'_>, scope: &Scope, query: &ReportQuery, now: Time) -> Result<Report> {
    require_desk(scope)?;
    check_range(Some(query.from), Some(query.to))?;
    if query.to - query.from > TimeDelta::days(366) {
        return Err(Error::field("to", "must be at most 366 days after from"));
    }
    let total = count(reader, scope, query, None, now).await?;
    let total = total.into_iter().map(|row| figures(&row, query, "", now)).collect();
    let mut groups: Vec<ReportGroup> = Vec::new();
    if let Some(by) = query.by {
        let rows = count(reader, scope, query, Some(by), now).await?;
        let mut ids: Vec<Uuid> = rows.iter().filter_map(|row| row.id).collect();
        ids.dedup();
        let mut names = BTreeMap::new();
        for some in ids.chunks(500) {
            names.extend(by.names(reader, some).await?);
        }
        for row in rows {
            let figures = figures(&row, query, &by.filter(row.id), now);
            match groups.last_mut().filter(|group| group.id == row.id) {
                Some(group) => group.kinds.push(figures),
                None => groups.push(ReportGroup {
                    id: row.id,
                    name: row.id.and_then(|id| names.get(&id).cloned()),
                    kinds: vec![figures],
                }),
            }
        }
        let bad = |group: &ReportGroup| -> i64 {
            group.kinds.iter().map(|kind| kind.missed.count + kind.late.count).sum()
        };
        groups.sort_by_key(|group| (Reverse(bad(group)), group.id));
    }
    Ok(Report { at: now, from: query.from, to: query.to, total, groups })
}

async fn count(
    reader: &Reader<'_>,
    scope: &Scope,
    query: &ReportQuery,
    by: Option<Group>,
    now: Time,
) -> Result<Vec<ReportRow>> {
    let mut conditions = visible(scope);
    conditions.and("d.late_from >= ? AND d.late_from < ?", [query.from.into(), query.to.into()]);
    conditions.and("d.state IN ('running', 'met', 'missed')", []);
    let mut values = conditions.values.clone();
    values.push(now.into());
    let now_at = values.len();
    let (column, join) = by.map_or(("NULL", ""), Group::column);
    // A group has its column; without one there is nothing to group by but the kind.
    let (select, group) = match by {
        Some(_) => (format!("{column} AS id, "), format!("{column}, ")),
        None => (String::new(), String::new()),
    };
    let sql = format!(
        "SELECT {select}d.kind, d.basis,
         COUNT(DISTINCT CASE WHEN d.state = 'met' THEN d.id END) AS met,
         COUNT(DISTINCT CASE WHEN d.state = 'missed' THEN d.id END) AS missed,
         COUNT(DISTINCT CASE WHEN d.state = 'running' AND d.late_from < ${now_at} THEN d.id END) AS late,
         COUNT(DISTINCT CASE WHEN d.state = 'running' AND d.late_from >= ${now_at} THEN d.id END) AS running
         FROM deadline d {join} WHERE {conditions} GROUP BY {group}d.kind, d.basis"
    );
    let mut rows = if by.is_some() {
        reader.all::<ReportRow>(&sql, values).await?
    } else {
        let rows = reader.all::<TotalRow>(&sql, values).await?;
        rows.into_iter().map(ReportRow::from).collect()
    };
    rows.sort_by_key(|row| (row.id, row.kind, row.basis));
    Ok(rows)
}

#[derive(FromQueryResult)]
struct TotalRow {
    kind: DeadlineKind,
    basis: Basis,
    met: i64,
    missed: i64,
    late: i64,
    running: i64,
}

impl From<TotalRow> for ReportRow {
    fn from(row: TotalRow) -> Self {
        let TotalRow { kind, basis, met, missed, late, running } = row;
        Self { id: None, kind, basis, met, missed, late, running }
    }
}

fn figures(row: &ReportRow, query: &ReportQuery, group: &str, now: Time) -> KindFigures {
    let (kind, basis) = (row.kind.to_value(), row.basis.to_value());
    // What was late when the report was made: the boundary goes into the range, so that the rows stay those counted.
    let edge = now.clamp(query.from, query.to);
    let figure = |count, state: &str, from: Time, to: Time| {
        let (from, to) = (moment(from), moment(to));
        let range = format!("&from={from}&to={to}");
        Figure { count, rows: format!("/v1/deadlines?state={state}&kind={kind}&basis={basis}{group}{range}") }
    };
    let judged = row.met + row.missed + row.late;
    let permille = |part: i64| (part * 2_000 + judged) / (judged * 2);
    KindFigures {
        kind: row.kind,
        basis: row.basis,
        met: figure(row.met, "met", query.from, query.to),
        missed: figure(row.missed, "missed", query.from, query.to),
        late: figure(row.late, "running", query.from, edge),
        running: figure(row.running, "running", edge, query.to),
        in_time_percent: (judged > 0).then(|| permille(row.met) as f64 / 10.0),
    }
}

#[cfg(test)]
mod tests;
