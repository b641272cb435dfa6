//! Lists of tickets: filters and keyset pages, newest first.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Query},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Executor, Status,
    find::visible,
    row::{Column, Entity, Model},
};
use crate::{
    Error, Result, Scope,
    calendar::is_plausible,
    catalogue::request_type,
    db::Reader,
    id::{BuildingId, PremisesId, RequestTypeId, ResidentId, TechnicianId, TicketId},
    page::{Page, PageRequest},
    place::building,
    text::{Line, PhoneNumber},
    visit,
};

/// Which tickets are asked for; every filter that is given must hold.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct TicketFilter {
    /// In this state.
    pub status: Option<Status>,
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
    /// Registered at or after.
    pub from: Option<DateTime<Utc>>,
    /// Registered before.
    pub to: Option<DateTime<Utc>>,
    /// Emergencies only, or none.
    pub emergency: Option<bool>,
    /// With this registration number.
    #[param(value_type = Option<String>)]
    pub number: Option<Line<40>>,
    /// Of this applicant's phone, in any spelling.
    #[param(value_type = Option<String>)]
    pub phone: Option<PhoneNumber>,
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
#[derive(Serialize, Deserialize)]
struct Key {
    registered_at: DateTime<Utc>,
    id: TicketId,
}

/// A page of tickets that the scope can see, newest first.
///
/// # Errors
/// `invalid_field` for a cursor of another list.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &TicketFilter,
    page: &PageRequest,
) -> Result<Page<TicketLine>> {
    for (name, at) in [("from", filter.from), ("to", filter.to)] {
        if at.is_some_and(|at| !is_plausible(at)) {
            return Err(Error::field(name, "is not a plausible date"));
        }
    }
    let mut query = Entity::find().filter(visible(scope)).filter(condition(filter));
    if let Some(key) = page.after::<Key>()? {
        query = query.filter(Condition::any().add(Column::RegisteredAt.lt(key.registered_at)).add(
            Condition::all().add(Column::RegisteredAt.eq(key.registered_at)).add(Column::Id.lt(key.id)),
        ));
    }
    let rows = query
        .order_by_desc(Column::RegisteredAt)
        .order_by_desc(Column::Id)
        .limit(page.limit() as u64 + 1)
        .all(reader)
        .await?;
    let cut = page.cut(rows, |row| Key { registered_at: row.registered_at, id: row.id })?;
    Ok(Page { items: lines(reader, cut.items).await?, next: cut.next })
}

fn condition(filter: &TicketFilter) -> Condition {
    let mut all = Condition::all()
        .add_option(filter.status.map(|status| Column::Status.eq(status)))
        .add_option(filter.building_id.map(|id| Column::BuildingId.eq(id)))
        .add_option(filter.premises_id.map(|id| Column::PremisesId.eq(id)))
        .add_option(filter.resident_id.map(|id| Column::ResidentId.eq(id)))
        .add_option(filter.request_type_id.map(|id| Column::RequestTypeId.eq(id)))
        .add_option(filter.from.map(|from| Column::RegisteredAt.gte(from)))
        .add_option(filter.to.map(|to| Column::RegisteredAt.lt(to)))
        .add_option(filter.emergency.map(|emergency| Column::Emergency.eq(emergency)))
        .add_option(filter.number.as_ref().map(|number| Column::Number.eq(number.as_str())))
        .add_option(filter.phone.as_ref().map(|phone| Column::ApplicantPhone.eq(phone.as_str())));
    if let Some(technician) = filter.technician_id {
        all = all.add(of_technician(technician));
    }
    all
}

/// Tickets with a visit of the technician that was not cancelled.
pub(super) fn of_technician(technician: TechnicianId) -> sea_orm::sea_query::SimpleExpr {
    Column::Id.in_subquery(
        Query::select()
            .column((visit::assignee::Entity, visit::assignee::Column::TicketId))
            .from(visit::assignee::Entity)
            .inner_join(
                visit::row::Entity,
                Expr::col((visit::row::Entity, visit::row::Column::Id))
                    .equals((visit::assignee::Entity, visit::assignee::Column::VisitId)),
            )
            .and_where(visit::assignee::Column::TechnicianId.eq(technician))
            .and_where(visit::row::Column::Status.ne(visit::VisitStatus::Cancelled))
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
