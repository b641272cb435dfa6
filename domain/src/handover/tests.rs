//! Offers, on both databases.

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::*;
use crate::{
    Code, Scope, Time, alert,
    auth::Role,
    call,
    deadline::{self, DeadlineKind, DeadlineState, policy},
    id::TicketId,
    notification::{self, NotificationKind},
    people::organization::{OrganizationKind, store as organizations},
    place::Zone,
    rebooking::{self, CauseKind},
    testing::{House, TestDb, assert_sound, databases, house},
    text::Text,
    ticket::{
        self, ChooseExecutor, Complete, Executor, Hold, Localize, Plan, Register, Resume, Return,
        SetExecutor, Status, Why,
    },
};

struct Pair {
    ours: House,
    theirs: Scope,
}

/// A house that works with a contractor.
async fn pair(test: &TestDb, auto_accept: bool) -> Pair {
    let ours = house(&test.db).await;
    let id = crate::id::OrganizationId::new(&**test.db.clock());
    let args = organizations::CreateOrganization {
        name: crate::text::Line::parse("Лифтсервис").unwrap(),
        kind: OrganizationKind::Contractor,
        zone: Zone::stored("Europe/Moscow", "test").unwrap(),
        settings: Default::default(),
    };
    test.db.write(Scope::system(id), organizations::Create { id, args }).await.unwrap();
    let manager = Scope::staff(ours.organization, ours.dispatcher, Role::Manager);
    let args = serde_json::json!({ "organization_id": id, "auto_accept": auto_accept });
    test.db.write(manager, link::Link { args: serde_json::from_value(args).unwrap() }).await.unwrap();
    let theirs = Scope::staff(id, crate::id::UserId::new(&**test.db.clock()), Role::Dispatcher);
    Pair { ours, theirs }
}

async fn registered(test: &TestDb, pair: &Pair) -> TicketId {
    let args = serde_json::json!({
        "request_type_id": pair.ours.kind, "premises_id": pair.ours.premises, "description": "Запах.",
        "applicant_phone": "+79123456789", "source": "app",
    });
    let register = Register { args: serde_json::from_value(args).unwrap() };
    test.db.write(pair.ours.desk(), register).await.unwrap()
}

async fn choose(test: &TestDb, pair: &Pair, ticket: TicketId, executor: Executor) {
    let act = SetExecutor { ticket, args: ChooseExecutor { executor } };
    test.db.write(pair.ours.desk(), act).await.unwrap();
}

async fn pass(test: &TestDb, pair: &Pair, ticket: TicketId) {
    choose(test, pair, ticket, Executor::Contractor { organization_id: pair.theirs.organization() }).await;
}

async fn offered(test: &TestDb, pair: &Pair) -> TicketId {
    let ticket = registered(test, pair).await;
    pass(test, pair, ticket).await;
    ticket
}

/// The owner closes on a report by phone.
async fn complete(test: &TestDb, pair: &Pair, ticket: TicketId) {
    let args = serde_json::json!({ "reason": "Доложил по телефону.", "waive_missing": true });
    let act = Complete { ticket, args: serde_json::from_value(args).unwrap() };
    test.db.write(pair.ours.desk(), act).await.unwrap();
}

fn why(reason: &str) -> Why {
    Why { reason: Text::parse(reason).unwrap() }
}

/// The clock of a ticket by which it is to be given to somebody: where it stands, and when it ends.
async fn assign(test: &TestDb, ticket: TicketId) -> (DeadlineState, Option<Time>) {
    let clock = deadline::row::Entity::find()
        .filter(deadline::row::Column::TicketId.eq(ticket))
        .filter(deadline::row::Column::Kind.eq(DeadlineKind::Assign))
        .one(&test.db.reader())
        .await
        .unwrap()
        .unwrap();
    (clock.state, clock.due_at)
}

async fn state(test: &TestDb, pair: &Pair, ticket: TicketId) -> (HandoverState, Executor) {
    let reader = test.db.reader();
    let row = ticket::find(&reader, &pair.ours.desk(), ticket).await.unwrap();
    let offer = of_ticket(&reader, &pair.ours.desk(), &row).await.unwrap().unwrap();
    (offer.state, row.executor().unwrap())
}

