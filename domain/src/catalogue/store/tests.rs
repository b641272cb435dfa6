//! The catalogue of an organization, on both databases.

use sea_orm::FromQueryResult;
use serde_json::json;

use super::*;
use crate::{
    Code, Scope,
    catalogue::{Audience, PhotoKind},
    db::Db,
    id::OrganizationId,
    page::PageRequest,
    people::fixture::{Company, company},
    testing::{assert_sound, databases},
};

async fn all(db: &Db, scope: &Scope) -> Vec<RequestTypeDocument> {
    let page = PageRequest::new(None, Some(200)).unwrap();
    list(&db.reader(), scope, &RequestTypeFilter::default(), &page).await.unwrap().items
}

async fn by_code(db: &Db, company: &Company, code: &str) -> RequestTypeDocument {
    all(db, &company.admin).await.into_iter().find(|kind| kind.code == code).unwrap()
}

async fn in_reference_feed(db: &Db, organization: OrganizationId) -> i64 {
    #[derive(FromQueryResult)]
    struct Feed {
        live_count: i64,
    }
    let sql = "SELECT live_count FROM sync_feed WHERE feed_id = $1 AND kind = 'reference'";
    db.reader().one::<Feed>(sql, [organization.0.into()]).await.unwrap().unwrap().live_count
}

fn patch(args: serde_json::Value) -> PatchRequestType {
    serde_json::from_value(args).unwrap()
}

