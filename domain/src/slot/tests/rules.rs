//! The rules one by one.

use chrono::TimeDelta;
use serde_json::json;

use super::{super::*, *};
use crate::{
    Code,
    id::{BuildingId, VisitId},
    people::locale::Locale,
    slot::hold::{HoldSlot, HoldToken, Keep, Release},
    testing::{assert_sound, databases, house},
    visit::{MoveTo, Window},
};

#[tokio::test]
async fn the_reserve_is_for_emergencies_and_the_shift_for_everybody() {
    for test in databases().await {
        let house = house(&test.db).await;
        let anna = house.technicians[0];
        // Noon to six; from three to four it is kept for emergencies.
        give(&test, &house, &[anna], shift("12:00", "18:00", Some(("15:00", "16:00")))).await;
        let routine = register(&test, &house, json!({})).await;
        let emergency = register(&test, &house, json!({ "emergency": true })).await;
        let today = json!({ "ticket_id": routine, "to": hour(8), "technicians": [anna], "limit": 50 });
        let found = find(&test, &house, today).await.unwrap();
        let starts: Vec<i64> = found.slots.iter().map(|slot| (slot.start - hour(0)).num_minutes()).collect();
        // Half-hours that end before three or begin at four.
        let mut sorted = starts.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 30, 60, 90, 120, 240, 270, 300]);
        assert!(
            found.slots.iter().all(|slot| slot.technicians == [anna]),
            "nobody without a schedule is offered"
        );
        let first = &found.slots[0];
        assert!(first.in_term && first.say.contains("Анна Петрова"), "{first:?}");
        let refused = plan(&test, &house, routine, anna, hour(3), json!({})).await.unwrap_err();
        assert_eq!(refused.code(), Code::SlotUnavailable);
        assert_eq!(refused.details()["reasons"][0]["code"], "reserve");
        assert_eq!(refused.details()["nearest"]["start"], json!(hour(4)));
        // Its end lies outside the shift.
        let late = hour(5) + TimeDelta::minutes(30);
        let refused = plan(&test, &house, routine, anna, late, json!({})).await.unwrap_err();
        assert_eq!(refused.details()["reasons"][0]["code"], "shift");
        let beyond = hour(24 * 15);
        let refused = plan(&test, &house, routine, anna, beyond, json!({})).await.unwrap_err();
        assert_eq!(refused.details()["reasons"][0]["code"], "horizon");
        // The dispatcher answers for it.
        let reason = json!({ "override_reason": "Согласовано с мастером." });
        let planned = plan(&test, &house, routine, anna, late, reason).await.unwrap();
        assert_eq!(planned.visits[0].override_reason.as_deref(), Some("Согласовано с мастером."));
        plan(&test, &house, emergency, anna, hour(3), json!({})).await.unwrap();
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn the_same_building_comes_before_a_distant_one() {
    for test in databases().await {
        let house = house(&test.db).await;
        give(&test, &house, &house.technicians, shift("09:00", "18:00", None)).await;
        let far = BuildingId::new(test.db.clock().as_ref());
        let build = Build(house.clone(), far, 10_000);
        test.db.write(Scope::system(house.organization), build).await.unwrap();
        let (anna, boris) = (house.technicians[0], house.technicians[1]);
        let here = register(&test, &house, json!({})).await;
        let there = register(&test, &house, json!({ "premises_id": null, "building_id": far })).await;
        plan(&test, &house, here, anna, hour(2), json!({})).await.unwrap();
        plan(&test, &house, there, boris, hour(2), json!({})).await.unwrap();
        let third = register(&test, &house, json!({})).await;
        let args = json!({ "ticket_id": third, "from": hour(3), "to": hour(6) });
        let found = find(&test, &house, args).await.unwrap();
        let best = &found.slots[0];
        assert_eq!((best.technicians[0], best.start), (anna, hour(3)));
        let words: Vec<&str> = best.reasons.iter().map(|reason| reason.text.as_str()).collect();
        assert!(words.contains(&"в 14:00 он в этом же доме"), "{words:?}");
        let other = found.slots.iter().find(|slot| slot.technicians == [boris]).unwrap();
        let way = other.reasons.iter().find(|reason| reason.code == ReasonCode::Distance).unwrap();
        // A tenth of a degree is eleven kilometres.
        assert_eq!(way.text, "11,1 км от соседнего адреса, около 34 мин");
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn wishes_and_terms_rank_and_the_horizon_ends_the_search() {
    for test in databases().await {
        let house = house(&test.db).await;
        give(&test, &house, &house.technicians, shift("09:00", "18:00", None)).await;
        let wished = json!({ "wished": { "start": hour(26), "end": hour(28) } });
        let ticket = register(&test, &house, wished).await;
        let found = find(&test, &house, json!({ "ticket_id": ticket, "crew": 2 })).await.unwrap();
        let best = &found.slots[0];
        assert_eq!(best.technicians.len(), 2);
        assert!(best.start >= hour(26) && best.start < hour(28), "{best:?}");
        let codes: Vec<ReasonCode> = best.reasons.iter().map(|reason| reason.code).collect();
        assert!(codes.contains(&ReasonCode::InWished), "{codes:?}");
        for (args, field) in [
            (json!({ "ticket_id": ticket, "to": hour(24 * 15) }), "to"),
            (json!({ "ticket_id": ticket, "from": hour(24 * 15) }), "from"),
            (json!({ "ticket_id": ticket, "from": hour(5), "to": hour(4) }), "to"),
            (json!({ "ticket_id": ticket, "limit": 0 }), "limit"),
            (json!({ "ticket_id": ticket, "crew": 11 }), "crew"),
            (json!({ "ticket_id": ticket, "duration_minutes": 0 }), "duration_minutes"),
        ] {
            let refused = find(&test, &house, args).await.unwrap_err();
            assert_eq!((refused.code(), refused.fields()[0].field.as_str()), (Code::InvalidField, field));
        }
        let args: SearchSlots = serde_json::from_value(json!({ "ticket_id": ticket })).unwrap();
        let (reader, now) = (test.db.reader(), test.db.clock().now());
        let refused = search(&reader, &house.technician(0), now, &args, Locale::Ru).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound, "he has no visit of it");
    }
}

#[tokio::test]
async fn a_move_inside_the_promise_is_silent_and_one_outside_is_told() {
    for test in databases().await {
        let house = house(&test.db).await;
        let anna = house.technicians[0];
        let ticket = register(&test, &house, json!({ "applicant_phone": "8 (912) 345-67-89" })).await;
        let window = Window::Promised { start: hour(1), end: hour(4) };
        let planned = plan(&test, &house, ticket, anna, hour(1), json!({ "window": window })).await.unwrap();
        let visit = planned.visits[0].id;
        let move_to = |start: Time| {
            let args = json!({ "start": start, "end": start + TimeDelta::hours(1) });
            MoveTo { visit, args: serde_json::from_value(args).unwrap() }
        };
        test.db.write(house.desk(), move_to(hour(3))).await.unwrap();
        assert_eq!(notices(&test).await, 0);
        test.clock.advance(TimeDelta::minutes(1));
        test.db.write(house.desk(), move_to(hour(6))).await.unwrap();
        assert_eq!(notices(&test).await, 1);
        let told = ticket::document(&test.db.reader(), &house.desk(), ticket).await.unwrap();
        assert_eq!(told.visits[0].window, Window::Promised { start: hour(6), end: hour(7) });
        let history: Vec<bool> = told.visits[0].reschedules.iter().map(|moved| moved.told).collect();
        assert_eq!(history, [false, true]);
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn an_absence_takes_a_hold_away() {
    for test in databases().await {
        let house = house(&test.db).await;
        let anna = house.technicians[0];
        let ticket = register(&test, &house, json!({})).await;
        let args = json!({ "ticket_id": ticket, "technicians": [anna], "start": hour(1), "end": hour(2) });
        let args: HoldSlot = serde_json::from_value(args).unwrap();
        let kept = test.db.write(house.desk(), Keep { args, locale: Locale::Ru }).await.unwrap();
        let away = json!({ "technician_id": anna, "kind": "sick", "end": hour(3) });
        let away = crate::shift::Record { args: serde_json::from_value(away).unwrap() };
        test.db.write(house.desk(), away).await.unwrap();
        let args: PlanVisit = serde_json::from_value(json!({ "hold_token": kept.hold_token })).unwrap();
        let refused = test.db.write(house.desk(), Plan { ticket, args }).await.unwrap_err();
        assert_eq!(refused.code(), Code::HoldExpired);
        let release = Release { args: HoldToken { hold_token: kept.hold_token } };
        test.db.write(house.desk(), release).await.unwrap();
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn an_emergency_takes_the_least_harmful_time() {
    for test in databases().await {
        let house = house(&test.db).await;
        let (anna, boris) = (house.technicians[0], house.technicians[1]);
        give(&test, &house, &house.technicians, shift("12:00", "18:00", None)).await;
        // Both are booked for the next hours; what Boris does can move within its promise.
        let mut fixed = Vec::new();
        for n in 0..4 {
            let ticket =
                register(&test, &house, json!({ "applicant_phone": format!("8912000000{n}") })).await;
            fixed.push(plan(&test, &house, ticket, anna, hour(n), json!({})).await.unwrap());
        }
        let mut loose = Vec::new();
        for n in 0..4 {
            let ticket =
                register(&test, &house, json!({ "applicant_phone": format!("8912000001{n}") })).await;
            let window = Window::Promised { start: hour(0), end: hour(6) };
            let more = json!({ "window": window });
            loose.push(plan(&test, &house, ticket, boris, hour(n), more).await.unwrap());
        }
        let emergency = register(&test, &house, json!({ "emergency": true })).await;
        let args = FindDisplacement { ticket_id: emergency, by: None, duration_minutes: None };
        let now = test.db.clock().now();
        let ask =
            async || displacement(&test.db.reader(), &house.desk(), now, &args, Locale::Ru).await.unwrap();
        let proposal = ask().await;
        assert_eq!(proposal.kind, DisplacementKind::Displacement);
        assert_eq!((proposal.told, proposal.rebooked, proposal.moves.len()), (0, 0, 1), "{proposal:?}");
        assert_eq!(proposal.slot.as_ref().unwrap().technicians, [boris]);
        let confirm = proposal.confirm.unwrap();
        let displace = |args: ApplyDisplacement| Displace { args };
        // What does not stand in the way gives way to nothing.
        let idle = fixed[3].visits[0].clone();
        let mut greedy = confirm.clone();
        greedy.moves.push(crate::slot::PlannedMove { visit_id: idle.id, version: idle.version, to: None });
        let refused = test.db.write(house.desk(), displace(greedy)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidField);
        // Somebody moves that visit meanwhile: nothing is done, and a new proposal comes back.
        let moved = proposal.moves[0].visit_id;
        let elsewhere = json!({ "start": hour(4), "end": hour(5) });
        let elsewhere = MoveTo { visit: moved, args: serde_json::from_value(elsewhere).unwrap() };
        test.db.write(house.desk(), elsewhere).await.unwrap();
        let refused = test.db.write(house.desk(), displace(confirm)).await.unwrap_err();
        assert_eq!(refused.code(), Code::ProposalStale);
        let fresh = ask().await.confirm.unwrap();
        test.db.write(house.desk(), displace(fresh)).await.unwrap();
        let booked = ticket::document(&test.db.reader(), &house.desk(), emergency).await.unwrap();
        assert!(booked.visits[0].planned_start <= hour(2), "{booked:?}");
        assert_eq!(notices(&test).await, 0, "nobody's promise is broken");
        for before in fixed.iter().chain(&loose) {
            let after = ticket::document(&test.db.reader(), &house.desk(), before.id).await.unwrap();
            assert!(after.visits.iter().any(|visit| visit.status.is_open()), "nobody is lost");
        }
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn an_overrun_is_seen_and_what_waits_behind_it_is_moved() {
    use crate::{
        Scope, alert,
        ticket::At,
        visit::{Overrun, Start},
    };
    for test in databases().await {
        let house = house(&test.db).await;
        let anna = house.technicians[0];
        give(&test, &house, &house.technicians, shift("12:00", "20:00", None)).await;
        let alarms = async || {
            let asked = Default::default();
            let page =
                alert::list(&test.db.reader(), &house.desk(), &asked, &Default::default()).await.unwrap();
            page.items
                .iter()
                .filter(|one| one.kind == "visit_overrun")
                .map(|one| one.ticket_id)
                .collect::<Vec<_>>()
        };
        let first = register(&test, &house, json!({})).await;
        let first = plan(&test, &house, first, anna, hour(1), json!({})).await.unwrap();
        let second = register(&test, &house, json!({ "applicant_phone": "89120000001" })).await;
        let second = plan(&test, &house, second, anna, hour(2), json!({})).await.unwrap();
        test.clock.set(hour(1));
        let at = At { occurred_at: None };
        test.db.write(house.technician(0), Start { visit: first.visits[0].id, args: at }).await.unwrap();
        let look = Overrun { visit: first.visits[0].id, ticket: first.id, end: None };
        test.clock.set(hour(2) - TimeDelta::seconds(1));
        test.db.write(Scope::system(house.organization), look).await.unwrap();
        assert_eq!(alarms().await, [], "the planned end is not over");
        test.clock.set(hour(2));
        let begun = second.visits[0].id;
        // The look that was made for a later end, before the visit was moved here, comes too late to say anything.
        let late = Overrun { end: Some(hour(3)), ..look };
        test.db.write(Scope::system(house.organization), late).await.unwrap();
        assert_eq!(alarms().await, [], "the look at the new end says it");
        for look in [look, Overrun { visit: begun, ticket: second.id, end: Some(hour(3)) }] {
            test.db.write(Scope::system(house.organization), look).await.unwrap();
        }
        assert_eq!(alarms().await, [Some(first.id)], "a visit that has not begun is no overrun");
        test.clock.set(hour(2) + TimeDelta::minutes(10));
        let now = test.db.clock().now();
        let find = FindRepair::default();
        let proposal = repair(&test.db.reader(), &house.desk(), now, &find, Locale::Ru).await.unwrap();
        let behind: Vec<VisitId> = proposal.overruns[0].behind.clone();
        assert_eq!(behind, [second.visits[0].id]);
        assert_eq!(proposal.overruns[0].late_by_s, 600);
        assert_eq!(proposal.moves.len(), 1);
        let apply = Repair { args: proposal.confirm.unwrap() };
        let done = test.db.write(house.desk(), apply).await.unwrap();
        // She comes within what was promised, when the first is expected to end: nobody has to be told.
        assert_eq!((done.tickets.len(), done.told), (1, 0));
        let after = ticket::document(&test.db.reader(), &house.desk(), second.id).await.unwrap();
        let visit = &after.visits[0];
        assert!(visit.planned_start > now, "{visit:?}");
        assert_eq!(visit.crew[0].technician_id, anna);
        assert!(visit.planned_start >= now + TimeDelta::minutes(30));
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn a_repair_asks_nobody_who_was_let_go_and_finds_what_was_missed_long_ago() {
    use crate::{auth::Role, people::user::store::Change};
    for test in databases().await {
        let house = house(&test.db).await;
        let [anna, boris] = house.technicians[..] else { panic!("two technicians") };
        give(&test, &house, &house.technicians, shift("09:00", "20:00", None)).await;
        let left = register(&test, &house, json!({})).await;
        plan(&test, &house, left, anna, hour(3), json!({})).await.unwrap();
        let missed = register(&test, &house, json!({})).await;
        plan(&test, &house, missed, boris, hour(1), json!({})).await.unwrap();
        let admin = Scope::staff(house.organization, house.dispatcher, Role::Admin);
        let args = serde_json::from_value(json!({ "active": false })).unwrap();
        let goes = Change { id: crate::id::UserId(anna.0), version: 1, args };
        test.db.write(admin, goes).await.unwrap();
        test.clock.set(hour(22));
        let now = test.db.clock().now();
        let find = FindRepair::default();
        let proposal = repair(&test.db.reader(), &house.desk(), now, &find, Locale::Ru).await.unwrap();
        let booked: Vec<_> =
            proposal.bookings.iter().map(|one| (one.ticket_id, &one.to.technicians)).collect();
        assert_eq!(booked, [(left, &vec![boris])]);
        let moved: Vec<_> = proposal.moves.iter().map(|one| one.ticket_id).collect();
        assert_eq!(moved, [missed], "twenty hours ago");
        test.db.write(house.desk(), Repair { args: proposal.confirm.unwrap() }).await.unwrap();
        for ticket in [left, missed] {
            let booked = ticket::document(&test.db.reader(), &house.desk(), ticket).await.unwrap();
            let open = booked.visits.iter().find(|visit| visit.status.is_open()).unwrap();
            assert_eq!(open.crew[0].technician_id, boris);
            assert!(open.planned_start >= now);
        }
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn whoever_is_late_is_not_given_more() {
    use crate::{
        ticket::At,
        visit::{EnRoute, Start},
    };
    for test in databases().await {
        let house = house(&test.db).await;
        let [anna, boris] = house.technicians[..] else { panic!("two technicians") };
        give(&test, &house, &house.technicians, shift("09:00", "20:00", None)).await;
        let book = async |crew: &[TechnicianId], from: i64, to: i64| {
            let ticket = register(&test, &house, json!({})).await;
            let minute = |n: i64| hour(0) + TimeDelta::minutes(n);
            let window = Window::Promised { start: minute(from), end: minute(from + 60) };
            let args = json!({
                "technicians": crew, "start": minute(from), "end": minute(to), "window": window,
            });
            let args: PlanVisit = serde_json::from_value(args).unwrap();
            test.db.write(house.desk(), Plan { ticket, args }).await.unwrap();
            ticket::document(&test.db.reader(), &house.desk(), ticket).await.unwrap()
        };
        // Both are at work until half past; Boris is on his way to the next already, Anna has one behind.
        let long = book(&[anna, boris], 0, 30).await;
        let next = book(&[boris], 31, 150).await;
        let behind = book(&[anna], 40, 70).await;
        book(&[anna], 70, 470).await;
        let at = At { occurred_at: None };
        test.clock.set(hour(0) + TimeDelta::minutes(1));
        test.db.write(house.technician(0), Start { visit: long.visits[0].id, args: at }).await.unwrap();
        test.clock.set(hour(0) + TimeDelta::minutes(32));
        test.db.write(house.technician(1), EnRoute { visit: next.visits[0].id, args: at }).await.unwrap();
        let now = test.db.clock().now();
        let find = FindRepair { technician_id: None, until: Some(hour(8)) };
        let proposal = repair(&test.db.reader(), &house.desk(), now, &find, Locale::Ru).await.unwrap();
        let moved: Vec<_> = proposal.moves.iter().map(|one| one.ticket_id).collect();
        assert_eq!(moved, [behind.id]);
        let to = proposal.moves[0].to.as_ref().unwrap();
        let free = to.technicians == [anna] || to.start >= hour(0) + TimeDelta::minutes(150);
        assert!(free, "Boris is busy until half past two: {to:?}");
        test.db.write(house.desk(), Repair { args: proposal.confirm.unwrap() }).await.unwrap();
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn another_crew_is_another_version_and_keeps_each_promise() {
    for test in databases().await {
        let house = house(&test.db).await;
        let [anna, boris] = house.technicians[..] else { panic!("two technicians") };
        let one = register(&test, &house, json!({ "applicant_phone": "89120000001" })).await;
        let one =
            plan(&test, &house, one, anna, hour(1), json!({ "window": { "kind": "none" } })).await.unwrap();
        let other = register(&test, &house, json!({ "applicant_phone": "89120000002" })).await;
        let other = plan(&test, &house, other, boris, hour(4), json!({})).await.unwrap();
        let (first, second) = (&one.visits[0], &other.visits[0]);
        let args = json!({ "with": second.id, "what": "technicians", "version": first.version });
        let args: SwapVisits = serde_json::from_value(args).unwrap();
        let swap = Swap { visit: first.id, args };
        test.db.write(house.desk(), swap.clone()).await.unwrap();
        let now = async |ticket| {
            ticket::document(&test.db.reader(), &house.desk(), ticket).await.unwrap().visits[0].clone()
        };
        let (after, beside) = (now(one.id).await, now(other.id).await);
        assert_eq!((after.window, beside.window), (first.window, second.window));
        assert_eq!(after.crew[0].technician_id, boris);
        assert!(after.version > first.version && beside.version > second.version);
        // Whoever was promised a visit of somebody else is told; whoever was told nothing is not.
        assert_eq!(notices(&test).await, 1);
        let refused = test.db.write(house.desk(), swap).await.unwrap_err();
        assert_eq!(refused.code(), Code::VersionStale);
        let stale = json!({ "start": hour(6), "end": hour(7), "version": first.version });
        let stale = MoveTo { visit: first.id, args: serde_json::from_value(stale).unwrap() };
        assert_eq!(test.db.write(house.desk(), stale).await.unwrap_err().code(), Code::VersionStale);
        // A promised visit that the desk calls off is told of.
        let off = crate::visit::Cancel { visit: second.id, args: Default::default() };
        test.db.write(house.desk(), off).await.unwrap();
        assert_eq!(notices(&test).await, 2);
        assert_sound(&test.db).await;
    }
}

async fn notices(test: &TestDb) -> i64 {
    #[derive(sea_orm::FromQueryResult)]
    struct Count {
        n: i64,
    }
    let sql = "SELECT count(*) AS n FROM notification
               WHERE kind IN ('booking_lost', 'booking_moved', 'crew_changed', 'booking_cancelled')";
    test.db.reader().one::<Count>(sql, []).await.unwrap().unwrap().n
}
