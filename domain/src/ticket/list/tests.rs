//! Lists of tickets: what is found, and by which way through the database.

use std::collections::BTreeSet;

use proptest::{prelude::*, test_runner::TestRunner};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement as Raw};

use super::*;
use crate::{
    auth::Role,
    id::UserId,
    testing::{House, TestDb, databases, house, sqlite},
    ticket::{Register, RegisterTicket},
};

fn filter(value: serde_json::Value) -> TicketFilter {
    serde_json::from_value(value).unwrap()
}

async fn found(test: &TestDb, scope: &Scope, value: serde_json::Value) -> Vec<TicketId> {
    let page = list(&test.db.reader(), scope, &filter(value), &PageRequest::default(), test.db.clock().now())
        .await
        .unwrap();
    page.items.into_iter().map(|line| line.id).collect()
}

/// What the desk finds, page by page.
async fn every_page(
    test: &TestDb,
    house: &House,
    value: serde_json::Value,
    limit: u32,
) -> Vec<(DateTime<Utc>, TicketId)> {
    let filter = filter(value);
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest::new(after, Some(limit)).unwrap();
        let (reader, now) = (test.db.reader(), test.db.clock().now());
        let page = list(&reader, &house.desk(), &filter, &request, now).await.unwrap();
        seen.extend(page.items.into_iter().map(|line| (line.registered_at, line.id)));
        after = page.next;
        if after.is_none() {
            return seen;
        }
    }
}

async fn register(test: &TestDb, house: &House, description: &str) -> TicketId {
    test.clock.advance(chrono::TimeDelta::seconds(1));
    let args: RegisterTicket = serde_json::from_value(serde_json::json!({
        "request_type_id": house.kind, "premises_id": house.premises, "description": description,
        "applicant_name": "Ильин Пётр", "applicant_phone": "8 (912) 345-67-89",
    }))
    .unwrap();
    test.db.write(house.desk(), Register { args }).await.unwrap()
}

/// Tickets in bulk, three thousand of them: enough for a planner to have a choice.
async fn crowd(test: &TestDb, house: &House) {
    let backend = test.db.backend();
    let series = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)";
    let (id, at) = match backend {
        DbBackend::Postgres => {
            ("gen_random_uuid()", "timestamptz '2025-01-01T00:00:00Z' + i * interval '1 minute'")
        }
        _ => ("randomblob(16)", "strftime('%Y-%m-%dT%H:%M:%S+00:00', '2025-01-01', i || ' minutes')"),
    };
    let sql = format!(
        "INSERT INTO ticket (id, organization_id, executor_kind, number, request_type_id, request_type_version, status,
             source, emergency, building_id, premises_id, description, precondition_confirmed, fields, registered_by,
             registered_at, return_count, search, version, doc_version, updated_at)
         {series} SELECT {id}, o.organization_id, 'nobody', 'n' || i, o.id, 1,
             CASE WHEN i % 50 = 0 THEN 'planned' ELSE 'closed' END, 'phone', i % 500 = 0 OR i % 10 = 1, b.id, NULL, 'x', true, '{{}}',
             o.organization_id, {at}, 0, 'москва улица мира ' || i || ' запах в подъезде этаж ' || (i % 17), 1, 1, {at}
         FROM n, request_type o, building b WHERE o.organization_id = $1 AND b.organization_id = $1"
    );
    // The tests' own way: rows in bulk are no act of anybody.
    let pool = crate::testing::raw(test).await;
    pool.execute_raw(Raw::from_sql_and_values(backend, sql, [house.organization.0.into()])).await.unwrap();
    let sql = "INSERT INTO ticket_technician (technician_id, registered_at, ticket_id)
               SELECT $1, registered_at, id FROM ticket WHERE organization_id = $2";
    let values = [house.technicians[0].0.into(), house.organization.0.into()];
    pool.execute_raw(Raw::from_sql_and_values(backend, sql, values)).await.unwrap();
    // Each had a term; of those that still run, every tenth has passed.
    let due = match backend {
        DbBackend::Postgres => "registered_at + (CASE WHEN emergency THEN 1 ELSE 900 END) * interval '1 day'",
        _ => {
            "strftime('%Y-%m-%dT%H:%M:%S+00:00', registered_at, CASE WHEN emergency THEN '1 days' ELSE '900 days' END)"
        }
    };
    let sql = format!(
        "INSERT INTO deadline (id, organization_id, subject_kind, subject_id, ticket_id, kind, basis, policy_version,
             calendar_version, clock, zone, started_from, target_amount, target_unit, pauses, edited, consumed_s, due_at,
             late_from, grace_s, told, fired, repeats, state, alert_acked, version)
         SELECT {id}, organization_id, 'ticket', id, id, 'resolve', 'legal', 0, 0, '{{}}', 'Europe/Moscow', registered_at,
             1, 'days', false, false, 0, {due}, {due}, 0, 0, 0, 0,
             CASE WHEN status = 'planned' THEN 'running' ELSE 'met' END, false, 1
         FROM ticket WHERE organization_id = $1"
    );
    pool.execute_raw(Raw::from_sql_and_values(backend, sql, [house.organization.0.into()])).await.unwrap();
    if backend == DbBackend::Postgres {
        pool.execute_unprepared("VACUUM ANALYZE").await.unwrap();
    }
}

