//! Policies, calendars and zones that change while clocks run.

use sea_orm::ConnectionTrait;

use super::*;
use crate::{
    place::building,
    shift::LocalDate,
    testing::{TestDb, assert_sound, databases, house, noon, raw},
    ticket::{Inform, InformApplicant, InformedHow},
    worktime::{
        DayKind, NamedDay,
        store::{Import, ImportCalendar},
    },
};

fn ten_hours() -> Value {
    json!({ "contract": { "resolve": { "default": { "amount": 36_000, "unit": "seconds" } } } })
}

async fn contract(db: &Db, ticket: TicketId) -> Model {
    clock(db, ticket, DeadlineKind::Resolve, Basis::Contract).await.unwrap()
}

/// The holidays of 2026, and the third of March is off too.
async fn import(db: &Db, house: &House) {
    let mut dates: Vec<String> = (1..=8).map(|day| format!("2026-01-0{day}")).collect();
    dates.extend(
        ["02-23", "03-03", "03-08", "05-01", "05-09", "06-12", "11-04"].map(|day| format!("2026-{day}")),
    );
    let day = |date: String| NamedDay {
        date: serde_json::from_value::<LocalDate>(date.into()).unwrap(),
        kind: DayKind::Off,
        moved_from: None,
    };
    let args = ImportCalendar { region: None, days: dates.into_iter().map(day).collect() };
    db.write(manager(house), Import { year: 2026, args }).await.unwrap();
}

