//! Booked visits with all that is asked of them when they are to be moved.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::{
    board::Board,
    need::{Need, needs},
    reschedule::{Stand, is_told},
};
use crate::{
    Error, Result, Time,
    calendar::Span,
    db::Reader,
    id::{TechnicianId, TicketId, VisitId},
    visit::{Visit, VisitStatus, Window, assignee, row},
};

/// A booked visit and what its ticket needs.
#[derive(Clone, Debug)]
pub(crate) struct Booked {
    pub(crate) visit: Visit,
    pub(crate) need: Need,
    pub(crate) window: Window,
}

impl Booked {
    pub(crate) fn span(&self) -> Span {
        Span { start: self.visit.row.planned_start, end: self.visit.row.planned_end }
    }

    pub(crate) fn length(&self) -> TimeDelta {
        self.visit.row.planned_end - self.visit.row.planned_start
    }

    /// Its people wait still, and none of them for an emergency.
    pub(crate) fn is_movable(&self) -> bool {
        self.visit.row.status == VisitStatus::Planned && !self.need.emergency
    }

    /// Where it stands.
    pub(crate) fn stand(&self) -> Stand {
        let Span { start, end } = self.span();
        Stand { start, end, window: self.window, technicians: self.visit.technicians() }
    }

    /// The applicant is to be told when it goes there.
    pub(crate) fn is_told_of(&self, target: &Target) -> bool {
        let Target { crew, span: Span { start, end }, window } = target.clone();
        is_told(&self.stand(), &Stand { start, end, window, technicians: crew })
    }

    /// Its term is near: it is moved after those whose is not.
    pub(crate) fn is_urgent(&self, now: Time) -> bool {
        is_urgent(&self.need, now)
    }
}

/// The term of the ticket ends within a day.
pub(crate) fn is_urgent(need: &Need, now: Time) -> bool {
    need.term.is_some_and(|term| term <= now + TimeDelta::days(1))
}

/// The visits that stand on a board, and `more`, with their crews: three statements, whatever their number.
pub(crate) async fn booked(
    reader: &Reader<'_>,
    board: &Board,
    more: &[VisitId],
) -> Result<BTreeMap<VisitId, Booked>> {
    let busy = board.people.values().flat_map(|person| &person.busy);
    let mut ids: Vec<VisitId> = busy.filter_map(|entry| entry.visit).chain(more.iter().copied()).collect();
    ids.sort_unstable();
    ids.dedup();
    let visits = by_id(reader, &ids).await?;
    let mut tickets: Vec<TicketId> = visits.iter().map(|visit| visit.row.ticket_id).collect();
    tickets.sort_unstable();
    tickets.dedup();
    let needs = needs(reader, &tickets).await?;
    let mut found = BTreeMap::new();
    for visit in visits {
        let need = needs.get(&visit.row.ticket_id).cloned();
        let need =
            need.ok_or_else(|| Error::internal(format!("visit {}, column ticket_id", visit.row.id)))?;
        let window = visit.row.window()?;
        found.insert(visit.row.id, Booked { visit, need, window });
    }
    Ok(found)
}

/// Visits with their crews, lead first.
pub(crate) async fn by_id(reader: &Reader<'_>, ids: &[VisitId]) -> Result<Vec<Visit>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = row::Entity::find().filter(row::Column::Id.is_in(ids.iter().copied())).all(reader).await?;
    let members = assignee::Entity::find()
        .filter(assignee::Column::VisitId.is_in(ids.iter().copied()))
        .order_by_desc(assignee::Column::Lead)
        .order_by_asc(assignee::Column::TechnicianId)
        .all(reader)
        .await?;
    let mut crews: BTreeMap<VisitId, Vec<assignee::Model>> = BTreeMap::new();
    for member in members {
        crews.entry(member.visit_id).or_default().push(member);
    }
    Ok(rows.into_iter().map(|row| Visit { crew: crews.remove(&row.id).unwrap_or_default(), row }).collect())
}

/// A visit that needs another time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lost<'a> {
    pub(crate) need: &'a Need,
    /// Who was to come.
    pub(crate) crew: &'a [TechnicianId],
    pub(crate) length: TimeDelta,
    /// What the resident was promised.
    pub(crate) window: Window,
    /// It is not moved to later than the term, or than this if that is later still.
    pub(crate) not_later_than: Time,
}

/// Where it can go.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) crew: Vec<TechnicianId>,
    pub(crate) span: Span,
    pub(crate) window: Window,
}

impl Board {
    /// Another time for a visit: within what was promised, with the same people if they are free then; else the best
    /// time there is until then.
    pub(crate) fn relocate(&self, lost: &Lost<'_>, until: Time) -> Option<Target> {
        self.within_promise(lost, until).or_else(|| self.anew(lost, until))
    }

    fn within_promise(&self, lost: &Lost<'_>, until: Time) -> Option<Target> {
        let Window::Promised { start, end } = lost.window else { return None };
        let step = i64::from(self.settings.slot_step_minutes.min(15)) * 60;
        let first = super::list::ceil(start.max(self.now + self.way()), step);
        let starts: Vec<Time> = (0..)
            .map(|n| first + TimeDelta::seconds(n * step))
            .take_while(|start| *start <= end && *start + lost.length <= until)
            .collect();
        let target = |crew: &[TechnicianId], start: Time| {
            let span = Span { start, end: start + lost.length };
            let free = self.judge(lost.need, crew, span).is_clean();
            free.then(|| Target { crew: crew.to_vec(), span, window: lost.window })
        };
        let same = starts.iter().find_map(|start| target(lost.crew, *start));
        if same.is_some() || lost.crew.len() != 1 {
            return same;
        }
        let others = self.people.iter().filter(|(_, person)| person.kept).map(|(id, _)| [*id]);
        let others: Vec<[TechnicianId; 1]> = others.collect();
        starts.iter().find_map(|start| others.iter().find_map(|crew| target(crew, *start)))
    }

    fn anew(&self, lost: &Lost<'_>, until: Time) -> Option<Target> {
        let ask = super::list::Ask {
            range: Span { start: self.now, end: until },
            duration: lost.length,
            crew: lost.crew.len().max(1),
            limit: 1,
            per_day: usize::MAX,
        };
        let found = self.list(lost.need, &ask).pop()?;
        let late_before = super::list::late(lost.need, lost.not_later_than);
        (found.late_by_s <= late_before).then(|| Target {
            window: self.promise(found.span),
            crew: found.crew,
            span: found.span,
        })
    }
}
