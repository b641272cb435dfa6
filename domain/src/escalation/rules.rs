//! Who is told at which step of a clock, and who is told next when nobody takes notice.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Duty;
use crate::{Error, Result, alert, deadline::DeadlineKind};

/// One rung of a ladder: who is told, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EscalationRung)]
pub struct Rung {
    /// So many minutes after the alert was given, 0 to 1440; rising from rung to rung, 0 at the first.
    #[schema(minimum = 0, maximum = 1440)]
    pub after_minutes: u16,
    /// Who is told.
    #[schema(min_items = 1, max_items = 5)]
    pub tell: Vec<Duty>,
}

/// The ladder of a step of a clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EscalationStep)]
pub struct Step {
    /// From this part of the term on, in percent, 1 to 100; rising from step to step.
    #[schema(minimum = 1, maximum = 100)]
    pub percent: u8,
    /// Who is told, one rung after another, until somebody takes notice; empty: nobody.
    #[schema(max_items = 10)]
    pub ladder: Vec<Rung>,
}

/// The steps of one kind of clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EscalationKind)]
pub struct OfKind {
    /// What is awaited.
    pub kind: DeadlineKind,
    /// Its steps, instead of those of all clocks.
    #[schema(min_items = 1, max_items = 10)]
    pub steps: Vec<Step>,
}

/// Who is told of alerts. What is left out has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EscalationRules {
    /// Steps of clocks. By default the technician hears of a term that runs out, from 80 % on the dispatchers too; when it
    /// is over the dispatchers, after 5 minutes the master, after 10 the manager, after 15 the director.
    #[schema(min_items = 1, max_items = 10)]
    pub steps: Vec<Step>,
    /// Kinds of clocks that have steps of their own.
    #[schema(max_items = 20)]
    pub kinds: Vec<OfKind>,
    /// Large accidents (R86). By default the director and the master at once, after 10 minutes the manager too.
    #[schema(min_items = 1, max_items = 10)]
    pub accident: Vec<Rung>,
    /// Alerts that no clock gives. By default the dispatchers, after 30 minutes the manager.
    #[schema(min_items = 1, max_items = 10)]
    pub other: Vec<Rung>,
}

fn rung(after_minutes: u16, tell: &[Duty]) -> Rung {
    Rung { after_minutes, tell: tell.to_vec() }
}

impl Default for EscalationRules {
    fn default() -> Self {
        use Duty::{Director, Dispatcher, Manager, Master, Technician};
        Self {
            steps: vec![
                Step { percent: 1, ladder: vec![rung(0, &[Technician])] },
                Step { percent: 80, ladder: vec![rung(0, &[Technician, Dispatcher])] },
                Step {
                    percent: 100,
                    ladder: vec![
                        rung(0, &[Dispatcher]),
                        rung(5, &[Master]),
                        rung(10, &[Manager]),
                        rung(15, &[Director]),
                    ],
                },
            ],
            kinds: Vec::new(),
            accident: vec![rung(0, &[Director, Master]), rung(10, &[Manager])],
            other: vec![rung(0, &[Dispatcher]), rung(30, &[Manager])],
        }
    }
}

/// The most rungs of a ladder, and the most steps.
const MOST: usize = 10;

impl EscalationRules {
    /// The ladder of an alert.
    pub(super) fn ladder(&self, alert: &alert::row::Model) -> &[Rung] {
        if alert.deadline_id.is_none() {
            return if alert.kind == super::ACCIDENT { &self.accident } else { &self.other };
        }
        let own = self.kinds.iter().find(|own| own.kind.name() == alert.kind);
        let steps = own.map_or(&self.steps, |own| &own.steps);
        let step = steps.iter().rev().find(|step| i64::from(step.percent) <= alert.percent);
        step.map_or(&[], |step| &step.ladder)
    }

