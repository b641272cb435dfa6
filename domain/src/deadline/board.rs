//! The board of terms: what burns now, what comes next, what was missed and why.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait, Query, SelectStatement, SimpleExpr},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Basis, DeadlineKind, DeadlineState,
    row::{Column, Entity, Model},
    why::{self, Reason},
};
use crate::{
    Error, Result, Scope, Time,
    auth::Role,
    calendar::is_plausible,
    catalogue::request_type,
    db::{Reader, placeholders},
    id::{BuildingId, DeadlineId, OrganizationId, RequestTypeId, TechnicianId, TicketId},
    page::{Page, PageRequest},
    place::building,
    ticket, visit,
};

/// What clocks are gathered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeadlineGroup)]
pub enum Group {
    /// The building.
    Building,
    /// The technicians of the visits that were not cancelled: work of several counts with each.
    Technician,
    /// The kind of work.
    Type,
}

/// Which clocks are asked for; every filter that is given must hold.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct DeadlineFilter {
    /// In this state; without it those that run: what burns, and what comes next.
    pub state: Option<DeadlineState>,
    /// What is awaited.
    pub kind: Option<DeadlineKind>,
    /// By this right.
    pub basis: Option<Basis>,
    /// In this building.
    pub building_id: Option<BuildingId>,
    /// With a visit of this technician that was not cancelled.
    pub technician_id: Option<TechnicianId>,
    /// Of this kind of work.
    pub request_type_id: Option<RequestTypeId>,
    /// Without a building, a technician or a kind of work.
    #[param(inline)]
    pub without: Option<Group>,
    /// Of those that run: whose term has passed, or has not.
    pub overdue: Option<bool>,
    /// With a term that is late from this moment or after it. Ended clocks of a building, a technician or a kind of work,
    /// or of none, are asked for with both ends of a range of at most 366 days.
    pub from: Option<DateTime<Utc>>,
    /// With a term that is late from a moment before.
    pub to: Option<DateTime<Utc>>,
}

/// A technician of the work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DeadlineTechnician)]
pub struct Worker {
    /// Identifier.
    pub id: TechnicianId,
    /// Name.
    pub full_name: String,
}

/// A clock on the board.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeadlineLine {
    /// Identifier.
    pub id: DeadlineId,
    /// What is awaited.
    pub kind: DeadlineKind,
    /// By what right.
    pub basis: Basis,
    /// Where it stands.
    pub state: DeadlineState,
    /// It runs, and its term has passed.
    pub overdue: bool,
    /// The ticket.
    pub ticket_id: Option<TicketId>,
    /// Its registration number.
    pub ticket_number: Option<String>,
    /// Where the ticket stands.
    pub ticket_status: Option<ticket::Status>,
    /// An emergency.
    pub emergency: bool,
    /// The building.
    pub building_id: Option<BuildingId>,
    /// Its address.
    pub address: Option<String>,
    /// The kind of work.
    pub request_type_id: Option<RequestTypeId>,
    /// Its code.
    pub request_type_code: Option<String>,
    /// The contractor it was passed to.
    pub executor_organization_id: Option<OrganizationId>,
    /// The technicians of the visits that were not cancelled.
    pub technicians: Vec<Worker>,
    /// Since when it counts.
    pub started_from: DateTime<Utc>,
    /// When it ends; null while it stands still.
    pub due_at: Option<DateTime<Utc>>,
    /// When what was awaited came.
    pub met_at: Option<DateTime<Utc>>,
    /// How late it came, or is by now, in seconds as they pass on any clock.
    pub late_s: Option<i64>,
    /// Why it was missed, or is late, as far as facts tell.
    pub why: Vec<Reason>,
}

/// Where a page ended.
#[derive(Debug, Serialize, Deserialize)]
struct Key {
    late_from: Option<DateTime<Utc>>,
    id: DeadlineId,
}

/// Passes those who watch terms: the desk and its managers.
///
/// # Errors
/// `forbidden` for everybody else.
pub(super) fn require_desk(scope: &Scope) -> Result<()> {
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])
}

