//! Any sequence of acts keeps: no overlap, legal states only, chains that verify, feeds that say what the rows say, and
//! phones that hold what their scope sees.

#![expect(clippy::expect_used, reason = "a test says what it expected")]

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use naryad_domain::{
    Code, Scope,
    feed::EntityKind,
    id::{TechnicianId, TicketId, VisitId},
    testing::{House, TestDb, assert_sound, databases, house, noon},
    text::Text,
    ticket::{self, At, CompleteTicket, HoldTicket, PlanVisit, Status, Why},
    visit::{self, CancelVisit, EndVisit, MoveVisit},
    write::Act,
};
use naryad_sync::Phone;
use proptest::{prelude::*, test_runner::Config};
use sea_orm::FromQueryResult;
use uuid::Uuid;

/// One step; the numbers choose among what there is.
#[derive(Clone, Debug)]
enum Step {
    Register,
    Plan { ticket: usize, crew: Vec<bool>, hour: i64 },
    Unplan { ticket: usize },
    Hold { ticket: usize },
    Resume { ticket: usize },
    Complete { ticket: usize, by_desk: bool },
    Return { ticket: usize },
    Accept { ticket: usize },
    Cancel { ticket: usize },
    EnRoute { visit: usize },
    Start { visit: usize },
    Unfinished { visit: usize },
    MoveTo { visit: usize, crew: Option<Vec<bool>>, hour: i64 },
    CancelVisit { visit: usize },
    Wait { minutes: i64 },
    Pull,
}

fn step() -> impl Strategy<Value = Step> {
    let n = 0..6_usize;
    let crew = || prop::collection::vec(any::<bool>(), 2);
    prop_oneof![
        3 => Just(Step::Register),
        5 => (n.clone(), crew(), 0..8_i64).prop_map(|(ticket, crew, hour)| Step::Plan { ticket, crew, hour }),
        1 => n.clone().prop_map(|ticket| Step::Unplan { ticket }),
        1 => n.clone().prop_map(|ticket| Step::Hold { ticket }),
        1 => n.clone().prop_map(|ticket| Step::Resume { ticket }),
        2 => (n.clone(), any::<bool>()).prop_map(|(ticket, by_desk)| Step::Complete { ticket, by_desk }),
        1 => n.clone().prop_map(|ticket| Step::Return { ticket }),
        1 => n.clone().prop_map(|ticket| Step::Accept { ticket }),
        1 => n.clone().prop_map(|ticket| Step::Cancel { ticket }),
        1 => n.clone().prop_map(|visit| Step::EnRoute { visit }),
        2 => n.clone().prop_map(|visit| Step::Start { visit }),
        1 => n.clone().prop_map(|visit| Step::Unfinished { visit }),
        3 => (n.clone(), prop::option::of(crew()), 0..8_i64)
            .prop_map(|(visit, crew, hour)| Step::MoveTo { visit, crew, hour }),
        1 => n.prop_map(|visit| Step::CancelVisit { visit }),
        1 => (1..600_i64).prop_map(|minutes| Step::Wait { minutes }),
        2 => Just(Step::Pull),
    ]
}

struct World<'a> {
    test: &'a TestDb,
    house: House,
    tickets: Vec<TicketId>,
    phones: BTreeMap<TechnicianId, Phone>,
}

fn text(words: &str) -> Text<2000> {
    Text::parse(words).expect("a text")
}