    /// Checks rules that came from outside.
    ///
    /// # Errors
    /// `invalid_field` naming what is out of its range.
    pub fn check(&self) -> Result<()> {
        check_steps("rules.steps", &self.steps)?;
        for (index, own) in self.kinds.iter().enumerate() {
            check_steps(&format!("rules.kinds.{index}.steps"), &own.steps)?;
            if self.kinds[..index].iter().any(|before| before.kind == own.kind) {
                let field = format!("rules.kinds.{index}.kind");
                return Err(Error::field(field, "has steps of its own already"));
            }
        }
        for (field, ladder) in [("rules.accident", &self.accident), ("rules.other", &self.other)] {
            check_ladder(field, ladder)?;
            if ladder.is_empty() {
                return Err(Error::field(field, "must tell somebody"));
            }
        }
        Ok(())
    }
}

fn check_steps(path: &str, steps: &[Step]) -> Result<()> {
    let rising = steps.windows(2).all(|pair| pair[0].percent < pair[1].percent);
    let within = steps.iter().all(|step| (1..=100).contains(&step.percent));
    if steps.is_empty() || steps.len() > MOST || !rising || !within {
        return Err(Error::field(
            path,
            format!("must be 1 to {MOST} steps with rising percents from 1 to 100"),
        ));
    }
    for (index, step) in steps.iter().enumerate() {
        check_ladder(&format!("{path}.{index}.ladder"), &step.ladder)?;
    }
    // A term that is over is always told to somebody.
    if steps.last().is_none_or(|last| last.ladder.is_empty()) {
        return Err(Error::field(path, "must tell somebody at the last step"));
    }
    Ok(())
}

fn check_ladder(path: &str, ladder: &[Rung]) -> Result<()> {
    let rising = ladder.windows(2).all(|pair| pair[0].after_minutes < pair[1].after_minutes);
    let at_once = ladder.first().is_none_or(|first| first.after_minutes == 0);
    let within = ladder.iter().all(|rung| rung.after_minutes <= 1_440);
    if ladder.len() > MOST || !rising || !at_once || !within {
        let message =
            format!("must be at most {MOST} rungs, the first at 0 minutes, each later, within 1440");
        return Err(Error::field(path, message));
    }
    for (index, rung) in ladder.iter().enumerate() {
        if rung.tell.is_empty() || rung.tell.len() > 5 {
            return Err(Error::field(format!("{path}.{index}.tell"), "must name 1 to 5 duties"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_defaults_are_rules() {
        EscalationRules::default().check().unwrap();
        let rules: EscalationRules = serde_json::from_value(json!({})).unwrap();
        assert_eq!(rules, EscalationRules::default());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let rung = |minutes: u16| json!({ "after_minutes": minutes, "tell": ["manager"] });
        let step = |percent: u8| json!({ "percent": percent, "ladder": [rung(0)] });
        for (wrong, field) in [
            (json!({ "steps": [] }), "rules.steps"),
            (json!({ "steps": [step(80), step(50)] }), "rules.steps"),
            (json!({ "steps": [step(0)] }), "rules.steps"),
            (json!({ "steps": [step(101)] }), "rules.steps"),
            (json!({ "steps": [{ "percent": 100, "ladder": [] }] }), "rules.steps"),
            (json!({ "steps": [{ "percent": 100, "ladder": [rung(5)] }] }), "rules.steps.0.ladder"),
            (json!({ "other": [rung(0), rung(0)] }), "rules.other"),
            (json!({ "other": [rung(0), rung(1441)] }), "rules.other"),
            (json!({ "other": [] }), "rules.other"),
            (json!({ "accident": [{ "after_minutes": 0, "tell": [] }] }), "rules.accident.0.tell"),
            (
                json!({ "kinds": [
                    { "kind": "assign", "steps": [step(100)] }, { "kind": "assign", "steps": [step(100)] },
                ] }),
                "rules.kinds.1.kind",
            ),
        ] {
            let rules: EscalationRules = serde_json::from_value(wrong.clone()).unwrap();
            assert_eq!(rules.check().unwrap_err().fields()[0].field, field, "{wrong}");
        }
    }
}