/// Refuses a range of dates that cannot be.
pub(super) fn check_range(from: Option<Time>, to: Option<Time>) -> Result<()> {
    for (name, at) in [("from", from), ("to", to)] {
        if at.is_some_and(|at| !is_plausible(at)) {
            return Err(Error::field(name, "is not a plausible date"));
        }
    }
    if let (Some(from), Some(to)) = (from, to)
        && to < from
    {
        return Err(Error::field("to", "must not be before from"));
    }
    Ok(())
}

/// A page of clocks that the scope can see: open ones by their term, the nearest first; ended ones the latest first.
/// Clocks that stand still have no term and come last. A contractor sees those of what was passed to it: what of the
/// ticket stands there, only while it executes it, and no other's people.
///
/// # Errors
/// `invalid_field` for a filter that cannot be, or a cursor of another list.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &DeadlineFilter,
    page: &PageRequest,
    now: Time,
) -> Result<Page<DeadlineLine>> {
    require_desk(scope)?;
    check_range(filter.from, filter.to)?;
    let state = filter.state.unwrap_or(DeadlineState::Running);
    if filter.overdue.is_some() && state != DeadlineState::Running {
        return Err(Error::field("overdue", "is asked of running clocks only"));
    }
    check_past(filter, state)?;
    let after = page.after::<Key>()?;
    let wanted = page.limit() + 1;
    let walk = Walk { scope, filter, state, now };
    let mut rows = Vec::new();
    if after.as_ref().is_none_or(|key| key.late_from.is_some()) {
        rows = walk.rows(reader, after.as_ref(), true, wanted).await?;
    }
    // A range of terms leaves out what has none.
    if rows.len() < wanted && filter.from.is_none() && filter.to.is_none() && filter.overdue.is_none() {
        let after = after.as_ref().filter(|key| key.late_from.is_none());
        let left = wanted - rows.len();
        rows.extend(walk.rows(reader, after, false, left).await?);
    }
    let cut = page.cut(rows, |row| Key { late_from: row.late_from, id: row.id })?;
    Ok(Page { items: lines(reader, scope, cut.items, now).await?, next: cut.next })
}

/// The longest range of terms that is looked through, in days.
const RANGE: i64 = 366;

/// The past grows for ever: what is picked out of it clock by clock is picked out of a range.
fn check_past(filter: &DeadlineFilter, state: DeadlineState) -> Result<()> {
    let picked = filter.building_id.is_some()
        || filter.technician_id.is_some()
        || filter.request_type_id.is_some()
        || filter.without.is_some();
    if state.is_open() || !picked {
        return Ok(());
    }
    match (filter.from, filter.to) {
        (Some(from), Some(to)) if to - from <= TimeDelta::days(RANGE) => Ok(()),
        _ => Err(Error::field("from", format!("is needed here, with `to` at most {RANGE} days later"))),
    }
}

/// A walk through the clocks of one state, in the order of their terms.
struct Walk<'a> {
    scope: &'a Scope,
    filter: &'a DeadlineFilter,
    state: DeadlineState,
    now: Time,
}

impl Walk<'_> {
    /// Some clocks in their order, with a term or without. What is owned and what was passed here are walked apart, each
    /// along its index.
    async fn rows(
        &self,
        reader: &Reader<'_>,
        after: Option<&Key>,
        with_term: bool,
        limit: usize,
    ) -> Result<Vec<Model>> {
        let mut found = Vec::new();
        for side in [Column::OrganizationId, Column::ExecutorOrganizationId] {
            found.extend(self.along(side, after, with_term, limit).all(reader).await?);
        }
        found.sort_by_key(|row| (row.late_from, row.id));
        found.dedup_by_key(|row| row.id);
        if !self.state.is_open() {
            found.reverse();
        }
        found.truncate(limit);
        Ok(found)
    }

    /// The walk of one side, along its index.
    fn along(&self, side: Column, after: Option<&Key>, with_term: bool, limit: usize) -> Select<Entity> {
        let forward = self.state.is_open();
        let mut query = Entity::find()
            .filter(side.eq(self.scope.organization()))
            .filter(Column::State.eq(self.state))
            .filter(if with_term { Column::LateFrom.is_not_null() } else { Column::LateFrom.is_null() })
            .filter(condition(self.scope, self.filter, self.now));
        if let Some(key) = after {
            query = query.filter(beyond(key, forward));
        }
        query = if forward {
            query.order_by_asc(Column::LateFrom).order_by_asc(Column::Id)
        } else {
            query.order_by_desc(Column::LateFrom).order_by_desc(Column::Id)
        };
        query.limit(limit as u64)
    }
}