#[derive(FromQueryResult)]
struct Plan {
    #[sea_orm(from_alias = "QUERY PLAN")]
    line: String,
}
#[derive(FromQueryResult)]
struct Step {
    detail: String,
}

/// How the database goes about each of the statements of a list.
async fn plans(test: &TestDb, scope: &Scope, value: serde_json::Value) -> Vec<String> {
    let pool = crate::testing::raw(test).await;
    let filter = filter(value);
    let (backend, now) = (test.db.backend(), test.db.clock().now());
    let asked = Asked { scope, filter: &filter, after: None, limit: 51, backend, now };
    let mut plans = Vec::new();
    for statement in asked.statements() {
        let lines: Vec<String> = if test.db.backend() == DbBackend::Postgres {
            let sql = format!("EXPLAIN {}", statement.sql);
            let raw = Raw::from_sql_and_values(DbBackend::Postgres, sql, statement.values);
            Plan::find_by_statement(raw).all(&pool).await.unwrap().into_iter().map(|row| row.line).collect()
        } else {
            let sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
            let raw = Raw::from_sql_and_values(DbBackend::Sqlite, sql, statement.values);
            Step::find_by_statement(raw).all(&pool).await.unwrap().into_iter().map(|row| row.detail).collect()
        };
        plans.push(lines.join("\n"));
    }
    plans
}

