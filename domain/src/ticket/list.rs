//! Lists of tickets: filters and keyset pages, newest first.

mod statement;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, Query, SimpleExpr},
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::{IntoParams, ToSchema};

use self::statement::Asked;
use super::{
    Executor, ExecutorKind, Status,
    row::{Column, Entity, Model},
};
use crate::{
    Error, Result, Scope, Time,
    calendar::is_plausible,
    catalogue::request_type,
    db::Reader,
    id::{BuildingId, OrganizationId, PremisesId, RequestTypeId, ResidentId, TechnicianId, TicketId},
    page::{Page, PageRequest},
    place::building,
    text::{Line, PhoneNumber, Question},
};

/// Which tickets are asked for; every filter that is given must hold.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct TicketFilter {
    /// Number, address, premises, name, phone and description have all these words, in any spelling: a word of three
    /// characters or more anywhere in a word, one of two at its beginning, a single character as a word of its own. The
    /// whole number of a ticket finds that ticket, that of a phone the tickets of that applicant, if there are any.
    #[param(value_type = Option<String>, max_length = 200)]
    pub q: Option<Question>,
    /// In one of these states, with commas between them.
    #[param(value_type = Option<Vec<Status>>, style = Form, explode = false)]
    pub status: Option<Statuses>,
    /// In this building.
    pub building_id: Option<BuildingId>,
    /// At these premises.
    pub premises_id: Option<PremisesId>,
    /// Of this resident.
    pub resident_id: Option<ResidentId>,
    /// With a visit of this technician that was not cancelled.
    pub technician_id: Option<TechnicianId>,
    /// Of this kind of work.
    pub request_type_id: Option<RequestTypeId>,
    /// Executed by nobody yet, by own staff, by a contractor.
    #[param(inline)]
    pub executor: Option<ExecutorKind>,
    /// Executed by this contractor.
    pub executor_organization_id: Option<OrganizationId>,
    /// Registered at or after.
    pub from: Option<DateTime<Utc>>,
    /// Registered before.
    pub to: Option<DateTime<Utc>>,
    /// Emergencies only, or none.
    pub emergency: Option<bool>,
    /// Reported done with evidence that turned out to be none (true), or without such (false).
    pub evidence_missing: Option<bool>,
    /// Whose work was not accepted at least once (true), or never (false).
    pub returned: Option<bool>,
    /// With a running clock whose term has passed (true), or without any (false); not for residents.
    pub overdue: Option<bool>,
    /// With this registration number.
    #[param(value_type = Option<String>)]
    pub number: Option<Line<40>>,
    /// Of this applicant's phone, in any spelling.
    #[param(value_type = Option<String>)]
    pub phone: Option<PhoneNumber>,
}

/// States, one or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses(Vec<Status>);

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut states = Vec::new();
        for name in text.split(',') {
            let found = Status::ALL.iter().copied().find(|state| state.name() == name);
            states.push(found.ok_or_else(|| D::Error::custom(format_args!("no state {name:?}")))?);
        }
        states.sort_unstable();
        states.dedup();
        Ok(Self(states))
    }
}

impl TicketFilter {
    /// The same asked of an index of its own, where the words are one whole number: of a ticket, or of a phone. Where
    /// nobody has it, the words are asked for.
    fn exact(&self) -> Option<Self> {
        let q = self.q.as_ref()?;
        let number = q.ticket_number().filter(|_| self.number.is_none());
        let phone = q.phone().filter(|_| self.phone.is_none());
        match (number, phone) {
            (Some(number), _) => Some(Self { number: Line::parse(&number).ok(), q: None, ..self.clone() }),
            (None, Some(phone)) => Some(Self { phone: Some(phone), q: None, ..self.clone() }),
            (None, None) => None,
        }
    }
}

