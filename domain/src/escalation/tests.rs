//! Alerts that climb, on both databases.

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, Statement};
use serde_json::json;

use super::*;
use crate::{
    Code, Result, Scope,
    alert::{self, Acknowledge, AlertFilter, NewAlert, Raise},
    auth::Role,
    deadline,
    id::{TicketId, UserId},
    notification::{self, NotificationKind},
    page::PageRequest,
    people::user,
    testing::{House, TestDb, assert_sound, databases, house, noon, plan},
    ticket::{Cancel, Inform, InformApplicant, InformedHow, Plan, Register},
    write::{Act, Tx},
};

struct Hire {
    house: House,
    id: UserId,
    role: Role,
}

impl Act for Hire {
    const NAME: &'static str = "test.hire";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.insert(&user::Model {
            id: self.id,
            organization_id: self.house.organization,
            role: self.role,
            login: self.id.to_string(),
            password_hash: String::new(),
            full_name: "Кузнецов Борис".to_owned(),
            phone: None,
            email: None,
            active: true,
            version: 1,
            created_at: tx.now(),
        })
        .await
    }
}

async fn hire(test: &TestDb, house: &House, role: Role) -> UserId {
    let id = UserId::new(&**test.db.clock());
    let act = Hire { house: house.clone(), id, role };
    test.db.write(Scope::system(house.organization), act).await.unwrap();
    id
}

fn manager(house: &House) -> Scope {
    Scope::staff(house.organization, house.dispatcher, Role::Manager)
}

/// Puts somebody on a list for so many hours from noon.
async fn on_call(
    test: &TestDb,
    house: &House,
    duty: Duty,
    user: UserId,
    hours: i64,
) -> on_call::OnCallDocument {
    let until = noon() + TimeDelta::hours(hours);
    let args = json!({ "duty": duty, "user_id": user, "from": noon(), "until": until });
    let create = on_call::Create { args: serde_json::from_value(args).unwrap() };
    test.db.write(manager(house), create).await.unwrap()
}

async fn from_app(test: &TestDb, house: &House) -> TicketId {
    let args = json!({
        "request_type_id": house.kind, "premises_id": house.premises, "description": "Запах.", "source": "app",
    });
    let register = Register { args: serde_json::from_value(args).unwrap() };
    test.db.write(house.desk(), register).await.unwrap()
}

/// Everything that is due, clocks and ladders.
async fn run(test: &TestDb) {
    while deadline::is_any_due(&test.db).await.unwrap() {
        for organization in deadline::due_organizations(&test.db).await.unwrap() {
            test.db.write(Scope::system(organization), deadline::Fire { limit: 50 }).await.unwrap();
        }
    }
    while is_any_due(&test.db).await.unwrap() {
        for organization in due_organizations(&test.db).await.unwrap() {
            let looked_after = test.db.write(Scope::system(organization), Climb { limit: 50 }).await.unwrap();
            assert!(looked_after > 0);
        }
    }
}

async fn pass(test: &TestDb, minutes: i64) {
    test.clock.advance(TimeDelta::minutes(minutes));
    run(test).await;
}

/// Who was told of this, in order.
async fn told(test: &TestDb, kind: NotificationKind) -> Vec<UserId> {
    use notification::row::{Column, Entity};
    let query = Entity::find().filter(Column::Kind.eq(kind)).order_by_asc(Column::Id);
    query.all(&test.db.reader()).await.unwrap().into_iter().map(|row| row.user_id.unwrap()).collect()
}

async fn standing(test: &TestDb, house: &House) -> Vec<alert::AlertDocument> {
    let filter = AlertFilter { standing: Some(true), ..AlertFilter::default() };
    alert::list(&test.db.reader(), &house.desk(), &filter, &PageRequest::default()).await.unwrap().items
}