/// What comes after the end of a page. A pair is compared with a pair: an index begins its walk there.
fn beyond(key: &Key, forward: bool) -> SimpleExpr {
    let Some(due) = key.late_from else {
        return if forward { Column::Id.gt(key.id) } else { Column::Id.lt(key.id) };
    };
    let here = Expr::tuple([Expr::col((Entity, Column::LateFrom)), Expr::col((Entity, Column::Id))]);
    let end = Expr::tuple([Expr::val(due), Expr::val(key.id.0)]);
    if forward { here.gt(end) } else { here.lt(end) }
}

fn condition(scope: &Scope, filter: &DeadlineFilter, now: Time) -> Condition {
    let overdue = |overdue| if overdue { Column::LateFrom.lt(now) } else { Column::LateFrom.gte(now) };
    let mut all = Condition::all()
        .add_option(filter.kind.map(|kind| Column::Kind.eq(kind)))
        .add_option(filter.basis.map(|basis| Column::Basis.eq(basis)))
        .add_option(filter.building_id.map(|id| Column::BuildingId.eq(id)))
        .add_option(filter.request_type_id.map(|id| Column::RequestTypeId.eq(id)))
        .add_option(filter.overdue.map(overdue))
        .add_option(filter.from.map(|from| Column::LateFrom.gte(from)))
        .add_option(filter.to.map(|to| Column::LateFrom.lt(to)));
    if let Some(technician) = filter.technician_id {
        let mut crew = crew(scope);
        crew.and_where(visit::assignee::Column::TechnicianId.eq(technician));
        all = all.add(Expr::exists(crew));
    }
    match filter.without {
        None => all,
        Some(Group::Building) => all.add(Column::BuildingId.is_null()),
        Some(Group::Type) => all.add(Column::RequestTypeId.is_null()),
        Some(Group::Technician) => all.add(Condition::not(Condition::all().add(Expr::exists(crew(scope))))),
    }
}

/// The crew of the clock's ticket: assignees of its visits that were not cancelled; of the scope's own staff, unless it
/// owns the ticket.
fn crew(scope: &Scope) -> SelectStatement {
    let ours = |column| Expr::col((visit::row::Entity, column)).eq(scope.organization());
    Query::select()
        .expr(Expr::val(1))
        .from(visit::assignee::Entity)
        .inner_join(
            visit::row::Entity,
            Expr::col((visit::row::Entity, visit::row::Column::Id))
                .equals((visit::assignee::Entity, visit::assignee::Column::VisitId)),
        )
        .and_where(
            Expr::col((visit::assignee::Entity, visit::assignee::Column::TicketId))
                .equals((Entity, Column::TicketId)),
        )
        .and_where(visit::row::Column::Status.ne(visit::VisitStatus::Cancelled))
        .cond_where(
            Condition::any()
                .add(ours(visit::row::Column::OrganizationId))
                .add(ours(visit::row::Column::StaffOrganizationId)),
        )
        .take()
}

#[derive(sea_orm::FromQueryResult)]
struct CrewRow {
    ticket_id: TicketId,
    technician_id: TechnicianId,
    full_name: String,
}

