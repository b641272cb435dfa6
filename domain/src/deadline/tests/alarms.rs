//! When clocks give alarm.

use chrono::TimeDelta;

use super::*;
use crate::{
    alert::Acknowledge,
    journal::{self, Subject, SubjectKind},
    testing::{assert_sound, databases, house, noon},
    ticket::{At, Complete, CompleteTicket, Inform, InformApplicant, InformedHow},
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
async fn recalculation_goes_on_where_a_batch_ended_and_tickets_without_clocks_get_theirs() {
    for test in databases().await {
        let (db, house) = (&test.db, house(&test.db).await);
        make_policy(db, &house, json!({ "resolve": null, "inform": null })).await;
        for _ in 0..7 {
            register(db, &house, "phone").await;
        }
        let system = Scope::system(house.organization);
        let policy = policy::row::Entity::find().one(&db.reader()).await.unwrap().unwrap();
        let args = serde_json::from_value(json!({ "active": false })).unwrap();
        db.write(manager(&house), store::Revise { id: policy.id, version: policy.version, args })
            .await
            .unwrap();
        db.write(system, Recalculate { after: None, backfill: true, limit: 3 }).await.unwrap();
        let mut seen = 0;
        let lease = TimeDelta::minutes(1);
        while let Some(job) = crate::job::claim(db, house.organization, lease).await.unwrap() {
            let after = job.payload.get("after").and_then(|id| serde_json::from_value(id.clone()).ok());
            let backfill = job.payload.get("backfill").is_some_and(|flag| flag == true);
            let act = Recalculate { after, backfill, limit: 3 };
            db.write(system, crate::job::Completing { act, lease: job.lease }).await.unwrap();
            seen += 1;
        }
        assert!(seen >= 3, "{seen}");
        let clocks = row::Entity::find().all(&db.reader()).await.unwrap();
        // The end of the work, and the term in which the applicant is to be told, which has not passed.
        assert_eq!(clocks.len(), 14);
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
        test.clock.advance(TimeDelta::minutes(6));
        assert_eq!(fire_all(db).await, 0);
        let localize = |ticket| crate::ticket::Localize { ticket, args: At { occurred_at: None } };
        db.write(house.desk(), localize(soon)).await.unwrap();
        test.clock.advance(TimeDelta::minutes(1));
        assert_eq!(fire_all(db).await, 1);
        test.clock.advance(TimeDelta::minutes(1));
        db.write(house.desk(), localize(late)).await.unwrap();
        let state = async |ticket| clock(db, ticket, DeadlineKind::Localize, Basis::Contract).await.unwrap();
        assert_eq!(state(soon).await.state, DeadlineState::Met);
        assert_eq!((state(late).await.state, state(late).await.late_s), (DeadlineState::Missed, Some(480)));
        assert_eq!(alerts(db, late).await[0].percent, 100);
    }
}