#[tokio::test]
async fn a_new_organization_has_the_51_kinds_of_work_and_so_have_its_phones() {
    for test in databases().await {
        let company = company(&test.db, "dom").await;
        let kinds = all(&test.db, &company.technician).await;
        assert_eq!(kinds.len(), 51);
        assert!(kinds.iter().all(|kind| kind.number == 1 && kind.active && kind.duration_minutes == 60));
        let glass =
            kinds.iter().find(|kind| kind.resolve.as_ref().is_some_and(|term| !term.seasons.is_empty()));
        assert!(glass.is_some(), "a term that depends on the season (R28) came through the database");
        assert_eq!(in_reference_feed(&test.db, company.id).await, 51);
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    for test in databases().await {
        let company = company(&test.db, "dom").await;
        let (mut after, mut codes) = (None, Vec::new());
        loop {
            let page = PageRequest::new(after, Some(20)).unwrap();
            let page =
                list(&test.db.reader(), &company.admin, &RequestTypeFilter::default(), &page).await.unwrap();
            codes.extend(page.items.into_iter().map(|kind| kind.code));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let expected: Vec<_> =
            all(&test.db, &company.admin).await.into_iter().map(|kind| kind.code).collect();
        assert_eq!(codes, expected);
    }
}

#[tokio::test]
async fn changed_rules_are_a_new_version_and_the_old_one_stays() {
    for test in databases().await {
        let company = company(&test.db, "dom").await;
        let db = &test.db;
        let before = by_code(db, &company, "HVS-BURST").await;
        let args = patch(json!({
            "localize": { "amount": 900, "unit": "seconds" },
            "demands": { "photos": [{ "kind": "after", "count": 2 }], "materials": true },
            "precondition": {
                "text_ru": "Прийти с договором.", "text_en": "Come with the contract.", "only_for": "disabled",
            },
        }));
        let revise = |version, args| Revise { id: before.id, version, args };
        let after = db.write(company.admin, revise(before.version, args.clone())).await.unwrap();
        assert_eq!((after.number, after.version), (2, before.version + 1));
        assert_eq!(after.precondition.as_ref().unwrap().only_for, Audience::Disabled);
        assert_eq!(after.demands.photos[0].kind, PhotoKind::After);
        assert_eq!(get(&db.reader(), &company.technician, before.id).await.unwrap(), after);

        let old = find_version(&db.reader(), before.id, 1).await.unwrap().unwrap();
        assert_eq!(old.rules().unwrap().demands, before.demands);
        assert_eq!(old.rules().unwrap().precondition, None);
        let (kind, current) = current(&db.reader(), &company.dispatcher, before.id).await.unwrap();
        assert_eq!((kind.current_version, current.number), (2, 2));

        // The same again changes nothing, a stale version is refused.
        let again = db.write(company.admin, revise(after.version, args.clone())).await.unwrap();
        assert_eq!(again, after);
        let stale = db.write(company.admin, revise(before.version, args)).await.unwrap_err();
        assert_eq!(stale.code(), Code::VersionStale);

        // Null takes away what may be absent and nothing else.
        let without = db.write(company.admin, revise(after.version, patch(json!({ "precondition": null }))));
        let without = without.await.unwrap();
        assert_eq!((without.number, without.precondition), (3, None));
        let refused = db.write(company.admin, revise(without.version, patch(json!({ "clock": null }))));
        assert_eq!(refused.await.unwrap_err().fields()[0].field, "clock");
        assert_eq!(in_reference_feed(db, company.id).await, 51);
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn a_kind_that_is_put_away_leaves_the_phones_and_keeps_its_rules() {
    for test in databases().await {
        let company = company(&test.db, "dom").await;
        let db = &test.db;
        let before = by_code(db, &company, "HVS-BURST").await;
        let away = Revise { id: before.id, version: before.version, args: patch(json!({ "active": false })) };
        let away = db.write(company.admin, away).await.unwrap();
        assert_eq!((away.active, away.number), (false, 1));
        assert_eq!(in_reference_feed(db, company.id).await, 50);
        let filter = RequestTypeFilter { active: Some(false) };
        let page = list(&db.reader(), &company.admin, &filter, &PageRequest::default()).await.unwrap();
        assert_eq!(page.items, vec![away.clone()]);
        let back = Revise { id: before.id, version: away.version, args: patch(json!({ "active": true })) };
        db.write(company.admin, back).await.unwrap();
        assert_eq!(in_reference_feed(db, company.id).await, 51);
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn own_kinds_are_added_by_the_administrator_with_checked_demands() {
    for test in databases().await {
        let company = company(&test.db, "dom").await;
        let db = &test.db;
        let create = |args: serde_json::Value| Create { args: serde_json::from_value(args).unwrap() };
        let plain = || {
            json!({
                "code": "OWN-1", "category": "yard", "name_ru": "Снег", "name_en": "Snow",
                "clock": by_clock(), "duration_minutes": 30,
            })
        };
        let made = db.write(company.admin, create(plain())).await.unwrap();
        assert_eq!((made.number, made.duration_minutes, made.basis.as_str()), (1, 30, "organization"));
        assert_eq!(
            db.write(company.admin, create(plain())).await.unwrap_err().details()["field"],
            "code",
            "the code is taken"
        );
        let mut twice = plain();
        twice["code"] = json!("OWN-2");
        let field = json!({ "key": "a", "label_ru": "А", "label_en": "A", "kind": { "type": "date" } });
        twice["demands"] = json!({ "fields": [field, field] });
        let refused = db.write(company.admin, create(twice)).await.unwrap_err();
        assert_eq!(refused.fields()[0].field, "demands.fields[1].key");
        let forbidden = db.write(company.dispatcher, create(plain())).await.unwrap_err();
        assert_eq!(forbidden.code(), Code::Forbidden);
        assert_sound(db).await;
    }
}

fn by_clock() -> serde_json::Value {
    serde_json::to_value(default_catalogue().unwrap()[0].clock.clone()).unwrap()
}

#[tokio::test]
async fn another_organization_finds_nothing() {
    for test in databases().await {
        let (ours, theirs) = (company(&test.db, "dom").await, company(&test.db, "sosed").await);
        let db = &test.db;
        let kind = by_code(db, &ours, "HVS-BURST").await;
        let reader = db.reader();
        assert_eq!(get(&reader, &theirs.admin, kind.id).await.unwrap_err().code(), Code::NotFound);
        assert_eq!(current(&reader, &theirs.admin, kind.id).await.unwrap_err().code(), Code::NotFound);
        let revise =
            Revise { id: kind.id, version: kind.version, args: patch(json!({ "emergency": false })) };
        assert_eq!(db.write(theirs.admin, revise).await.unwrap_err().code(), Code::NotFound);
        assert!(all(db, &theirs.admin).await.iter().all(|other| other.id != kind.id));
    }
}
