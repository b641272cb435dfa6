//! What a policy of terms says. Every figure of the engine stands here, with its default.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Error, Result, Time,
    catalogue::{Amount, Clock, Term, Unit},
    deadline::Basis,
    ticket::Source,
    worktime::{ProductionDays, WorkCalendar},
};

/// A term that the policy itself sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DeadlineTarget)]
pub struct Target {
    /// Within what, round the clock.
    pub within: Amount,
    /// By what right.
    pub basis: Basis,
}

/// A term whose length stands with the kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DeadlineCount)]
pub struct Count {
    /// By what right.
    pub basis: Basis,
}

/// Terms of a contract, which run beside those of the law.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = DeadlineContract)]
pub struct Contract {
    /// Within what the damage is localized.
    pub localize: Option<Amount>,
    /// Within what the work is done.
    pub resolve: Option<Term>,
    /// The hours in which they count; absent: those of the kind of work.
    pub clock: Option<Clock>,
}

/// What a policy says. What is left out has its default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = DeadlineRules)]
pub struct PolicyRules {
    /// The applicant is told the term; by default 30 minutes, by law (resolution 416). Null: nobody counts it.
    pub inform: Option<Target>,
    /// Somebody is given the work; by default 5 minutes. Null: nobody counts it.
    pub assign: Option<Target>,
    /// Requests from these sources are to be given to somebody in that time; by default those of the residents' app.
    #[schema(value_type = Vec<Source>)]
    pub assign_sources: Vec<Source>,
    /// The damage is localized, as the kind of work says. Null: nobody counts it.
    pub localize: Option<Count>,
    /// The work is done, as the kind of work says. Null: nobody counts it.
    pub resolve: Option<Count>,
    /// The quality is checked on site, as the kind of work says. Null: nobody counts it.
    pub check_visit: Option<Count>,
    /// Terms of the contract beside those of the law.
    pub contract: Contract,
    /// Whether terms by contract stand still while the ticket is on hold. Those by law never do.
    pub contract_pauses: bool,
    /// When alerts are sent, in percent of the term: rising, from 1, the last is 100. A term of less than 15 minutes is
    /// told at 100 only.
    #[schema(min_items = 1, max_items = 10)]
    pub steps: Vec<u8>,
    /// Every how many minutes the last alert is repeated until somebody acknowledges it, 1 to 1440.
    #[schema(minimum = 1, maximum = 1440)]
    pub repeat_minutes: u16,
    /// How often at most, 0 to 1000.
    #[schema(minimum = 0, maximum = 1000)]
    pub repeat_times: u16,
    /// How many minutes after the start «at once» is over, 0 to 1440.
    #[schema(minimum = 0, maximum = 1440)]
    pub grace_minutes: u16,
}

/// A default that is a constant: so many seconds.
fn seconds(amount: u32) -> Option<Amount> {
    Amount::new(amount, Unit::Seconds).ok()
}

fn target(within: u32, basis: Basis) -> Option<Target> {
    seconds(within).map(|within| Target { within, basis })
}

impl Default for PolicyRules {
    fn default() -> Self {
        let by_law = Some(Count { basis: Basis::Legal });
        Self {
            inform: target(30 * 60, Basis::Legal),
            assign: target(5 * 60, Basis::Contract),
            assign_sources: vec![Source::App],
            localize: by_law,
            resolve: by_law,
            check_visit: by_law,
            contract: Contract::default(),
            contract_pauses: true,
            steps: vec![50, 80, 100],
            repeat_minutes: 60,
            repeat_times: 24,
            grace_minutes: 5,
        }
    }
}

/// The most steps a policy has.
const STEPS: usize = 10;

impl PolicyRules {
    /// How many seconds after its end a term is late: one of no length is not over as it begins.
    pub(crate) fn grace_s(&self, term: Amount, clock: &Clock) -> i64 {
        let at_once = term.amount() == 0 && *clock != Clock::Slot;
        if at_once { i64::from(self.grace_minutes) * 60 } else { 0 }
    }

