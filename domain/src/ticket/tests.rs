//! The life of a ticket on both databases.

use chrono::TimeDelta;

use super::*;
use crate::{
    Code, Scope,
    id::{TechnicianId, TicketId},
    testing::{House, TestDb, assert_sound, databases, house, noon},
    text::Text,
    visit::{self, VisitStatus},
};

fn request(house: &House, description: &str) -> Register {
    let args = serde_json::json!({
        "request_type_id": house.kind, "premises_id": house.premises, "description": description,
        "applicant_name": "Иван Ильин", "applicant_phone": "8 (912) 345-67-89",
    });
    Register { args: serde_json::from_value(args).unwrap() }
}

fn plan(ticket: TicketId, technicians: &[TechnicianId], hour: i64) -> Plan {
    let start = noon() + TimeDelta::hours(hour);
    let args = PlanVisit {
        visit_id: None,
        hold_token: None,
        technicians: technicians.to_vec(),
        start: Some(start),
        end: Some(start + TimeDelta::hours(1)),
        window: None,
        override_reason: None,
    };
    Plan { ticket, args }
}

async fn registered(test: &TestDb) -> (House, TicketId) {
    let house = house(&test.db).await;
    let ticket = test.db.write(house.desk(), request(&house, "Запах из канализации.")).await.unwrap();
    (house, ticket)
}

