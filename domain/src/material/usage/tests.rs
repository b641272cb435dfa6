//! Stories of used materials.

use serde_json::json;

use super::*;
use crate::{
    Code, Result, Scope,
    auth::Role,
    id::{UserId, new_uuid},
    photo::fixture::House,
    testing::noon,
    ticket::{Executor, Status, row::Model as Ticket},
    write::{Act, Tx},
};

async fn enter(house: &House, scope: Scope, args: &UseMaterialArgs) -> Result<Model> {
    let act = UseMaterial { ticket: house.ticket, args: args.clone(), decided: false };
    house.db.write(scope, act).await.map(|used| used.line)
}

fn pipe(house: &House, quantity: &str) -> UseMaterialArgs {
    let quantity = quantity.parse().unwrap();
    UseMaterialArgs {
        usage_id: None,
        material_id: house.pipe,
        quantity,
        visit_id: None,
        unit: None,
        place_id: None,
    }
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> Code {
    result.unwrap_err().code()
}

/// The price list changes.
struct Reprice(crate::id::MaterialId, i64);

impl Act for Reprice {
    const NAME: &'static str = "test.reprice";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        use crate::material::price::Entity;
        let before = Entity::find_by_id(self.0).one(&tx.reader()).await?.unwrap();
        let mut after = before.clone();
        (after.price_minor, after.name, after.active) = (self.1, "Труба 25 мм".to_owned(), false);
        tx.update(&before, &after).await
    }
}

#[tokio::test]
async fn a_line_keeps_the_price_it_was_entered_with() {
    for house in House::each().await {
        let args = UseMaterialArgs { visit_id: Some(house.visit), ..pipe(&house, "1.5") };
        let first = enter(&house, house.anna, &args).await.unwrap();
        house.db.write(Scope::system(house.owner), Reprice(house.pipe, 20_000)).await.unwrap();
        house.clock.advance(chrono::TimeDelta::minutes(1));
        enter(&house, house.desk, &pipe(&house, "2")).await.unwrap();
        let lines = of_ticket(&house.db.reader(), house.ticket).await.unwrap();
        assert_eq!(
            serde_json::to_value(&lines[0]).unwrap(),
            json!({
                "id": first.id, "material_id": house.pipe, "visit_id": house.visit, "name": "Труба 20 мм", "unit": "м",
                "quantity": "1.5", "price_minor": 12_345, "total_minor": 18_518, "used_at": noon(),
            })
        );
        assert_eq!((lines[1].name.as_str(), lines[1].total_minor), ("Труба 25 мм", 40_000));
        assert_eq!(super::lines(&house.db.reader(), house.ticket).await.unwrap(), 2);
        house.verify().await;
    }
}

#[tokio::test]
async fn the_same_line_again_is_the_same_line() {
    for house in House::each().await {
        let usage_id = Some(UsageId(new_uuid(&house.clock)));
        let args = UseMaterialArgs { usage_id, ..pipe(&house, "1.5") };
        let first = enter(&house, house.anna, &args).await.unwrap();
        assert_eq!(enter(&house, house.anna, &args).await.unwrap(), first);
        let other = UseMaterialArgs { usage_id, ..pipe(&house, "1.6") };
        assert_eq!(code(enter(&house, house.anna, &other).await), Code::AlreadyExists);
        let old = UseMaterialArgs { usage_id: Some(UsageId(Uuid::from_u128(1))), ..pipe(&house, "1") };
        assert_eq!(enter(&house, house.anna, &old).await.unwrap_err().fields()[0].field, "usage_id");
        assert_eq!(lines(&house.db.reader(), house.ticket).await.unwrap(), 1);
        house.verify().await;
    }
}

