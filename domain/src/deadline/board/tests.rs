//! The walks behind the board, on both databases.

use sea_orm::{ConnectionTrait, DbBackend, QueryTrait, Statement};
use serde_json::json;

use super::*;
use crate::{
    Code,
    testing::{House, TestDb, databases, house, noon, plan, raw},
};

/// Missed clocks in bulk, one a minute; every second one was passed on.
async fn crowd(test: &TestDb, owner: &House, executor: &House) {
    let (id, due) = match test.db.backend() {
        DbBackend::Postgres => {
            ("gen_random_uuid()", "timestamptz '2025-01-01T00:00:00Z' + i * interval '1 minute'")
        }
        _ => ("randomblob(16)", "strftime('%Y-%m-%dT%H:%M:%S+00:00', '2025-01-01', i || ' minutes')"),
    };
    let sql = format!(
        "INSERT INTO deadline (id, organization_id, executor_organization_id, subject_kind, subject_id, building_id,
             request_type_id, kind, basis, policy_version, calendar_version, clock, zone, started_from, target_amount,
             target_unit, pauses, edited, consumed_s, due_at, late_from, grace_s, told, fired, repeats, state,
             alert_acked, version)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
         SELECT {id}, $1, CASE WHEN i % 2 = 0 THEN $2 END, 'call', {id}, $3, $4, 'resolve', 'legal', 0, 0, '{{}}',
             'Europe/Moscow', {due}, 1, 'days', false, false, 0, {due}, {due}, 0, 0, 0, 0, 'missed', false, 1 FROM n"
    );
    let pool = raw(test).await;
    let values = [
        owner.organization.0.into(),
        executor.organization.0.into(),
        owner.building.0.into(),
        owner.kind.0.into(),
    ];
    pool.execute_raw(Statement::from_sql_and_values(test.db.backend(), sql, values)).await.unwrap();
    if test.db.backend() == DbBackend::Postgres {
        pool.execute_unprepared("VACUUM ANALYZE deadline").await.unwrap();
    }
}

fn filter(value: serde_json::Value) -> DeadlineFilter {
    serde_json::from_value(value).unwrap()
}

#[tokio::test]
async fn a_page_of_the_past_begins_where_the_last_one_ended_and_stays_in_its_range() {
    for test in databases().await {
        let (owner, executor) = (house(&test.db).await, house(&test.db).await);
        crowd(&test, &owner, &executor).await;
        let range = filter(json!({
            "state": "missed", "building_id": owner.building, "from": "2025-01-02T00:00:00Z",
            "to": "2025-01-02T06:00:00Z",
        }));
        let all = filter(json!({ "state": "missed" }));
        let at = "2025-01-02T12:00:00Z".parse().unwrap();
        let key = Key { late_from: Some(at), id: DeadlineId(uuid::Uuid::max()) };
        let missed = DeadlineState::Missed;
        for (side, desk, index) in [
            (Column::OrganizationId, owner.desk(), "deadline_board"),
            (Column::ExecutorOrganizationId, executor.desk(), "deadline_board_executor"),
        ] {
            for (filter, after) in [(&range, None), (&all, None), (&all, Some(&key))] {
                let walk = Walk { scope: &desk, filter, state: missed, now: noon() };
                let query = walk.along(side, after, true, 51);
                let plan = plan(&test, query.build(test.db.backend())).await;
                assert!(!plan.contains("Seq Scan") && !plan.contains("TEMP B-TREE"), "{index}:\n{plan}");
                let bounded = plan.lines().any(|line| {
                    let condition = line.contains("Index Cond") || line.contains(&format!("{index} "));
                    condition && line.contains("late_from")
                });
                let asked = after.is_some() || filter.from.is_some();
                assert!(bounded || !asked, "{index} is walked from its end:\n{plan}");
            }
        }
        let walk = Walk { scope: &owner.desk(), filter: &all, state: missed, now: noon() };
        let rows = walk.rows(&test.db.reader(), Some(&key), true, 3).await;
        let due: Vec<_> = rows.unwrap().into_iter().filter_map(|row| row.due_at).collect();
        assert_eq!(due, [0, 1, 2].map(|minutes| at - TimeDelta::minutes(minutes)));
    }
}

#[tokio::test]
async fn what_is_picked_out_of_the_past_is_picked_out_of_a_range() {
    for test in databases().await {
        let house = house(&test.db).await;
        let ask = async |value| {
            let page = PageRequest::default();
            list(&test.db.reader(), &house.desk(), &filter(value), &page, noon()).await
        };
        let (from, to) = ("2025-03-01T00:00:00Z", "2026-03-02T00:00:00Z");
        for picked in [
            json!({ "building_id": house.building }),
            json!({ "technician_id": house.technicians[0] }),
            json!({ "request_type_id": house.kind }),
            json!({ "without": "technician" }),
        ] {
            let with = |more: serde_json::Value| {
                let mut value = picked.clone();
                value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                value
            };
            for state in ["met", "missed", "cancelled"] {
                for open in [
                    json!({ "state": state }),
                    json!({ "state": state, "from": from }),
                    json!({ "state": state, "from": "2025-02-01T00:00:00Z", "to": to }),
                ] {
                    let refused = ask(with(open)).await.unwrap_err();
                    assert_eq!(refused.code(), Code::InvalidField);
                }
                ask(with(json!({ "state": state, "from": from, "to": to }))).await.unwrap();
            }
            ask(with(json!({ "state": "running" }))).await.unwrap();
        }
        ask(json!({ "state": "missed", "kind": "resolve" })).await.unwrap();
    }
}
