//! Offers, on both databases.

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::*;
use crate::{
    Code, Scope, alert,
    auth::Role,
    deadline::{DeadlineKind, DeadlineState},
    id::TicketId,
    people::organization::{OrganizationKind, store as organizations},
    place::Zone,
    testing::{House, TestDb, assert_sound, databases, house},
    text::Text,
    ticket::{self, ChooseExecutor, Executor, Register, SetExecutor, Why},
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

async fn offered(test: &TestDb, pair: &Pair) -> TicketId {
    let args = serde_json::json!({
        "request_type_id": pair.ours.kind, "premises_id": pair.ours.premises, "description": "Запах.",
    });
    let register = Register { args: serde_json::from_value(args).unwrap() };
    let ticket = test.db.write(pair.ours.desk(), register).await.unwrap();
    let executor = Executor::Contractor { organization_id: pair.theirs.organization() };
    let act = SetExecutor { ticket, args: ChooseExecutor { executor } };
    test.db.write(pair.ours.desk(), act).await.unwrap()
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
        let why = Why { reason: Text::parse("Нет людей.").unwrap() };
        db.write(theirs, Decline { ticket: refused, args: why }).await.unwrap();
        assert_eq!(state(&test, &pair, refused).await, (HandoverState::Declined, Executor::Nobody));
        test.clock.set(offer.answer_by);
        db.write(theirs, Accept { ticket: in_time }).await.unwrap();
        test.clock.advance(TimeDelta::seconds(1));
        let refusal = db.write(theirs, Accept { ticket: late }).await.unwrap_err();
        assert_eq!(refusal.code(), Code::HandoverClosed);
        let system = Scope::system(pair.ours.organization);
        for ticket in [late, in_time] {
            db.write(system, Expire { handover: offer.id, ticket }).await.unwrap();
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
