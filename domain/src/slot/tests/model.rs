//! Any sequence of holds, bookings, moves, exchanges, displacements, repairs, absences and shift edits: nothing
//! overlaps, what is listed can be booked, nobody is lost, and each touched person is told once.

use chrono::TimeDelta;
use proptest::{prelude::*, test_runner::Config};
use sea_orm::FromQueryResult;
use serde_json::json;

use super::{super::*, *};
use crate::{
    Code, Error,
    id::VisitId,
    people::locale::Locale,
    slot::hold::{HoldSlot, HoldToken, Keep, Release},
    testing::{TestDb, assert_sound, databases, house},
    ticket::At,
    visit::{EndVisit, MoveTo, Start, Unfinished},
};

#[derive(Clone, Debug)]
enum Step {
    /// Searches for a new ticket, tries every listed time, and books one.
    Search {
        pick: usize,
    },
    /// Keeps a listed time, lets some minutes pass, and books it or does not.
    Hold {
        pick: usize,
        minutes: i64,
        confirm: bool,
    },
    Best {
        emergency: bool,
    },
    Move {
        visit: usize,
        technician: usize,
        hours: i64,
    },
    Swap {
        one: usize,
        other: usize,
        what: usize,
    },
    Displace,
    Repair,
    Absence {
        technician: usize,
        hours: i64,
        length: i64,
    },
    Shift {
        technician: usize,
        day: i64,
    },
    Unfinished {
        visit: usize,
    },
    Wait {
        minutes: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let n = || 0..8_usize;
    prop_oneof![
        4 => n().prop_map(|pick| Step::Search { pick }),
        3 => (n(), 0..5_i64, any::<bool>())
            .prop_map(|(pick, minutes, confirm)| Step::Hold { pick, minutes, confirm }),
        4 => any::<bool>().prop_map(|emergency| Step::Best { emergency }),
        2 => (n(), 0..3_usize, 0..30_i64)
            .prop_map(|(visit, technician, hours)| Step::Move { visit, technician, hours }),
        2 => (n(), n(), 0..3_usize).prop_map(|(one, other, what)| Step::Swap { one, other, what }),
        2 => Just(Step::Displace),
        3 => Just(Step::Repair),
        1 => (0..3_usize, 0..6_i64, 1..8_i64)
            .prop_map(|(technician, hours, length)| Step::Absence { technician, hours, length }),
        1 => (0..3_usize, 0..3_i64).prop_map(|(technician, day)| Step::Shift { technician, day }),
        2 => n().prop_map(|visit| Step::Unfinished { visit }),
        2 => (1..240_i64).prop_map(|minutes| Step::Wait { minutes }),
    ]
}

struct World {
    test: TestDb,
    house: House,
    phones: i64,
}

#[derive(FromQueryResult)]
struct VisitRow {
    id: VisitId,
}

#[derive(FromQueryResult)]
struct Count {
    n: i64,
}

/// What tells an applicant that his booking has changed.
const MOVES: &str =
    "SELECT count(*) AS n FROM notification WHERE kind IN ('booking_lost', 'booking_moved', 'crew_changed')";

impl World {
    async fn count(&self, sql: &str) -> i64 {
        self.test.db.reader().one::<Count>(sql, []).await.unwrap().unwrap().n
    }

    async fn ticket(&mut self, emergency: bool) -> TicketId {
        self.phones += 1;
        let phone = format!("8912{:07}", self.phones);
        register(&self.test, &self.house, json!({ "applicant_phone": phone, "emergency": emergency })).await
    }

    async fn visit(&self, index: usize) -> Option<VisitId> {
        let sql = "SELECT id FROM visit WHERE status IN ('planned', 'en_route') ORDER BY id";
        let all = self.test.db.reader().all::<VisitRow>(sql, []).await.unwrap();
        (!all.is_empty()).then(|| all[index % all.len()].id)
    }

    /// Runs an act; a refusal is legal, a failure on our side is not.
    async fn act<A: Act>(&self, scope: Scope, act: A) -> std::result::Result<A::Out, Error> {
        let out = self.test.db.write(scope, act).await;
        if let Err(refused) = &out {
            let ours = matches!(refused.code(), Code::Internal | Code::Unavailable | Code::OutcomeUnknown);
            assert!(!ours, "{refused:?}");
        }
        out
    }

