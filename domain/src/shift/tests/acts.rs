//! Absences and shift edits under bookings.

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;

use super::{absence, away, booked, everyday, give, hour, manager, plan, register};
use crate::{
    Code,
    id::VisitId,
    notification::{self, NotificationKind},
    page::PageRequest,
    rebooking::{self, RebookingFilter},
    shift::{
        AbsenceKind, CancelAbsence, Change, ChangeAbsence, CreateException, Record, Remove, RosterFilter,
    },
    testing::{assert_sound, databases, house},
    ticket::{At, Status, document},
    visit::{Start, VisitStatus},
};

const ONE: &str = "+79000000001";
const TWO: &str = "+79000000002";

async fn notices(test: &crate::testing::TestDb) -> Vec<notification::row::Model> {
    let changes =
        [NotificationKind::BookingLost, NotificationKind::BookingMoved, NotificationKind::CrewChanged];
    notification::row::Entity::find()
        .filter(notification::row::Column::Kind.is_in(changes))
        .order_by_asc(notification::row::Column::Phone)
        .all(&test.db.reader())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_sudden_absence_sends_what_was_booked_to_be_rebooked() {
    for test in databases().await {
        let house = house(&test.db).await;
        let (db, desk) = (&test.db, house.desk());
        let [anna, boris] = house.technicians[..] else { panic!("two technicians") };
        let started = booked(&test, &house, &[anna], hour(0), ONE).await;
        let lost = booked(&test, &house, &[anna], hour(1), ONE).await;
        let lost_too = booked(&test, &house, &[anna, boris], hour(2), ONE).await;
        let keeps = booked(&test, &house, &[boris, anna], hour(3), TWO).await;
        let after = booked(&test, &house, &[anna], hour(9), TWO).await;
        let visit = document(&db.reader(), &desk, started).await.unwrap().visits[0].id;
        test.clock.advance(TimeDelta::minutes(20));
        db.write(house.technician(0), Start { visit, args: At { occurred_at: None } }).await.unwrap();

        let outcome = db.write(desk, away(anna, None, hour(8))).await.unwrap();
        let told: Vec<_> = outcome.displaced.iter().map(|d| (d.ticket_id, d.crew_stays)).collect();
        assert_eq!(told, [(lost, false), (lost_too, false), (keeps, true)]);
        let status = async |ticket| {
            let document = document(&db.reader(), &desk, ticket).await.unwrap();
            (document.status, document.visits[0].status, document.visits[0].crew.len())
        };
        assert_eq!(status(started).await, (Status::InProgress, VisitStatus::Started, 1));
        assert_eq!(status(lost).await, (Status::Registered, VisitStatus::Cancelled, 1));
        assert_eq!(status(lost_too).await, (Status::Registered, VisitStatus::Cancelled, 2));
        assert_eq!(status(keeps).await, (Status::Planned, VisitStatus::Planned, 1));
        assert_eq!(status(after).await, (Status::Planned, VisitStatus::Planned, 1));
        // Who lost two visits by one absence is told once.
        let notices = notices(&test).await;
        let kinds: Vec<_> = notices.iter().map(|n| (n.phone.as_deref().unwrap(), n.kind)).collect();
        assert_eq!(kinds, [(ONE, NotificationKind::BookingLost), (TWO, NotificationKind::CrewChanged)]);

        let list = async || {
            let (filter, page) = (RebookingFilter::default(), PageRequest::default());
            let page = rebooking::list(&db.reader(), &desk, &filter, &page).await.unwrap();
            page.items.iter().map(|row| row.ticket_id).collect::<Vec<_>>()
        };
        assert_eq!(list().await, [lost, lost_too]);
        let taken = db.write(desk, plan(lost, &[anna], hour(4))).await.unwrap_err();
        assert_eq!(taken.code(), Code::SlotTaken);
        db.write(desk, plan(lost, &[boris], hour(5))).await.unwrap();
        assert_eq!(list().await, [lost_too]);
        let second = db.write(desk, away(anna, Some(hour(6)), hour(10))).await.unwrap_err();
        assert_eq!(second.code(), Code::AlreadyExists);

        // He is back earlier: his time is free from then on.
        test.clock.advance(TimeDelta::hours(2));
        db.write(desk, CancelAbsence { id: outcome.id }).await.unwrap();
        db.write(desk, plan(lost_too, &[anna], hour(4))).await.unwrap();
        assert_eq!(list().await, []);
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn what_somebody_who_is_let_go_was_booked_for_is_to_be_rebooked() {
    use crate::people::user::store::Change as ChangeUser;
    for test in databases().await {
        let house = house(&test.db).await;
        let (db, desk) = (&test.db, house.desk());
        let [anna, boris] = house.technicians[..] else { panic!("two technicians") };
        let started = booked(&test, &house, &[anna], hour(0), ONE).await;
        let lost = booked(&test, &house, &[anna], hour(1), ONE).await;
        let keeps = booked(&test, &house, &[boris, anna], hour(3), TWO).await;
        let visit = document(&db.reader(), &desk, started).await.unwrap().visits[0].id;
        test.clock.advance(TimeDelta::minutes(20));
        db.write(house.technician(0), Start { visit, args: At { occurred_at: None } }).await.unwrap();
        let change = |version, args| {
            let args = serde_json::from_value(args).unwrap();
            ChangeUser { id: crate::id::UserId(anna.0), version, args }
        };
        let admin = crate::Scope::staff(house.organization, house.dispatcher, crate::auth::Role::Admin);
        let renamed = db.write(admin, change(1, json!({ "full_name": "Сидорова Анна" }))).await.unwrap();
        db.write(admin, change(renamed.version, json!({ "active": false }))).await.unwrap();
        let status = async |ticket| {
            let document = document(&db.reader(), &desk, ticket).await.unwrap();
            (document.status, document.visits[0].status, document.visits[0].crew.len())
        };
        assert_eq!(status(started).await, (Status::InProgress, VisitStatus::Started, 1));
        assert_eq!(status(lost).await, (Status::Registered, VisitStatus::Cancelled, 1));
        assert_eq!(status(keeps).await, (Status::Planned, VisitStatus::Planned, 1));
        let (filter, page) = (RebookingFilter::default(), PageRequest::default());
        let waiting = rebooking::list(&db.reader(), &desk, &filter, &page).await.unwrap();
        let waiting: Vec<_> = waiting.items.iter().map(|row| (row.ticket_id, row.cause)).collect();
        assert_eq!(waiting, [(lost, rebooking::CauseKind::Departure)]);
        let notices = notices(&test).await;
        let kinds: Vec<_> = notices.iter().map(|n| (n.phone.as_deref().unwrap(), n.kind)).collect();
        assert_eq!(kinds, [(ONE, NotificationKind::BookingLost), (TWO, NotificationKind::CrewChanged)]);
        let refused = db.write(desk, plan(lost, &[anna], hour(1))).await.unwrap_err();
        assert_ne!(refused.code(), Code::SlotTaken, "{refused}");
        db.write(desk, plan(lost, &[boris], hour(1))).await.unwrap();
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn an_absence_ahead_is_shown_first_and_a_break_takes_nobodys_time() {
    for test in databases().await {
        let house = house(&test.db).await;
        let (db, desk) = (&test.db, house.desk());
        let anna = house.technicians[0];
        booked(&test, &house, &[anna], hour(2), ONE).await;
        let pause = |start, end| {
            let mut args = absence(anna, Some(start), end);
            args.kind = AbsenceKind::Break;
            Record { args }
        };
        assert_eq!(db.write(desk, pause(hour(2), hour(3))).await.unwrap_err().code(), Code::SlotTaken);
        let first = db.write(desk, pause(hour(3), hour(4))).await.unwrap();
        let second = db.write(desk, pause(hour(5), hour(6))).await.unwrap();
        let refused = db.write(desk, away(anna, Some(hour(1)), hour(4))).await.unwrap_err();
        assert_eq!(refused.code(), Code::DisplacesBookings);
        assert_eq!(refused.details()["displaces"].as_array().unwrap().len(), 1);
        let stale = refused.details()["confirm"].as_str().unwrap().to_owned();
        let other = booked(&test, &house, &[anna], hour(1), TWO).await;
        let confirmed = |confirm: &str| {
            let mut args = absence(anna, Some(hour(1)), hour(5) + TimeDelta::minutes(30));
            args.confirm = Some(confirm.to_owned());
            Record { args }
        };
        let again = db.write(desk, confirmed(&stale)).await.unwrap_err();
        assert_eq!(again.code(), Code::DisplacesBookings);
        assert_eq!(again.details()["displaces"].as_array().unwrap().len(), 2);
        let confirm = again.details()["confirm"].as_str().unwrap().to_owned();
        let absent = db.write(desk, confirmed(&confirm)).await.unwrap();
        assert_eq!(absent.displaced[0].ticket_id, other);
        // Both breaks gave way.
        for id in [first.id, second.id] {
            let row = crate::shift::get_absence(&db.reader(), &desk, id).await.unwrap();
            assert!(row.cancelled_at.is_some());
        }
        // Longer than planned, over a booking that was made behind it.
        booked(&test, &house, &[anna], hour(6), ONE).await;
        let change = |version, confirm: Option<&str>| {
            let args = json!({ "end": hour(7), "confirm": confirm });
            ChangeAbsence { id: absent.id, version, args: serde_json::from_value(args).unwrap() }
        };
        assert_eq!(db.write(desk, change(7, None)).await.unwrap_err().code(), Code::VersionStale);
        let refused = db.write(desk, change(1, None)).await.unwrap_err();
        let confirm = refused.details()["confirm"].as_str().unwrap();
        let longer = db.write(desk, change(1, Some(confirm))).await.unwrap();
        assert_eq!((longer.version, longer.displaced.len()), (2, 1));
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn an_edited_shift_shows_what_it_displaces() {
    for test in databases().await {
        let house = house(&test.db).await;
        let (db, desk, boss) = (&test.db, house.desk(), manager(&house));
        let anna = house.technicians[0];
        // It is noon in Moscow; the shift lasts until 20:00.
        let shift = give(&test, &house, anna, everyday("08:00", "20:00")).await.unwrap();
        let early = booked(&test, &house, &[anna], hour(1), ONE).await;
        let late = booked(&test, &house, &[anna], hour(6), TWO).await;
        let change = |version, confirm: Option<&str>| {
            let args = json!({ "week": everyday("08:00", "17:00"), "confirm": confirm });
            Change { id: shift.id, version, args: serde_json::from_value(args).unwrap() }
        };
        assert_eq!(db.write(desk, change(1, None)).await.unwrap_err().code(), Code::Forbidden);
        let refused = db.write(boss, change(1, None)).await.unwrap_err();
        assert_eq!(refused.code(), Code::DisplacesBookings);
        assert_eq!(refused.details()["displaces"][0]["ticket_id"], json!(late));
        let confirm = refused.details()["confirm"].as_str().unwrap().to_owned();
        let changed = db.write(boss, change(1, Some(&confirm))).await.unwrap();
        assert_eq!(changed.version, 2);
        assert_eq!(document(&db.reader(), &desk, late).await.unwrap().status, Status::Registered);
        assert_eq!(document(&db.reader(), &desk, early).await.unwrap().status, Status::Planned);
        // The same again displaces nothing, and is no change.
        assert_eq!(db.write(boss, change(2, None)).await.unwrap().version, 2);

        let exception = |kind: &str, confirm: Option<&str>| {
            let args = json!({
                "technician_id": anna, "date": "2026-03-02", "kind": kind, "reason": "Замена.", "confirm": confirm,
            });
            CreateException { args: serde_json::from_value(args).unwrap() }
        };
        let refused = db.write(desk, exception("removed", None)).await.unwrap_err();
        let confirm = refused.details()["confirm"].as_str().unwrap().to_owned();
        db.write(desk, exception("removed", Some(&confirm))).await.unwrap();
        assert_eq!(document(&db.reader(), &desk, early).await.unwrap().status, Status::Registered);
        assert_eq!(db.write(desk, exception("removed", None)).await.unwrap_err().code(), Code::AlreadyExists);
        let filter = json!({ "from": "2026-03-02", "to": "2026-03-03" });
        let filter: RosterFilter = serde_json::from_value(filter).unwrap();
        let own = house.technician(0);
        let roster =
            crate::shift::roster(&db.reader(), &own, &filter, &PageRequest::default()).await.unwrap();
        assert_eq!(roster.items.len(), 1);
        assert_eq!(roster.items[0].open.len(), 1, "the first day is taken away");
        // What was worked by is ended, not taken back; without a template nobody judges his times, so nothing is displaced
        // by taking back what was given by mistake.
        let refused = db.write(boss, Remove { id: shift.id, confirm: None }).await.unwrap_err();
        assert_eq!(refused.fields()[0].field, "valid_to");
        let args = json!({
            "technician_id": house.technicians[1], "valid_from": "2026-03-02", "week": everyday("08:00", "20:00"),
        });
        let create = crate::shift::Create { args: serde_json::from_value(args).unwrap() };
        let mistake = db.write(boss, create).await.unwrap();
        db.write(boss, Remove { id: mistake.id, confirm: None }).await.unwrap();
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn templates_of_one_technician_follow_each_other() {
    for test in databases().await {
        let house = house(&test.db).await;
        let anna = house.technicians[0];
        let shift = give(&test, &house, anna, everyday("08:00", "20:00")).await.unwrap();
        let refused = give(&test, &house, anna, everyday("08:00", "17:00")).await.unwrap_err();
        assert_eq!(refused.fields()[0].field, "valid_from");
        let args = serde_json::from_value(json!({ "valid_to": "2026-02-28" })).unwrap();
        let change = Change { id: shift.id, version: 1, args };
        let refused = test.db.write(manager(&house), change).await.unwrap_err();
        assert_eq!(refused.fields()[0].field, "valid_to");
        let first = crate::testing::house(&test.db).await;
        let foreign =
            give(&test, &house, first.technicians[0], everyday("08:00", "17:00")).await.unwrap_err();
        assert_eq!(foreign.code(), Code::NotFound);
        let args = json!({
            "technician_id": house.technicians[1], "date": "2026-03-02", "kind": "removed", "reason": "Замена.",
        });
        let dated = CreateException { args: serde_json::from_value(args).unwrap() };
        let refused = test.db.write(house.desk(), dated).await.unwrap_err();
        assert_eq!(refused.fields()[0].field, "technician_id");
        let berlin = |date: &str, from: &str, to: &str, next: bool| {
            let args = json!({
                "technician_id": anna, "date": date, "zone": "Europe/Berlin", "kind": "added", "reason": "Замена.",
                "windows": [{ "from": from, "to": to, "ends_next_day": next }],
            });
            CreateException { args: serde_json::from_value(args).unwrap() }
        };
        for (exception, field) in [
            (berlin("2026-10-24", "08:00", "08:00", true), "windows[0].to"),
            (berlin("2026-03-29", "02:10", "02:50", false), "windows[0]"),
        ] {
            let refused = test.db.write(house.desk(), exception).await.unwrap_err();
            assert_eq!(refused.fields()[0].field, field);
        }
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn no_word_about_health_stands_in_the_chain() {
    #[derive(sea_orm::FromQueryResult)]
    struct Told {
        bytes: Vec<u8>,
    }
    for test in databases().await {
        let house = house(&test.db).await;
        let ticket = register(&test, &house, ONE).await;
        test.db.write(house.desk(), plan(ticket, &house.technicians[..1], hour(1))).await.unwrap();
        test.db.write(house.desk(), away(house.technicians[0], None, hour(5))).await.unwrap();
        let sql = "SELECT bytes FROM event WHERE act = 'absence.record'";
        let told = test.db.reader().all::<Told>(sql, []).await.unwrap();
        assert_eq!(told.len(), 2, "on the chain of the technician and on that of the ticket");
        for event in told {
            let text = String::from_utf8(event.bytes).unwrap();
            for word in ["Грипп", "sick", ONE] {
                assert!(!text.contains(word), "{word} stands in {text}");
            }
        }
        let rows = rebooking::row::Entity::find().all(&test.db.reader()).await.unwrap();
        let visits: Vec<VisitId> = rows.iter().map(|row| row.visit_id).collect();
        assert_eq!(visits.len(), 1);
    }
}
