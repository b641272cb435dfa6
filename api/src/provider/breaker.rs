//! The circuit breaker: who does not answer is left alone for a while, and then asked once to see.

use chrono::TimeDelta;
use naryad_domain::Time;

/// So many failures one after another, and the service is left alone.
pub(super) const FAILURES: u32 = 5;
/// For how long at first; each probe that fails doubles it.
pub(super) const FIRST: TimeDelta = TimeDelta::seconds(30);
/// And at most.
pub(super) const LONGEST: TimeDelta = TimeDelta::minutes(5);
/// Who comes while the probe is under way comes again after this.
pub(super) const PROBED: TimeDelta = TimeDelta::seconds(5);

/// Whether calls go through.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: State,
    /// Counts the changes of the state: what began before the last one says nothing about it.
    epoch: u64,
}

#[derive(Debug)]
enum State {
    Closed { failures: u32 },
    Open { since: Time, pause: TimeDelta, probed: bool },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

/// The right to one call.
#[derive(Debug)]
pub(super) struct Ticket(u64);

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The service answered, whatever it said.
    Answered,
    /// It did not, or not as it should.
    Failed,
    /// Whoever asked went away before.
    Abandoned,
}

/// What changed for those who come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Calls are held back for so long.
    Opened(TimeDelta),
    /// Calls go through again.
    Closed,
}

impl Breaker {
    /// How long a call would be held back now; `None`: it would go through.
    pub(super) fn held(&mut self, now: Time) -> Option<TimeDelta> {
        let State::Open { since, pause, probed } = &mut self.state else { return None };
        // A clock that was set back must not prolong the pause.
        *since = now.min(*since);
        let left = *pause - (now - *since);
        match *probed {
            _ if left > TimeDelta::zero() => Some(left),
            true => Some(PROBED),
            false => None,
        }
    }

    /// Lets a call through, or says for how long it is held back.
    pub(super) fn enter(&mut self, now: Time) -> Result<Ticket, TimeDelta> {
        if let Some(left) = self.held(now) {
            return Err(left);
        }
        if let State::Open { probed, .. } = &mut self.state {
            *probed = true;
        }
        Ok(Ticket(self.epoch))
    }

    /// A call that was let through has ended.
    pub(super) fn end(&mut self, ticket: &Ticket, end: End, now: Time) -> Option<Change> {
        if ticket.0 != self.epoch {
            return None;
        }
        match (&mut self.state, end) {
            (State::Closed { failures }, End::Answered) => {
                *failures = 0;
                None
            }
            (State::Closed { failures }, End::Failed) => {
                *failures += 1;
                (*failures >= FAILURES).then(|| self.open(FIRST, now))
            }
            (State::Closed { .. }, End::Abandoned) => None,
            // One that was let through while it was open was the probe.
            (State::Open { .. }, End::Answered) => {
                self.state = State::default();
                self.epoch += 1;
                Some(Change::Closed)
            }
            (State::Open { pause, .. }, End::Failed) => {
                let longer = (*pause * 2).min(LONGEST);
                Some(self.open(longer, now))
            }
            (State::Open { probed, .. }, End::Abandoned) => {
                *probed = false;
                None
            }
        }
    }

    fn open(&mut self, pause: TimeDelta, now: Time) -> Change {
        self.state = State::Open { since: now, pause, probed: false };
        self.epoch += 1;
        Change::Opened(pause)
    }
}
