//! What the answers come to: means, each with the number of marks behind it.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait as _, FromQueryResult, Value};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{Error, Result, Scope, Time, auth::Role, calendar::is_plausible, db::Reader};

/// By what answers are put together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SurveyGrouping)]
pub enum Grouping {
    /// By technician; an answer about a crew counts for each of it.
    #[default]
    Technician,
    /// By kind of work.
    Type,
    /// By building; polls count too.
    Building,
}

/// Of what was completed, or asked in a poll, when.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct SurveyReportRange {
    /// By what they are put together.
    pub by: Grouping,
    /// At or after; 30 days before the end when left out.
    pub from: Option<DateTime<Utc>>,
    /// Before; now when left out.
    pub to: Option<DateTime<Utc>>,
}

/// What the answers come to.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SurveyReport {
    /// By what they are put together.
    pub by: Grouping,
    /// At or after.
    pub from: DateTime<Utc>,
    /// Before.
    pub to: DateTime<Utc>,
    /// All together: an answer counts once here, whatever it is put together by.
    pub total: SurveyReportLine,
    /// One by one, most marks first.
    pub lines: Vec<SurveyReportLine>,
}

/// What the answers about one of them come to.
#[derive(Clone, Debug, PartialEq, Serialize, FromQueryResult, ToSchema)]
pub struct SurveyReportLine {
    /// The technician, kind of work or building; null for all together.
    pub id: Option<Uuid>,
    /// Its name.
    pub name: Option<String>,
    /// People who were to be asked.
    pub invited: i64,
    /// Of these asked.
    pub asked: i64,
    /// Of the invited who answered, asked or not.
    pub answered: i64,
    /// Answered of the invited, in percent.
    pub answered_percent: Option<i64>,
    /// How many marks the mean is of.
    pub marks: i64,
    /// The mean of the marks, in hundredths: 433 is 4.33.
    pub mean_hundredths: Option<i64>,
    /// Who said that the work is not done.
    pub not_done: i64,
    /// Bad answers.
    pub low: i64,
    /// Of these that brought the ticket back.
    pub returned: i64,
}

/// What is counted of invitations `i` and their answers `a`.
const FIGURES: &str = "COUNT(*) AS invited, COUNT(i.asked_at) AS asked, COUNT(a.invitation_id) AS answered,
    CAST(ROUND(100.0 * COUNT(a.invitation_id) / NULLIF(COUNT(*), 0)) AS BIGINT) AS answered_percent,
    COUNT(a.mark) AS marks, CAST(ROUND(100.0 * SUM(a.mark) / NULLIF(COUNT(a.mark), 0)) AS BIGINT) AS mean_hundredths,
    COUNT(CASE WHEN NOT a.done THEN 1 END) AS not_done, COUNT(CASE WHEN a.low THEN 1 END) AS low,
    COUNT(CASE WHEN a.follow_up = 'returned' THEN 1 END) AS returned";

/// What is counted: by the time of the completion, so that a share is of the same people.
const RANGE: &str = "i.organization_id = $1 AND i.created_at >= $2 AND i.created_at < $3";

/// What the answers come to. Managers and administrators.
///
/// # Errors
/// `forbidden` for everybody else; `invalid_field` for a range that is none or longer than a year.
pub async fn report(
    reader: &Reader<'_>,
    scope: &Scope,
    range: SurveyReportRange,
    now: Time,
) -> Result<SurveyReport> {
    scope.require(&[Role::Manager, Role::Admin])?;
    let to = range.to.unwrap_or(now);
    if !is_plausible(to) {
        return Err(Error::field("to", "is not a plausible date"));
    }
    let from = range.from.unwrap_or(to - TimeDelta::days(30));
    if !is_plausible(from) || from >= to || to - from > TimeDelta::days(366) {
        return Err(Error::field("from", "must be before `to`, by a year at most"));
    }
    let values: [Value; 3] = [scope.organization().0.into(), from.into(), to.into()];
    let (group, name, join) = match range.by {
        Grouping::Technician => (
            "k.technician_id",
            "(SELECT u.full_name FROM app_user u WHERE u.id = g.id)",
            "JOIN survey_technician k ON k.survey_id = i.survey_id",
        ),
        Grouping::Type => (
            "t.request_type_id",
            "(SELECT v.name_ru FROM request_type y JOIN request_type_version v
              ON v.request_type_id = y.id AND v.number = y.current_version WHERE y.id = g.id)",
            "JOIN ticket t ON t.id = i.ticket_id",
        ),
        Grouping::Building => ("i.building_id", "(SELECT b.address FROM building b WHERE b.id = g.id)", ""),
    };
    let answers = "LEFT JOIN survey_answer a ON a.invitation_id = i.id";
    let sql = format!(
        "SELECT g.*, {name} AS name FROM (SELECT {group} AS id, {FIGURES} FROM survey_invitation i {join} {answers}
             WHERE {RANGE} GROUP BY {group}) g ORDER BY g.marks DESC, g.id LIMIT 5000"
    );
    let lines: Vec<SurveyReportLine> = reader.all(&sql, values.clone()).await?;
    let none = match reader.get_database_backend() {
        sea_orm::DbBackend::Postgres => "CAST(NULL AS uuid) AS id, CAST(NULL AS text) AS name",
        _ => "NULL AS id, NULL AS name",
    };
    let sql = format!("SELECT {none}, {FIGURES} FROM survey_invitation i {answers} WHERE {RANGE}");
    let total = reader.one::<SurveyReportLine>(&sql, values).await?;
    let total = total.ok_or_else(|| Error::internal("figures of surveys: no row"))?;
    Ok(SurveyReport { by: range.by, from, to, total, lines })
}
