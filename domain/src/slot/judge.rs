//! Whether a time can be booked: the one function that lists and validates.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde::Serialize;

use super::{
    board::{Board, Person, Pick},
    need::Need,
};
use crate::{
    Code, Error, Result, Time,
    calendar::{Span, spans::holds},
    db::Reader,
    id::{TechnicianId, VisitId},
    people::organization,
    write::Tx,
};

/// Why a free time does not suit. A dispatcher may book it all the same and says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Soft {
    /// He has another trade.
    Trade,
    /// He does not serve the building.
    Area,
    /// Outside his shift, wholly or in part.
    Shift,
    /// The emergency reserve of his shift.
    Reserve,
    /// Further ahead than is booked.
    Horizon,
    /// He does not work here any more.
    Gone,
}

impl Soft {
    /// The stable name.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Trade => "trade",
            Self::Area => "area",
            Self::Shift => "shift",
            Self::Reserve => "reserve",
            Self::Horizon => "horizon",
            Self::Gone => "gone",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Trade => "нет нужной специальности",
            Self::Area => "не обслуживает этот дом",
            Self::Shift => "не в смене",
            Self::Reserve => "аварийный резерв смены",
            Self::Horizon => "дальше, чем назначаются визиты",
            Self::Gone => "больше не работает здесь",
        }
    }
}

/// Who is busy when.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Conflict {
    technician_id: TechnicianId,
    busy_start: Time,
    busy_end: Time,
}

/// What stands against a time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    /// Never booked over.
    pub(crate) busy: Vec<Conflict>,
    /// Booked over with a reason.
    pub(crate) soft: Vec<(TechnicianId, Soft)>,
}

impl Verdict {
    /// Nothing stands against it.
    pub(crate) fn is_clean(&self) -> bool {
        self.busy.is_empty() && self.soft.is_empty()
    }
}

impl Board {
    /// What stands against booking a crew for a span of work. The work lies wholly in one open span of everybody; only
    /// the way may lie before it. The time of somebody without a schedule is not judged.
    pub(crate) fn judge(&self, need: &Need, crew: &[TechnicianId], span: Span) -> Verdict {
        let mut verdict = Verdict::default();
        for technician in crew {
            match self.people.get(technician) {
                Some(person) => self.judge_one(need, *technician, person, span, &mut verdict),
                None => verdict.soft.push((*technician, Soft::Gone)),
            }
        }
        verdict
    }

    fn judge_one(&self, need: &Need, id: TechnicianId, person: &Person, span: Span, verdict: &mut Verdict) {
        let with_way = self.with_way(span);
        verdict.busy.extend(person.met(with_way).map(|entry| Conflict {
            technician_id: id,
            busy_start: entry.busy.start,
            busy_end: entry.busy.end,
        }));
        let mut soft = |unsuited: bool, why: Soft| {
            if unsuited {
                verdict.soft.push((id, why));
            }
        };
        soft(!person.can(need), Soft::Trade);
        soft(!person.comes_to(need), Soft::Area);
        if !person.kept {
            return;
        }
        soft(span.end > self.horizon(), Soft::Horizon);
        if !holds(person.open(need.emergency), span) {
            let reserved = !need.emergency
                && person.reserve.iter().any(|reserve| reserve.start < span.end && span.start < reserve.end)
                && holds(&person.emergency, span);
            soft(true, if reserved { Soft::Reserve } else { Soft::Shift });
        }
    }

    /// The next times, not before `span`, at which the crew can be booked for as long: at most `most`, one after
    /// another.
    pub(crate) fn nearest(&self, need: &Need, crew: &[TechnicianId], span: Span, most: usize) -> Vec<Span> {
        let length = span.end - span.start;
        let people = || crew.iter().filter_map(|id| self.people.get(id));
        let mut starts: BTreeSet<Time> = people()
            .flat_map(|person| person.busy.iter().map(|entry| entry.busy.end + self.way()))
            .chain(people().flat_map(|person| person.open(need.emergency).iter().map(|open| open.start)))
            .chain([span.start])
            .filter(|start| *start >= span.start && *start > self.now)
            .collect();
        let mut found: Vec<Span> = Vec::new();
        while let Some(start) = starts.pop_first() {
            let next = Span { start, end: start + length };
            if found.last().is_some_and(|last| start < last.end) || !self.judge(need, crew, next).is_clean() {
                continue;
            }
            found.push(next);
            if found.len() == most {
                break;
            }
            starts.insert(next.end);
        }
        found
    }
}

