//! Notices to the authority and large accidents, on both databases.

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

use super::{draft::UNSENT, *};
use crate::{
    Code, Scope, alert,
    auth::Role,
    catalogue::{AuthorityNature, store as catalogue},
    escalation,
    id::{RequestTypeId, TicketId},
    notification::{self, NotificationKind},
    people::{
        fixture::{Company, building, company},
        organization::{self, store as organizations},
    },
    testing::{TestDb, assert_sound, databases},
    ticket::{self, Register},
};

/// A company with the whole catalogue and a building.
struct Site {
    company: Company,
    building: crate::id::BuildingId,
}

async fn site(test: &TestDb) -> Site {
    let company = company(&test.db, "dom").await;
    let building = building(&test.db, company.admin, "Москва, улица Мира, 1").await;
    Site { company, building }
}

impl Site {
    fn desk(&self) -> Scope {
        self.company.admin
    }

    async fn kind(&self, test: &TestDb, code: &str) -> RequestTypeId {
        let page = crate::page::PageRequest::new(None, Some(200)).unwrap();
        let filter = catalogue::RequestTypeFilter::default();
        let kinds = catalogue::list(&test.db.reader(), &self.desk(), &filter, &page).await.unwrap().items;
        kinds.into_iter().find(|kind| kind.code == code).unwrap().id
    }

    async fn registered(&self, test: &TestDb, code: &str, accident: Option<bool>) -> TicketId {
        let args = json!({
            "request_type_id": self.kind(test, code).await, "building_id": self.building,
            "description": "Не работает.", "large_accident": accident,
        });
        let register = Register { args: serde_json::from_value(args).unwrap() };
        test.db.write(self.desk(), register).await.unwrap()
    }

    async fn alerts(&self, test: &TestDb, kind: &str) -> Vec<alert::AlertDocument> {
        let filter = alert::AlertFilter { standing: Some(true), ..Default::default() };
        let page = crate::page::PageRequest::new(None, Some(200)).unwrap();
        let all = alert::list(&test.db.reader(), &self.desk(), &filter, &page).await.unwrap();
        all.items.into_iter().filter(|alert| alert.kind == kind).collect()
    }
}

async fn mailed(test: &TestDb) -> Vec<notification::row::Model> {
    use notification::row::{Column, Entity};
    let query = Entity::find().filter(Column::Kind.eq(NotificationKind::AuthorityNotice));
    query.all(&test.db.reader()).await.unwrap()
}

