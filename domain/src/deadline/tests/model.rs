//! Random histories of a ticket against a plain model that counts minutes one by one.

use chrono::{DateTime, Datelike, DurationRound, TimeDelta, Timelike, Utc, Weekday};
use proptest::prelude::*;

use super::*;
use crate::{
    testing::{TestDb, assert_sound, house, noon, sqlite},
    text::Text,
    ticket::{
        self, Cancel, Complete, CompleteTicket, Hold, HoldTicket, Localize, Resume, Return, Status, Why,
    },
};

#[derive(Clone, Copy, Debug)]
enum Step {
    Wait(i64),
    /// Until so many minutes after the hours have ended.
    Evening(i64),
    Localize,
    Hold,
    Resume,
    Complete,
    Return,
    Cancel,
    /// The damage happened so many hours before the registration.
    Damaged(i64),
    /// The contract gives so many hours.
    Policy(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1i64..3_000).prop_map(Step::Wait),
        3 => (0i64..20).prop_map(Step::Evening),
        1 => Just(Step::Localize),
        3 => Just(Step::Hold),
        3 => Just(Step::Resume),
        2 => Just(Step::Complete),
        2 => Just(Step::Return),
        1 => Just(Step::Cancel),
        1 => (0i64..200).prop_map(Step::Damaged),
        1 => (1u32..60).prop_map(Step::Policy),
    ];
    prop::collection::vec(step, 1..16)
}

/// Monday to Friday, 09:00 to 18:00 in Moscow, which is three hours ahead and stays so.
fn is_open(at: DateTime<Utc>) -> bool {
    let local = at + TimeDelta::hours(3);
    !matches!(local.weekday(), Weekday::Sat | Weekday::Sun) && (9..18).contains(&local.hour())
}

fn worked(from: DateTime<Utc>, to: DateTime<Utc>) -> i64 {
    let minutes = (to - from).num_minutes();
    (0..minutes).filter(|minute| is_open(from + TimeDelta::minutes(*minute))).count() as i64
}

/// The end of so many minutes of work; as the hours close, if it ends with them.
fn walk(from: DateTime<Utc>, minutes: i64) -> DateTime<Utc> {
    let (mut at, mut left) = (from, minutes);
    while left > 0 {
        if is_open(at) {
            left -= 1;
        }
        at += TimeDelta::minutes(1);
    }
    at
}

/// What should be so.
#[derive(Debug)]
struct Plain {
    status: Status,
    damaged_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
    /// Minutes the contract gives, and which of them are used up by the segments that have ended.
    given: i64,
    used: i64,
    /// Since when the contract's clock runs.
    since: Option<DateTime<Utc>>,
}

impl Plain {
    fn is_open(&self) -> bool {
        self.status < Status::Completed
    }

    fn stop(&mut self, at: DateTime<Utc>) {
        if let Some(since) = self.since.take() {
            self.used += worked(since, at);
        }
    }
}

struct World {
    test: TestDb,
    house: House,
    ticket: TicketId,
    policy: store::DeadlinePolicyDocument,
    plain: Plain,
}

pub(super) fn contract(hours: u32) -> Value {
    let clock = json!({
        "kind": "weekly", "windows": [{ "days": ["mo", "tu", "we", "th", "fr"], "from": "09:00", "to": "18:00" }],
    });
    let within = json!({ "default": { "amount": hours * 3600, "unit": "seconds" } });
    json!({ "contract": { "resolve": within, "clock": clock } })
}

fn why() -> Why {
    Why { reason: Text::parse("Проверка.").unwrap() }
}

impl World {
    async fn make() -> Self {
        let test = sqlite().await;
        let house = house(&test.db).await;
        let policy = make_policy(&test.db, &house, contract(20)).await;
        let ticket = register(&test.db, &house, "phone").await;
        let plain = Plain {
            status: Status::Registered,
            damaged_at: noon(),
            completed_at: None,
            given: 20 * 60,
            used: 0,
            since: Some(noon()),
        };
        Self { test, house, ticket, policy, plain }
    }