/// A line of the list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TicketLine {
    /// Identifier.
    pub id: TicketId,
    /// Registration number.
    pub number: String,
    /// Where it stands.
    pub status: Status,
    /// Who executes it.
    pub executor: Executor,
    /// The kind of work.
    pub request_type_id: RequestTypeId,
    /// Its code.
    pub request_type_code: String,
    /// An emergency.
    pub emergency: bool,
    /// The building.
    pub building_id: BuildingId,
    /// Its address.
    pub address: String,
    /// The premises.
    pub premises_id: Option<PremisesId>,
    /// What happened.
    pub description: String,
    /// When it was registered.
    pub registered_at: DateTime<Utc>,
    /// The planned term.
    pub planned_term: Option<DateTime<Utc>>,
    /// How often the work was not accepted.
    pub return_count: i64,
    /// For `If-Match`.
    pub version: i64,
}

/// Where a page ended.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Key {
    registered_at: DateTime<Utc>,
    id: TicketId,
}

/// A page of tickets that the scope can see, newest first.
///
/// # Errors
/// `invalid_field` for a cursor of another list, or for a filter that cannot be.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &TicketFilter,
    page: &PageRequest,
    now: Time,
) -> Result<Page<TicketLine>> {
    if filter.overdue.is_some() && scope.is_resident() {
        return Err(Error::field("overdue", "is a matter of the staff"));
    }
    for (name, at) in [("from", filter.from), ("to", filter.to)] {
        if at.is_some_and(|at| !is_plausible(at)) {
            return Err(Error::field(name, "is not a plausible date"));
        }
    }
    let after = page.after()?;
    let mut rows = Vec::new();
    for filter in filter.exact().iter().chain([filter]) {
        let asked = Asked {
            scope,
            filter,
            after,
            limit: page.limit() as u64 + 1,
            backend: reader.get_database_backend(),
            now,
        };
        for statement in asked.statements() {
            rows = reader.all::<Model>(&statement.sql, statement.values).await?;
            if rows.len() > page.limit() {
                break;
            }
        }
        if !rows.is_empty() {
            break;
        }
    }
    let cut = page.cut(rows, |row| Key { registered_at: row.registered_at, id: row.id })?;
    Ok(Page { items: lines(reader, cut.items).await?, next: cut.next })
}

/// Tickets with a visit of the technician that was not cancelled.
pub(super) fn of_technician(technician: TechnicianId) -> SimpleExpr {
    const TABLE: &str = "ticket_technician";
    Expr::exists(
        Query::select()
            .expr(Expr::val(1))
            .from(TABLE)
            .and_where(Expr::col((TABLE, "technician_id")).eq(technician.0))
            .and_where(Expr::col((TABLE, "registered_at")).equals((Entity, Column::RegisteredAt)))
            .and_where(Expr::col((TABLE, "ticket_id")).equals((Entity, Column::Id)))
            .take(),
    )
}

/// Two look-ups for the whole page, whatever its size.
async fn lines(reader: &Reader<'_>, rows: Vec<Model>) -> Result<Vec<TicketLine>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let buildings = building::Entity::find()
        .filter(building::Column::Id.is_in(rows.iter().map(|row| row.building_id)))
        .all(reader)
        .await?;
    let kinds = request_type::Entity::find()
        .filter(request_type::Column::Id.is_in(rows.iter().map(|row| row.request_type_id)))
        .all(reader)
        .await?;
    rows.into_iter()
        .map(|row| {
            let executor = row.executor()?;
            let address = buildings.iter().find(|b| b.id == row.building_id).map(|b| b.address.clone());
            let code = kinds.iter().find(|k| k.id == row.request_type_id).map(|k| k.code.clone());
            Ok(TicketLine {
                id: row.id,
                number: row.number,
                status: row.status,
                executor,
                request_type_id: row.request_type_id,
                request_type_code: code.unwrap_or_default(),
                emergency: row.emergency,
                building_id: row.building_id,
                address: address.unwrap_or_default(),
                premises_id: row.premises_id,
                description: row.description,
                registered_at: row.registered_at,
                planned_term: row.planned_term,
                return_count: row.return_count,
                version: row.version,
            })
        })
        .collect()
}
