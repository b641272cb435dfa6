//! Stock adds up, through any sequence of movements and whoever moves at once.

use std::collections::BTreeMap;

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::{
    balances,
    movement::{MoveStock, MovementKind, NewMovement},
    place::{self, CreatePlace},
    verify,
};
use crate::{
    Code, Result, Scope,
    auth::Role,
    id::{MaterialId, PlaceId, TechnicianId, UserId, new_uuid},
    material::{
        Quantity, price,
        usage::{RemoveUsage, UseMaterial, UseMaterialArgs},
    },
    photo::fixture::House,
    text::{Line, Text},
    write::{Act, Tx},
};
use sea_orm::EntityTrait as _;

/// Says that stock of the pipe is kept.
#[derive(Debug)]
struct Keep(MaterialId);

impl Act for Keep {
    const NAME: &'static str = "test.keep";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let before = price::Entity::find_by_id(self.0).one(&tx.reader()).await?.unwrap();
        tx.update(&before, &price::Model { stocked: true, ..before.clone() }).await
    }
}

fn anna_id(house: &House) -> TechnicianId {
    house.anna.technician().unwrap()
}

/// A storeroom and Anna's van; stock of the pipe is kept.
async fn places(house: &House) -> (PlaceId, PlaceId) {
    house.db.write(Scope::system(house.owner), Keep(house.pipe)).await.unwrap();
    let open = async |name: &str, technician_id| {
        let args = CreatePlace { id: None, name: Line::parse(name).unwrap(), technician_id };
        house.db.write(house.desk, place::Create { args }).await.unwrap().id
    };
    (open("Склад", None).await, open("Машина Анны", Some(anna_id(house))).await)
}

fn movement(
    house: &House,
    kind: MovementKind,
    quantity: &str,
    from: Option<PlaceId>,
    to: Option<PlaceId>,
) -> NewMovement {
    NewMovement {
        id: None,
        kind,
        material_id: house.pipe,
        quantity: serde_json::from_value(quantity.into()).unwrap(),
        unit: None,
        from_place_id: from,
        to_place_id: to,
        reason: matches!(kind, MovementKind::WriteOff | MovementKind::Correct)
            .then(|| Text::parse("Пересчёт.").unwrap()),
    }
}

async fn put(house: &House, scope: Scope, args: NewMovement) -> Result<()> {
    house.db.write(scope, MoveStock { args }).await.map(drop)
}

async fn held(house: &House, place: PlaceId) -> String {
    let page =
        balances(&house.db.reader(), &house.desk, &Default::default(), &Default::default()).await.unwrap();
    page.items.iter().find(|line| line.place_id == place).map_or("0".to_owned(), |line| line.quantity.clone())
}

#[tokio::test]
async fn stock_goes_from_the_supplier_to_the_ticket_and_back() {
    for house in House::each().await {
        let (room, van) = places(&house).await;
        put(&house, house.desk, movement(&house, MovementKind::Receive, "10", None, Some(room)))
            .await
            .unwrap();
        // A technician loads his own van, and nobody else's room.
        put(&house, house.anna, movement(&house, MovementKind::Move, "4", Some(room), Some(van)))
            .await
            .unwrap();
        let stolen =
            put(&house, house.boris, movement(&house, MovementKind::Move, "1", Some(van), Some(room))).await;
        assert_eq!(stolen.unwrap_err().code(), Code::Forbidden);
        assert_eq!((held(&house, room).await, held(&house, van).await), ("6".to_owned(), "4".to_owned()));
        let too_much =
            put(&house, house.desk, movement(&house, MovementKind::WriteOff, "6.5", Some(room), None)).await;
        let refusal = too_much.unwrap_err();
        assert_eq!(refusal.code(), Code::StockShort);
        assert_eq!(refusal.details()["available"], "6");
        let quantity: Quantity = serde_json::from_value("1.5".into()).unwrap();
        let args = UseMaterialArgs {
            usage_id: None,
            material_id: house.pipe,
            quantity,
            visit_id: None,
            unit: None,
            place_id: None,
        };
        let used = house
            .db
            .write(house.anna, UseMaterial { ticket: house.ticket, args: args.clone(), decided: false })
            .await
            .unwrap();
        assert_eq!(held(&house, van).await, "2.5");
        // What has been used has been used: the van owes, and the desk is told.
        let more: Quantity = serde_json::from_value("4".into()).unwrap();
        let args = UseMaterialArgs { quantity: more, ..args };
        house
            .db
            .write(house.anna, UseMaterial { ticket: house.ticket, args: args.clone(), decided: false })
            .await
            .unwrap();
        assert_eq!(held(&house, van).await, "-1.5");
        let reader = house.db.reader();
        let alerts = crate::alert::list(&reader, &house.desk, &Default::default(), &Default::default()).await;
        assert!(alerts.unwrap().items.iter().any(|alert| alert.kind == "stock_short"));
        let gone = RemoveUsage { ticket: house.ticket, usage: used.line.id };
        house.db.write(house.anna, gone).await.unwrap();
        assert_eq!(held(&house, van).await, "0");
        // A unit that is not the material's, and what cannot be.
        let wrong = UseMaterialArgs { unit: Some(Line::parse("кг").unwrap()), ..args };
        let wrong = house
            .db
            .write(house.anna, UseMaterial { ticket: house.ticket, args: wrong, decided: false })
            .await;
        assert_eq!(wrong.unwrap_err().fields()[0].field, "unit");
        for (kind, from, to) in [
            (MovementKind::Receive, Some(room), None),
            (MovementKind::Move, Some(room), Some(room)),
            (MovementKind::WriteOff, None, Some(room)),
            (MovementKind::Correct, Some(room), Some(van)),
            (MovementKind::Use, Some(room), None),
        ] {
            let refused = put(&house, house.desk, movement(&house, kind, "1", from, to)).await.unwrap_err();
            assert_eq!(refused.code(), Code::InvalidField, "{kind:?}");
        }
        let hidden =
            put(&house, house.strange_desk, movement(&house, MovementKind::Receive, "1", None, Some(room)))
                .await;
        assert_eq!(hidden.unwrap_err().code(), Code::NotFound);
        assert_eq!(verify(&house.db).await.unwrap(), []);
        house.verify().await;
    }
}