#[tokio::test]
async fn a_ticket_goes_from_the_call_to_the_close() {
    for test in databases().await {
        let (house, ticket) = registered(&test).await;
        let db = &test.db;
        let desk = house.desk();
        let planned = db.write(desk, plan(ticket, &house.technicians, 1)).await.unwrap();
        let document = document(&db.reader(), &desk, planned).await.unwrap();
        assert_eq!(document.number, "2026-000001");
        assert_eq!(document.status, Status::Planned);
        assert_eq!(document.executor, Executor::OwnStaff);
        assert!(document.say.contains("2 марта с 13:00 до 14:00"), "{}", document.say);
        let visit = document.visits[0].id;
        test.clock.advance(TimeDelta::hours(1));
        let technician = house.technician(0);
        let at = At { occurred_at: None };
        db.write(technician, visit::EnRoute { visit, args: at }).await.unwrap();
        db.write(technician, visit::Start { visit, args: at }).await.unwrap();
        test.clock.advance(TimeDelta::minutes(20));
        db.write(technician, Complete { ticket, args: CompleteTicket::default() }).await.unwrap();
        test.clock.advance(TimeDelta::days(3));
        let auto = AutoClose { ticket, return_count: 0 };
        db.write(Scope::system(house.organization), auto).await.unwrap();
        let document = super::document(&db.reader(), &desk, ticket).await.unwrap();
        assert_eq!(document.status, Status::Closed);
        assert_eq!(document.visits[0].status, VisitStatus::Done);
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn overlapping_bookings_are_refused_and_name_the_nearest_time() {
    for test in databases().await {
        let (house, ticket) = registered(&test).await;
        let db = &test.db;
        let anna = [house.technicians[0]];
        db.write(house.desk(), plan(ticket, &anna, 1)).await.unwrap();
        let other = db.write(house.desk(), request(&house, "Запах в подвале.")).await.unwrap();
        let refused = db.write(house.desk(), plan(other, &anna, 1)).await.unwrap_err();
        assert_eq!(refused.code(), Code::SlotTaken);
        let nearest = &refused.details()["nearest"]["start"];
        assert_eq!(nearest.as_str(), Some("2026-03-02T11:00:00Z"));
        db.write(house.desk(), plan(other, &anna, 2)).await.unwrap();
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn returned_cancelled_and_held_tickets_leave_no_time_booked() {
    for test in databases().await {
        let (house, ticket) = registered(&test).await;
        let db = &test.db;
        let desk = house.desk();
        let why = || Why { reason: Text::parse("Работа не принята.").unwrap() };
        db.write(desk, plan(ticket, &house.technicians[..1], 1)).await.unwrap();
        let args = HoldTicket { reason: Text::parse("Ждём материал.").unwrap(), until: None };
        db.write(desk, Hold { ticket, args }).await.unwrap();
        let refused = db.write(desk, Unplan { ticket }).await.unwrap_err();
        assert_eq!(refused.code(), Code::IllegalMove);
        assert_eq!(refused.details()["legal"], serde_json::json!(["executor", "plan", "resume", "cancel"]));
        db.write(desk, Resume { ticket }).await.unwrap();
        db.write(desk, plan(ticket, &house.technicians[..1], 1)).await.unwrap();
        let reason = Some(Text::parse("Доложил по телефону.").unwrap());
        let args = CompleteTicket { reason, ..Default::default() };
        db.write(desk, Complete { ticket, args }).await.unwrap();
        db.write(desk, Return { ticket, args: why().into() }).await.unwrap();
        db.write(desk, plan(ticket, &house.technicians[..1], 1)).await.unwrap();
        db.write(desk, Cancel { ticket, args: why() }).await.unwrap();
        let other = db.write(desk, request(&house, "Запах в подвале.")).await.unwrap();
        db.write(desk, plan(other, &house.technicians[..1], 1)).await.unwrap();
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn a_stranger_sees_nothing() {
    for test in databases().await {
        let (_, ticket) = registered(&test).await;
        let stranger = house(&test.db).await;
        let reader = test.db.reader();
        assert_eq!(find(&reader, &stranger.desk(), ticket).await.unwrap_err().code(), Code::NotFound);
        let refused =
            test.db.write(stranger.desk(), plan(ticket, &stranger.technicians, 1)).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
    }
}

#[tokio::test]
async fn nothing_ends_before_it_began_and_a_late_report_leaves_the_term_to_object() {
    for test in databases().await {
        let (house, ticket) = registered(&test).await;
        let db = &test.db;
        let desk = house.desk();
        db.write(desk, plan(ticket, &house.technicians[..1], 1)).await.unwrap();
        let visit = document(&db.reader(), &desk, ticket).await.unwrap().visits[0].id;
        test.clock.advance(TimeDelta::days(4));
        let at = At { occurred_at: Some(noon() + TimeDelta::hours(1)) };
        let technician = house.technician(0);
        db.write(technician, visit::Start { visit, args: at }).await.unwrap();
        let complete = |occurred_at| {
            let args = CompleteTicket { occurred_at: Some(occurred_at), ..Default::default() };
            Complete { ticket, args }
        };
        let refused = db.write(technician, complete(noon())).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidField);
        db.write(technician, complete(noon() + TimeDelta::hours(2))).await.unwrap();
        // The close is due three days from now, not three days from then.
        let closes = async || {
            #[derive(sea_orm::FromQueryResult)]
            struct Count {
                n: i64,
            }
            let sql = "SELECT count(*) AS n FROM job WHERE kind = $1 AND run_at <= $2";
            let values = [AUTO_CLOSE_JOB.into(), db.clock().now().into()];
            db.reader().one::<Count>(sql, values).await.unwrap().unwrap().n
        };
        assert_eq!(closes().await, 0);
        test.clock.advance(TimeDelta::days(3));
        assert_eq!(closes().await, 1);
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn the_chain_holds_no_word_about_a_person() {
    #[derive(sea_orm::FromQueryResult)]
    struct Told {
        bytes: Vec<u8>,
    }
    for test in databases().await {
        registered(&test).await;
        // The catalogue says nothing about people.
        let sql = "SELECT bytes FROM event WHERE subject_kind <> 'request_type'";
        let told = test.db.reader().all::<Told>(sql, []).await.unwrap();
        for event in told {
            let text = String::from_utf8(event.bytes).unwrap();
            for word in ["Ильин", "79123456789", "Запах", "Петрова"] {
                assert!(!text.contains(word), "{word} stands in {text}");
            }
        }
    }
}

#[tokio::test]
async fn nobody_who_has_left_is_booked_again() {
    use crate::{auth::Role, id::UserId, people::user::store::Change};
    for test in databases().await {
        let (house, ticket) = registered(&test).await;
        let db = &test.db;
        db.write(house.desk(), plan(ticket, &house.technicians[1..], 1)).await.unwrap();
        let visit = document(&db.reader(), &house.desk(), ticket).await.unwrap().visits[0].id;
        let admin = Scope::staff(house.organization, house.dispatcher, Role::Admin);
        let args = serde_json::from_value(serde_json::json!({ "active": false })).unwrap();
        let leaves = Change { id: UserId(house.technicians[0].0), version: 1, args };
        db.write(admin, leaves).await.unwrap();
        let (start, end) = (noon() + TimeDelta::hours(3), noon() + TimeDelta::hours(4));
        let to = |technicians| {
            let args = visit::MoveVisit {
                start,
                end,
                technicians,
                window: None,
                version: None,
                override_reason: None,
            };
            visit::MoveTo { visit, args }
        };
        let refused = db.write(house.desk(), to(Some(vec![house.technicians[0]]))).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidField);
        let refused = db.write(house.desk(), plan(ticket, &house.technicians[..1], 5)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidField);
        db.write(house.desk(), to(None)).await.unwrap();
        assert_sound(db).await;
    }
}