    async fn take(&mut self, step: Step) {
        let (db, desk, ticket) = (self.test.db.clone(), self.house.desk(), self.ticket);
        let now = db.clock().now();
        match step {
            Step::Wait(minutes) => {
                self.test.clock.advance(TimeDelta::minutes(minutes));
                fire_all(&db).await;
            }
            Step::Evening(minutes) => {
                let evening =
                    now.duration_trunc(TimeDelta::days(1)).unwrap() + TimeDelta::minutes(15 * 60 + minutes);
                let evening = if evening < now { evening + TimeDelta::days(1) } else { evening };
                self.test.clock.set(evening);
                fire_all(&db).await;
            }
            Step::Localize => {
                let _ = db.write(desk, Localize { ticket, args: Default::default() }).await;
            }
            Step::Hold => {
                let args = HoldTicket { reason: why().reason, until: None };
                if db.write(desk, Hold { ticket, args }).await.is_ok() {
                    self.plain.stop(now);
                    self.plain.status = Status::OnHold;
                }
            }
            Step::Resume => {
                if db.write(desk, Resume { ticket }).await.is_ok() {
                    self.plain.since = Some(now);
                    self.plain.status = Status::Registered;
                }
            }
            Step::Complete => {
                let args = CompleteTicket { reason: Some(why().reason), ..Default::default() };
                if db.write(desk, Complete { ticket, args }).await.is_ok() {
                    self.plain.status = Status::Completed;
                    self.plain.completed_at = Some(now);
                }
            }
            Step::Return => {
                if db.write(desk, Return { ticket, args: why().into() }).await.is_ok() {
                    let met_at = self.plain.completed_at.take().unwrap();
                    self.plain.stop(met_at);
                    self.plain.since = Some(now);
                    self.plain.status = Status::Registered;
                }
            }
            Step::Cancel => {
                if db.write(desk, Cancel { ticket, args: why() }).await.is_ok() {
                    self.plain.status = Status::Cancelled;
                }
            }
            Step::Damaged(hours) => {
                if self.plain.status == Status::Cancelled {
                    return;
                }
                let at = noon() - TimeDelta::hours(hours);
                let version = seen(&db, &self.house, ticket).await.version;
                let args = serde_json::from_value(json!({ "damaged_at": at })).unwrap();
                db.write(desk, ticket::Edit { ticket, version, args }).await.unwrap();
                self.plain.damaged_at = at;
            }
            Step::Policy(hours) => {
                revise_policy(&db, &self.house, &self.policy, contract(hours)).await;
                self.policy = store::get(&db.reader(), &desk, self.policy.id).await.unwrap();
                if self.plain.is_open() {
                    self.plain.given = i64::from(hours) * 60;
                }
            }
        }
        self.compare(step).await;
    }

    async fn compare(&self, step: Step) {
        let db = &self.test.db;
        let legal = clock(db, self.ticket, DeadlineKind::Resolve, Basis::Legal).await.unwrap();
        let contract = clock(db, self.ticket, DeadlineKind::Resolve, Basis::Contract).await.unwrap();
        let plain = &self.plain;
        // Three days of the same local time, whatever happens to the ticket.
        let law = plain.damaged_at + TimeDelta::days(3);
        assert_eq!(legal.due_at, Some(law), "{step:?} {plain:?}");
        let ours = plain.since.map(|since| match plain.given - plain.used {
            left if left > 0 => walk(since, left),
            // Nothing is left: it ended before.
            _ => since,
        });
        match (ours, contract.due_at) {
            (Some(ours), Some(due)) if plain.used < plain.given => {
                assert_eq!(due, ours, "{step:?} {plain:?}");
            }
            (Some(ours), Some(due)) => assert!(due <= ours, "{step:?} {plain:?}"),
            (None, None) => {}
            _ if plain.status == Status::Cancelled => {}
            other => panic!("{step:?} {plain:?} {other:?}"),
        }
        if let Some(met_at) = plain.completed_at {
            for (clock, due) in [(&legal, Some(law)), (&contract, contract.due_at)] {
                let late = due.is_some_and(|due| met_at > due);
                let state = if late { DeadlineState::Missed } else { DeadlineState::Met };
                assert_eq!(clock.state, state, "{step:?} {plain:?} {clock:?}");
                assert_eq!(clock.late_s.is_some(), late);
            }
        } else if plain.is_open() {
            assert_eq!(legal.state, DeadlineState::Running, "{step:?} {plain:?}");
            let paused = plain.status == Status::OnHold;
            assert_eq!(contract.state == DeadlineState::Paused, paused, "{step:?} {plain:?}");
            let told = seen(db, &self.house, self.ticket).await.planned_term;
            assert_eq!(told, Some(law));
        }
        // Only the last step is repeated.
        for percent in [50, 80] {
            let alerts = alerts_of(db, &contract).await;
            let standing =
                |alert: &&alert::row::Model| alert.percent == percent && alert.taken_back_at.is_none();
            assert!(alerts.iter().filter(standing).count() <= 1, "{step:?} {plain:?} {alerts:?}");
        }
        for clock in [&legal, &contract] {
            assert!(clock.next_fire_at.is_none() || clock.state == DeadlineState::Running);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn clocks_follow_a_plain_model_through_any_history(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::make().await;
            for step in steps {
                world.take(step).await;
            }
            assert_sound(&world.test.db).await;
        });
    }
}