#[tokio::test]
async fn what_nobody_takes_climbs_to_the_director_and_what_is_taken_stops() {
    for test in databases().await {
        let house = house(&test.db).await;
        let (boss, night) =
            (hire(&test, &house, Role::Manager).await, hire(&test, &house, Role::Admin).await);
        let chief = hire(&test, &house, Role::Dispatcher).await;
        let master = UserId(house.technicians[0].0);
        on_call(&test, &house, Duty::Dispatcher, house.dispatcher, 12).await;
        on_call(&test, &house, Duty::Master, master, 12).await;
        on_call(&test, &house, Duty::Director, night, 12).await;
        let (lost, taken) = (from_app(&test, &house).await, from_app(&test, &house).await);
        let of = async |ticket: TicketId| {
            use notification::row::{Column, Entity};
            let query = Entity::find()
                .filter(Column::TicketId.eq(ticket))
                .filter(Column::Kind.eq(NotificationKind::Unassigned))
                .order_by_asc(Column::Id);
            let rows = query.all(&test.db.reader()).await.unwrap();
            rows.into_iter().map(|row| row.user_id.unwrap()).collect::<Vec<_>>()
        };
        pass(&test, 4).await;
        assert!(of(lost).await.is_empty());
        pass(&test, 1).await;
        assert_eq!(of(lost).await, [house.dispatcher], "not {chief}, who is not on duty");
        run(&test).await;
        pass(&test, 4).await;
        assert_eq!(of(lost).await.len(), 1);
        pass(&test, 1).await;
        assert_eq!(of(lost).await, [house.dispatcher, master]);
        let alert = standing(&test, &house).await.into_iter().find(|alert| alert.ticket_id == Some(taken));
        test.db.write(house.desk(), Acknowledge { alert: alert.unwrap().id }).await.unwrap();
        pass(&test, 5).await;
        pass(&test, 5).await;
        assert_eq!(of(lost).await, [house.dispatcher, master, boss, night]);
        assert_eq!(of(taken).await, [house.dispatcher, master]);
        let facts = notification::row::Entity::find()
            .filter(notification::row::Column::TicketId.eq(lost))
            .filter(notification::row::Column::Kind.eq(NotificationKind::Unassigned))
            .one(&test.db.reader())
            .await
            .unwrap()
            .unwrap()
            .facts;
        assert_eq!(facts["address"], "Москва, улица Мира, 1");
        assert_eq!(facts["since"], "2 марта в 12:00");
        assert_eq!(standing(&test, &house).await.iter().map(|alert| alert.rung).max(), Some(4));
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn a_repeated_alert_does_not_begin_below_the_director_and_what_ends_is_told_no_more() {
    for test in databases().await {
        let house = house(&test.db).await;
        let boss = hire(&test, &house, Role::Manager).await;
        // The master and the director are nobody: the manager stands in.
        let ticket = from_app(&test, &house).await;
        pass(&test, 5).await;
        pass(&test, 5).await;
        assert_eq!(told(&test, NotificationKind::Unassigned).await, [house.dispatcher, boss]);
        let start = noon() + TimeDelta::hours(2);
        let args = json!({
            "technicians": [house.technicians[0]], "start": start, "end": start + TimeDelta::hours(1),
        });
        let plan = Plan { ticket, args: serde_json::from_value(args).unwrap() };
        test.db.write(house.desk(), plan).await.unwrap();
        pass(&test, 30).await;
        assert_eq!(told(&test, NotificationKind::Unassigned).await.len(), 2, "somebody has it now");
        // What is told at 50 and 80 % is told to the technician who is booked.
        let args = InformApplicant { how: InformedHow::Phone, occurred_at: None };
        test.db.write(house.desk(), Inform { ticket, args }).await.unwrap();
        pass(&test, 60 * 24 * 2).await;
        let technician = UserId(house.technicians[0].0);
        assert!(told(&test, NotificationKind::Alarm).await.contains(&technician));
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn a_later_step_says_more_and_an_earlier_repetition_goes_on_climbing() {
    for test in databases().await {
        let house = house(&test.db).await;
        let boss = hire(&test, &house, Role::Manager).await;
        // A ladder longer than the hour after which the alert is repeated.
        let rungs = json!([
            { "after_minutes": 0, "tell": ["dispatcher"] }, { "after_minutes": 90, "tell": ["director"] },
        ]);
        let rules = json!({ "rules": { "kinds": [{ "kind": "assign", "steps": [{ "percent": 100, "ladder": rungs }] }] } });
        let put = store::Put { version: 0, args: serde_json::from_value(rules).unwrap() };
        let decided = test.db.write(manager(&house), put.clone()).await.unwrap();
        assert_eq!(decided.version, 1);
        assert_eq!(test.db.write(manager(&house), put.clone()).await.unwrap_err().code(), Code::VersionStale);
        assert_eq!(test.db.write(house.desk(), put).await.unwrap_err().code(), Code::Forbidden);
        assert_eq!(store::get(&test.db.reader(), &house.desk()).await.unwrap(), decided);
        let ticket = from_app(&test, &house).await;
        let of = async || told(&test, NotificationKind::Unassigned).await;
        pass(&test, 5).await;
        pass(&test, 60).await;
        assert_eq!(of().await, [house.dispatcher], "the repetition does not begin anew");
        pass(&test, 30).await;
        assert_eq!(of().await, [house.dispatcher, boss]);
        // Whoever takes the last alert takes those before it.
        let args = json!({ "reason": "Ложный вызов." });
        let cancel = Cancel { ticket, args: serde_json::from_value(args).unwrap() };
        test.db.write(house.desk(), cancel).await.unwrap();
        let other = from_app(&test, &house).await;
        pass(&test, 5).await;
        pass(&test, 60).await;
        let mut alerts = standing(&test, &house).await;
        alerts.retain(|alert| alert.ticket_id == Some(other) && alert.kind == "assign");
        let last = alerts.iter().max_by_key(|alert| alert.fired_at).unwrap();
        assert_eq!(alerts.len(), 2);
        test.db.write(house.desk(), Acknowledge { alert: last.id }).await.unwrap();
        pass(&test, 30).await;
        assert_eq!(of().await, [house.dispatcher, boss, house.dispatcher], "the director is spared");
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn an_alarm_is_never_addressed_to_nobody() {
    for test in databases().await {
        let house = house(&test.db).await;
        let admin = hire(&test, &house, Role::Admin).await;
        let at = noon();
        let who = async |duty| duty::holders(&test.db.reader(), house.organization, duty, at).await.unwrap();
        assert_eq!(who(Duty::Technician).await, [house.dispatcher]);
        for duty in [Duty::Master, Duty::Manager, Duty::Director] {
            assert_eq!(who(duty).await, [admin]);
        }
        let boss = hire(&test, &house, Role::Manager).await;
        for duty in [Duty::Master, Duty::Manager, Duty::Director] {
            assert_eq!(who(duty).await, [boss]);
        }
        let turn = on_call(&test, &house, Duty::Manager, admin, 8).await;
        for duty in [Duty::Master, Duty::Manager, Duty::Director] {
            assert_eq!(who(duty).await, [admin]);
        }
        test.clock.advance(TimeDelta::hours(1));
        test.db.write(manager(&house), on_call::Remove { id: turn.id }).await.unwrap();
        let listed = async |at| {
            let filter = on_call::OnCallFilter { at, duty: None };
            let (desk, page) = (house.desk(), PageRequest::default());
            on_call::list(&test.db.reader(), &desk, &filter, &page).await.unwrap().items
        };
        assert_eq!(
            listed(None).await[0].until,
            Some(noon() + TimeDelta::hours(1)),
            "what was stays to be read"
        );
        assert!(listed(Some(noon() + TimeDelta::hours(1))).await.is_empty());
        for (wrong, code) in [
            (json!({ "duty": "technician", "user_id": boss, "from": at }), Code::InvalidField),
            (json!({ "duty": "master", "user_id": boss, "from": at, "until": at }), Code::InvalidField),
            (
                json!({ "duty": "master", "user_id": boss, "from": at, "until": at + TimeDelta::days(367) }),
                Code::InvalidField,
            ),
            (json!({ "duty": "master", "user_id": UserId::new(&test.clock), "from": at }), Code::NotFound),
        ] {
            let create = on_call::Create { args: serde_json::from_value(wrong.clone()).unwrap() };
            assert_eq!(test.db.write(manager(&house), create).await.unwrap_err().code(), code, "{wrong}");
        }
        let stranger = crate::testing::house(&test.db).await;
        let refused = test.db.write(manager(&stranger), on_call::Remove { id: turn.id }).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
        // What stands on no ticket climbs as well, and is looked for in an index.
        let alert =
            NewAlert { kind: "stock_short", organization: house.organization, executor: None, ticket: None };
        test.db.write(Scope::system(house.organization), Raise { alert }).await.unwrap();
        run(&test).await;
        assert_eq!(told(&test, NotificationKind::Alarm).await, [house.dispatcher]);
        pass(&test, 30).await;
        assert_eq!(told(&test, NotificationKind::Alarm).await, [house.dispatcher, boss]);
        let quiet = "SELECT climb_at FROM alert WHERE climb_at IS NOT NULL ORDER BY climb_at LIMIT 1";
        if test.db.backend() == DbBackend::Sqlite {
            let plan = plan(&test, Statement::from_string(DbBackend::Sqlite, quiet)).await;
            assert!(plan.contains("alert_climb"), "{plan}");
        }
        assert_sound(&test.db).await;
    }
}
