//! How well a contractor does what was passed to it (R40), judged as own works are.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::link;
use crate::{Error, Result, Scope, Time, auth::Role, calendar::is_plausible, db::Reader, id::OrganizationId};

/// Of what was offered when.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct QualityRange {
    /// Offered at or after; 30 days before the end when left out.
    pub from: Option<DateTime<Utc>>,
    /// Offered before; now when left out.
    pub to: Option<DateTime<Utc>>,
}

/// The figures of a contractor. The rows behind them are in `GET /v1/handovers`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Quality {
    /// The contractor.
    pub contractor_id: OrganizationId,
    /// Offered at or after.
    pub from: DateTime<Utc>,
    /// Offered before.
    pub to: DateTime<Utc>,
    /// Tickets offered.
    pub offered: i64,
    /// Of these accepted, also if taken back later.
    pub accepted: i64,
    /// Declined.
    pub declined: i64,
    /// Not answered in time.
    pub expired: i64,
    /// Taken back before an answer.
    pub withdrawn: i64,
    /// Waiting for an answer still.
    pub waiting: i64,
    /// Accepted and then taken back.
    pub taken_back: i64,
    /// From the offer to the acceptance, in seconds, on average.
    pub answer_seconds: Option<i64>,
    /// Accepted works that are done.
    pub completed: i64,
    /// Of these within the planned term.
    pub in_term: i64,
    /// Of these after it.
    pub late: i64,
    /// Accepted works not done whose term has passed.
    pub overdue: i64,
    /// Accepted works that were returned at least once.
    pub returned: i64,
    /// How often works were returned.
    pub returns: i64,
}

#[derive(FromQueryResult)]
struct Row {
    state: String,
    offered_at: Time,
    answered_at: Option<Time>,
    status: String,
    completed_at: Option<Time>,
    planned_term: Option<Time>,
    return_count: i64,
}

/// The figures of a contractor, for the management of the company that works with it.
///
/// # Errors
/// `forbidden` for all but managers and administrators; `not_found` for a contractor the company does not work with;
/// `invalid_field` for a range that is none or longer than a year.
pub async fn quality(
    reader: &Reader<'_>,
    scope: &Scope,
    contractor: OrganizationId,
    range: QualityRange,
    now: Time,
) -> Result<Quality> {
    scope.require(&[Role::Manager, Role::Admin])?;
    link::find(reader, scope, contractor).await?;
    let to = range.to.unwrap_or(now);
    if !is_plausible(to) {
        return Err(Error::field("to", "is not a plausible date"));
    }
    let from = range.from.unwrap_or(to - TimeDelta::days(30));
    if !is_plausible(from) || from >= to || to - from > TimeDelta::days(366) {
        return Err(Error::field("from", "must be before `to`, by a year at most"));
    }
    let sql = "SELECT h.state, h.offered_at, h.answered_at, t.status, t.completed_at, t.planned_term, t.return_count
               FROM handover h JOIN ticket t ON t.id = h.ticket_id
               WHERE h.organization_id = $1 AND h.contractor_id = $2 AND h.offered_at >= $3 AND h.offered_at < $4";
    let values = [scope.organization().0.into(), contractor.0.into(), from.into(), to.into()];
    let rows: Vec<Row> = reader.all(sql, values).await?;
    Ok(figures(contractor, (from, to), &rows, now))
}

fn figures(contractor_id: OrganizationId, (from, to): (Time, Time), rows: &[Row], now: Time) -> Quality {
    let count = |wanted: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| wanted(row)).count() as i64;
    let in_state = |state: &'static str| count(&|row: &Row| row.state == state);
    let accepted = |row: &Row| row.answered_at.is_some() && row.state != "declined";
    let kept = |row: &Row| row.state == "accepted";
    let late = |row: &Row, at: Time| row.planned_term.is_some_and(|term| at > term);
    let done = |row: &Row| kept(row) && row.completed_at.is_some();
    let answers: Vec<i64> = rows
        .iter()
        .filter(|row| accepted(row))
        .filter_map(|row| Some((row.answered_at? - row.offered_at).num_seconds()))
        .collect();
    let completed = count(&|row: &Row| done(row));
    let after_term = count(&|row: &Row| done(row) && row.completed_at.is_some_and(|at| late(row, at)));
    Quality {
        contractor_id,
        from,
        to,
        offered: rows.len() as i64,
        accepted: count(&accepted),
        declined: in_state("declined"),
        expired: in_state("expired"),
        withdrawn: count(&|row: &Row| row.state == "withdrawn" && row.answered_at.is_none()),
        waiting: in_state("offered"),
        taken_back: count(&|row: &Row| row.state == "withdrawn" && row.answered_at.is_some()),
        answer_seconds: answers.iter().sum::<i64>().checked_div(answers.len() as i64),
        completed,
        in_term: completed - after_term,
        late: after_term,
        overdue: count(&|row: &Row| {
            kept(row) && row.completed_at.is_none() && row.status != "cancelled" && late(row, now)
        }),
        returned: count(&|row: &Row| kept(row) && row.return_count > 0),
        returns: rows.iter().filter(|row| kept(row)).map(|row| row.return_count).sum(),
    }
}