#[tokio::test]
async fn many_takers_of_the_last_piece_share_what_there_is() {
    for house in House::each().await {
        let (room, van) = places(&house).await;
        put(&house, house.desk, movement(&house, MovementKind::Receive, "5", None, Some(room)))
            .await
            .unwrap();
        let takers = (0..16).map(|at| {
            // Half of them in the opposite direction: nobody waits in a circle.
            let (from, to) = if at % 4 == 3 { (van, room) } else { (room, van) };
            put(&house, house.desk, movement(&house, MovementKind::Move, "1", Some(from), Some(to)))
        });
        let outcomes = futures_util::future::join_all(takers).await;
        for refusal in outcomes.into_iter().filter_map(Result::err) {
            assert_eq!(refusal.code(), Code::StockShort);
        }
        let sum: f64 = held(&house, room).await.parse::<f64>().unwrap()
            + held(&house, van).await.parse::<f64>().unwrap();
        assert_eq!(sum, 5.0);
        assert!(!held(&house, room).await.starts_with('-') && !held(&house, van).await.starts_with('-'));
        assert_eq!(verify(&house.db).await.unwrap(), []);
        house.verify().await;
    }
}

/// Any sequence of movements gives what a plain model says, refusals included.
#[tokio::test(flavor = "multi_thread")]
async fn any_sequence_adds_up() {
    for house in House::each().await {
        let (room, van) = places(&house).await;
        let steps = prop::collection::vec((0..4_u8, any::<bool>(), 1..5_000_i64), 1..25);
        let mut model: BTreeMap<PlaceId, i64> = BTreeMap::from([(room, 0), (van, 0)]);
        let mut runner =
            TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
        let (house, handle) = (&house, tokio::runtime::Handle::current());
        let state = std::cell::RefCell::new(&mut model);
        runner
            .run(&steps, |steps| {
                for (kind, first, milli) in steps {
                    let (here, there) = if first { (room, van) } else { (van, room) };
                    let (kind, from, to) = match kind {
                        0 => (MovementKind::Receive, None, Some(here)),
                        1 => (MovementKind::Move, Some(here), Some(there)),
                        2 => (MovementKind::WriteOff, Some(here), None),
                        _ => (MovementKind::Correct, Some(here), None),
                    };
                    let mut args = movement(house, kind, "1", from, to);
                    args.quantity = Quantity::from_milli(milli).unwrap();
                    let outcome =
                        tokio::task::block_in_place(|| handle.block_on(put(house, house.desk, args)));
                    let mut model = state.borrow_mut();
                    let enough = from.is_none_or(|place| model[&place] >= milli);
                    prop_assert_eq!(outcome.is_ok(), enough);
                    if enough {
                        from.into_iter().for_each(|place| *model.get_mut(&place).unwrap() -= milli);
                        to.into_iter().for_each(|place| *model.get_mut(&place).unwrap() += milli);
                    }
                }
                let findings = tokio::task::block_in_place(|| handle.block_on(verify(&house.db))).unwrap();
                prop_assert_eq!(findings, []);
                Ok(())
            })
            .unwrap();
        for (place, milli) in &model {
            let told: f64 = held(house, *place).await.parse().unwrap();
            assert_eq!((told * 1000.0).round() as i64, *milli);
        }
    }
}

#[tokio::test]
async fn a_place_that_holds_something_stays() {
    use super::place::{Change, PatchPlace};
    use crate::page::Patch;
    for house in House::each().await {
        let (room, _) = places(&house).await;
        put(&house, house.desk, movement(&house, MovementKind::Receive, "1", None, Some(room)))
            .await
            .unwrap();
        let close = |version| Change {
            id: room,
            version,
            args: PatchPlace { active: Patch::Set(false), ..Default::default() },
        };
        let refused = house.db.write(house.desk, close(1)).await.unwrap_err();
        assert_eq!(refused.fields()[0].field, "active");
        put(&house, house.desk, movement(&house, MovementKind::WriteOff, "1", Some(room), None))
            .await
            .unwrap();
        assert!(!house.db.write(house.desk, close(1)).await.unwrap().active);
        let late =
            put(&house, house.desk, movement(&house, MovementKind::Receive, "1", None, Some(room))).await;
        assert_eq!(late.unwrap_err().code(), Code::IllegalMove);
        let second =
            CreatePlace {
                id: None, name: Line::parse("Ещё").unwrap(), technician_id: Some(anna_id(&house))
            };
        let second = house.db.write(house.desk, place::Create { args: second }).await.unwrap_err();
        assert_eq!(second.code(), Code::AlreadyExists);
        let role = Scope::staff(house.owner, UserId(new_uuid(&house.clock)), Role::Integration);
        let refused = put(&house, role, movement(&house, MovementKind::Receive, "1", None, Some(room))).await;
        assert_eq!(refused.unwrap_err().code(), Code::Forbidden);
    }
}
