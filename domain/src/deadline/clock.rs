//! How a clock moves: started, paused, met, taken up again, counted anew. Nothing here touches the database.

use chrono::TimeDelta;

use super::{Basis, DeadlineState, policy::PolicyRules, row::Model};
use crate::{
    Error, Result, Time,
    catalogue::{Amount, Clock},
    place::Zone,
    worktime::{ProductionDays, WorkCalendar},
};

/// What a clock runs by: the hours it counts, and when it gives alarm.
#[derive(Debug)]
pub(crate) struct Gear<'a> {
    clock: Clock,
    calendar: WorkCalendar,
    rules: &'a PolicyRules,
}

/// An alarm to be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Alarm {
    /// Which step of the policy, from 1.
    pub(crate) step: i64,
    /// At what part of the term.
    pub(crate) percent: i64,
    /// How many alarms this clock had given before.
    pub(crate) round: i64,
}

/// Whether hours and unit need the production calendar.
pub(crate) fn needs_days(clock: &Clock, unit: crate::catalogue::Unit) -> bool {
    unit == crate::catalogue::Unit::WorkingDays || !matches!(clock, Clock::Always | Clock::Slot)
}

impl Model {
    /// The hours it counts.
    ///
    /// # Errors
    /// `internal` naming the row: only checked hours are stored.
    pub(crate) fn hours(&self) -> Result<Clock> {
        serde_json::from_value(self.clock.clone())
            .map_err(|fault| Error::internal(format!("deadline {}, column clock: {fault}", self.id)))
    }

    /// Its length.
    ///
    /// # Errors
    /// `internal` naming the row.
    pub(crate) fn target(&self) -> Result<Amount> {
        u32::try_from(self.target_amount)
            .ok()
            .and_then(|amount| Amount::new(amount, self.target_unit).ok())
            .ok_or_else(|| Error::internal(format!("deadline {}, column target_amount", self.id)))
    }
}

impl<'a> Gear<'a> {
    /// The gear of a clock.
    pub(crate) fn of(row: &Model, days: &ProductionDays, rules: &'a PolicyRules) -> Result<Self> {
        let zone = Zone::stored(&row.zone, format_args!("deadline {}", row.id))?.tz();
        let clock = row.hours()?;
        // The end of a promised window is a moment: what leads there passes round the clock.
        let counted = if clock == Clock::Slot { Clock::Always } else { clock.clone() };
        let calendar = WorkCalendar::counting(row.target_unit, &counted, zone, days);
        Ok(Self { clock, calendar, rules })
    }

    /// Counts the term from its start, with what has been used up of it. A clock by slot gets its end from `promise`.
    pub(crate) fn count(&self, row: &mut Model, promise: Option<Time>) -> Result<()> {
        let end = match self.clock {
            Clock::Slot => promise,
            _ => self.calendar.due(row.started_from, row.target()?),
        };
        row.total_s = end.map(|end| self.calendar.work_between(row.started_from, end));
        row.due_at = match (row.running_since, row.total_s) {
            (Some(since), Some(total)) if row.consumed_s > 0 || since != row.started_from => {
                self.calendar.add_work(since, total - row.consumed_s)
            }
            (Some(_), _) => end,
            // It stands still: when it ends is not known.
            (None, _) => None,
        };
        Ok(())
    }

    /// Counts the term from another start. What was worked before stands by the time that lies between.
    pub(crate) fn restart(&self, row: &mut Model, from: Time) -> Result<()> {
        if row.running_since == Some(row.started_from) {
            row.running_since = Some(from);
        } else {
            let more = self.calendar.work_between(from, row.started_from);
            let less = self.calendar.work_between(row.started_from, from);
            row.consumed_s = (row.consumed_s + more - less).max(0);
        }
        row.started_from = from;
        self.count(row, None)
    }

    /// Stands still from `at` on. What was worked until then is used up.
    pub(crate) fn pause(&self, row: &mut Model, at: Time) {
        if row.state != DeadlineState::Running || !row.pauses || row.basis == Basis::Legal {
            return;
        }
        self.stop(row, at);
        row.state = DeadlineState::Paused;
        row.due_at = None;
        row.next_fire_at = None;
    }

    fn stop(&self, row: &mut Model, at: Time) {
        if let Some(since) = row.running_since.take() {
            row.consumed_s += self.calendar.work_between(since, at);
        }
    }

    /// Runs on from `at`: what was left then is left now.
    pub(crate) fn resume(&self, row: &mut Model, at: Time, now: Time) {
        if row.state != DeadlineState::Paused {
            return;
        }
        self.start_again(row, at);
        self.arm(row, now);
    }

    fn start_again(&self, row: &mut Model, at: Time) {
        row.state = DeadlineState::Running;
        row.running_since = Some(at);
        row.due_at = row.total_s.and_then(|total| self.calendar.add_work(at, total - row.consumed_s));
    }

    /// What was awaited came at `at`.
    pub(crate) fn meet(&self, row: &mut Model, at: Time) {
        if row.state == DeadlineState::Paused {
            self.start_again(row, at);
        }
        row.met_at = Some(at);
        row.next_fire_at = None;
        row.late_s = late(row, at);
        row.state = if row.late_s.is_some() { DeadlineState::Missed } else { DeadlineState::Met };
    }

    /// It is awaited no more: missed if it was late by then.
    pub(crate) fn end(&self, row: &mut Model, at: Time) {
        self.meet(row, at);
        row.met_at = None;
        if row.state == DeadlineState::Met {
            row.state = DeadlineState::Cancelled;
        }
    }

    /// The term has passed in vain.
    pub(crate) fn miss(&self, row: &mut Model, at: Time) {
        self.end(row, at);
        row.state = DeadlineState::Missed;
        row.late_s = row.late_s.or(Some(0));
    }

