//! Staff, residents and devices, on both databases.

use chrono::TimeDelta;
use sea_orm::FromQueryResult;
use serde_json::json;

use super::{
    device,
    fixture::{Company, PASSWORD, building, company, first_page, flat, hire, password, resident},
    me::me,
    organization, resident as residents, technician, user,
};
use crate::{
    Code, Scope,
    auth::Role,
    catalogue::Category,
    db::Db,
    id::{DeviceId, LoginId, ResidentId, TechnicianId, UserId},
    page::PageRequest,
    testing::{assert_sound, databases},
};

#[derive(Debug, PartialEq, FromQueryResult)]
struct Feed {
    live_count: i64,
    epoch: i64,
}

async fn feed(db: &Db, technician: TechnicianId) -> Feed {
    let sql = "SELECT live_count, epoch FROM sync_feed WHERE feed_id = $1 AND kind = 'technician'";
    db.reader().one(sql, [technician.0.into()]).await.unwrap().unwrap()
}

fn change(id: UserId, version: i64, args: serde_json::Value) -> user::store::Change {
    user::store::Change { id, version, args: serde_json::from_value(args).unwrap() }
}

#[tokio::test]
async fn a_technicians_feed_comes_with_him_goes_with_him_and_comes_back() {
    for test in databases().await {
        let company = company(&test.db, "dom").await;
        let db = &test.db;
        let id = company.technician.technician().unwrap();
        assert_eq!(feed(db, id).await, Feed { live_count: 1, epoch: 1 }, "his calendar");
        let gone =
            db.write(company.admin, change(UserId(id.0), 1, json!({ "active": false }))).await.unwrap();
        assert_eq!(feed(db, id).await, Feed { live_count: 0, epoch: 2 });
        assert_sound(db).await;
        let back = json!({ "active": true, "full_name": "Анна Сидорова" });
        db.write(company.admin, change(UserId(id.0), gone.version, back)).await.unwrap();
        assert_eq!(feed(db, id).await, Feed { live_count: 1, epoch: 2 });
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn a_user_is_changed_by_his_administrator_only_and_by_the_version_that_was_read() {
    for test in databases().await {
        let company = company(&test.db, "dom").await;
        let db = &test.db;
        let id = UserId(company.dispatcher.actor_id());
        let args = json!({ "full_name": "Вера Ким", "phone": "8 912 345-67-89", "email": "Vera@Dom.RU" });
        let changed = db.write(company.admin, change(id, 1, args.clone())).await.unwrap();
        assert_eq!(
            (changed.version, changed.phone.as_deref(), changed.email.as_deref()),
            (2, Some("+79123456789"), Some("Vera@dom.ru"))
        );
        let same = db.write(company.admin, change(id, 2, args.clone())).await.unwrap();
        assert_eq!(same.version, 2, "nothing changed");
        let stale = db.write(company.admin, change(id, 1, args.clone())).await.unwrap_err();
        assert_eq!((stale.code(), &stale.details()["version"]), (Code::VersionStale, &json!(2)));
        let nameless =
            db.write(company.admin, change(id, 2, json!({ "full_name": null }))).await.unwrap_err();
        assert_eq!(nameless.fields()[0].field, "full_name");
        for scope in [company.manager, company.dispatcher, company.technician] {
            let refused = db.write(scope, change(id, 2, args.clone())).await.unwrap_err();
            assert_eq!(refused.code(), Code::Forbidden);
        }
        let admin = UserId(company.admin.actor_id());
        let refused =
            db.write(company.admin, change(admin, 1, json!({ "active": false }))).await.unwrap_err();
        assert_eq!(refused.fields()[0].field, "active");
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn who_sees_whom() {
    for test in databases().await {
        let company = company(&test.db, "dom").await;
        let reader = test.db.reader();
        let users = async |scope| {
            user::store::list(&reader, &scope, &user::store::UserFilter::default(), &first_page()).await
        };
        assert_eq!(users(company.admin).await.unwrap().items.len(), 4);
        assert_eq!(users(company.manager).await.unwrap().items.len(), 4);
        for scope in [company.dispatcher, company.technician] {
            assert_eq!(users(scope).await.unwrap_err().code(), Code::Forbidden);
        }
        let dispatcher = UserId(company.dispatcher.actor_id());
        assert!(user::store::get(&reader, &company.dispatcher, dispatcher).await.is_ok(), "himself");
        let unseen = user::store::get(&reader, &company.technician, dispatcher).await.unwrap_err();
        assert_eq!(unseen.code(), Code::NotFound);
        let filter = user::store::UserFilter { role: Some(Role::Technician), active: Some(true) };
        let found = user::store::list(&reader, &company.admin, &filter, &first_page()).await.unwrap();
        assert_eq!(found.items.len(), 1);

        let technicians = async |scope| {
            let filter = technician::store::TechnicianFilter::default();
            technician::store::list(&reader, &scope, &filter, &first_page()).await
        };
        assert_eq!(technicians(company.dispatcher).await.unwrap().items.len(), 1);
        assert_eq!(technicians(company.technician).await.unwrap_err().code(), Code::Forbidden);
        let own = company.technician.technician().unwrap();
        assert!(technician::store::get(&reader, &company.technician, own).await.is_ok(), "himself");
    }
}

#[tokio::test]
async fn a_login_is_taken_whatever_its_case() {
    for test in databases().await {
        let company = company(&test.db, "dom").await;
        let create = |args: serde_json::Value| {
            let id = UserId::new(&**test.db.clock());
            user::store::Create::prepare(id, serde_json::from_value(args).unwrap())
        };
        let person = |role: &str, login: &str| json!({ "role": role, "login": login, "password": PASSWORD, "full_name": "Анна" });
        let again = create(person("manager", "ADMIN@Dom")).await.unwrap();
        let refused = test.db.write(company.admin, again).await.unwrap_err();
        assert_eq!((refused.code(), &refused.details()["field"]), (Code::AlreadyExists, &json!("login")));
        assert_eq!(create(person("resident", "vera")).await.unwrap_err().fields()[0].field, "role");
        let mut trades = person("manager", "vera");
        trades["technician"] = json!({ "trades": ["gas"] });
        assert_eq!(create(trades).await.unwrap_err().fields()[0].field, "technician");
        let short = json!({ "role": "manager", "login": "vera", "password": "short", "full_name": "Анна" });
        assert_eq!(create(short).await.unwrap_err().fields()[0].field, "password");
        let by_dispatcher = create(person("manager", "vera")).await.unwrap();
        let refused = test.db.write(company.dispatcher, by_dispatcher).await.unwrap_err();
        assert_eq!(refused.code(), Code::Forbidden);
    }
}

#[tokio::test]
async fn a_technician_is_found_by_what_he_can_do_and_where() {
    for test in databases().await {
        let company = company(&test.db, "dom").await;
        let db = &test.db;
        let here = building(db, company.admin, "Москва, улица Мира, 1").await;
        let there = building(db, company.admin, "Москва, улица Мира, 3").await;
        let id = company.technician.technician().unwrap();
        let change = |version, args: serde_json::Value| technician::store::Change {
            id,
            version,
            args: serde_json::from_value(args).unwrap(),
        };
        let args =
            json!({ "trades": ["heating", "cold-water"], "building_ids": [here], "service_number": "А-7" });
        let changed = db.write(company.admin, change(1, args.clone())).await.unwrap();
        assert_eq!(changed.trades, [Category::ColdWater, Category::Heating]);
        assert_eq!(
            (changed.building_ids.as_slice(), changed.serves_all_buildings),
            ([here].as_slice(), false)
        );
        assert_eq!(changed.service_number.as_deref(), Some("А-7"));
        let same = db.write(company.admin, change(2, args)).await.unwrap();
        assert_eq!(same.version, 2);

        let found = async |trade, building_id| {
            let filter = technician::store::TechnicianFilter { active: Some(true), trade, building_id };
            let page =
                technician::store::list(&db.reader(), &company.dispatcher, &filter, &first_page()).await;
            page.unwrap().items.len()
        };
        assert_eq!(found(Some(Category::Heating), Some(here)).await, 1);
        assert_eq!(found(Some(Category::HotWater), Some(here)).await, 0, "cold-water is not hot-water");
        assert_eq!(found(None, Some(there)).await, 0);
        let everywhere = db.write(company.admin, change(2, json!({ "building_ids": null }))).await.unwrap();
        assert!(everywhere.serves_all_buildings && everywhere.building_ids.is_empty());
        assert_eq!(found(None, Some(there)).await, 1);

        let neighbour = super::fixture::company(db, "sosed").await;
        let foreign = building(db, neighbour.admin, "Казань, улица Мира, 1").await;
        let refused = db.write(company.admin, change(3, json!({ "building_ids": [foreign] }))).await;
        assert_eq!(refused.unwrap_err().code(), Code::NotFound);
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn a_resident_has_one_login_and_a_membership_in_each_organization() {
    for test in databases().await {
        let db = &test.db;
        let (ours, theirs) = (company(db, "dom").await, company(db, "sosed").await);
        let house = building(db, ours.dispatcher, "Москва, улица Мира, 1").await;
        let flat = flat(db, ours.dispatcher, house, "17").await;
        let here = resident(db, ours.dispatcher, &["8 912 345-67-89", "+74951234567"], &[flat]).await;
        assert_eq!(here.phones, ["+79123456789", "+74951234567"]);
        assert_eq!((here.accounts[0].number.as_str(), here.accounts[0].premises_id), ("100", flat));
        test.clock.advance(TimeDelta::days(1));
        let there = resident(db, theirs.dispatcher, &["+79123456789"], &[]).await;

        let login = |row: residents::Model| row.login_id.unwrap();
        let one = login(residents::store::find(&db.reader(), &ours.admin, here.id).await.unwrap());
        let two = login(residents::store::find(&db.reader(), &theirs.admin, there.id).await.unwrap());
        assert_eq!(one, two);
        let me = me(&db.reader(), &Scope::resident(ours.id, one, here.id)).await.unwrap();
        assert_eq!((me.role, me.organization.name.as_str()), (Role::Resident, "dom"));
        let mine: Vec<_> = me.memberships.iter().map(|m| m.membership.organization_id).collect();
        assert_eq!(mine, [ours.id, theirs.id]);
        assert_eq!(me.memberships[0].premises[0].id, flat);
        assert_eq!(me.memberships[0].premises[0].account_number, "100");

        let args = json!({ "full_name": "Другой", "phones": ["79123456789"] });
        let again = residents::store::Create { args: serde_json::from_value(args).unwrap() };
        let refused = db.write(ours.dispatcher, again).await.unwrap_err();
        assert_eq!((refused.code(), &refused.details()["id"]), (Code::AlreadyExists, &json!(here.id)));
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn phones_and_accounts_are_set_as_a_whole() {
    for test in databases().await {
        let db = &test.db;
        let company = company(db, "dom").await;
        let house = building(db, company.dispatcher, "Москва, улица Мира, 1").await;
        let (old, new) = (
            flat(db, company.dispatcher, house, "17").await,
            flat(db, company.dispatcher, house, "18").await,
        );
        let made = resident(db, company.dispatcher, &["+79123456789", "+79123456780"], &[old]).await;
        let change = |version, args: serde_json::Value| residents::store::Change {
            id: made.id,
            version,
            args: serde_json::from_value(args).unwrap(),
        };
        let args = json!({
            "phones": ["+79123456780", "+79123456781"], "disabled": true, "email": "f@dom.ru",
            "accounts": [{ "number": "100", "premises_id": new }, { "number": "7", "premises_id": old }],
        });
        let changed = db.write(company.dispatcher, change(1, args.clone())).await.unwrap();
        assert_eq!(changed.phones, ["+79123456780", "+79123456781"]);
        let accounts: Vec<_> = changed.accounts.iter().map(|a| (a.number.as_str(), a.premises_id)).collect();
        assert_eq!(accounts, [("100", new), ("7", old)]);
        assert_eq!(changed.version, 2);
        let same = db.write(company.dispatcher, change(2, args)).await.unwrap();
        assert_eq!(same.version, 2);

        let find = async |filter| {
            residents::store::list(&db.reader(), &company.dispatcher, &filter, &first_page())
                .await
                .unwrap()
                .items
                .len()
        };
        let filter = residents::store::ResidentFilter::default;
        let phone = |text: &str| Some(crate::text::PhoneNumber::parse(text).unwrap());
        assert_eq!(
            find(residents::store::ResidentFilter { phone: phone("89123456781"), ..filter() }).await,
            1
        );
        assert_eq!(
            find(residents::store::ResidentFilter { phone: phone("89123456789"), ..filter() }).await,
            0
        );
        for (question, count) in [("ФЕДОР ильин", 1), ("345-67-81", 1), ("3456781", 1), ("Пётр", 0), ("%", 1)]
        {
            let q = Some(crate::text::Question::parse(question).unwrap());
            assert_eq!(find(residents::store::ResidentFilter { q, ..filter() }).await, count, "{question}");
        }
        assert_eq!(find(residents::store::ResidentFilter { premises_id: Some(new), ..filter() }).await, 1);

        for (args, field) in [
            (json!({ "phones": [] }), "phones"),
            (json!({ "phones": null }), "phones"),
            (json!({ "phones": ["+79123456780", "89123456780"] }), "phones[1]"),
            (
                json!({ "accounts": [
                    { "number": "1", "premises_id": new }, { "number": "1", "premises_id": old },
                ] }),
                "accounts[1].number",
            ),
        ] {
            let refused = db.write(company.dispatcher, change(2, args)).await.unwrap_err();
            assert_eq!(refused.fields()[0].field, field);
        }
        let refused = residents::store::list(&db.reader(), &company.technician, &filter(), &first_page())
            .await
            .unwrap_err();
        assert_eq!(refused.code(), Code::Forbidden);
        assert_sound(db).await;
    }
}

fn register(id: DeviceId, token: &str) -> device::store::Register {
    let args = json!({ "id": id, "platform": "android", "push_token": token, "app_version": "1.0" });
    device::store::Register { args: serde_json::from_value(args).unwrap(), key: None }
}

#[tokio::test]
async fn a_phone_that_changed_hands_tells_nothing_to_its_last_owner() {
    for test in databases().await {
        let db = &test.db;
        let (ours, theirs) = (company(db, "dom").await, company(db, "sosed").await);
        let (first, second) = (DeviceId::new(&**db.clock()), DeviceId::new(&**db.clock()));
        let made = db.write(ours.technician, register(first, "token")).await.unwrap();
        assert!(made.device.active && made.device.has_push_token);
        assert_eq!(
            db.write(ours.technician, register(first, "token")).await.unwrap().device.version,
            1,
            "the same again"
        );
        db.write(theirs.technician, register(second, "token")).await.unwrap();
        let before = device::store::list(&db.reader(), &ours.technician).await.unwrap();
        assert_eq!((before[0].active, before[0].has_push_token), (false, false));
        assert_eq!(device::store::list(&db.reader(), &theirs.technician).await.unwrap().len(), 1);

        let stolen = db.write(ours.dispatcher, register(first, "other")).await.unwrap_err();
        assert_eq!(stolen.code(), Code::AlreadyExists);
        let foreign = device::store::Deactivate { id: second };
        assert_eq!(db.write(ours.technician, foreign).await.unwrap_err().code(), Code::NotFound);
        db.write(theirs.technician, foreign).await.unwrap();
        assert!(!device::store::list(&db.reader(), &theirs.technician).await.unwrap()[0].active);
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn an_organization_is_changed_by_its_administrator() {
    for test in databases().await {
        let company = company(&test.db, "dom").await;
        let db = &test.db;
        let change = |version, args: serde_json::Value| organization::store::Change {
            version,
            args: serde_json::from_value(args).unwrap(),
        };
        let args = json!({ "settings": { "return_days": 30 }, "zone": "Asia/Omsk" });
        let changed = db.write(company.admin, change(1, args)).await.unwrap();
        assert_eq!((changed.settings.return_days, changed.settings.auto_close_days), (30, 3));
        assert_eq!(organization::settings_of(&db.reader(), company.id).await.unwrap(), changed.settings);
        assert_eq!(organization::store::get(&db.reader(), &company.technician).await.unwrap(), changed);
        let out_of_range = change(2, json!({ "settings": { "auto_close_days": 0 } }));
        let refused = db.write(company.admin, out_of_range).await.unwrap_err();
        assert_eq!(refused.fields()[0].field, "settings.auto_close_days");
        let refused = db.write(company.manager, change(2, json!({ "name": "Другая" }))).await.unwrap_err();
        assert_eq!(refused.code(), Code::Forbidden);
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn another_organization_finds_nobody() {
    for test in databases().await {
        let db = &test.db;
        let (ours, theirs) = (company(db, "dom").await, company(db, "sosed").await);
        let reader = db.reader();
        let ilyin = resident(db, ours.dispatcher, &["+79123456789"], &[]).await;
        let technician = ours.technician.technician().unwrap();
        let user = UserId(technician.0);
        let login = LoginId::new(&**db.clock());
        for scope in [theirs.admin, theirs.dispatcher, Scope::resident(theirs.id, login, ilyin.id)] {
            for failure in [
                user::store::find(&reader, &scope, user).await.unwrap_err(),
                user::store::get(&reader, &scope, user).await.unwrap_err(),
                technician::store::find(&reader, &scope, technician).await.unwrap_err(),
                technician::store::get(&reader, &scope, technician).await.unwrap_err(),
                residents::store::find(&reader, &scope, ilyin.id).await.unwrap_err(),
                residents::store::get(&reader, &scope, ilyin.id).await.unwrap_err(),
            ] {
                assert_eq!(failure.code(), Code::NotFound);
            }
        }
        strangers(db, &theirs, user, technician, ilyin.id).await;
        let found = residents::store::list(&reader, &theirs.admin, &Default::default(), &first_page()).await;
        assert!(found.unwrap().items.is_empty());
        let found =
            user::store::list(&reader, &theirs.admin, &Default::default(), &first_page()).await.unwrap();
        assert!(found.items.iter().all(|other| other.id != user));
        let found = technician::store::list(&reader, &theirs.admin, &Default::default(), &first_page()).await;
        assert!(found.unwrap().items.iter().all(|other| other.id != technician));
    }
}

/// The acts of another organization find nobody either.
async fn strangers(db: &Db, theirs: &Company, user: UserId, technician: TechnicianId, resident: ResidentId) {
    let failures = [
        db.write(theirs.admin, change(user, 1, json!({ "active": false }))).await.unwrap_err(),
        db.write(
            theirs.admin,
            technician::store::Change { id: technician, version: 1, args: Default::default() },
        )
        .await
        .unwrap_err(),
        db.write(
            theirs.admin,
            residents::store::Change { id: resident, version: 1, args: Default::default() },
        )
        .await
        .unwrap_err(),
        user::password::set(
            db,
            theirs.admin,
            user,
            user::password::SetPassword { password: password("another long one") },
        )
        .await
        .unwrap_err(),
    ];
    for failure in failures {
        assert_eq!(failure.code(), Code::NotFound);
    }
}

#[tokio::test]
async fn pages_of_users_follow_each_other() {
    for test in databases().await {
        let company = company(&test.db, "dom").await;
        hire(&test.db, company.admin, Role::Integration, "dom").await;
        let filter = user::store::UserFilter::default();
        let page = |after| PageRequest::new(after, Some(2)).unwrap();
        let (mut after, mut sizes) = (None, Vec::new());
        loop {
            let found =
                user::store::list(&test.db.reader(), &company.admin, &filter, &page(after)).await.unwrap();
            sizes.push(found.items.len());
            after = found.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(sizes, [2, 2, 1]);
    }
}

#[tokio::test]
async fn a_phone_number_stands_in_no_chain() {
    #[derive(FromQueryResult)]
    struct Told {
        bytes: Vec<u8>,
    }
    for test in databases().await {
        let company = company(&test.db, "dom").await;
        resident(&test.db, company.admin, &["+79161234567"], &[]).await;
        let told = test.db.reader().all::<Told>("SELECT bytes FROM event", []).await.unwrap();
        assert!(told.iter().all(|event| !String::from_utf8_lossy(&event.bytes).contains("79161234567")));
    }
}
