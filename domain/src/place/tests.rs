//! Buildings and premises, on both databases.

use serde_json::json;

use super::{building, premises};
use crate::{
    Code, Scope,
    db::Db,
    id::BuildingId,
    people::{
        self,
        fixture::{building as house, company, first_page, flat, resident},
    },
    testing::{assert_sound, databases},
    text::Question,
};

fn asked(question: &str) -> Question {
    Question::parse(question).unwrap()
}

async fn found(db: &Db, scope: Scope, question: &str) -> Vec<String> {
    let filter = premises::store::PremisesFilter { q: Some(asked(question)), ..Default::default() };
    let page = premises::store::list(&db.reader(), &scope, &filter, &first_page()).await.unwrap();
    page.items.into_iter().map(|premises| premises.number).collect()
}

#[tokio::test]
async fn an_address_is_found_however_it_is_written() {
    for test in databases().await {
        let company = company(&test.db, "dom").await;
        let db = &test.db;
        let here = house(db, company.dispatcher, "Москва, улица Артёма, д. 17, корп. 2").await;
        house(db, company.dispatcher, "Москва, улица Мира, д. 3").await;
        let buildings = async |question: &str| {
            let filter = building::store::BuildingFilter { q: Some(asked(question)), active: Some(true) };
            let page = building::store::list(&db.reader(), &company.dispatcher, &filter, &first_page()).await;
            page.unwrap().items.into_iter().map(|building| building.id).collect::<Vec<_>>()
        };
        assert_eq!(buildings("АРТЕМА 17").await, [here]);
        assert_eq!(buildings("арт 17 корп").await, [here]);
        assert_eq!(buildings("Артёма 18").await, []);
        assert_eq!(buildings("москва").await.len(), 2);
        for number in ["4", "14", "17А"] {
            flat(db, company.dispatcher, here, number).await;
        }
        assert_eq!(found(db, company.dispatcher, "артема 4").await, ["4"], "14 is another flat");
        assert_eq!(found(db, company.dispatcher, "артема 17а").await, ["17А"]);
        assert_eq!(found(db, company.dispatcher, "мира 4").await, Vec::<String>::new());
        let endless = json!({ "q": "мира ".repeat(5_000) });
        assert!(serde_json::from_value::<building::store::BuildingFilter>(endless.clone()).is_err());
        assert!(serde_json::from_value::<premises::store::PremisesFilter>(endless).is_err());
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn a_building_is_kept_by_the_desk() {
    for test in databases().await {
        let company = company(&test.db, "dom").await;
        let db = &test.db;
        let id = BuildingId::new(&**db.clock());
        let fias = "01890a5d-ac96-774b-bcce-b302099a8057";
        let args = json!({
            "address": "Омск, улица Мира, 1", "zone": "Asia/Omsk", "fias_id": fias,
            "position": { "latitude": 54.9893, "longitude": 73.3682 },
        });
        let create = |id: BuildingId, args: &serde_json::Value| {
            let mut args = args.clone();
            args["id"] = json!(id);
            building::store::Create { args: serde_json::from_value(args).unwrap() }
        };
        let made = db.write(company.dispatcher, create(id, &args)).await.unwrap();
        assert_eq!(made.zone.to_string(), "Asia/Omsk");
        assert_eq!(made.position.unwrap().latitude, 54.9893);
        let refused = db.write(company.dispatcher, create(BuildingId::new(&**db.clock()), &args)).await;
        assert_eq!(refused.unwrap_err().details()["id"], json!(id), "the FIAS identifier is taken");
        for scope in [company.manager, company.technician] {
            let refused = db.write(scope, create(BuildingId::new(&**db.clock()), &args)).await.unwrap_err();
            assert_eq!(refused.code(), Code::Forbidden);
        }
        let change = |version, args: serde_json::Value| building::store::Change {
            id,
            version,
            args: serde_json::from_value(args).unwrap(),
        };
        let args = json!({ "position": null, "fias_id": null, "address": "Омск, улица Мира, 1а" });
        let changed = db.write(company.admin, change(1, args)).await.unwrap();
        assert_eq!((changed.position, changed.fias_id, changed.version), (None, None, 2));
        let wrong = change(2, json!({ "position": { "latitude": 91, "longitude": 0 } }));
        assert_eq!(db.write(company.admin, wrong).await.unwrap_err().fields()[0].field, "position.latitude");
        let own = house(db, company.dispatcher, "Москва, улица Мира, 1").await;
        let own = building::store::get(&db.reader(), &company.manager, own).await.unwrap();
        assert_eq!(own.zone.to_string(), "Europe/Moscow", "the zone of the organization");
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn a_resident_sees_his_premises_and_not_how_to_get_in() {
    for test in databases().await {
        let company = company(&test.db, "dom").await;
        let db = &test.db;
        let (mine, other) = (
            house(db, company.dispatcher, "Москва, улица Мира, 1").await,
            house(db, company.dispatcher, "Москва, улица Мира, 3").await,
        );
        let own = flat(db, company.dispatcher, mine, "17").await;
        let next = flat(db, company.dispatcher, mine, "18").await;
        let ilyin = resident(db, company.dispatcher, &["+79123456789"], &[own]).await;
        let row = people::resident::store::find(&db.reader(), &company.admin, ilyin.id).await.unwrap();
        let scope = Scope::resident(company.id, row.login_id.unwrap(), ilyin.id);
        let reader = db.reader();
        let seen = premises::store::get(&reader, &scope, own).await.unwrap();
        assert_eq!((seen.number.as_str(), seen.access_notes), ("17", None));
        let staff = premises::store::get(&reader, &company.dispatcher, own).await.unwrap();
        assert_eq!(staff.access_notes.as_deref(), Some("Код 17К45"));
        assert_eq!(premises::store::get(&reader, &scope, next).await.unwrap_err().code(), Code::NotFound);
        assert_eq!(found(db, scope, "мира").await, ["17"]);
        assert!(building::store::get(&reader, &scope, mine).await.is_ok());
        assert_eq!(building::store::get(&reader, &scope, other).await.unwrap_err().code(), Code::NotFound);
        // A technician without a ticket there sees neither.
        let technician = company.technician;
        assert_eq!(premises::store::get(&reader, &technician, own).await.unwrap_err().code(), Code::NotFound);
        assert_eq!(
            building::store::get(&reader, &technician, mine).await.unwrap_err().code(),
            Code::NotFound
        );
        assert_eq!(found(db, technician, "мира").await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_number_stands_once_in_a_building() {
    for test in databases().await {
        let company = company(&test.db, "dom").await;
        let db = &test.db;
        let here = house(db, company.dispatcher, "Москва, улица Мира, 1").await;
        let (first, second) =
            (flat(db, company.dispatcher, here, "17").await, flat(db, company.dispatcher, here, "18").await);
        let change = premises::store::Change {
            id: second,
            version: 1,
            args: serde_json::from_value(json!({ "number": "17" })).unwrap(),
        };
        let refused = db.write(company.dispatcher, change).await.unwrap_err();
        assert_eq!((refused.code(), &refused.details()["id"]), (Code::AlreadyExists, &json!(first)));
        let change = premises::store::Change {
            id: second,
            version: 1,
            args: serde_json::from_value(json!({ "kind": "commercial", "number": "17", "entrance": "2" }))
                .unwrap(),
        };
        let changed = db.write(company.dispatcher, change).await.unwrap();
        assert_eq!((changed.version, changed.entrance.as_deref()), (2, Some("2")));
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn another_organization_finds_no_place() {
    for test in databases().await {
        let db = &test.db;
        let (ours, theirs) = (company(db, "dom").await, company(db, "sosed").await);
        let reader = db.reader();
        let here = house(db, ours.dispatcher, "Москва, улица Мира, 1").await;
        let own = flat(db, ours.dispatcher, here, "17").await;
        for failure in [
            building::store::find(&reader, &theirs.admin, here).await.unwrap_err(),
            building::store::get(&reader, &theirs.admin, here).await.unwrap_err(),
            premises::store::find(&reader, &theirs.admin, own).await.unwrap_err(),
            premises::store::get(&reader, &theirs.admin, own).await.unwrap_err(),
        ] {
            assert_eq!(failure.code(), Code::NotFound);
        }
        assert_eq!(found(db, theirs.admin, "мира").await, Vec::<String>::new());
        let listed = building::store::list(&reader, &theirs.admin, &Default::default(), &first_page()).await;
        assert!(listed.unwrap().items.is_empty());
        let args = json!({ "building_id": here, "kind": "flat", "number": "1" });
        let args = serde_json::from_value(args).unwrap();
        let inside = premises::store::Create { args };
        assert_eq!(db.write(theirs.admin, inside).await.unwrap_err().code(), Code::NotFound);
    }
}