    /// What had come was not accepted. A legal term goes on as if it had never come; one that may stand still stood
    /// still meanwhile.
    pub(crate) fn reopen(&self, row: &mut Model, at: Time, now: Time) {
        let Some(met_at) = row.met_at.take() else { return };
        row.late_s = None;
        row.state = DeadlineState::Running;
        if row.pauses && row.basis == Basis::Contract {
            self.stop(row, met_at);
            self.start_again(row, at);
        }
        self.arm(row, now);
    }

    /// What had come in time came undone: the whole term runs anew from `at`. What came late stays late.
    pub(crate) fn again(&self, row: &mut Model, at: Time, now: Time) {
        if row.state == DeadlineState::Missed {
            self.reopen(row, at, now);
            return;
        }
        row.met_at = None;
        row.consumed_s = 0;
        row.step = 0;
        row.repeats = 0;
        row.alert_acked = false;
        self.start_again(row, at);
        self.arm(row, now);
    }

    /// Judges a clock that has ended by an end that was counted anew.
    pub(crate) fn judge(&self, row: &mut Model) {
        let Some(met_at) = row.met_at else { return };
        row.late_s = late(row, met_at);
        row.state = if row.late_s.is_some() { DeadlineState::Missed } else { DeadlineState::Met };
    }

    /// When a step comes; `None` where the clock has no end.
    fn moment(&self, row: &Model, step: usize) -> Option<Time> {
        let percent = i64::from(*self.rules.steps.get(step)?);
        if percent >= 100 {
            return Some(row.due_at? + TimeDelta::seconds(row.grace_s));
        }
        let (since, total) = (row.running_since?, row.total_s?);
        self.calendar.add_work(since, (total * percent / 100 - row.consumed_s).max(0))
    }

    /// Whether a step makes sense: a term of no length is not half over.
    fn wanted(&self, row: &Model, step: usize) -> bool {
        row.total_s.is_some_and(|total| total > 0) || self.rules.steps.get(step) >= Some(&100)
    }

    fn next_step(&self, row: &Model, from: usize) -> Option<(usize, Time)> {
        let step = (from..self.rules.steps.len()).find(|step| self.wanted(row, *step))?;
        Some((step, self.moment(row, step)?))
    }

    /// Sets when the clock wants attention next, after its end was counted anew. Steps that are no longer behind it come
    /// again; those that are, and were told, do not.
    pub(crate) fn arm(&self, row: &mut Model, now: Time) {
        row.next_fire_at = None;
        if row.state != DeadlineState::Running {
            return;
        }
        let told = usize::try_from(row.step).unwrap_or(0).min(self.rules.steps.len());
        let behind = |step: usize| {
            !self.wanted(row, step) || self.moment(row, step).is_some_and(|moment| moment <= now)
        };
        let step = (0..told).find(|step| !behind(*step)).unwrap_or(told);
        if step < told {
            row.step = step as i64;
            row.repeats = 0;
            row.alert_acked = false;
        }
        row.next_fire_at = match self.next_step(row, step) {
            Some((_, moment)) => Some(moment),
            None if row.due_at.is_none() || step < self.rules.steps.len() => None,
            None => self.repetition(row, now, now),
        };
    }

    /// When the last alert is repeated, after one that was due at `from`.
    fn repetition(&self, row: &Model, from: Time, now: Time) -> Option<Time> {
        if row.alert_acked || row.repeats >= i64::from(self.rules.repeat_times) {
            return None;
        }
        let every = TimeDelta::minutes(self.rules.repeat_minutes.into());
        let skipped = (now - from).num_seconds().max(0) / every.num_seconds().max(1);
        Some(from + every * i32::try_from(skipped + 1).ok()?)
    }

    /// Gives the alarm that is due at `now`: only the highest step of those that have come, and one repetition however
    /// many were slept through. `None`: none is due; the clock is armed again.
    pub(crate) fn fire(&self, row: &mut Model, now: Time) -> Option<Alarm> {
        let due = row.next_fire_at.filter(|due| *due <= now)?;
        let round = row.fired;
        let steps = self.rules.steps.len();
        let first = usize::try_from(row.step).unwrap_or(0);
        if first >= steps {
            row.repeats += 1;
            row.fired += 1;
            row.next_fire_at = self.repetition(row, due, now);
            return Some(Alarm { step: row.step, percent: self.percent(steps - 1), round });
        }
        let come = (first..steps)
            .rev()
            .filter(|step| self.wanted(row, *step))
            .find_map(|step| Some((step, self.moment(row, step).filter(|moment| *moment <= now)?)));
        let Some((step, moment)) = come else {
            self.arm(row, now);
            return None;
        };
        row.step = step as i64 + 1;
        row.fired += 1;
        row.next_fire_at = match self.next_step(row, step + 1) {
            Some((_, next)) => Some(next),
            None => self.repetition(row, moment, now),
        };
        Some(Alarm { step: row.step, percent: self.percent(step), round })
    }

    fn percent(&self, step: usize) -> i64 {
        self.rules.steps.get(step).copied().map_or(100, i64::from)
    }

    /// The last alert was acknowledged: it is not repeated.
    pub(crate) fn acknowledge(&self, row: &mut Model) {
        if usize::try_from(row.step).unwrap_or(0) >= self.rules.steps.len() {
            row.alert_acked = true;
            row.next_fire_at = None;
        }
    }
}

/// By how many seconds `at` is late.
fn late(row: &Model, at: Time) -> Option<i64> {
    let due = row.due_at?;
    (at > due + TimeDelta::seconds(row.grace_s)).then(|| (at - due).num_seconds().max(1))
}
