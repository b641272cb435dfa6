//! Calls that nobody answers, on both databases.

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::*;
use crate::{
    Code,
    alert::{self, AlertFilter},
    catalogue::store::{PatchRequestType, Revise},
    id::TicketId,
    notification,
    page::PageRequest,
    testing::{House, TestDb, assert_sound, databases, house},
    ticket::{self, Register, Status},
};

async fn registered(test: &TestDb, house: &House, emergency: bool) -> TicketId {
    let args = serde_json::json!({
        "request_type_id": house.kind, "premises_id": house.premises, "description": "Запах.",
        "applicant_phone": "+79123456789", "emergency": emergency,
    });
    let register = Register { args: serde_json::from_value(args).unwrap() };
    test.db.write(house.desk(), register).await.unwrap()
}

async fn call(test: &TestDb, house: &House, ticket: TicketId, outcome: &str) -> CallDocument {
    let args = serde_json::from_value(serde_json::json!({ "outcome": outcome })).unwrap();
    test.clock.advance(TimeDelta::minutes(31));
    test.db.write(house.desk(), Log { ticket, args }).await.unwrap()
}

/// The reminder of a call comes round.
async fn remind(test: &TestDb, house: &House, call: &CallDocument) {
    let act = CallAgain { call: call.id, ticket: call.ticket_id };
    test.db.write(crate::Scope::system(house.organization), act).await.unwrap();
}

async fn standing(test: &TestDb, house: &House) -> Vec<String> {
    let filter = AlertFilter { standing: Some(true), ..AlertFilter::default() };
    let page = alert::list(&test.db.reader(), &house.desk(), &filter, &PageRequest::default()).await.unwrap();
    page.items.into_iter().map(|alert| alert.kind).collect()
}

async fn written_to(test: &TestDb, ticket: TicketId) -> Vec<String> {
    use notification::row::{Column, Entity};
    let rows = Entity::find()
        .filter(Column::TicketId.eq(ticket))
        .filter(Column::Kind.eq(notification::NotificationKind::CalledInVain))
        .all(&test.db.reader())
        .await
        .unwrap();
    rows.into_iter()
        .map(|row| format!("{}: {}", row.person, row.facts["outcome"].as_str().unwrap()))
        .collect()
}

async fn status(test: &TestDb, house: &House, ticket: TicketId) -> Status {
    ticket::find(&test.db.reader(), &house.desk(), ticket).await.unwrap().status
}

