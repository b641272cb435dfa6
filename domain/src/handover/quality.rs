//! How well a contractor does what was passed to it (R40), judged as own works are.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult};
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
    /// From the offer to the acceptance, in seconds, on average; what is accepted by agreement is answered by nobody.
    pub answer_seconds: Option<i64>,
    /// Accepted works that are done.
    pub completed: i64,
    /// Of these within their terms. Work without a term, or passed on when its term had run out, is neither this nor
    /// late.
    pub in_term: i64,
    /// Of these after a term that had not run out when they were offered.
    pub late: i64,
    /// Accepted works not done, with a term that has passed since they were offered.
    pub overdue: i64,
    /// Accepted works that were returned at least once.
    pub returned: i64,
    /// How often works were returned.
    pub returns: i64,
}

#[derive(FromQueryResult)]
struct Row {
    offered: i64,
    accepted: i64,
    declined: i64,
    expired: i64,
    withdrawn: i64,
    waiting: i64,
    taken_back: i64,
    answer_seconds: Option<i64>,
    completed: i64,
    in_term: i64,
    late: i64,
    overdue: i64,
    returned: i64,
    returns: i64,
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
    let values = [scope.organization().0.into(), contractor.0.into(), from.into(), to.into(), now.into()];
    let row: Option<Row> = reader.one(&figures(reader.get_database_backend()), values).await?;
    let row = row.ok_or_else(|| Error::internal("figures of a contractor: no row"))?;
    Ok(Quality {
        contractor_id: contractor,
        from,
        to,
        offered: row.offered,
        accepted: row.accepted,
        declined: row.declined,
        expired: row.expired,
        withdrawn: row.withdrawn,
        waiting: row.waiting,
        taken_back: row.taken_back,
        answer_seconds: row.answer_seconds,
        completed: row.completed,
        in_term: row.in_term,
        late: row.late,
        overdue: row.overdue,
        returned: row.returned,
        returns: row.returns,
    })
}

/// The statement that counts. A work is judged by the clocks of its ticket that await its end, by law and by contract:
/// those that were still to come due when it was offered.
fn figures(backend: DbBackend) -> String {
    let answer = match backend {
        DbBackend::Postgres => "EXTRACT(EPOCH FROM answered_at - offered_at)",
        _ => "unixepoch(answered_at, 'subsec') - unixepoch(offered_at, 'subsec')",
    };
    let clock = |condition: &str| {
        format!(
            "EXISTS (SELECT 1 FROM deadline d WHERE d.ticket_id = h.ticket_id AND d.subject_kind = 'ticket'
                     AND d.kind = 'resolve' AND d.late_from > h.offered_at AND {condition})"
        )
    };
    let (met, missed) = (clock("d.state = 'met'"), clock("d.state = 'missed'"));
    let overdue = clock("d.state = 'running' AND d.late_from < $5");
    format!(
        "SELECT COUNT(*) AS offered,
             COUNT(CASE WHEN answered_at IS NOT NULL AND state <> 'declined' THEN 1 END) AS accepted,
             COUNT(CASE WHEN state = 'declined' THEN 1 END) AS declined,
             COUNT(CASE WHEN state = 'expired' THEN 1 END) AS expired,
             COUNT(CASE WHEN state = 'withdrawn' AND answered_at IS NULL THEN 1 END) AS withdrawn,
             COUNT(CASE WHEN state = 'offered' THEN 1 END) AS waiting,
             COUNT(CASE WHEN state = 'withdrawn' AND answered_at IS NOT NULL THEN 1 END) AS taken_back,
             CAST(ROUND(AVG(CASE WHEN answered_by IS NOT NULL AND state <> 'declined' THEN {answer} END)) AS BIGINT)
                 AS answer_seconds,
             COUNT(CASE WHEN done THEN 1 END) AS completed,
             COUNT(CASE WHEN done AND met AND NOT missed THEN 1 END) AS in_term,
             COUNT(CASE WHEN done AND missed THEN 1 END) AS late,
             COUNT(CASE WHEN kept AND NOT done AND overdue THEN 1 END) AS overdue,
             COUNT(CASE WHEN kept AND return_count > 0 THEN 1 END) AS returned,
             CAST(COALESCE(SUM(CASE WHEN kept THEN return_count END), 0) AS BIGINT) AS returns
         FROM (SELECT h.state, h.offered_at, h.answered_at, h.answered_by, t.return_count,
                   h.state = 'accepted' AS kept, h.state = 'accepted' AND t.completed_at IS NOT NULL AS done,
                   {met} AS met, {missed} AS missed, {overdue} AS overdue
               FROM handover h JOIN ticket t ON t.id = h.ticket_id
               WHERE h.organization_id = $1 AND h.contractor_id = $2 AND h.offered_at >= $3 AND h.offered_at < $4) w"
    )
}