/// A crew and a time that are to be booked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) need: &'a Need,
    pub(crate) crew: &'a [TechnicianId],
    pub(crate) span: Span,
    /// The visit that is moved there; none where it is new.
    pub(crate) visit: Option<VisitId>,
}

/// What was found out while times were being admitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admitted {
    /// What is kept free before a visit.
    pub(crate) way: TimeDelta,
    /// The dispatcher's reason was needed.
    pub(crate) overridden: bool,
}

/// How long after a refused time the nearest free one is looked for.
const AHEAD: TimeDelta = TimeDelta::days(7);

/// Passes crews and times that can be booked together, under the lock of their calendars; the times of the visits that
/// move are free for them. All are of one organization's staff.
///
/// # Errors
/// `slot_taken` with who is busy when and the nearest free times, `slot_unavailable` with the reasons, unless the
/// dispatcher answers for it with his own.
pub(crate) async fn admit(tx: &Tx, wanted: &[Wanted<'_>], override_reason: Option<&str>) -> Result<Admitted> {
    let mut board = read(tx, wanted, TimeDelta::zero()).await?;
    let mut overridden = false;
    for (index, one) in wanted.iter().enumerate() {
        let verdict = board.judge(one.need, one.crew, one.span);
        if verdict.busy.is_empty() && (verdict.soft.is_empty() || override_reason.is_some()) {
            overridden |= !verdict.soft.is_empty();
            board.note(one.crew, one.span, one.need.place, one.visit);
            continue;
        }
        let mut ahead = read(tx, wanted, AHEAD).await?;
        for before in &wanted[..index] {
            ahead.note(before.crew, before.span, before.need.place, before.visit);
        }
        return Err(refusal(&verdict, &ahead.nearest(one.need, one.crew, one.span, 3)));
    }
    Ok(Admitted { way: board.way(), overridden })
}

async fn read(tx: &Tx, wanted: &[Wanted<'_>], ahead: TimeDelta) -> Result<Board> {
    let Some(first) = wanted.first() else {
        return Err(Error::internal("nothing is to be admitted"));
    };
    let settings = organization::settings_of(&tx.reader(), first.need.staff).await?;
    let start = wanted.iter().map(|one| one.span.start).min().unwrap_or(first.span.start);
    let end = wanted.iter().map(|one| one.span.end).max().unwrap_or(first.span.end);
    // The way before lies in the range as well.
    let range = Span { start: start - TimeDelta::hours(4), end: end.max(end + ahead) };
    let mut crew: Vec<TechnicianId> = wanted.iter().flat_map(|one| one.crew.iter().copied()).collect();
    crew.sort_unstable();
    crew.dedup();
    let pick = Pick::These(&crew);
    let mut board = Board::read(&tx.reader(), tx.now(), first.need.staff, settings, pick, range).await?;
    let moving: Vec<VisitId> = wanted.iter().filter_map(|one| one.visit).collect();
    board.forget(|entry| entry.visit.is_some_and(|visit| moving.contains(&visit)));
    Ok(board)
}

fn refusal(verdict: &Verdict, nearest: &[Span]) -> Error {
    let times: Vec<serde_json::Value> =
        nearest.iter().map(|span| serde_json::json!({ "start": span.start, "end": span.end })).collect();
    let reasons: Vec<serde_json::Value> = verdict
        .soft
        .iter()
        .map(|(id, why)| serde_json::json!({ "technician_id": id, "code": why.code(), "text": why.text() }))
        .collect();
    let code = if verdict.busy.is_empty() { Code::SlotUnavailable } else { Code::SlotTaken };
    let message = match verdict.soft.first() {
        Some((_, why)) if verdict.busy.is_empty() => why.text(),
        _ => code.title(),
    };
    let mut refusal = Error::new(code, message);
    if !verdict.busy.is_empty() {
        refusal = refusal.with("busy", &verdict.busy);
    }
    if !reasons.is_empty() {
        refusal = refusal.with("reasons", reasons);
    }
    refusal.with("nearest", times.first()).with("slots", times)
}

/// The settings of the staff's organization and what a ticket needs: what every search begins with.
pub(crate) async fn settings(reader: &Reader<'_>, need: &Need) -> Result<crate::people::Settings> {
    organization::settings_of(reader, need.staff).await
}