#[tokio::test]
async fn the_third_call_in_vain_cancels() {
    for test in databases().await {
        let house = house(&test.db).await;
        let ticket = registered(&test, &house, false).await;
        let first = call(&test, &house, ticket, "no_answer").await;
        assert_eq!((first.unanswered, first.next_at), (1, Some(first.called_at + TimeDelta::minutes(30))));
        remind(&test, &house, &first).await;
        assert!(standing(&test, &house).await.is_empty(), "it is not time yet");
        test.clock.advance(TimeDelta::minutes(30));
        remind(&test, &house, &first).await;
        assert_eq!(standing(&test, &house).await, ["call_again"]);
        let second = call(&test, &house, ticket, "busy").await;
        assert_eq!(second.unanswered, 2);
        assert!(standing(&test, &house).await.is_empty(), "somebody has called");
        remind(&test, &house, &first).await;
        assert!(standing(&test, &house).await.is_empty());
        assert_eq!(status(&test, &house, ticket).await, Status::Registered);
        let third = call(&test, &house, ticket, "unreachable").await;
        assert_eq!((third.unanswered, third.next_at, third.ended), (3, None, Some(CallsEnd::Cancelled)));
        assert_eq!(status(&test, &house, ticket).await, Status::Cancelled);
        assert_eq!(written_to(&test, ticket).await, ["phone:+79123456789: Заявка отменена."]);
        let after = call(&test, &house, ticket, "no_answer").await;
        assert_eq!((after.unanswered, after.ended), (0, None), "the ticket is over: only noted");
        let calls = list(&test.db.reader(), &house.desk(), ticket).await.unwrap();
        assert_eq!(calls.len(), 4);
        assert!(calls.iter().all(|call| call.next_at.is_none()));
        let refused = list(&test.db.reader(), &house.technician(0), ticket).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn an_answer_begins_the_count_anew_and_calls_to_executors_do_not_count() {
    for test in databases().await {
        let house = house(&test.db).await;
        let ticket = registered(&test, &house, false).await;
        call(&test, &house, ticket, "no_answer").await;
        call(&test, &house, ticket, "no_answer").await;
        let args =
            serde_json::json!({ "outcome": "no_answer", "party": "executor", "phone": "+79990000001" });
        let args = serde_json::from_value(args).unwrap();
        let executor = test.db.write(house.desk(), Log { ticket, args }).await.unwrap();
        assert_eq!((executor.unanswered, executor.next_at), (0, None));
        assert_eq!(call(&test, &house, ticket, "answered").await.unanswered, 0);
        let again = call(&test, &house, ticket, "no_answer").await;
        assert_eq!((again.unanswered, again.ended), (1, None));
        // Whoever ends the ticket ends the reminders.
        test.clock.advance(TimeDelta::minutes(30));
        remind(&test, &house, &again).await;
        assert_eq!(standing(&test, &house).await, ["call_again"]);
        let args = serde_json::json!({ "reason": "Заявитель передумал." });
        let cancel = ticket::Cancel { ticket, args: serde_json::from_value(args).unwrap() };
        test.db.write(house.desk(), cancel).await.unwrap();
        assert!(standing(&test, &house).await.is_empty());
        assert!(written_to(&test, ticket).await.is_empty());
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn an_emergency_is_never_cancelled_by_calls_and_a_kind_may_say_otherwise() {
    for test in databases().await {
        let house = house(&test.db).await;
        let urgent = registered(&test, &house, true).await;
        for _ in 0..2 {
            call(&test, &house, urgent, "no_answer").await;
        }
        let third = call(&test, &house, urgent, "no_answer").await;
        assert_eq!(third.ended, Some(CallsEnd::Review));
        assert_eq!(status(&test, &house, urgent).await, Status::Registered);
        assert_eq!(standing(&test, &house).await, ["called_in_vain"]);
        assert_eq!(written_to(&test, urgent).await.len(), 1);
        let fourth = call(&test, &house, urgent, "no_answer").await;
        assert_eq!((fourth.unanswered, fourth.ended), (1, None), "the desk goes on calling");
        assert!(standing(&test, &house).await.is_empty());
        for (policy, unanswered, ended) in [("review", 3, Some(CallsEnd::Review)), ("off", 0, None)] {
            let args: PatchRequestType =
                serde_json::from_value(serde_json::json!({ "unanswered_calls": policy })).unwrap();
            let admin = crate::Scope::staff(house.organization, house.dispatcher, crate::auth::Role::Admin);
            let kind = crate::catalogue::store::get(&test.db.reader(), &admin, house.kind).await.unwrap();
            let change = Revise { id: house.kind, version: kind.version, args };
            test.db.write(admin, change).await.unwrap();
            let ticket = registered(&test, &house, false).await;
            for _ in 0..2 {
                call(&test, &house, ticket, "no_answer").await;
            }
            let third = call(&test, &house, ticket, "no_answer").await;
            assert_eq!((third.unanswered, third.ended), (unanswered, ended), "{policy}");
            assert_eq!(status(&test, &house, ticket).await, Status::Registered);
        }
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn work_that_returned_begins_the_count_anew() {
    for test in databases().await {
        let house = house(&test.db).await;
        let ticket = registered(&test, &house, false).await;
        call(&test, &house, ticket, "no_answer").await;
        assert_eq!(call(&test, &house, ticket, "no_answer").await.unanswered, 2);
        let args = serde_json::json!({ "reason": "Доложил по телефону.", "waive_missing": true });
        let complete = ticket::Complete { ticket, args: serde_json::from_value(args).unwrap() };
        test.db.write(house.desk(), complete).await.unwrap();
        let args = serde_json::from_value(serde_json::json!({ "reason": "Снова течёт." })).unwrap();
        test.db.write(house.desk(), ticket::Return { ticket, args }).await.unwrap();
        let first = call(&test, &house, ticket, "no_answer").await;
        assert_eq!((first.unanswered, first.ended), (1, None));
        assert_eq!(status(&test, &house, ticket).await, Status::Registered);
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn who_redials_at_once_gives_nobody_up() {
    for test in databases().await {
        let house = house(&test.db).await;
        let ticket = registered(&test, &house, false).await;
        let first = call(&test, &house, ticket, "busy").await;
        let again = || Log {
            ticket,
            args: serde_json::from_value(serde_json::json!({ "outcome": "busy" })).unwrap(),
        };
        for _ in 0..3 {
            test.clock.advance(TimeDelta::seconds(20));
            let early = test.db.write(house.desk(), again()).await.unwrap();
            assert_eq!((early.unanswered, early.next_at, early.ended), (1, first.next_at, None));
        }
        // The reminder stands as it stood.
        test.clock.advance(TimeDelta::minutes(30));
        let calls = list(&test.db.reader(), &house.desk(), ticket).await.unwrap();
        remind(&test, &house, calls.last().unwrap()).await;
        assert_eq!(standing(&test, &house).await, ["call_again"]);
        let (desk, db) = (house.desk(), &test.db);
        let (one, other) = tokio::join!(db.write(desk, again()), db.write(desk, again()));
        assert_eq!([one.unwrap().unanswered, other.unwrap().unanswered], [2, 2], "of two at once one counts");
        assert_eq!(status(&test, &house, ticket).await, Status::Registered);
        assert_sound(&test.db).await;
    }
}