/// The technicians of some tickets, by their names; of the scope's own staff, unless it owns the ticket.
async fn crews(
    reader: &Reader<'_>,
    scope: &Scope,
    tickets: impl Iterator<Item = TicketId>,
) -> Result<BTreeMap<TicketId, Vec<Worker>>> {
    let mut values = vec![scope.organization().0.into()];
    let list = placeholders(tickets.map(|id| id.0), &mut values);
    let sql = format!(
        "SELECT DISTINCT a.ticket_id, a.technician_id, u.full_name FROM visit_assignee a
         JOIN visit v ON v.id = a.visit_id AND v.status <> 'cancelled'
             AND (v.organization_id = $1 OR v.staff_organization_id = $1)
         JOIN app_user u ON u.id = a.technician_id
         WHERE a.ticket_id IN ({list}) ORDER BY u.full_name, a.technician_id"
    );
    let mut crews: BTreeMap<TicketId, Vec<Worker>> = BTreeMap::new();
    for row in reader.all::<CrewRow>(&sql, values).await? {
        let worker = Worker { id: row.technician_id, full_name: row.full_name };
        crews.entry(row.ticket_id).or_default().push(worker);
    }
    Ok(crews)
}

impl Model {
    /// By how many seconds it is late while it runs.
    fn overdue_by(&self, now: Time) -> Option<i64> {
        self.late(now).filter(|_| self.state == DeadlineState::Running)
    }
}

/// A few look-ups for the whole page, whatever its size. A clock may stand on what was taken away from who sees it:
/// then it tells nothing of the ticket.
async fn lines(reader: &Reader<'_>, scope: &Scope, rows: Vec<Model>, now: Time) -> Result<Vec<DeadlineLine>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let tickets = ticket::row::Entity::find()
        .filter(ticket::row::Column::Id.is_in(rows.iter().filter_map(|row| row.ticket_id)))
        .filter(ticket::visible(scope))
        .all(reader)
        .await?;
    let tickets: BTreeMap<TicketId, _> = tickets.into_iter().map(|ticket| (ticket.id, ticket)).collect();
    let buildings = building::Entity::find()
        .filter(building::Column::Id.is_in(rows.iter().filter_map(|row| row.building_id)))
        .all(reader)
        .await?;
    let kinds = request_type::Entity::find()
        .filter(request_type::Column::Id.is_in(rows.iter().filter_map(|row| row.request_type_id)))
        .all(reader)
        .await?;
    let crews = crews(reader, scope, tickets.keys().copied()).await?;
    let is_late = |row: &Model| row.state == DeadlineState::Missed || row.overdue_by(now).is_some();
    let late = rows.iter().filter(|row| is_late(row)).filter_map(|row| row.ticket_id);
    let late: BTreeSet<TicketId> = late.filter(|id| tickets.contains_key(id)).collect();
    let facts = why::facts(reader, &late).await?;
    rows.into_iter()
        .map(|row| {
            let ticket = row.ticket_id.and_then(|id| tickets.get(&id));
            let building = row.building_id.filter(|_| row.ticket_id.is_none() || ticket.is_some());
            let building = building.and_then(|id| buildings.iter().find(|found| found.id == id));
            let kind = row.request_type_id.and_then(|id| kinds.iter().find(|found| found.id == id));
            let late = row.overdue_by(now);
            let overdue = late.is_some();
            let why = match ticket {
                Some(ticket) if is_late(&row) => why::reasons(&row, ticket, facts.get(&ticket.id), now)?,
                _ => Vec::new(),
            };
            Ok(DeadlineLine {
                id: row.id,
                kind: row.kind,
                basis: row.basis,
                state: row.state,
                overdue,
                ticket_id: row.ticket_id,
                ticket_number: ticket.map(|ticket| ticket.number.clone()),
                ticket_status: ticket.map(|ticket| ticket.status),
                emergency: ticket.is_some_and(|ticket| ticket.emergency),
                building_id: row.building_id,
                address: building.map(|building| building.address.clone()),
                request_type_id: row.request_type_id,
                request_type_code: kind.map(|kind| kind.code.clone()),
                executor_organization_id: row.executor_organization_id,
                technicians: row.ticket_id.and_then(|id| crews.get(&id).cloned()).unwrap_or_default(),
                started_from: row.started_from,
                due_at: row.due_at,
                met_at: row.met_at,
                late_s: row.late_s.or(late),
                why,
            })
        })
        .collect()
}

/// How long before now a missed term still stands on the board.
pub(super) const RECENT: TimeDelta = TimeDelta::hours(24);

#[cfg(test)]
mod tests;
