//! Lists the times that can be booked, best first. What ranks them never forbids one.

use std::collections::{BTreeMap, HashMap};

use chrono::{NaiveDate, TimeDelta};

use super::{
    board::{Board, Busy, Person},
    need::{Need, Place},
    words::Reason,
};
use crate::{
    Time,
    calendar::{Span, entry::EntryKind, spans::holds},
    id::TechnicianId,
};

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) range: Span,
    pub(crate) duration: TimeDelta,
    pub(crate) crew: usize,
    pub(crate) limit: usize,
    /// How many times of one technician on one day are enough.
    pub(crate) per_day: usize,
}

/// A time that can be booked.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) crew: Vec<TechnicianId>,
    pub(crate) span: Span,
    pub(crate) late_by_s: i64,
    pub(crate) reasons: Vec<Reason>,
}

/// A time of one technician with what ranks it.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    technician: TechnicianId,
    start: Time,
    day: NaiveDate,
    same_building: Option<Time>,
    metres: Option<f64>,
    /// In minutes, the less the better.
    cost: f64,
}

/// What a technician has to do: minutes by day, and in all.
struct Load {
    days: HashMap<NaiveDate, i64>,
    whole: i64,
}

impl Board {
    /// The times at which the need can be met, best first.
    pub(crate) fn list(&self, need: &Need, ask: &Ask) -> Vec<Found> {
        let loads: BTreeMap<TechnicianId, Load> =
            self.people.iter().map(|(id, person)| (*id, load(person, need))).collect();
        let mut candidates = Vec::new();
        for (id, person) in &self.people {
            self.candidates(need, ask, *id, person, &loads[id], &mut candidates);
        }
        let mut crews = if ask.crew == 1 {
            candidates.into_iter().map(|one| vec![one]).collect()
        } else {
            crews(candidates, ask.crew)
        };
        crews.sort_by(|one, other| {
            self.key(need, ask, one)
                .partial_cmp(&self.key(need, ask, other))
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        let mut taken: HashMap<(TechnicianId, NaiveDate), usize> = HashMap::new();
        let mut found = Vec::new();
        for crew in crews {
            let count = taken.entry((crew[0].technician, crew[0].day)).or_default();
            if *count == ask.per_day {
                continue;
            }
            *count += 1;
            found.push(self.found(need, ask, &loads, &crew));
            if found.len() == ask.limit {
                break;
            }
        }
        found
    }

    /// The free times of one technician, on the grid of the organization.
    fn candidates(
        &self,
        need: &Need,
        ask: &Ask,
        id: TechnicianId,
        person: &Person,
        load: &Load,
        into: &mut Vec<Candidate>,
    ) {
        // Nobody without a schedule is offered.
        if !person.kept {
            return;
        }
        let step = i64::from(self.settings.slot_step_minutes) * 60;
        // An emergency does not wait for a round hour.
        let step = if need.emergency { step.min(300) } else { step };
        let earliest = ask.range.start.max(self.now + self.way());
        for open in person.open(need.emergency) {
            let last = open.end.min(ask.range.end).min(self.horizon());
            let mut start = ceil(open.start.max(earliest), step);
            while start + ask.duration <= last {
                let span = Span { start, end: start + ask.duration };
                if let Some(entry) = person.met(self.with_way(span)).last() {
                    start = ceil((entry.busy.end + self.way()).max(start + TimeDelta::seconds(step)), step);
                    continue;
                }
                if self.judge(need, &[id], span).is_clean() {
                    into.push(self.candidate(need, id, person, load, span));
                }
                start += TimeDelta::seconds(step);
            }
        }
    }

    fn candidate(
        &self,
        need: &Need,
        id: TechnicianId,
        person: &Person,
        load: &Load,
        span: Span,
    ) -> Candidate {
        let day = span.start.with_timezone(&need.zone).date_naive();
        let next = person.busy.partition_point(|entry| entry.busy.start < span.start);
        let near = |entry: &&Busy| {
            entry.kind == EntryKind::Booking
                && entry.planned.start.with_timezone(&need.zone).date_naive() == day
        };
        let before = person.busy[..next].last().filter(near);
        let after = person.busy.get(next).filter(near);
        let neighbours = [before, after].into_iter().flatten();
        let same = neighbours.clone().find(|e| e.place.is_some_and(|p| p.building == need.place.building));
        let metres = neighbours
            .filter_map(|entry| metres(entry.place?, need.place))
            .min_by(|one, other| one.total_cmp(other));
        let waits = (span.start - self.now).num_minutes() as f64;
        let cost = metres.map_or(0.0, |metres| self.minutes(metres) as f64)
            + load.days.get(&day).copied().unwrap_or(0) as f64 / 6.0
            + load.whole as f64 / 30.0
            + waits / 60.0;
        Candidate {
            technician: id,
            start: span.start,
            day,
            same_building: same.map(|e| e.planned.start),
            metres,
            cost,
        }
    }

    /// How long the way takes.
    pub(crate) fn minutes(&self, metres: f64) -> i64 {
        let per_minute = f64::from(self.settings.travel_speed_kmh) * 1000.0 / 60.0;
        (metres / per_minute).ceil() as i64
    }

    /// The less, the better: how late, not at the wished time, not in the same building, the cost; an emergency asks
    /// first for the earliest.
    fn key(&self, need: &Need, ask: &Ask, crew: &[Candidate]) -> (i64, i64, bool, bool, f64, i64) {
        let start = crew[0].start;
        let late = late(need, start + ask.duration);
        let soon = if need.emergency { start.timestamp() } else { 0 };
        let unwished = need.wished.is_some_and(|wished| !wishes(wished, start));
        let alone = crew.iter().all(|one| one.same_building.is_none());
        let cost = crew.iter().map(|one| one.cost).sum();
        (late, soon, unwished, alone, cost, start.timestamp())
    }

    fn found(
        &self,
        need: &Need,
        ask: &Ask,
        loads: &BTreeMap<TechnicianId, Load>,
        crew: &[Candidate],
    ) -> Found {
        let first = crew[0];
        let span = Span { start: first.start, end: first.start + ask.duration };
        let late_by_s = late(need, span.end);
        let mut reasons = Vec::new();
        match need.term {
            Some(term) if late_by_s == 0 => reasons.push(Reason::InTerm(term)),
            Some(_) => reasons.push(Reason::Late(late_by_s)),
            None => {}
        }
        if let Some(wished) = need.wished {
            let inside = wishes(wished, span.start);
            reasons.push(if inside { Reason::InWished } else { Reason::OutsideWished });
        }
        reasons.extend(crew.iter().find_map(|one| one.same_building).map(Reason::SameBuilding));
        let person = &self.people[&first.technician];
        if !holds(&person.routine, span) {
            let reserve = holds(&person.reserve, span);
            reasons.push(if reserve { Reason::Reserve } else { Reason::OnCall });
        }
        let minutes = |load: &Load| load.days.get(&first.day).copied().unwrap_or(0);
        let own = minutes(&loads[&first.technician]);
        if loads.values().all(|load| minutes(load) >= own) {
            reasons.push(Reason::LightestDay(own));
        }
        if let Some(metres) = first.metres.filter(|metres| *metres >= 1.0) {
            reasons.push(Reason::Distance { metres, minutes: self.minutes(metres) });
        }
        let whole = loads[&first.technician].whole;
        if loads.len() > 1 && loads.values().filter(|load| load.whole > whole).count() * 2 > loads.len() {
            reasons.push(Reason::Fair);
        }
        Found { crew: crew.iter().map(|one| one.technician).collect(), span, late_by_s, reasons }
    }
}

/// Crews of so many, all free at one time: the cheapest of them lead.
fn crews(candidates: Vec<Candidate>, size: usize) -> Vec<Vec<Candidate>> {
    let mut by_start: BTreeMap<Time, Vec<Candidate>> = BTreeMap::new();
    for candidate in candidates {
        by_start.entry(candidate.start).or_default().push(candidate);
    }
    by_start
        .into_values()
        .filter(|free| free.len() >= size)
        .map(|mut free| {
            free.sort_by(|one, other| one.cost.total_cmp(&other.cost));
            free.truncate(size);
            free
        })
        .collect()
}

fn load(person: &Person, need: &Need) -> Load {
    let mut load = Load { days: HashMap::new(), whole: 0 };
    for entry in person.busy.iter().filter(|entry| entry.kind == EntryKind::Booking) {
        let minutes = (entry.planned.end - entry.planned.start).num_minutes();
        let day = entry.planned.start.with_timezone(&need.zone).date_naive();
        *load.days.entry(day).or_default() += minutes;
        load.whole += minutes;
    }
    load
}

/// By how many seconds work that ends then is late.
pub(crate) fn late(need: &Need, end: Time) -> i64 {
    need.term.map_or(0, |term| (end - term).num_seconds().max(0))
}

/// Whether work that begins then begins within the wished time.
fn wishes(wished: Span, start: Time) -> bool {
    wished.start <= start && start < wished.end
}

/// The next instant on the grid.
pub(crate) fn ceil(at: Time, step_s: i64) -> Time {
    let second = at.timestamp() + i64::from(at.timestamp_subsec_nanos() > 0);
    let up = second.rem_euclid(step_s);
    let second = if up == 0 { second } else { second + step_s - up };
    Time::from_timestamp(second, 0).unwrap_or(at)
}

/// The way between two buildings as the crow flies.
pub(crate) fn metres(from: Place, to: Place) -> Option<f64> {
    if from.building == to.building {
        return Some(0.0);
    }
    Some(from.position?.metres_to(to.position?))
}