#[tokio::test]
async fn an_offer_ends_in_one_way_and_its_term_is_kept_to_the_second() {
    for test in databases().await {
        let pair = pair(&test, false).await;
        let (db, ours, theirs) = (&test.db, pair.ours.desk(), pair.theirs);
        let in_time = offered(&test, &pair).await;
        let late = offered(&test, &pair).await;
        let refused = offered(&test, &pair).await;
        let row = ticket::find(&db.reader(), &ours, late).await.unwrap();
        let offer = of_ticket(&db.reader(), &ours, &row).await.unwrap().unwrap();
        db.write(theirs, Decline { ticket: refused, args: why("Нет людей.") }).await.unwrap();
        assert_eq!(state(&test, &pair, refused).await, (HandoverState::Declined, Executor::Nobody));
        test.clock.set(offer.answer_by);
        db.write(theirs, Accept { ticket: in_time }).await.unwrap();
        test.clock.advance(TimeDelta::seconds(1));
        let refusal = db.write(theirs, Accept { ticket: late }).await.unwrap_err();
        assert_eq!(refusal.code(), Code::HandoverClosed);
        let system = Scope::system(pair.ours.organization);
        for ticket in [late, in_time] {
            let row = ticket::find(&db.reader(), &ours, ticket).await.unwrap();
            let handover = of_ticket(&db.reader(), &ours, &row).await.unwrap().unwrap().id;
            db.write(system, Expire { handover, ticket }).await.unwrap();
        }
        assert_eq!(state(&test, &pair, late).await, (HandoverState::Expired, Executor::Nobody));
        let clock = async |ticket| {
            let clocks = crate::deadline::row::Entity::find()
                .filter(crate::deadline::row::Column::TicketId.eq(ticket))
                .filter(crate::deadline::row::Column::Kind.eq(DeadlineKind::Accept))
                .all(&db.reader())
                .await
                .unwrap();
            assert_eq!(clocks.len(), 1, "one offer, one clock");
            (clocks[0].state, clocks[0].met_at, clocks[0].due_at)
        };
        let (met_at, due_at) = (Some(offer.offered_at), Some(offer.answer_by));
        assert_eq!(clock(refused).await, (DeadlineState::Met, met_at, due_at));
        assert_eq!(clock(in_time).await, (DeadlineState::Met, due_at, due_at));
        assert_eq!(clock(late).await, (DeadlineState::Missed, None, due_at));
        let alerts =
            alert::list(&db.reader(), &ours, &Default::default(), &Default::default()).await.unwrap();
        let told: Vec<_> = alerts.items.iter().map(|alert| (alert.kind.as_str(), alert.ticket_id)).collect();
        assert_eq!(told, [("handover_expired", Some(late)), ("handover_declined", Some(refused))]);
        let kept = Executor::Contractor { organization_id: theirs.organization() };
        assert_eq!(state(&test, &pair, in_time).await, (HandoverState::Accepted, kept));
        let refusal = db.write(theirs, Accept { ticket: late }).await.unwrap_err();
        assert_eq!(refusal.code(), Code::NotFound, "it is out of sight");
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn what_is_accepted_by_agreement_is_open_at_once() {
    for test in databases().await {
        let pair = pair(&test, true).await;
        let ticket = offered(&test, &pair).await;
        assert_eq!(state(&test, &pair, ticket).await.0, HandoverState::Accepted);
        ticket::find(&test.db.reader(), &pair.theirs, ticket).await.unwrap();
        let stranger = house(&test.db).await;
        assert!(ticket::find(&test.db.reader(), &stranger.desk(), ticket).await.is_err());
        assert_sound(&test.db).await;
    }
}

/// The executor is chosen while the best time is being looked for: whoever comes second sees what the first has done.
#[tokio::test]
async fn nobodys_staff_is_booked_for_what_was_passed_on_meanwhile() {
    use crate::{
        slot::AssignBest,
        visit::{self, VisitStatus},
    };
    for test in databases().await {
        let pair = pair(&test, true).await;
        let (ours, theirs) = (&pair.ours, pair.theirs.organization());
        let manager = Scope::staff(ours.organization, ours.dispatcher, Role::Manager);
        for technician in &ours.technicians {
            let days = ["mo", "tu", "we", "th", "fr", "sa", "su"];
            let week = serde_json::json!([{ "days": days, "windows": [{ "from": "00:00", "to": "24:00" }] }]);
            let args =
                serde_json::json!({ "technician_id": technician, "valid_from": "2026-03-01", "week": week });
            let create = crate::shift::Create { args: serde_json::from_value(args).unwrap() };
            test.db.write(manager, create).await.unwrap();
        }
        for _ in 0..12 {
            let args = serde_json::json!({
                "request_type_id": ours.kind, "premises_id": ours.premises, "description": "Запах.",
            });
            let register = Register { args: serde_json::from_value(args).unwrap() };
            let ticket = test.db.write(ours.desk(), register).await.unwrap();
            let executor = Executor::Contractor { organization_id: theirs };
            let pass = SetExecutor { ticket, args: ChooseExecutor { executor } };
            let best = AssignBest { ticket, args: Default::default() };
            let (best, pass) =
                futures_util::join!(test.db.write(ours.desk(), best), test.db.write(ours.desk(), pass));
            pass.unwrap();
            if let Err(refused) = best {
                assert_eq!(refused.code(), Code::Forbidden, "{refused}");
            }
            for visit in visit::of_ticket(&test.db.reader(), ticket).await.unwrap() {
                assert_eq!(visit.row.status, VisitStatus::Cancelled, "our crew on the ticket of others");
                assert_eq!(visit.row.staff_organization_id, ours.organization);
            }
        }
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn what_comes_back_before_it_was_accepted_is_offered_again() {
    for test in databases().await {
        let pair = pair(&test, false).await;
        let ticket = offered(&test, &pair).await;
        complete(&test, &pair, ticket).await;
        assert_eq!(state(&test, &pair, ticket).await.0, HandoverState::Withdrawn);
        let act = Localize { ticket, args: Default::default() };
        let refused = test.db.write(pair.theirs, act.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Code::HandoverClosed, "nothing is asked of it any more");
        test.clock.advance(TimeDelta::hours(1));
        test.db.write(pair.ours.desk(), Return { ticket, args: why("Запах остался.").into() }).await.unwrap();
        let asked = Executor::Contractor { organization_id: pair.theirs.organization() };
        assert_eq!(state(&test, &pair, ticket).await, (HandoverState::Offered, asked));
        let refused = test.db.write(pair.theirs, act.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Code::HandoverOpen);
        let running = deadline::row::Entity::find()
            .filter(deadline::row::Column::TicketId.eq(ticket))
            .filter(deadline::row::Column::Kind.eq(DeadlineKind::Accept))
            .filter(deadline::row::Column::State.eq(DeadlineState::Running));
        assert_eq!(running.all(&test.db.reader()).await.unwrap().len(), 1);
        test.db.write(pair.theirs, Accept { ticket }).await.unwrap();
        test.db.write(pair.theirs, act).await.unwrap();
        // What was accepted stays so, however often it comes back.
        complete(&test, &pair, ticket).await;
        test.db.write(pair.ours.desk(), Return { ticket, args: why("Запах остался.").into() }).await.unwrap();
        assert_eq!(state(&test, &pair, ticket).await.0, HandoverState::Accepted);
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn a_visit_that_another_executor_takes_away_is_told_and_rebooked() {
    for test in databases().await {
        let pair = pair(&test, false).await;
        let ticket = registered(&test, &pair).await;
        let start = test.db.clock().now() + TimeDelta::hours(2);
        let args = serde_json::json!({
            "technicians": [pair.ours.technicians[0]], "start": start, "end": start + TimeDelta::hours(1),
        });
        let plan = Plan { ticket, args: serde_json::from_value(args).unwrap() };
        test.db.write(pair.ours.desk(), plan).await.unwrap();
        pass(&test, &pair, ticket).await;
        let reader = test.db.reader();
        assert_eq!(
            ticket::find(&reader, &pair.ours.desk(), ticket).await.unwrap().status,
            Status::Registered
        );
        let visits = crate::visit::of_ticket(&reader, ticket).await.unwrap();
        assert_eq!(visits[0].row.reason.as_deref(), Some(CauseKind::Executor.reason_ru()));
        let waiting = rebooking::row::Entity::find().all(&reader).await.unwrap();
        assert_eq!(waiting.len(), 1);
        assert_eq!((waiting[0].cause, waiting[0].visit_id), (CauseKind::Executor, visits[0].row.id));
        let lost = notification::row::Column::Kind.eq(NotificationKind::BookingLost);
        let notices = notification::row::Entity::find().filter(lost).all(&reader).await.unwrap();
        assert_eq!(notices.len(), 1);
        assert_eq!(
            (notices[0].kind, notices[0].phone.as_deref()),
            (NotificationKind::BookingLost, Some("+79123456789"))
        );
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn whoever_declines_is_to_be_replaced_within_the_term() {
    for test in databases().await {
        let pair = pair(&test, false).await;
        let minutes = |minutes| test.clock.advance(TimeDelta::minutes(minutes));
        let now = || test.db.clock().now();
        let (running, met, missed) = (DeadlineState::Running, DeadlineState::Met, DeadlineState::Missed);
        let ticket = registered(&test, &pair).await;
        let tardy = registered(&test, &pair).await;
        minutes(4);
        pass(&test, &pair, ticket).await;
        assert_eq!(assign(&test, ticket).await.0, met, "the clock of the answer goes on from here");
        minutes(10);
        pass(&test, &pair, tardy).await;
        assert_eq!(assign(&test, tardy).await.0, missed);
        for ticket in [ticket, tardy] {
            test.db.write(pair.theirs, Decline { ticket, args: why("Нет людей.") }).await.unwrap();
        }
        assert_eq!(assign(&test, ticket).await, (running, Some(now() + TimeDelta::minutes(5))));
        let (again, due) = assign(&test, tardy).await;
        assert!(again == running && due <= Some(now()), "what came late stays late: {due:?}");
        // A policy that is counted anew leaves the new start alone.
        let system = Scope::system(pair.ours.organization);
        let recalculate = deadline::Recalculate { after: None, limit: 10 };
        test.db.write(system, recalculate).await.unwrap();
        assert_eq!(assign(&test, ticket).await, (running, Some(now() + TimeDelta::minutes(5))));
        minutes(1);
        // Own staff that is not booked is nobody yet.
        choose(&test, &pair, ticket, Executor::OwnStaff).await;
        assert_eq!(assign(&test, ticket).await.0, running);
        for ticket in [ticket, tardy] {
            pass(&test, &pair, ticket).await;
        }
        assert_eq!((assign(&test, ticket).await.0, assign(&test, tardy).await.0), (met, missed));
        minutes(30);
        choose(&test, &pair, ticket, Executor::Nobody).await;
        assert_eq!(assign(&test, ticket).await, (running, Some(now() + TimeDelta::minutes(5))));
        // Declined while it waits for something: nobody is awaited before it goes on.
        pass(&test, &pair, ticket).await;
        let args = serde_json::from_value(serde_json::json!({ "reason": "Ждём детали." })).unwrap();
        test.db.write(pair.ours.desk(), Hold { ticket, args }).await.unwrap();
        test.db.write(pair.theirs, Decline { ticket, args: why("Нет людей.") }).await.unwrap();
        assert_eq!(assign(&test, ticket).await.0, met);
        minutes(30);
        test.db.write(pair.ours.desk(), Resume { ticket }).await.unwrap();
        assert_eq!(assign(&test, ticket).await, (running, Some(now() + TimeDelta::minutes(5))));
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn a_contractor_answers_for_the_terms_it_had_a_chance_to_keep() {
    for test in databases().await {
        let pair = pair(&test, false).await;
        let manager = Scope::staff(pair.ours.organization, pair.ours.dispatcher, Role::Manager);
        let rules = serde_json::json!({ "rules": {
            "resolve": null, "contract": { "resolve": { "default": { "amount": 7200, "unit": "seconds" } } },
        } });
        let args = serde_json::from_value(rules).unwrap();
        test.db.write(manager, policy::store::Create { args }).await.unwrap();
        let taken = async |ticket| {
            pass(&test, &pair, ticket).await;
            test.clock.advance(TimeDelta::minutes(10));
            test.db.write(pair.theirs, Accept { ticket }).await.unwrap();
        };
        let (good, late) = (registered(&test, &pair).await, registered(&test, &pair).await);
        let (overdue, passed_on_late) = (registered(&test, &pair).await, registered(&test, &pair).await);
        for ticket in [good, late, overdue] {
            taken(ticket).await;
        }
        complete(&test, &pair, good).await;
        test.clock.advance(TimeDelta::hours(2));
        complete(&test, &pair, late).await;
        taken(passed_on_late).await;
        complete(&test, &pair, passed_on_late).await;
        let contractor = pair.theirs.organization();
        let now = test.db.clock().now();
        let figures =
            async |range| quality(&test.db.reader(), &manager, contractor, range, now).await.unwrap();
        let all = figures(QualityRange::default()).await;
        assert_eq!((all.offered, all.accepted, all.answer_seconds), (4, 4, Some(600)));
        assert_eq!((all.completed, all.in_term, all.late, all.overdue), (3, 1, 1, 1));
        let from = Some(now + TimeDelta::hours(1));
        let none = figures(QualityRange { from, to: Some(now + TimeDelta::hours(2)) }).await;
        assert_eq!((none.offered, none.answer_seconds, none.returns), (0, None, 0));
    }
}

#[tokio::test]
async fn what_is_accepted_by_agreement_is_answered_by_nobody() {
    for test in databases().await {
        let pair = pair(&test, true).await;
        offered(&test, &pair).await;
        test.clock.advance(TimeDelta::seconds(1));
        let manager = Scope::staff(pair.ours.organization, pair.ours.dispatcher, Role::Manager);
        let (contractor, now) = (pair.theirs.organization(), test.db.clock().now());
        let figures =
            quality(&test.db.reader(), &manager, contractor, QualityRange::default(), now).await.unwrap();
        assert_eq!((figures.accepted, figures.answer_seconds), (1, None));
    }
}

#[tokio::test]
async fn the_terms_of_an_offer_are_those_of_its_link_and_end_with_it() {
    for test in databases().await {
        let pair = pair(&test, false).await;
        let (db, ours) = (&test.db, pair.ours.desk());
        let ticket = offered(&test, &pair).await;
        let accept = async || {
            let clocks = crate::deadline::list_of_ticket(&db.reader(), &ours, ticket).await.unwrap();
            clocks.into_iter().find(|clock| clock.kind == DeadlineKind::Accept).unwrap()
        };
        let clock = accept().await;
        let args = serde_json::json!({ "target": { "amount": 2, "unit": "days" }, "reason": "Подождём." });
        let args = serde_json::from_value(args).unwrap();
        let manager = Scope::staff(pair.ours.organization, pair.ours.dispatcher, Role::Manager);
        let edit = crate::deadline::Edit { deadline: clock.id, version: clock.version, args };
        assert_eq!(db.write(manager, edit).await.unwrap_err().code(), Code::InvalidField);
        let system = Scope::system(pair.ours.organization);
        let told = async || {
            db.write(system, crate::deadline::Fire { limit: 50 }).await.unwrap();
            let alerts =
                alert::list(&db.reader(), &ours, &Default::default(), &Default::default()).await.unwrap();
            let mut kinds: Vec<_> =
                alerts.items.into_iter().map(|alert| (alert.kind, alert.percent)).collect();
            kinds.retain(|(kind, _)| kind != "inform");
            kinds
        };
        test.clock.advance(TimeDelta::minutes(48));
        assert_eq!(told().await, [("accept".to_owned(), 80)]);
        test.clock.advance(TimeDelta::minutes(12));
        assert_eq!(told().await.len(), 1);
        test.clock.advance(TimeDelta::minutes(1));
        let row = ticket::find(&db.reader(), &ours, ticket).await.unwrap();
        let offer = of_ticket(&db.reader(), &ours, &row).await.unwrap().unwrap();
        db.write(system, Expire { handover: offer.id, ticket }).await.unwrap();
        assert_eq!(told().await, [("handover_expired".to_owned(), 100), ("accept".to_owned(), 80)]);
        assert_eq!(accept().await.state, DeadlineState::Missed);
        let filter = crate::deadline::board::DeadlineFilter {
            state: Some(DeadlineState::Missed),
            ..Default::default()
        };
        let (reader, now) = (db.reader(), db.clock().now());
        let missed =
            crate::deadline::board::list(&reader, &ours, &filter, &Default::default(), now).await.unwrap();
        let codes: Vec<_> = missed.items[0].why.iter().map(|why| why.code).collect();
        assert_eq!(codes, [crate::deadline::Why::NotAnswered]);
    }
}

#[tokio::test]
async fn a_contractor_calls_the_applicant_while_the_work_is_his() {
    for test in databases().await {
        let pair = pair(&test, true).await;
        let ticket = offered(&test, &pair).await;
        let call = async |scope: Scope| {
            let args = serde_json::from_value(serde_json::json!({ "outcome": "answered" })).unwrap();
            test.clock.advance(TimeDelta::seconds(1));
            test.db.write(scope, call::Log { ticket, args }).await.unwrap().phone
        };
        let listed = async |scope: Scope| -> Vec<Option<String>> {
            let calls = call::list(&test.db.reader(), &scope, ticket).await.unwrap();
            calls.into_iter().map(|call| call.phone).collect()
        };
        let phone = || Some("+79123456789".to_owned());
        assert_eq!(call(pair.theirs).await, phone());
        assert_eq!(listed(pair.theirs).await, [phone()]);
        complete(&test, &pair, ticket).await;
        assert_eq!(call(pair.theirs).await, None, "the work is done");
        assert_eq!(listed(pair.theirs).await, [None, None]);
        assert_eq!(call(pair.ours.desk()).await, phone());
        assert_eq!(listed(pair.ours.desk()).await, [phone(), None, phone()]);
        assert_sound(&test.db).await;
    }
}
