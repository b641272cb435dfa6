//! When clocks give alarm.

use super::*;
use crate::{
    alert::{Acknowledge, AlertFilter},
    journal::{self, Subject, SubjectKind},
    page::PageRequest,
    testing::{assert_sound, databases, house, noon},
    ticket::{
        self, At, Complete, CompleteTicket, Hold, HoldTicket, Inform, InformApplicant, InformedHow, Resume,
        TicketFilter,
    },
};

#[tokio::test]
async fn steps_come_once_each_and_the_last_is_repeated_until_somebody_takes_notice() {
    for test in databases().await {
        let (db, house) = (&test.db, house(&test.db).await);
        make_policy(db, &house, json!({ "resolve": null, "repeat_times": 3 })).await;
        let ticket = register(db, &house, "phone").await;
        let mut told = Vec::new();
        for minutes in [0, 14, 1, 0, 9, 6, 59, 1, 30, 30, 60, 600] {
            test.clock.advance(TimeDelta::minutes(minutes));
            fire_all(db).await;
            told.push(alerts(db, ticket).await.len());
        }
        // 15 and 24 of the 30 minutes, the 30th, and hourly from then on, three times.
        assert_eq!(told, [0, 0, 1, 1, 2, 3, 3, 4, 4, 5, 6, 6]);
        let all = alerts(db, ticket).await;
        let percents: Vec<i64> = all.iter().map(|alert| alert.percent).collect();
        assert_eq!(percents, [50, 80, 100, 100, 100, 100]);

        let other = register(db, &house, "phone").await;
        test.clock.advance(TimeDelta::minutes(15));
        fire_all(db).await;
        let first = alerts(db, other).await.remove(0);
        db.write(house.desk(), Acknowledge { alert: first.id }).await.unwrap();
        test.clock.advance(TimeDelta::minutes(20));
        fire_all(db).await;
        // Half a term was noticed; that all of it is over is another matter.
        let second = alerts(db, other).await.pop().unwrap();
        assert_eq!((alerts(db, other).await.len(), second.percent), (2, 100));
        let noticed = db.write(house.desk(), Acknowledge { alert: second.id }).await.unwrap();
        assert!(noticed.acknowledged_at.is_some());
        test.clock.advance(TimeDelta::hours(9));
        fire_all(db).await;
        assert_eq!(alerts(db, other).await.len(), 2);
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn after_six_hours_of_sleep_one_step_is_told_and_not_six() {
    for test in databases().await {
        let (db, house) = (&test.db, house(&test.db).await);
        let ticket = register(db, &house, "phone").await;
        test.clock.advance(TimeDelta::hours(6));
        fire_all(db).await;
        let all = alerts(db, ticket).await;
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!((all[0].kind.as_str(), all[0].percent), ("inform", 100));
        // The next repetition comes by the clock of the term, not of the waking.
        test.clock.advance(TimeDelta::minutes(29));
        assert_eq!(fire_all(db).await, 0);
        test.clock.advance(TimeDelta::minutes(1));
        assert_eq!(fire_all(db).await, 1);
    }
}

#[tokio::test]
async fn what_was_told_without_reason_is_taken_back() {
    for test in databases().await {
        let (db, house) = (&test.db, house(&test.db).await);
        let ticket = register(db, &house, "phone").await;
        test.clock.advance(TimeDelta::minutes(45));
        fire_all(db).await;
        let args =
            InformApplicant { how: InformedHow::Phone, occurred_at: Some(noon() + TimeDelta::minutes(29)) };
        db.write(house.desk(), Inform { ticket, args }).await.unwrap();
        let told = clock(db, ticket, DeadlineKind::Inform, Basis::Legal).await.unwrap();
        assert_eq!((told.state, told.late_s), (DeadlineState::Met, None));
        let all = alerts(db, ticket).await;
        assert!(all.iter().all(|alert| alert.taken_back_at.is_some()), "{all:?}");
        let subject = Subject::new(SubjectKind::Ticket, ticket);
        let events = journal::history(&db.reader(), subject, 0, 50).await.unwrap();
        let last = events.last().unwrap();
        assert_eq!(last.act, "ticket.inform");
        assert!(last.changes.to_string().contains("taken_back_at"), "{}", last.changes);
        // Three days later, and a report of work that was done on the second.
        test.clock.advance(TimeDelta::days(4));
        fire_all(db).await;
        let reason = Some(crate::text::Text::parse("Доложил по телефону.").unwrap());
        let at = noon() + TimeDelta::days(2);
        let args = CompleteTicket { reason, occurred_at: Some(at), ..Default::default() };
        db.write(house.desk(), Complete { ticket, args }).await.unwrap();
        let resolved = clock(db, ticket, DeadlineKind::Resolve, Basis::Legal).await.unwrap();
        assert_eq!((resolved.state, resolved.met_at), (DeadlineState::Met, Some(at)));
        assert!(alerts(db, ticket).await.iter().all(|alert| alert.taken_back_at.is_some()));
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn a_changed_policy_moves_open_clocks_and_the_journal_tells_from_where_to_where() {
    for test in databases().await {
        let (db, house) = (&test.db, house(&test.db).await);
        let rules = |hours: u32| {
            let within = json!({ "default": { "amount": hours * 3600, "unit": "seconds" } });
            json!({ "contract": { "resolve": within } })
        };
        let policy = make_policy(db, &house, rules(10)).await;
        let ticket = register(db, &house, "phone").await;
        let before = clock(db, ticket, DeadlineKind::Resolve, Basis::Contract).await.unwrap();
        assert_eq!(before.due_at, Some(noon() + TimeDelta::hours(10)));
        test.clock.advance(TimeDelta::hours(6));
        fire_all(db).await;
        revise_policy(db, &house, &policy, rules(20)).await;
        let after = clock(db, ticket, DeadlineKind::Resolve, Basis::Contract).await.unwrap();
        assert_eq!(after.due_at, Some(noon() + TimeDelta::hours(20)));
        assert_eq!((after.policy_version, after.next_fire_at), (2, Some(noon() + TimeDelta::hours(10))));
        // Half of ten hours were over; half of twenty are not.
        let half: Vec<_> = alerts(db, ticket).await.into_iter().filter(|a| a.kind == "resolve").collect();
        assert_eq!(half.len(), 1);
        assert!(half[0].taken_back_at.is_some());
        let subject = Subject::new(SubjectKind::Ticket, ticket);
        let events = journal::history(&db.reader(), subject, 0, 50).await.unwrap();
        let told: Vec<_> = events.iter().filter(|event| event.act == "deadline.recalculate").collect();
        assert_eq!(told.len(), 1);
        let changes = told[0].changes.as_array().unwrap();
        let moved = changes.iter().find(|change| !change["before"]["due_at"].is_null()).unwrap();
        let text = |at: chrono::DateTime<chrono::Utc>| serde_json::to_value(at).unwrap();
        assert_eq!(moved["before"]["due_at"], text(noon() + TimeDelta::hours(10)));
        assert_eq!(moved["after"]["due_at"], text(noon() + TimeDelta::hours(20)));
        // Each step again, once.
        test.clock.advance(TimeDelta::hours(4));
        fire_all(db).await;
        assert_eq!(alerts(db, ticket).await.iter().filter(|a| a.kind == "resolve").count(), 2);
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn at_once_is_over_after_a_grace() {
    for test in databases().await {
        let (db, house) = (&test.db, house(&test.db).await);
        let within = json!({ "amount": 0, "unit": "seconds" });
        let rules = json!({ "contract": { "localize": within }, "inform": null, "resolve": null, "grace_minutes": 7 });
        make_policy(db, &house, rules).await;
        let (late, soon) = (register(db, &house, "phone").await, register(db, &house, "phone").await);
        let overdue = async || {
            let (desk, page) = (house.desk(), PageRequest::new(None, Some(50)).unwrap());
            let (reader, now) = (db.reader(), db.clock().now());
            let filter = TicketFilter { overdue: Some(true), ..Default::default() };
            let tickets = ticket::list(&reader, &desk, &filter, &page, now).await.unwrap().items.len();
            let filter = board::DeadlineFilter { overdue: Some(true), ..Default::default() };
            let lines = board::list(&reader, &desk, &filter, &page, now).await.unwrap().items.len();
            let query = report::BoardQuery { by: board::Group::Building, kind: None, basis: None };
            let board = report::board(&reader, &desk, &query, now).await.unwrap();
            (tickets, lines, board.groups[0].overdue.count)
        };
        test.clock.advance(TimeDelta::minutes(6));
        assert_eq!(fire_all(db).await, 0);
        assert_eq!(overdue().await, (0, 0, 0));
        let localize = |ticket| crate::ticket::Localize { ticket, args: At { occurred_at: None } };
        db.write(house.desk(), localize(soon)).await.unwrap();
        test.clock.advance(TimeDelta::minutes(1));
        assert_eq!(fire_all(db).await, 1);
        test.clock.advance(TimeDelta::minutes(1));
        assert_eq!(overdue().await, (1, 1, 1));
        db.write(house.desk(), localize(late)).await.unwrap();
        let state = async |ticket| clock(db, ticket, DeadlineKind::Localize, Basis::Contract).await.unwrap();
        assert_eq!(state(soon).await.state, DeadlineState::Met);
        assert_eq!((state(late).await.state, state(late).await.late_s), (DeadlineState::Missed, Some(480)));
        assert_eq!(alerts(db, late).await[0].percent, 100);
    }
}

#[tokio::test]
async fn a_hold_outside_the_hours_takes_nothing_back_and_tells_nothing_again() {
    for test in databases().await {
        // Monday, 09:00 in Moscow.
        let morning = noon() - TimeDelta::hours(3);
        test.clock.set(morning);
        let (db, house) = (&test.db, house(&test.db).await);
        make_policy(db, &house, model::contract(9)).await;
        let (held, missed) = (register(db, &house, "phone").await, register(db, &house, "phone").await);
        let resolve = async |ticket| clock(db, ticket, DeadlineKind::Resolve, Basis::Contract).await.unwrap();
        let at = async |minutes: i64| {
            test.clock.set(morning + TimeDelta::minutes(minutes));
            fire_all(db).await;
        };
        let hold = async |ticket| {
            let args = HoldTicket {
                reason: crate::text::Text::parse("Ждём материал.").unwrap(),
                until: None,
            };
            db.write(house.desk(), Hold { ticket, args }).await.unwrap();
        };
        at(270).await;
        at(432).await;
        at(480).await;
        hold(held).await;
        at(540).await;
        at(545).await;
        hold(missed).await;
        at(550).await;
        db.write(house.desk(), Resume { ticket: missed }).await.unwrap();
        let clock = resolve(missed).await;
        assert_eq!(clock.due_at, Some(morning + TimeDelta::hours(9)));
        let percents = async |clock: &Model| {
            let alerts = alerts_of(db, clock).await;
            alerts.iter().map(|alert| (alert.percent, alert.taken_back_at.is_some())).collect::<Vec<_>>()
        };
        assert_eq!(percents(&clock).await, [(50, false), (80, false), (100, false)]);
        at(560).await;
        let reason = Some(crate::text::Text::parse("Доложил по телефону.").unwrap());
        let args = CompleteTicket { reason, ..Default::default() };
        db.write(house.desk(), Complete { ticket: missed, args }).await.unwrap();
        let clock = resolve(missed).await;
        assert_eq!((clock.state, clock.late_s), (DeadlineState::Missed, Some(20 * 60)));
        at(600).await;
        db.write(house.desk(), Resume { ticket: held }).await.unwrap();
        assert_eq!(resolve(held).await.told, 80);
        // The next morning, and the hour that was left.
        at(24 * 60).await;
        assert_eq!(percents(&resolve(held).await).await, [(50, false), (80, false)]);
        at(25 * 60).await;
        assert_eq!(percents(&resolve(held).await).await, [(50, false), (80, false), (100, false)]);
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn alerts_end_with_their_clock_and_stand_again_with_it() {
    for test in databases().await {
        let (db, house) = (&test.db, house(&test.db).await);
        let ticket = register(db, &house, "phone").await;
        test.clock.advance(TimeDelta::days(3));
        fire_all(db).await;
        let standing = async || {
            let filter = AlertFilter { standing: Some(true), ticket_id: Some(ticket) };
            let page = PageRequest::new(None, Some(50)).unwrap();
            let page = alert::list(&db.reader(), &house.desk(), &filter, &page).await.unwrap();
            page.items.into_iter().map(|alert| alert.kind).collect::<Vec<_>>()
        };
        assert_eq!(standing().await.len(), 2);
        let args = InformApplicant { how: InformedHow::Phone, occurred_at: None };
        db.write(house.desk(), Inform { ticket, args }).await.unwrap();
        assert_eq!(standing().await, ["resolve"]);
        let why = || crate::text::Text::parse("Доложил по телефону.").unwrap();
        test.clock.advance(TimeDelta::minutes(1));
        let args = CompleteTicket { reason: Some(why()), ..Default::default() };
        db.write(house.desk(), Complete { ticket, args }).await.unwrap();
        assert!(standing().await.is_empty());
        assert!(alerts(db, ticket).await.iter().all(|alert| alert.ended_at.is_some()));
        let act = ticket::Return { ticket, args: ticket::Why { reason: why() }.into() };
        db.write(house.desk(), act).await.unwrap();
        assert_eq!(standing().await, ["resolve"]);
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn notice_of_an_alert_that_was_taken_back_silences_nothing() {
    for test in databases().await {
        let (db, house) = (&test.db, house(&test.db).await);
        let rules = |hours: u32| {
            let within = json!({ "default": { "amount": hours * 3600, "unit": "seconds" } });
            json!({ "contract": { "resolve": within }, "steps": [100] })
        };
        let policy = make_policy(db, &house, rules(1)).await;
        let ticket = register(db, &house, "phone").await;
        test.clock.advance(TimeDelta::hours(1));
        fire_all(db).await;
        revise_policy(db, &house, &policy, rules(2)).await;
        test.clock.advance(TimeDelta::hours(1));
        fire_all(db).await;
        let clock = clock(db, ticket, DeadlineKind::Resolve, Basis::Contract).await.unwrap();
        let told = alerts_of(db, &clock).await;
        assert!(told[0].taken_back_at.is_some() && told[1].taken_back_at.is_none(), "{told:?}");
        db.write(house.desk(), Acknowledge { alert: told[0].id }).await.unwrap();
        test.clock.advance(TimeDelta::hours(1));
        fire_all(db).await;
        assert_eq!(alerts_of(db, &clock).await.len(), 3);
        db.write(house.desk(), Acknowledge { alert: told[1].id }).await.unwrap();
        test.clock.advance(TimeDelta::hours(5));
        fire_all(db).await;
        assert_eq!(alerts_of(db, &clock).await.len(), 3);
    }
}

#[tokio::test]
async fn a_term_of_five_minutes_is_told_once() {
    for test in databases().await {
        let (db, house) = (&test.db, house(&test.db).await);
        let ticket = register(db, &house, "app").await;
        for _ in 0..5 {
            test.clock.advance(TimeDelta::minutes(1));
            fire_all(db).await;
        }
        let told: Vec<_> =
            alerts(db, ticket).await.into_iter().map(|alert| (alert.kind, alert.percent)).collect();
        assert_eq!(told, [("assign".to_owned(), 100)]);
    }
}