#[tokio::test]
async fn recalculation_goes_on_where_a_batch_ended_and_tickets_without_clocks_get_theirs() {
    for test in databases().await {
        let (db, house) = (&test.db, house(&test.db).await);
        let policy = make_policy(db, &house, json!({ "resolve": null, "inform": null })).await;
        for _ in 0..7 {
            register(db, &house, "phone").await;
        }
        let args = serde_json::from_value(json!({ "active": false })).unwrap();
        let act = store::Revise { id: policy.id, version: policy.version, args };
        db.write(manager(&house), act).await.unwrap();
        let seen = run_jobs(db, &house, 3).await;
        assert!(seen >= 3, "{seen}");
        let clocks = row::Entity::find().all(&db.reader()).await.unwrap();
        // The end of the work, and the term in which the applicant is to be told, which has not passed.
        assert_eq!(clocks.len(), 14);
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn a_ticket_whose_clocks_have_all_ended_gets_what_is_counted_from_now_on() {
    for test in databases().await {
        let (db, house) = (&test.db, house(&test.db).await);
        let policy = make_policy(db, &house, json!({ "resolve": null })).await;
        run_jobs(db, &house, 25).await;
        let ticket = register(db, &house, "phone").await;
        let args = InformApplicant { how: InformedHow::Phone, occurred_at: None };
        db.write(house.desk(), Inform { ticket, args }).await.unwrap();
        let args = serde_json::from_value(json!({ "rules": {} })).unwrap();
        let act = store::Revise { id: policy.id, version: policy.version, args };
        db.write(manager(&house), act).await.unwrap();
        assert_eq!(run_jobs(db, &house, 25).await, 1);
        let resolve = clock(db, ticket, DeadlineKind::Resolve, Basis::Legal).await.unwrap();
        assert_eq!(seen(db, &house, ticket).await.planned_term, resolve.due_at);
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn a_term_that_was_switched_off_comes_back_when_it_is_switched_on() {
    for test in databases().await {
        let (db, house) = (&test.db, house(&test.db).await);
        let policy = make_policy(db, &house, ten_hours()).await;
        let ticket = register(db, &house, "phone").await;
        test.clock.advance(TimeDelta::hours(6));
        fire_all(db).await;
        revise_policy(db, &house, &policy, json!({})).await;
        assert_eq!(contract(db, ticket).await.state, DeadlineState::Cancelled);
        let off = alerts_of(db, &contract(db, ticket).await).await;
        assert!(off[0].ended_at.is_some(), "{off:?}");
        test.clock.advance(TimeDelta::minutes(30));
        revise_policy(db, &house, &policy, ten_hours()).await;
        let on = contract(db, ticket).await;
        assert_eq!((on.state, on.due_at), (DeadlineState::Running, Some(noon() + TimeDelta::hours(10))));
        assert_eq!(on.next_fire_at, Some(noon() + TimeDelta::hours(8)));
        test.clock.advance(TimeDelta::minutes(90));
        fire_all(db).await;
        let told = alerts_of(db, &on).await;
        assert_eq!(told.iter().map(|alert| alert.percent).collect::<Vec<_>>(), [50, 80]);
        assert!(told.iter().all(|alert| alert.ended_at.is_none() && alert.taken_back_at.is_none()));
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn what_was_late_before_nobody_counted_it_stays_missed_and_runs_on_when_it_is_counted_again() {
    for test in databases().await {
        let (db, house) = (&test.db, house(&test.db).await);
        let policy = make_policy(db, &house, ten_hours()).await;
        let ticket = register(db, &house, "phone").await;
        test.clock.advance(TimeDelta::hours(11));
        revise_policy(db, &house, &policy, json!({})).await;
        let off = contract(db, ticket).await;
        assert_eq!((off.state, off.late_s, off.met_at), (DeadlineState::Missed, Some(3_600), None));
        revise_policy(db, &house, &policy, ten_hours()).await;
        let on = contract(db, ticket).await;
        assert_eq!((on.state, on.late_s), (DeadlineState::Running, None));
        assert_eq!(on.due_at, Some(noon() + TimeDelta::hours(10)));
        // A term of no length has its grace; one with a length has none.
        let edit = async |seconds: i64| {
            let seen = contract(db, ticket).await;
            let args =
                json!({ "target": { "amount": seconds, "unit": "seconds" }, "reason": "Договорились." });
            let args = serde_json::from_value(args).unwrap();
            let act = crate::deadline::Edit { deadline: seen.id, version: seen.version, args };
            db.write(manager(&house), act).await.unwrap();
            contract(db, ticket).await.grace_s
        };
        assert_eq!((edit(0).await, edit(3_600).await), (300, 0));
        let seen = crate::ticket::find(&db.reader(), &house.desk(), ticket).await.unwrap();
        let after = json!({ "damaged_at": noon() + TimeDelta::hours(1) });
        let args = serde_json::from_value(after).unwrap();
        let act = crate::ticket::Edit { ticket, version: seen.version, args };
        let refused = db.write(house.desk(), act).await.unwrap_err();
        assert_eq!(refused.fields()[0].field, "damaged_at");
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn changed_steps_tell_nothing_twice_and_take_nothing_back_that_was_right() {
    for test in databases().await {
        let (db, house) = (&test.db, house(&test.db).await);
        let rules = |steps: &[u8]| json!({ "resolve": null, "steps": steps });
        let policy = make_policy(db, &house, rules(&[100])).await;
        let ticket = register(db, &house, "phone").await;
        test.clock.advance(TimeDelta::minutes(30));
        fire_all(db).await;
        revise_policy(db, &house, &policy, rules(&[50, 80, 100])).await;
        test.clock.advance(TimeDelta::minutes(1));
        fire_all(db).await;
        assert_eq!(alerts(db, ticket).await.len(), 1);
        let other = register(db, &house, "phone").await;
        test.clock.advance(TimeDelta::minutes(25));
        fire_all(db).await;
        revise_policy(db, &house, &policy, rules(&[50, 100])).await;
        fire_all(db).await;
        let told = alerts(db, other).await;
        assert_eq!(told.iter().map(|alert| alert.percent).collect::<Vec<_>>(), [80]);
        assert!(told[0].taken_back_at.is_none());
        test.clock.advance(TimeDelta::minutes(5));
        fire_all(db).await;
        assert_eq!(alerts(db, other).await.pop().unwrap().percent, 100);
    }
}

#[tokio::test]
async fn a_term_in_working_days_of_the_policy_knows_the_holidays() {
    for test in databases().await {
        let (db, house) = (&test.db, house(&test.db).await);
        import(db, &house).await;
        let within = json!({ "within": { "amount": 1, "unit": "working_days" }, "basis": "legal" });
        make_policy(db, &house, json!({ "inform": within })).await;
        let ticket = register(db, &house, "phone").await;
        let inform = clock(db, ticket, DeadlineKind::Inform, Basis::Legal).await.unwrap();
        assert_eq!(inform.due_at, Some(noon() + TimeDelta::days(2)));
    }
}

/// A clock changed by hand to one working day.
async fn edited(test: &TestDb, house: &House) -> TicketId {
    let ticket = register(&test.db, house, "phone").await;
    let clock = contract(&test.db, ticket).await;
    let args = json!({ "target": { "amount": 1, "unit": "working_days" }, "reason": "Договорились." });
    let args = serde_json::from_value(args).unwrap();
    let act = Edit { deadline: clock.id, version: clock.version, args };
    let edited = test.db.write(manager(house), act).await.unwrap();
    assert_eq!(edited.due_at, Some(noon() + TimeDelta::days(1)));
    ticket
}

#[tokio::test]
async fn a_changed_calendar_counts_edited_terms_too_and_one_unreadable_ticket_stops_no_other() {
    for test in databases().await {
        let (db, house) = (&test.db, house(&test.db).await);
        make_policy(db, &house, ten_hours()).await;
        let broken = edited(&test, &house).await;
        let poison = format!(
            "UPDATE deadline SET clock = '{{\"kind\":\"nonsense\"}}' WHERE id = {}",
            match db.backend() {
                sea_orm::DbBackend::Postgres => format!("'{}'", contract(db, broken).await.id),
                _ => format!("x'{}'", contract(db, broken).await.id.0.simple()),
            }
        );
        raw(&test).await.execute_unprepared(&poison).await.unwrap();
        let ticket = edited(&test, &house).await;
        run_jobs(db, &house, 25).await;
        import(db, &house).await;
        assert_eq!(run_jobs(db, &house, 25).await, 1);
        let after = contract(db, ticket).await;
        assert_eq!((after.due_at, after.edited), (Some(noon() + TimeDelta::days(2)), true));
    }
}

#[tokio::test]
async fn clocks_follow_the_zone_of_their_building() {
    for test in databases().await {
        let (db, house) = (&test.db, house(&test.db).await);
        make_policy(db, &house, model::contract(3)).await;
        run_jobs(db, &house, 25).await;
        let ticket = register(db, &house, "phone").await;
        assert_eq!(contract(db, ticket).await.due_at, Some(noon() + TimeDelta::hours(3)));
        let args = serde_json::from_value(json!({ "zone": "Asia/Kamchatka" })).unwrap();
        let act = building::store::Change { id: house.building, version: 1, args };
        db.write(house.desk(), act).await.unwrap();
        assert_eq!(run_jobs(db, &house, 25).await, 1);
        // It is nine in the evening there: three hours from the next morning on.
        let moved = contract(db, ticket).await;
        assert_eq!(
            (moved.zone.as_str(), moved.due_at),
            ("Asia/Kamchatka", Some(noon() + TimeDelta::hours(15)))
        );
    }
}