    async fn keep(&self, ticket: TicketId, slot: &SlotDocument) -> hold::HoldDocument {
        let args = json!({
            "ticket_id": ticket, "technicians": slot.technicians, "start": slot.start, "end": slot.end,
            "window": slot.window,
        });
        let args: HoldSlot = serde_json::from_value(args).unwrap();
        let kept = self.test.db.write(self.house.desk(), Keep { args, locale: Locale::Ru }).await;
        kept.unwrap_or_else(|refused| panic!("{slot:?} was listed and is refused: {refused:?}"))
    }

    async fn listed(&self, ticket: TicketId) -> Vec<SlotDocument> {
        let args = json!({ "ticket_id": ticket, "limit": 6 });
        find(&self.test, &self.house, args).await.unwrap().slots
    }

    async fn step(&mut self, step: &Step) {
        let desk = self.house.desk();
        match step {
            Step::Search { pick } => {
                let ticket = self.ticket(false).await;
                let slots = self.listed(ticket).await;
                for slot in &slots {
                    let kept = self.keep(ticket, slot).await;
                    let args = HoldToken { hold_token: kept.hold_token };
                    self.test.db.write(desk, Release { args }).await.unwrap();
                }
                if let Some(slot) = slots.get(pick % slots.len().max(1)) {
                    let args = json!({
                        "technicians": slot.technicians, "start": slot.start, "end": slot.end, "window": slot.window,
                    });
                    let args = serde_json::from_value(args).unwrap();
                    self.test.db.write(desk, Plan { ticket, args }).await.unwrap();
                }
            }
            Step::Hold { pick, minutes, confirm } => {
                let ticket = self.ticket(false).await;
                let slots = self.listed(ticket).await;
                let Some(slot) = slots.get(pick % slots.len().max(1)) else { return };
                let kept = self.keep(ticket, slot).await;
                self.test.clock.advance(TimeDelta::minutes(*minutes));
                if *confirm {
                    let args = json!({ "hold_token": kept.hold_token });
                    let args: PlanVisit = serde_json::from_value(args).unwrap();
                    let planned = self.act(desk, Plan { ticket, args: args.clone() }).await;
                    let in_time = *minutes < 2;
                    assert_eq!(planned.is_ok(), in_time);
                    let again = self.act(desk, Plan { ticket, args }).await.unwrap_err().code();
                    assert_eq!(again, if in_time { Code::HoldUsed } else { Code::HoldExpired });
                }
            }
            Step::Best { emergency } => {
                let ticket = self.ticket(*emergency).await;
                let _ = self.act(desk, AssignBest { ticket, args: FindBest::default() }).await;
            }
            Step::Move { visit, technician, hours } => {
                let Some(visit) = self.visit(*visit).await else { return };
                let start = noon() + TimeDelta::hours(*hours);
                let technician = self.house.technicians[technician % self.house.technicians.len()];
                let args = json!({
                    "start": start, "end": start + TimeDelta::hours(1), "technicians": [technician],
                });
                let _ = self.act(desk, MoveTo { visit, args: serde_json::from_value(args).unwrap() }).await;
            }
            Step::Swap { one, other, what } => {
                let (Some(visit), Some(with)) = (self.visit(*one).await, self.visit(*other).await) else {
                    return;
                };
                let what = ["times", "technicians", "both"][*what];
                let args = serde_json::from_value(json!({ "with": with, "what": what })).unwrap();
                let _ = self.act(desk, Swap { visit, args }).await;
            }
            Step::Displace => self.displace().await,
            Step::Repair => self.repair().await,
            Step::Absence { technician, hours, length } => {
                let technician = self.house.technicians[technician % self.house.technicians.len()];
                let start = self.test.db.clock().now() + TimeDelta::hours(*hours);
                let start = (*hours > 0).then_some(start);
                let end = self.test.db.clock().now() + TimeDelta::hours(hours + length);
                let mut args =
                    json!({ "technician_id": technician, "kind": "sick", "start": start, "end": end });
                for _ in 0..2 {
                    let record = crate::shift::Record { args: serde_json::from_value(args.clone()).unwrap() };
                    match self.act(desk, record).await {
                        Err(refused) if refused.code() == Code::DisplacesBookings => {
                            args["confirm"] = refused.details()["confirm"].clone();
                        }
                        _ => break,
                    }
                }
            }
            Step::Shift { technician, day } => {
                let technician = self.house.technicians[technician % self.house.technicians.len()];
                let date = (noon() + TimeDelta::days(*day)).date_naive();
                let mut args = json!({
                    "technician_id": technician, "date": date, "kind": "replaced", "reason": "Учёба.",
                    "windows": [shift("14:00", "17:00", None)],
                });
                for _ in 0..2 {
                    let edit =
                        crate::shift::CreateException { args: serde_json::from_value(args.clone()).unwrap() };
                    match self.act(manager(&self.house), edit).await {
                        Err(refused) if refused.code() == Code::DisplacesBookings => {
                            args["confirm"] = refused.details()["confirm"].clone();
                        }
                        _ => break,
                    }
                }
            }
            Step::Unfinished { visit } => {
                let Some(visit) = self.visit(*visit).await else { return };
                let at = At { occurred_at: None };
                if self.act(desk, Start { visit, args: at }).await.is_ok() {
                    let args: EndVisit = serde_json::from_value(json!({ "reason": "Нет детали." })).unwrap();
                    self.test.db.write(desk, Unfinished { visit, args }).await.unwrap();
                }
            }
            Step::Wait { minutes } => self.test.clock.advance(TimeDelta::minutes(*minutes)),
        }
    }