/// The index that must serve a question, on both databases.
#[tokio::test]
async fn every_filter_of_a_board_walks_an_index() {
    for test in databases().await {
        let house = house(&test.db).await;
        crowd(&test, &house).await;
        let id = house.organization;
        let cases = [
            (serde_json::json!({}), "ticket_by_owner"),
            (serde_json::json!({ "status": "planned" }), "ticket_by_status"),
            (serde_json::json!({ "status": "registered,planned,in_progress,on_hold" }), "ticket_by_status"),
            (serde_json::json!({ "status": "planned,closed" }), "ticket_by_status"),
            (serde_json::json!({ "emergency": true }), "ticket_emergencies"),
            (serde_json::json!({ "emergency": true, "status": "planned" }), "ticket_emergencies_by_status"),
            (serde_json::json!({ "building_id": house.building }), "ticket_by_building"),
            (
                serde_json::json!({ "building_id": house.building, "status": "planned" }),
                "ticket_by_building_status",
            ),
            (
                serde_json::json!({ "building_id": house.building, "status": "planned" }),
                "ticket_by_executor_building",
            ),
            (serde_json::json!({ "request_type_id": house.kind, "status": "closed" }), "ticket_by_kind"),
            (serde_json::json!({ "request_type_id": house.kind }), "ticket_by_executor "),
            (serde_json::json!({ "executor": "own_staff" }), "ticket_by_executor_kind"),
            (serde_json::json!({ "executor_organization_id": id }), "ticket_by_executor"),
            (serde_json::json!({ "premises_id": house.premises }), "ticket_by_premises"),
            (serde_json::json!({ "resident_id": id }), "ticket_by_resident"),
            (serde_json::json!({ "number": "n7" }), "number"),
            (serde_json::json!({ "phone": "+79123456789" }), "phone"),
            (serde_json::json!({ "technician_id": house.technicians[0] }), "ticket_technician"),
            (serde_json::json!({ "overdue": true }), "deadline_running "),
            (serde_json::json!({ "overdue": true, "status": "planned" }), "deadline_running_executor"),
            (
                serde_json::json!({ "overdue": true, "technician_id": house.technicians[0] }),
                "deadline_running ",
            ),
            (serde_json::json!({ "overdue": false }), "deadline_ticket"),
            (serde_json::json!({ "overdue": false, "status": "planned" }), "ticket_by_status"),
        ];
        for (value, index) in cases {
            let plan = plans(&test, &house.desk(), value.clone()).await.join("\n");
            let full = plan.contains("Seq Scan on ticket")
                || plan.contains("SCAN t\n")
                || plan.contains("Seq Scan on deadline");
            assert!(!full, "{value} reads all tickets on {:?}:\n{plan}", test.db.backend());
            // PostgreSQL knows the tables and may find another index as good.
            if test.db.backend() == DbBackend::Sqlite {
                assert!(plan.contains(index), "{value} does not use {index}:\n{plan}");
            }
        }
        for question in ["2999", "ильин 8912", "17", "5"] {
            let plan = plans(&test, &house.desk(), serde_json::json!({ "q": question })).await;
            let last = plan.last().unwrap();
            let index = match test.db.backend() {
                DbBackend::Postgres => "Bitmap Index Scan on ticket_search_owner",
                _ => "VIRTUAL TABLE INDEX",
            };
            assert!(last.contains(index), "{question}:\n{last}");
        }
    }
}

#[tokio::test]
async fn common_and_rare_words_are_found_newest_first_page_by_page() {
    for test in databases().await {
        let house = house(&test.db).await;
        crowd(&test, &house).await;
        for (question, expected) in [("запах", 3000), ("Мира 2999", 1), ("мира 298", 13), ("нет", 0)]
        {
            let seen = every_page(&test, &house, serde_json::json!({ "q": question }), 200).await;
            assert!(seen.is_sorted_by(|a, b| a.0 > b.0), "{question}");
            let distinct: BTreeSet<_> = seen.iter().map(|(_, id)| *id).collect();
            assert_eq!(distinct.len(), seen.len(), "{question}");
            assert_eq!(seen.len(), expected, "{question} on {:?}", test.db.backend());
        }
    }
}

#[tokio::test]
async fn a_ticket_is_found_by_what_stands_on_it_now_and_by_its_tenant_only() {
    for test in databases().await {
        let (ours, theirs) = (house(&test.db).await, house(&test.db).await);
        let mine = register(&test, &ours, "Запах из ёлочной канализации.").await;
        let other = register(&test, &theirs, "Запах из ёлочной канализации.").await;
        for question in
            ["елочной", "ЁЛОЧНОЙ запах", "+7 912 345-67-89", "9123456", "мира 1 ильин", "2026-000001", "12"]
        {
            let value = serde_json::json!({ "q": question });
            assert_eq!(found(&test, &ours.desk(), value.clone()).await, [mine], "{question}");
            assert_eq!(found(&test, &theirs.desk(), value).await, [other], "{question}");
        }
        let text = "Искрит розетка, перезвонить на 8 495 111-22-33, см. заявку 2025-000777.";
        let args = serde_json::from_value(serde_json::json!({ "description": text })).unwrap();
        test.db.write(ours.desk(), crate::ticket::Edit { ticket: mine, version: 1, args }).await.unwrap();
        // A number that nobody has is looked for among the words.
        for question in ["+7 (495) 111-22-33", "2025-000777"] {
            let value = serde_json::json!({ "q": question });
            assert_eq!(found(&test, &ours.desk(), value.clone()).await, [mine], "{question}");
            assert_eq!(found(&test, &theirs.desk(), value).await, [], "{question}");
        }
        let ask = async |q: &str| found(&test, &ours.desk(), serde_json::json!({ "q": q })).await;
        assert_eq!(ask("канализации").await, []);
        assert_eq!(ask("розетка").await, [mine]);
        // Silence asks for nothing.
        assert_eq!(ask("\" * ' --").await, [mine]);
        assert!(
            serde_json::from_value::<TicketFilter>(serde_json::json!({ "q": "я".repeat(10_000) })).is_err()
        );
        assert!(
            serde_json::from_value::<TicketFilter>(serde_json::json!({ "status": "planned,lost" })).is_err()
        );
    }
}

