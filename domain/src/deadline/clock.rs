//! How a clock moves: started, paused, met, taken up again, counted anew. Nothing here touches the database.

use chrono::TimeDelta;

use super::{Basis, DeadlineKind, DeadlineState, policy::PolicyRules, row::Model};
use crate::{
    Error, Result, Time,
    catalogue::{Amount, Clock},
    place::Zone,
    worktime::{ProductionDays, WorkCalendar},
};

/// All of a term, in percent.
const WHOLE: i64 = 100;
/// Parts of a term that is shorter are not told: one alert is enough of it.
const SHORT_S: i64 = 15 * 60;

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

    /// The end by which it is judged: the first promise that was broken, else its own.
    pub(crate) fn judged_by(&self) -> Option<Time> {
        self.broken_at.or(self.due_at)
    }

    /// From when it is late: a term of no length is not over as it begins, a promise that was broken stays so.
    pub(crate) fn ends_late_from(&self) -> Option<Time> {
        self.broken_at.or_else(|| Some(self.due_at? + TimeDelta::seconds(self.grace_s)))
    }

    /// By how many seconds `at` is late.
    pub(crate) fn late(&self, at: Time) -> Option<i64> {
        let (due, from) = (self.judged_by()?, self.ends_late_from()?);
        (at > from).then(|| (at - due).num_seconds().max(1))
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
                self.end_of(since, total - row.consumed_s)
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
        row.due_at = row.total_s.and_then(|total| self.end_of(at, total - row.consumed_s));
    }

    /// When a term ends of which so much is left: with nothing left it does not wait for the hours to open, it ended as
    /// they were open last.
    fn end_of(&self, since: Time, left: i64) -> Option<Time> {
        match left {
            0 => Some(self.calendar.add_work(since, -1)? + TimeDelta::seconds(1)),
            _ => self.calendar.add_work(since, left),
        }
    }

    /// What was awaited came at `at`.
    pub(crate) fn meet(&self, row: &mut Model, at: Time) {
        if row.state == DeadlineState::Paused {
            self.start_again(row, at);
        }
        row.met_at = Some(at);
        row.next_fire_at = None;
        row.due_at = row.judged_by();
        row.late_s = row.late(at);
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
    /// still meanwhile; one by slot waits for another promise.
    pub(crate) fn reopen(&self, row: &mut Model, at: Time, now: Time) {
        let Some(met_at) = row.met_at.take() else { return };
        if self.clock == Clock::Slot {
            let due = row.due_at.take();
            row.broken_at = row.broken_at.or(due.filter(|_| row.late_s.is_some()));
        }
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
        row.late_s = None;
        row.consumed_s = 0;
        row.told = 0;
        row.repeats = 0;
        row.alert_acked = false;
        self.start_again(row, at);
        self.arm(row, now);
    }

    /// Judges a clock that has ended by an end that was counted anew.
    pub(crate) fn judge(&self, row: &mut Model) {
        let Some(met_at) = row.met_at else { return };
        row.late_s = row.late(met_at);
        row.state = if row.late_s.is_some() { DeadlineState::Missed } else { DeadlineState::Met };
    }

    /// The end has moved to another promise. One that had passed by `at` is remembered: no later one mends it.
    pub(crate) fn promise(&self, row: &mut Model, promise: Option<Time>, at: Time, now: Time) -> Result<()> {
        let due = row.due_at;
        self.count(row, promise)?;
        if row.due_at == due {
            return Ok(());
        }
        row.broken_at = row.broken_at.or(due.filter(|due| *due < at));
        self.arm(row, now);
        Ok(())
    }

    /// Takes a clock up that a policy had switched off. It is to be counted and armed anew.
    pub(crate) fn revive(&self, row: &mut Model, now: Time, on_hold: bool) {
        row.state = DeadlineState::Running;
        row.late_s = None;
        if row.running_since.is_none() {
            self.start_again(row, now);
        }
        if on_hold {
            self.pause(row, now);
        }
    }

    /// When so much of the term is over; `None` where the clock has no end.
    fn moment(&self, row: &Model, percent: i64) -> Option<Time> {
        if percent >= WHOLE {
            return Some(row.due_at? + TimeDelta::seconds(row.grace_s));
        }
        let (since, total) = (row.running_since?, row.total_s?);
        match total * percent / WHOLE - row.consumed_s {
            left if left > 0 => self.calendar.add_work(since, left),
            // Used up before: it does not wait for the hours to open.
            _ => Some(since),
        }
    }

    /// The percentages that make sense: parts of a short term are not told, and the end of an offer is told by what
    /// ends it.
    fn steps(&self, row: &Model) -> impl DoubleEndedIterator<Item = i64> {
        let parts = row.total_s.is_some_and(|total| total >= SHORT_S);
        let whole = row.kind != DeadlineKind::Accept;
        self.rules
            .steps
            .iter()
            .map(|percent| i64::from(*percent))
            .filter(move |percent| if *percent < WHOLE { parts } else { whole })
    }

    /// The next percentage to be told.
    fn next_step(&self, row: &Model) -> Option<i64> {
        self.steps(row).find(|percent| *percent > row.told)
    }

    /// Sets when the clock wants attention next, after its end was counted anew. Steps that are no longer behind it come
    /// again; those that are, and were told, do not.
    pub(crate) fn arm(&self, row: &mut Model, now: Time) {
        row.next_fire_at = None;
        if row.state != DeadlineState::Running {
            return;
        }
        let behind = |percent: i64| self.moment(row, percent).is_some_and(|moment| moment <= now);
        // What was told last need not be a step of the policy any more.
        let told: Vec<i64> = self
            .steps(row)
            .filter(|percent| *percent < row.told)
            .chain(Some(row.told).filter(|told| *told > 0))
            .collect();
        if let Some(ahead) = told.iter().position(|percent| !behind(*percent)) {
            row.told = ahead.checked_sub(1).map_or(0, |last| told[last]);
            row.repeats = 0;
            row.alert_acked = false;
        }
        row.next_fire_at = match self.next_step(row) {
            Some(percent) => self.moment(row, percent),
            None if row.due_at.is_none() || row.told < WHOLE => None,
            None => self.repetition(row, now, now),
        };
    }

    /// When the last alert is repeated, after one that was due at `from`.
    fn repetition(&self, row: &Model, from: Time, now: Time) -> Option<Time> {
        if row.told < WHOLE || row.alert_acked || row.repeats >= i64::from(self.rules.repeat_times) {
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
        if row.told >= WHOLE {
            row.repeats += 1;
            row.fired += 1;
            row.next_fire_at = self.repetition(row, due, now);
            return Some(self.alarm(row, round));
        }
        let come =
            self.steps(row).rev().take_while(|percent| *percent > row.told).find_map(|percent| {
                Some((percent, self.moment(row, percent).filter(|moment| *moment <= now)?))
            });
        let Some((percent, moment)) = come else {
            self.arm(row, now);
            return None;
        };
        row.told = percent;
        row.fired += 1;
        row.next_fire_at = match self.next_step(row) {
            Some(next) => self.moment(row, next),
            None => self.repetition(row, moment, now),
        };
        Some(self.alarm(row, round))
    }

    fn alarm(&self, row: &Model, round: i64) -> Alarm {
        let step = self.rules.steps.iter().filter(|percent| i64::from(**percent) <= row.told).count();
        Alarm { step: step as i64, percent: row.told, round }
    }

    /// The last alert was acknowledged: it is not repeated.
    pub(crate) fn acknowledge(&self, row: &mut Model) {
        if row.told >= WHOLE {
            row.alert_acked = true;
            row.next_fire_at = None;
        }
    }
}
