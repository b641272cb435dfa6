//! Old apps: the arguments of an older schema are turned into those of today, step by step, before anybody reads them.

use serde_json::Value;

/// The newest schema of arguments that is known here.
pub(crate) const NEWEST: i64 = 1;

/// Turns the arguments of one kind of act from the schema it names to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    kind: &'static str,
    from: i64,
    turn: fn(Value) -> Value,
}

/// Every step that was ever needed. A step is never taken away: a phone may have lain in a drawer.
const STEPS: &[Step] = &[];

/// The arguments as the newest schema has them.
pub(super) fn upgrade(kind: &str, schema: i64, args: Value) -> Value {
    upgrade_by(STEPS, NEWEST, kind, schema, args)
}

fn upgrade_by(steps: &[Step], newest: i64, kind: &str, schema: i64, args: Value) -> Value {
    (schema..newest).fold(args, |args, from| {
        match steps.iter().find(|step| step.kind == kind && step.from == from) {
            Some(step) => (step.turn)(args),
            None => args,
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn renamed(mut args: Value) -> Value {
        if let Some(why) = args.as_object_mut().and_then(|args| args.remove("why")) {
            args["reason"] = why;
        }
        args
    }

    fn listed(mut args: Value) -> Value {
        args["reason"] = json!([args["reason"].take()]);
        args
    }

    #[test]
    fn the_oldest_arguments_go_through_every_step_and_the_newest_through_none() {
        let steps = [
            Step { kind: "ticket.hold", from: 1, turn: renamed },
            Step { kind: "ticket.hold", from: 3, turn: listed },
            Step { kind: "visit.start", from: 1, turn: |_| json!("wrong") },
        ];
        let at = |schema, args| upgrade_by(&steps, 4, "ticket.hold", schema, args);
        assert_eq!(at(1, json!({ "why": "нет крана" })), json!({ "reason": ["нет крана"] }));
        assert_eq!(at(2, json!({ "reason": "нет крана" })), json!({ "reason": ["нет крана"] }));
        assert_eq!(at(4, json!({ "reason": ["нет крана"] })), json!({ "reason": ["нет крана"] }));
    }
}