#[tokio::test]
async fn tickets_of_a_building_are_found_by_its_corrected_address() {
    use crate::{
        job,
        place::{building::store, premises::store as premises},
        ticket::Refold,
    };
    for test in databases().await {
        let house = house(&test.db).await;
        let mut mine = Vec::new();
        for n in 0..5 {
            mine.insert(0, register(&test, &house, &format!("Запах на этаже {n}.")).await);
        }
        let args =
            serde_json::from_value(serde_json::json!({ "address": "Москва, проспект Труда, 7" })).unwrap();
        let change = store::Change { id: house.building, version: 1, args };
        test.db.write(house.desk(), change).await.unwrap();
        let (system, lease) = (Scope::system(house.organization), chrono::TimeDelta::minutes(1));
        let mut batches = 0;
        while let Some(job) = job::claim(&test.db, house.organization, lease).await.unwrap() {
            assert_eq!(job.kind, crate::ticket::REFOLD_JOB);
            let after = job.payload.get("after").map(|key| serde_json::from_value(key.clone()).unwrap());
            let act = Refold { building: house.building, after, limit: 2 };
            test.db.write(system, job::Completing { act, lease: job.lease }).await.unwrap();
            batches += 1;
        }
        assert_eq!(batches, 3);
        let ask = async |q: &str| found(&test, &house.desk(), serde_json::json!({ "q": q })).await;
        assert_eq!(ask("проспект труда 7").await, mine);
        assert_eq!(ask("труда 12 этаже 3").await, mine[1..2], "the premises stand there still");
        assert_eq!(ask("мира").await, []);
        let args = serde_json::from_value(serde_json::json!({ "number": "12-бис" })).unwrap();
        let change = premises::Change { id: house.premises, version: 1, args };
        test.db.write(house.desk(), change).await.unwrap();
        let job = job::claim(&test.db, house.organization, lease).await.unwrap().unwrap();
        let act = Refold { building: house.building, after: None, limit: 100 };
        test.db.write(system, job::Completing { act, lease: job.lease }).await.unwrap();
        assert_eq!(ask("труда бис").await, mine);
        crate::testing::assert_sound(&test.db).await;
    }
}