    async fn displace(&mut self) {
        let ticket = self.ticket(true).await;
        let find = FindDisplacement { ticket_id: ticket, by: None, duration_minutes: None };
        let (desk, now) = (self.house.desk(), self.test.db.clock().now());
        let proposal = displacement(&self.test.db.reader(), &desk, now, &find, Locale::Ru).await.unwrap();
        let Some(args) = proposal.confirm else { return };
        let before = self.count(MOVES).await;
        self.test.db.write(desk, Displace { args }).await.unwrap();
        let after = self.count(MOVES).await;
        assert_eq!(after - before, proposal.told as i64, "each touched person is told once");
    }

    async fn repair(&mut self) {
        let (desk, now) = (self.house.desk(), self.test.db.clock().now());
        let find = FindRepair::default();
        let proposal = repair(&self.test.db.reader(), &desk, now, &find, Locale::Ru).await.unwrap();
        let Some(args) = proposal.confirm else { return };
        let done = self.test.db.write(desk, Repair { args }).await.unwrap();
        assert_eq!(done.told, proposal.told as i64, "each touched person is told once");
        for booking in &proposal.bookings {
            let ticket = ticket::document(&self.test.db.reader(), &desk, booking.ticket_id).await.unwrap();
            assert!(ticket.visits.iter().any(|visit| visit.status.is_open()), "{ticket:?}");
        }
    }

    async fn check(&self) {
        let overlaps = "SELECT count(*) AS n FROM calendar_entry a JOIN calendar_entry b
                        ON a.technician_id = b.technician_id AND a.id < b.id AND a.active AND b.active
                        AND a.busy_start < b.busy_end AND b.busy_start < a.busy_end";
        assert_eq!(self.count(overlaps).await, 0, "overlaps");
        let lost = "SELECT count(*) AS n FROM ticket t WHERE t.status = 'registered'
                    AND EXISTS (SELECT 1 FROM visit v WHERE v.ticket_id = t.id)
                    AND NOT EXISTS (SELECT 1 FROM rebooking r WHERE r.ticket_id = t.id AND r.resolved_at IS NULL)";
        assert_eq!(self.count(lost).await, 0, "tickets that are lost");
        let unmet = "SELECT count(*) AS n FROM visit v WHERE v.status IN ('planned', 'en_route')
                     AND NOT EXISTS (SELECT 1 FROM calendar_entry e WHERE e.visit_id = v.id AND e.active
                                     AND e.planned_start = v.planned_start AND e.planned_end = v.planned_end)";
        assert_eq!(self.count(unmet).await, 0, "visits without their time");
        let twice = "SELECT count(*) AS n FROM (SELECT event_key, person FROM notification
                     GROUP BY event_key, person HAVING count(*) > 1) x";
        assert_eq!(self.count(twice).await, 0, "told twice");
    }
}

async fn tell(steps: &[Step]) {
    for test in databases().await {
        let house = house(&test.db).await;
        give(&test, &house, &house.technicians, shift("09:00", "18:00", Some(("16:00", "17:00")))).await;
        let mut world = World { test, house, phones: 0 };
        for step in steps {
            world.step(step).await;
            world.check().await;
        }
        assert_sound(&world.test.db).await;
    }
}

proptest! {
    #![proptest_config(Config { cases: 6, max_shrink_iters: 20, failure_persistence: None, ..Config::default() })]
    #[test]
    fn nothing_overlaps_and_nobody_is_lost(steps in prop::collection::vec(step(), 8..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(tell(&steps));
    }
}