#[tokio::test]
async fn the_authority_is_told_of_water_sewage_and_heating_and_of_nothing_else() {
    for test in databases().await {
        let site = site(&test).await;
        let (db, desk) = (&test.db, site.desk());
        for (code, nature) in [
            ("HVS-BURST", Some(AuthorityNature::Water)),
            ("GVS-NONE", Some(AuthorityNature::Water)),
            ("SEW-BREAK", Some(AuthorityNature::Sewage)),
            ("HEAT-NONE", Some(AuthorityNature::Heating)),
            ("EL-NONE", None),
            ("GAS-SMELL", None),
            ("SEW-SMELL", None),
        ] {
            let ticket = site.registered(&test, code, None).await;
            let notice = get(&db.reader(), &desk, ticket).await;
            assert_eq!(notice.as_ref().ok().map(|notice| notice.nature), nature, "{code}");
            if let Err(refused) = notice {
                assert_eq!(refused.code(), Code::NotFound);
            }
        }
        let kind = site.kind(&test, "EL-NONE").await;
        let version = catalogue::get(&db.reader(), &desk, kind).await.unwrap().version;
        let args = serde_json::from_value(json!({ "authority_notice": true })).unwrap();
        let refused = db.write(desk, catalogue::Revise { id: kind, version, args }).await.unwrap_err();
        assert_eq!(refused.fields()[0].field, "authority_notice");
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn a_notice_is_edited_sent_once_and_stands_in_the_journal() {
    for test in databases().await {
        let site = site(&test).await;
        let (db, desk) = (&test.db, site.desk());
        let ticket = site.registered(&test, "HVS-BURST", None).await;
        let draft = get(&db.reader(), &desk, ticket).await.unwrap();
        assert!(
            draft.text.contains("водоснабжения") && draft.text.contains("улица Мира, 1"),
            "{}",
            draft.text
        );
        assert!(draft.text.contains("Планируемый срок устранения: 5 марта"), "{}", draft.text);
        let send = |args: serde_json::Value| Send { ticket, args: serde_json::from_value(args).unwrap() };
        let refused = db.write(desk, send(json!({}))).await.unwrap_err();
        assert_eq!(refused.fields()[0].field, "email", "no address is set");
        // A draft follows the address that is set meanwhile.
        let row = organization::Entity::find_by_id(site.company.id).one(&db.reader()).await.unwrap().unwrap();
        let args = json!({ "settings": { "authorities": { "water": "vodokanal@example.org" } } });
        let args = serde_json::from_value(args).unwrap();
        db.write(desk, organizations::Change { version: row.version, args }).await.unwrap();
        let draft = get(&db.reader(), &desk, ticket).await.unwrap();
        assert_eq!(draft.email.as_deref(), Some("vodokanal@example.org"));
        let system = Scope::system(site.company.id);
        test.clock.advance(TimeDelta::minutes(30));
        db.write(system, Remind { ticket }).await.unwrap();
        assert_eq!(site.alerts(&test, UNSENT).await.len(), 1);
        let args: EditAuthorityNotice =
            serde_json::from_value(json!({ "email": "water@example.org" })).unwrap();
        let edit = Edit { ticket, version: draft.version, args: args.clone() };
        let edited = db.write(desk, edit).await.unwrap();
        assert_eq!((edited.version, edited.email.as_deref()), (2, Some("water@example.org")));
        let stale = Edit { ticket, version: 1, args };
        assert_eq!(db.write(desk, stale).await.unwrap_err().code(), Code::VersionStale);
        let sent = db.write(desk, send(json!({ "text": "Порыв на вводе." }))).await.unwrap();
        assert_eq!((sent.text.as_str(), sent.planned_term), ("Порыв на вводе.", draft.planned_term));
        let letters = mailed(&test).await;
        assert_eq!(letters.len(), 1);
        assert_eq!(letters[0].email.as_deref(), Some("water@example.org"));
        assert_eq!(letters[0].facts["text"], "Порыв на вводе.");
        assert_eq!(letters[0].facts["subject"], "Повреждение системы водоснабжения");
        assert!(site.alerts(&test, UNSENT).await.is_empty());
        assert_eq!(db.write(desk, send(json!({}))).await.unwrap_err().code(), Code::AlreadyExists);
        db.write(system, Remind { ticket }).await.unwrap();
        assert!(site.alerts(&test, UNSENT).await.is_empty());
        let subject = crate::journal::Subject::new(crate::journal::SubjectKind::Ticket, ticket);
        let events = crate::journal::history(&db.reader(), subject, 0, 50).await.unwrap();
        assert!(events.iter().any(|event| event.act == "authority_notice.send"));
        let stranger = company(&test.db, "other").await;
        assert_eq!(get(&db.reader(), &stranger.admin, ticket).await.unwrap_err().code(), Code::NotFound);
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn a_large_accident_is_told_to_director_and_master_at_once() {
    for test in databases().await {
        let site = site(&test).await;
        let (db, desk) = (&test.db, site.desk());
        let told = async || {
            use notification::row::{Column, Entity};
            for organization in escalation::due_organizations(db).await.unwrap() {
                db.write(Scope::system(organization), escalation::Climb { limit: 50 }).await.unwrap();
            }
            let query = Entity::find().filter(Column::Kind.eq(NotificationKind::Accident));
            query.all(&db.reader()).await.unwrap().len()
        };
        site.registered(&test, "SEW-SMELL", None).await;
        site.registered(&test, "EL-CABLE", Some(false)).await;
        assert_eq!(told().await, 0);
        let equipment = site.registered(&test, "EL-CABLE", None).await;
        assert_eq!(told().await, 1, "the manager stands in for both");
        site.registered(&test, "FLOOD", Some(true)).await;
        assert_eq!(told().await, 2);
        let declared = site.registered(&test, "HVS-BURST", None).await;
        for _ in 0..2 {
            db.write(desk, escalation::Declare { ticket: declared }).await.unwrap();
        }
        assert_eq!(told().await, 3);
        test.clock.advance(TimeDelta::minutes(9));
        assert_eq!(told().await, 3);
        let args = json!({ "reason": "Ложная тревога." });
        let cancel = ticket::Cancel { ticket: equipment, args: serde_json::from_value(args).unwrap() };
        db.write(desk, cancel).await.unwrap();
        test.clock.advance(TimeDelta::minutes(1));
        assert_eq!(told().await, 5, "the manager, of those that stand");
        // Work that returned is an accident anew, when somebody says so.
        let args = json!({ "reason": "Доложил по телефону.", "waive_missing": true });
        let complete = ticket::Complete { ticket: declared, args: serde_json::from_value(args).unwrap() };
        db.write(desk, complete).await.unwrap();
        let args = serde_json::from_value(json!({ "reason": "Снова течёт." })).unwrap();
        db.write(desk, ticket::Return { ticket: declared, args }).await.unwrap();
        assert_eq!(told().await, 5);
        for _ in 0..2 {
            db.write(desk, escalation::Declare { ticket: declared }).await.unwrap();
        }
        assert_eq!(told().await, 6);
        let refused = db.write(desk, escalation::Declare { ticket: equipment }).await.unwrap_err();
        assert_eq!(refused.code(), Code::IllegalMove);
        let technician = Scope::staff(site.company.id, crate::id::UserId::new(&test.clock), Role::Technician);
        let refused = db.write(technician, escalation::Declare { ticket: declared }).await.unwrap_err();
        assert_eq!(refused.code(), Code::Forbidden);
        assert_sound(db).await;
    }
}