#[tokio::test]
async fn the_crew_and_the_desk_write_it_down_and_nobody_else() {
    for house in House::each().await {
        let args = pipe(&house, "1");
        let line = enter(&house, house.anna, &args).await.unwrap();
        enter(&house, house.desk, &args).await.unwrap();
        let machine = Scope::staff(house.owner, UserId(Uuid::nil()), Role::Integration);
        for (scope, refusal) in [
            (house.boris, Code::NotFound),
            (house.neighbour, Code::NotFound),
            (house.strange_desk, Code::NotFound),
            (house.resident, Code::Forbidden),
            (machine, Code::Forbidden),
        ] {
            assert_eq!(code(enter(&house, scope, &args).await), refusal);
            let remove = RemoveUsage { ticket: house.ticket, usage: line.id };
            assert_eq!(code(house.db.write(scope, remove).await), refusal);
        }
        house.verify().await;
    }
}

#[tokio::test]
async fn prices_are_of_the_owner_or_of_the_executor() {
    for house in House::each().await {
        let strange = UseMaterialArgs { material_id: house.strange_pipe, ..pipe(&house, "1") };
        assert_eq!(code(enter(&house, house.anna, &strange).await), Code::NotFound);
        house
            .edit(|ticket, stranger| ticket.set_executor(Executor::Contractor { organization_id: stranger }))
            .await;
        enter(&house, house.strange_desk, &strange).await.unwrap();
        enter(&house, house.strange_desk, &pipe(&house, "1")).await.unwrap();
        house.verify().await;
    }
}

#[tokio::test]
async fn materials_change_while_the_ticket_is_worked_on() {
    for house in House::each().await {
        type Edit = fn(&mut Ticket, OrganizationId);
        let states: [(Edit, bool); 7] = [
            (|ticket, _| ticket.status = Status::Registered, true),
            (|ticket, _| ticket.status = Status::Planned, true),
            (|ticket, _| ticket.status = Status::InProgress, true),
            (|ticket, _| ticket.status = Status::Completed, true),
            (|ticket, _| ticket.status = Status::OnHold, false),
            (|ticket, _| ticket.status = Status::Closed, false),
            (|ticket, _| ticket.status = Status::Cancelled, false),
        ];
        let spare = enter(&house, house.desk, &pipe(&house, "1")).await.unwrap();
        for (edit, open) in states {
            house.edit(edit).await;
            let entered = enter(&house, house.desk, &pipe(&house, "1")).await;
            let usage = entered.as_ref().map_or(spare.id, |line| line.id);
            let removed = house.db.write(house.desk, RemoveUsage { ticket: house.ticket, usage }).await;
            if open {
                removed.unwrap();
            } else {
                assert_eq!((code(entered), code(removed)), (Code::IllegalMove, Code::IllegalMove));
            }
        }
        assert_eq!(of_ticket(&house.db.reader(), house.ticket).await.unwrap().len(), 1);
        house.verify().await;
    }
}

#[tokio::test]
async fn a_line_is_taken_off_once() {
    for house in House::each().await {
        let line = enter(&house, house.anna, &pipe(&house, "1")).await.unwrap();
        let remove = RemoveUsage { ticket: house.ticket, usage: line.id };
        house.db.write(house.anna, remove).await.unwrap();
        assert_eq!(code(house.db.write(house.anna, remove).await), Code::NotFound);
        assert_eq!(lines(&house.db.reader(), house.ticket).await.unwrap(), 0);
        house.verify().await;
    }
}

#[tokio::test]
async fn what_is_not_acceptable_is_named() {
    for house in House::each().await {
        let elsewhere =
            UseMaterialArgs { visit_id: Some(VisitId(new_uuid(&house.clock))), ..pipe(&house, "1") };
        assert_eq!(code(enter(&house, house.anna, &elsewhere).await), Code::NotFound);
        house.db.write(Scope::system(house.owner), Reprice(house.pipe, i64::MAX)).await.unwrap();
        let refusal = enter(&house, house.anna, &pipe(&house, "1.001")).await.unwrap_err();
        assert_eq!(refusal.fields()[0].field, "quantity");
        house.verify().await;
    }
}