    /// Checks rules that came from outside; `path` is where they stand in the request.
    ///
    /// # Errors
    /// `invalid_field` naming what is out of its range.
    pub fn check(&self, path: &str) -> Result<()> {
        let rising = self.steps.windows(2).all(|pair| pair[0] < pair[1]);
        let whole = self.steps.first().is_some_and(|first| *first > 0) && self.steps.last() == Some(&100);
        if !rising || !whole || self.steps.len() > STEPS {
            let message = format!("must be 1 to {STEPS} rising percentages, the last of which is 100");
            return Err(Error::field(format!("{path}.steps"), message));
        }
        for (name, value, least, most) in [
            ("repeat_minutes", self.repeat_minutes, 1, 1_440),
            ("repeat_times", self.repeat_times, 0, 1_000),
            ("grace_minutes", self.grace_minutes, 0, 1_440),
        ] {
            if !(least..=most).contains(&value) {
                let message = format!("must be from {least} to {most}");
                return Err(Error::field(format!("{path}.{name}"), message));
            }
        }
        if self.contract.clock == Some(Clock::Slot) {
            let field = format!("{path}.contract.clock");
            return Err(Error::field(field, "a term of a contract has hours of its own"));
        }
        let resolve = self.contract.resolve.iter();
        let terms = resolve
            .flat_map(|term| term.seasons.iter().map(|season| season.amount).chain([term.default]))
            .chain(self.contract.localize);
        if let Some(clock) = &self.contract.clock
            && terms.into_iter().any(|term| !ends(term, clock))
        {
            let field = format!("{path}.contract.clock");
            return Err(Error::field(field, "a term of the contract would never end by these hours"));
        }
        // A clock is known by its kind and its right: there is one of each.
        for (name, count, beside) in [
            ("localize", self.localize, self.contract.localize.is_some()),
            ("resolve", self.resolve, self.contract.resolve.is_some()),
        ] {
            if beside && count.is_some_and(|count| count.basis == Basis::Contract) {
                let message = "is a term of the contract already";
                return Err(Error::field(format!("{path}.contract.{name}"), message));
            }
        }
        Ok(())
    }
}

/// Whether a term ends by these hours, holidays aside.
fn ends(term: Amount, clock: &Clock) -> bool {
    let calendar = WorkCalendar::counting(term.unit(), clock, chrono_tz::UTC, &ProductionDays::default());
    calendar.due(Time::UNIX_EPOCH, term).is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_left_out_has_its_default() {
        let rules: PolicyRules =
            serde_json::from_value(json!({ "inform": null, "grace_minutes": 1 })).unwrap();
        assert_eq!(rules, PolicyRules { inform: None, grace_minutes: 1, ..PolicyRules::default() });
        rules.check("rules").unwrap();
    }

    #[test]
    fn negative_and_hundred_year_policies_are_no_policies() {
        for wrong in [
            json!({ "inform": { "within": { "amount": -30, "unit": "seconds" }, "basis": "legal" } }),
            json!({ "contract": { "resolve": { "default": { "amount": 36_525, "unit": "days" } } } }),
            json!({ "repeat_minutes": -1 }),
            json!({ "steps": [50, 300] }),
            json!({ "more": 1 }),
        ] {
            assert!(serde_json::from_value::<PolicyRules>(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        for (wrong, field) in [
            (json!({ "steps": [] }), "rules.steps"),
            (json!({ "steps": [0, 100] }), "rules.steps"),
            (json!({ "steps": [80, 50, 100] }), "rules.steps"),
            (json!({ "steps": [50, 80] }), "rules.steps"),
            (json!({ "steps": [100, 100] }), "rules.steps"),
            (json!({ "repeat_minutes": 0 }), "rules.repeat_minutes"),
            (json!({ "repeat_times": 1001 }), "rules.repeat_times"),
            (json!({ "grace_minutes": 1441 }), "rules.grace_minutes"),
            (json!({ "contract": { "clock": { "kind": "slot" } } }), "rules.contract.clock"),
            (
                json!({ "contract": {
                    "resolve": { "default": { "amount": 3, "unit": "working_days" } },
                    "clock": {
                        "kind": "weekly", "windows": [{ "days": ["su"], "from": "00:00", "to": "24:00" }],
                    },
                } }),
                "rules.contract.clock",
            ),
            (
                json!({
                    "resolve": { "basis": "contract" },
                    "contract": { "resolve": { "default": { "amount": 1, "unit": "days" } } },
                }),
                "rules.contract.resolve",
            ),
        ] {
            let rules: PolicyRules = serde_json::from_value(wrong.clone()).unwrap();
            assert_eq!(rules.check("rules").unwrap_err().fields()[0].field, field, "{wrong}");
        }
    }
}