/// The index of words on SQLite numbers its rows by the moment and the arrival: pages hold through a crowd of one moment,
/// and what was registered earlier comes after it, however late it arrives.
#[tokio::test]
async fn a_crowd_of_one_moment_is_found_page_by_page() {
    for test in databases().await {
        let house = house(&test.db).await;
        let pool = crate::testing::raw(&test).await;
        let backend = test.db.backend();
        let id = if backend == DbBackend::Postgres { "gen_random_uuid()" } else { "randomblob(16)" };
        let crowd = async |count: usize, at: &str| {
            let at = match backend {
                DbBackend::Postgres => format!("timestamptz '{at}'"),
                _ => format!("'{at}'"),
            };
            let sql = format!(
                "INSERT INTO ticket (id, organization_id, executor_kind, number, request_type_id, request_type_version,
                     status, source, emergency, building_id, description, precondition_confirmed, fields, registered_by,
                     registered_at, return_count, search, version, doc_version, updated_at)
                 WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
                 SELECT {id}, $1, 'nobody', {at} || '/' || i, $2, 1, 'registered', 'phone', false, $3, 'x', true, '{{}}',
                     $1, {at}, 0, 'москва улица мира', 1, 1, {at} FROM n"
            );
            let values = [house.organization.0.into(), house.kind.0.into(), house.building.0.into()];
            pool.execute_raw(Raw::from_sql_and_values(backend, sql, values)).await.unwrap();
        };
        crowd(300, "2026-03-01T10:00:00.001000+00:00").await;
        crowd(1, "2026-03-01T09:59:59+00:00").await;
        let seen = every_page(&test, &house, serde_json::json!({ "q": "мира" }), 7).await;
        assert!(seen.is_sorted_by(|a, b| a.0 >= b.0), "the one registered earlier comes last");
        assert!(seen[299].0 > seen[300].0);
        let distinct: BTreeSet<_> = seen.iter().map(|(_, id)| *id).collect();
        assert_eq!((seen.len(), distinct.len()), (301, 301), "on {backend:?}");
    }
}

#[tokio::test]
async fn a_technicians_list_follows_his_visits() {
    use crate::{
        ticket::{Plan, PlanVisit, Unplan},
        visit::{self, MoveTo, MoveVisit},
    };
    for test in databases().await {
        let house = house(&test.db).await;
        let ticket = register(&test, &house, "Запах.").await;
        let start = test.db.clock().now() + chrono::TimeDelta::hours(1);
        let start = chrono::SubsecRound::trunc_subsecs(start, 0);
        let plan = |crew: &[TechnicianId], hours: i64| Plan {
            ticket,
            args: PlanVisit {
                visit_id: None,
                hold_token: None,
                technicians: crew.to_vec(),
                start: Some(start + chrono::TimeDelta::hours(hours)),
                end: Some(start + chrono::TimeDelta::hours(hours + 1)),
                window: None,
                override_reason: None,
            },
        };
        let of = async |index: usize| {
            let own = found(&test, &house.technician(index), serde_json::json!({})).await;
            let asked = serde_json::json!({ "technician_id": house.technicians[index] });
            assert_eq!(found(&test, &house.desk(), asked).await, own);
            let open = serde_json::json!({ "status": "registered,planned" });
            assert_eq!(found(&test, &house.technician(index), open).await, own);
            assert_eq!(
                found(&test, &house.technician(index), serde_json::json!({ "q": "запах" })).await,
                own
            );
            own
        };
        test.db.write(house.desk(), plan(&house.technicians[..1], 0)).await.unwrap();
        test.db.write(house.desk(), plan(&house.technicians[..1], 2)).await.unwrap();
        assert_eq!((of(0).await, of(1).await), (vec![ticket], vec![]));
        let visits = visit::of_ticket(&test.db.reader(), ticket).await.unwrap();
        let args = MoveVisit {
            start: start + chrono::TimeDelta::hours(4),
            end: start + chrono::TimeDelta::hours(5),
            technicians: Some(vec![house.technicians[1]]),
            window: None,
            version: None,
            override_reason: None,
        };
        test.db.write(house.desk(), MoveTo { visit: visits[0].row.id, args }).await.unwrap();
        assert_eq!((of(0).await, of(1).await), (vec![ticket], vec![ticket]));
        test.db.write(house.desk(), Unplan { ticket }).await.unwrap();
        assert_eq!((of(0).await, of(1).await), (vec![], vec![]));
    }
}