impl World<'_> {
    fn ticket(&self, index: usize) -> Option<TicketId> {
        (!self.tickets.is_empty()).then(|| self.tickets[index % self.tickets.len()])
    }

    async fn visit(&self, index: usize) -> Option<VisitId> {
        #[derive(FromQueryResult)]
        struct Id {
            id: VisitId,
        }
        let sql = "SELECT id FROM visit WHERE organization_id = $1 ORDER BY id";
        let organization = self.house.organization.0.into();
        let all = self.test.db.reader().all::<Id>(sql, [organization]).await.expect("visits");
        (!all.is_empty()).then(|| all[index % all.len()].id)
    }

    fn crew(&self, chosen: &[bool]) -> Vec<TechnicianId> {
        let crew: Vec<TechnicianId> =
            self.house.technicians.iter().zip(chosen).filter(|(_, on)| **on).map(|(id, _)| *id).collect();
        if crew.is_empty() { vec![self.house.technicians[0]] } else { crew }
    }

    fn span(&self, hour: i64) -> (DateTime<Utc>, DateTime<Utc>) {
        let start = noon() + TimeDelta::hours(hour * 2);
        (start, start + TimeDelta::hours(3))
    }

    /// Runs an act; a refusal is legal, a failure on our side is not.
    async fn act<A: Act>(&self, scope: Scope, act: A) -> Option<A::Out> {
        match self.test.db.write(scope, act).await {
            Ok(out) => Some(out),
            Err(refused) => {
                assert!(
                    !matches!(refused.code(), Code::Internal | Code::Unavailable | Code::OutcomeUnknown),
                    "{refused:?}"
                );
                None
            }
        }
    }

    async fn step(&mut self, step: &Step) {
        let desk = self.house.desk();
        let now = At { occurred_at: None };
        match step {
            Step::Register => {
                let args = serde_json::json!({
                    "request_type_id": self.house.kind, "premises_id": self.house.premises,
                    "description": "Запах из канализации.",
                });
                let args = serde_json::from_value(args).expect("args");
                self.tickets.extend(self.act(desk, ticket::Register { args }).await);
            }
            Step::Plan { ticket, crew, hour } => {
                let Some(ticket) = self.ticket(*ticket) else { return };
                let (start, end) = self.span(*hour);
                let technicians = self.crew(crew);
                let args = PlanVisit {
                    visit_id: None,
                    hold_token: None,
                    technicians,
                    start: Some(start),
                    end: Some(end),
                    window: None,
                    override_reason: None,
                };
                self.act(desk, ticket::Plan { ticket, args }).await;
            }
            Step::Unplan { ticket } => {
                let Some(ticket) = self.ticket(*ticket) else { return };
                self.act(desk, ticket::Unplan { ticket }).await;
            }
            Step::Hold { ticket } => {
                let Some(ticket) = self.ticket(*ticket) else { return };
                let args = HoldTicket { reason: text("Ждём материал."), until: None };
                self.act(desk, ticket::Hold { ticket, args }).await;
            }
            Step::Resume { ticket } => {
                let Some(ticket) = self.ticket(*ticket) else { return };
                self.act(desk, ticket::Resume { ticket }).await;
            }
            Step::Complete { ticket, by_desk } => {
                let Some(ticket) = self.ticket(*ticket) else { return };
                let scope = if *by_desk { desk } else { self.house.technician(0) };
                let args = CompleteTicket {
                    reason: by_desk.then(|| text("Доложил по телефону.")),
                    ..Default::default()
                };
                self.act(scope, ticket::Complete { ticket, args }).await;
            }
            Step::Return { ticket } => {
                let Some(ticket) = self.ticket(*ticket) else { return };
                self.act(
                    desk,
                    ticket::Return {
                        ticket, args: Why { reason: text("Запах остался.") }.into()
                    },
                )
                .await;
            }
            Step::Accept { ticket } => {
                let Some(ticket) = self.ticket(*ticket) else { return };
                self.act(desk, ticket::Accept { ticket }).await;
            }
            Step::Cancel { ticket } => {
                let Some(ticket) = self.ticket(*ticket) else { return };
                self.act(desk, ticket::Cancel { ticket, args: Why { reason: text("Ошибка.") } }).await;
            }
            Step::EnRoute { visit } => {
                let Some(visit) = self.visit(*visit).await else { return };
                self.act(self.house.technician(0), visit::EnRoute { visit, args: now }).await;
            }
            Step::Start { visit } => {
                let Some(visit) = self.visit(*visit).await else { return };
                self.act(self.house.technician(1), visit::Start { visit, args: now }).await;
            }
            Step::Unfinished { visit } => {
                let Some(visit) = self.visit(*visit).await else { return };
                let args = EndVisit { reason: text("Нет запчасти."), occurred_at: None };
                self.act(desk, visit::Unfinished { visit, args }).await;
            }
            Step::MoveTo { visit, crew, hour } => {
                let Some(visit) = self.visit(*visit).await else { return };
                let (start, end) = self.span(*hour);
                let technicians = crew.as_ref().map(|crew| self.crew(crew));
                let args =
                    MoveVisit { start, end, technicians, window: None, version: None, override_reason: None };
                self.act(desk, visit::MoveTo { visit, args }).await;
            }
            Step::CancelVisit { visit } => {
                let Some(visit) = self.visit(*visit).await else { return };
                self.act(desk, visit::Cancel { visit, args: CancelVisit { reason: None } }).await;
            }
            Step::Wait { minutes } => self.test.clock.advance(TimeDelta::minutes(*minutes)),
            Step::Pull => self.pull().await,
        }
    }

    async fn pull(&mut self) {
        for technician in &self.house.technicians {
            let phone = self.phones.entry(*technician).or_default();
            let cursor = phone.cursor();
            let changes = naryad_sync::read(&self.test.db.reader(), technician.0, cursor, 10_000)
                .await
                .expect("changes");
            phone.fold(&changes);
        }
    }

    async fn check(&mut self) {
        let reader = self.test.db.reader();
        self.no_overlap().await;
        self.legal_states().await;
        self.pull().await;
        for (index, technician) in self.house.technicians.iter().enumerate() {
            let phone = &self.phones[technician];
            let held: BTreeSet<Uuid> = phone
                .live()
                .keys()
                .filter(|(kind, _)| *kind == EntityKind::Ticket)
                .map(|(_, id)| *id)
                .collect();
            let mut seen = BTreeSet::new();
            for ticket in &self.tickets {
                let found = ticket::document(&reader, &self.house.technician(index), *ticket).await;
                match found {
                    Ok(document) => {
                        let version = phone.live().get(&(EntityKind::Ticket, ticket.0));
                        assert_eq!(version, Some(&document.doc_version), "ticket {ticket}");
                        seen.insert(ticket.0);
                    }
                    Err(refused) => assert_eq!(refused.code(), Code::NotFound),
                }
            }
            assert_eq!(held, seen, "the phone holds what its technician sees");
        }
        assert_sound(&self.test.db).await;
    }

    async fn no_overlap(&self) {
        #[derive(FromQueryResult)]
        struct Overlap {
            n: i64,
        }
        let sql = "SELECT count(*) AS n FROM calendar_entry a JOIN calendar_entry b
                   ON a.technician_id = b.technician_id AND a.id < b.id AND a.active AND b.active
                   AND a.busy_start < b.busy_end AND b.busy_start < a.busy_end";
        let found = self.test.db.reader().one::<Overlap>(sql, []).await.expect("overlaps").expect("a count");
        assert_eq!(found.n, 0, "double booking");
    }

    /// A planned ticket has an open visit, one that is not under way has no booked time.
    async fn legal_states(&self) {
        let reader = self.test.db.reader();
        for ticket in &self.tickets {
            let document =
                ticket::document(&reader, &self.house.desk(), *ticket).await.expect("the desk sees it");
            let open: Vec<_> = document.visits.iter().filter(|visit| visit.status.is_open()).collect();
            match document.status {
                Status::Planned => assert!(!open.is_empty(), "planned without a visit"),
                Status::InProgress => {
                    assert!(
                        open.iter().any(|visit| visit.status == visit::VisitStatus::Started),
                        "in progress without work"
                    );
                }
                _ => assert!(open.is_empty(), "{:?} with an open visit", document.status),
            }
        }
    }
}

fn run(steps: &[Step], engine: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let Some(test) = databases().await.into_iter().nth(engine) else { return };
        let house = house(&test.db).await;
        let mut world = World { test: &test, house, tickets: Vec::new(), phones: BTreeMap::new() };
        for step in steps {
            world.step(step).await;
        }
        world.check().await;
    });
}

proptest! {
    #![proptest_config(Config { cases: 48, failure_persistence: None, max_shrink_iters: 200, ..Config::default() })]

    #[test]
    fn any_day_holds_on_sqlite(steps in prop::collection::vec(step(), 1..40)) {
        run(&steps, 0);
    }
}

proptest! {
    #![proptest_config(Config { cases: 16, failure_persistence: None, max_shrink_iters: 50, ..Config::default() })]

    #[test]
    fn any_day_holds_on_postgres(steps in prop::collection::vec(step(), 1..40)) {
        run(&steps, 1);
    }
}