/// A ticket is late while a clock of it runs past its term: for its owner, for its executor, for nobody else, together
/// with whatever else is asked.
#[tokio::test]
async fn late_tickets_are_found_by_their_clocks_page_by_page() {
    use serde_json::json;
    for test in databases().await {
        let (ours, theirs) = (house(&test.db).await, house(&test.db).await);
        let mut mine = Vec::new();
        for n in 0..5 {
            mine.insert(0, register(&test, &ours, &format!("Запах на этаже {n}.")).await);
        }
        register(&test, &theirs, "Запах.").await;
        let ask = async |scope: Scope, value| found(&test, &scope, value).await;
        assert_eq!(ask(ours.desk(), json!({ "overdue": true })).await, []);
        assert_eq!(ask(ours.desk(), json!({ "overdue": false })).await, mine);
        // The term to tell the applicant has passed, for one of them that of the work too; one was told in time.
        let args = serde_json::from_value(json!({ "how": "phone" })).unwrap();
        test.db.write(ours.desk(), crate::ticket::Inform { ticket: mine[2], args }).await.unwrap();
        test.clock.advance(chrono::TimeDelta::hours(1));
        let told = mine.remove(2);
        assert_eq!(ask(ours.desk(), json!({ "overdue": true })).await, mine);
        assert_eq!(ask(ours.desk(), json!({ "overdue": false })).await, [told]);
        for (more, expected) in [
            (json!({ "q": "этаже 3" }), &mine[1..2]),
            (json!({ "q": "этаже 2" }), &[]),
            (json!({ "status": "registered,closed" }), &mine[..]),
            (json!({ "status": "planned" }), &[]),
            (json!({ "building_id": ours.building, "phone": "+79123456789" }), &mine[..]),
            (json!({ "technician_id": ours.technicians[0] }), &[]),
            (json!({ "executor_organization_id": theirs.organization }), &[]),
        ] {
            let mut value = more.clone();
            value["overdue"] = json!(true);
            assert_eq!(ask(ours.desk(), value).await, expected, "{more}");
        }
        let seen = every_page(&test, &ours, json!({ "overdue": true }), 3).await;
        let seen: Vec<TicketId> = seen.into_iter().map(|(_, id)| id).collect();
        assert_eq!(seen, mine);
        // Passed on, it is late for both.
        let pool = crate::testing::raw(&test).await;
        for table in ["ticket", "deadline"] {
            let column = if table == "ticket" { "id" } else { "ticket_id" };
            let kind = if table == "ticket" { ", executor_kind = 'contractor'" } else { "" };
            let sql = format!("UPDATE {table} SET executor_organization_id = $1{kind} WHERE {column} = $2");
            let values = [theirs.organization.0.into(), mine[0].0.into()];
            pool.execute_raw(Raw::from_sql_and_values(test.db.backend(), sql, values)).await.unwrap();
        }
        let late = ask(theirs.desk(), json!({ "overdue": true })).await;
        assert_eq!((late.len(), late.contains(&mine[0])), (2, true));
        assert_eq!(ask(ours.desk(), json!({ "overdue": true })).await, mine);
    }
}

/// Whatever word of what was said is asked for finds the ticket, and never another tenant's.
#[test]
fn every_word_of_three_letters_finds_its_ticket() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (test, ours, theirs) = runtime.block_on(async {
        let test = sqlite().await;
        let (ours, theirs) = (house(&test.db).await, house(&test.db).await);
        (test, ours, theirs)
    });
    let mut runner = TestRunner::new(ProptestConfig { cases: 60, ..ProptestConfig::default() });
    let words = prop::collection::vec("[а-яёА-ЯЁa-z0-9]{1,9}", 1..8);
    runner
        .run(&(words, any::<prop::sample::Index>()), |(words, at)| {
            let text = words.join(" ");
            let word = &words[at.index(words.len())];
            runtime.block_on(async {
                let ticket = register(&test, &ours, &text).await;
                let value = serde_json::json!({ "q": word });
                let mine = found(&test, &ours.desk(), value.clone()).await;
                prop_assert_eq!(mine.first(), Some(&ticket));
                prop_assert!(found(&test, &theirs.desk(), value).await.is_empty());
                Ok(())
            })
        })
        .unwrap();
    let stranger = Scope::staff(theirs.organization, UserId(theirs.dispatcher.0), Role::Manager);
    assert!(runtime.block_on(found(&test, &stranger, serde_json::json!({}))).is_empty());
}
