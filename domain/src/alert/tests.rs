//! Lists of alerts, on both databases.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DbBackend, QueryTrait, Statement};

use super::{
    row::Column,
    store::{AlertFilter, along, list},
};
use crate::{
    id::AlertId,
    page::PageRequest,
    testing::{House, TestDb, databases, house, plan, raw},
};

/// Alerts in bulk: every second one is passed on, every hundredth still stands.
async fn crowd(test: &TestDb, owner: &House, executor: &House) {
    let (id, at) = match test.db.backend() {
        DbBackend::Postgres => ("gen_random_uuid()", "timestamptz '2026-01-01T00:00:00Z'"),
        _ => ("randomblob(16)", "'2026-01-01T00:00:00+00:00'"),
    };
    let sql = format!(
        "INSERT INTO alert (id, organization_id, executor_organization_id, kind, step, percent, round, fired_at,
             acknowledged_at, version)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
         SELECT {id}, $1, CASE WHEN i % 2 = 0 THEN $2 END, 'resolve', 1, 100, 0, {at},
             CASE WHEN i % 100 > 0 THEN {at} END, 1 FROM n"
    );
    let pool = raw(test).await;
    let values = [owner.organization.0.into(), executor.organization.0.into()];
    pool.execute_raw(Statement::from_sql_and_values(test.db.backend(), sql, values)).await.unwrap();
    if test.db.backend() == DbBackend::Postgres {
        pool.execute_unprepared("VACUUM ANALYZE alert").await.unwrap();
    }
}

#[tokio::test]
async fn each_side_of_the_list_walks_an_index_in_its_order() {
    for test in databases().await {
        let (owner, executor) = (house(&test.db).await, house(&test.db).await);
        crowd(&test, &owner, &executor).await;
        let standing = AlertFilter { standing: Some(true), ..AlertFilter::default() };
        let after = Some(AlertId::new(&**test.db.clock()));
        for (side, desk, filter, index) in [
            (Column::OrganizationId, owner.desk(), &AlertFilter::default(), "alert_owner"),
            (Column::OrganizationId, owner.desk(), &standing, "alert_standing"),
            (Column::ExecutorOrganizationId, executor.desk(), &AlertFilter::default(), "alert_executor"),
            (Column::ExecutorOrganizationId, executor.desk(), &standing, "alert_standing_executor"),
        ] {
            for after in [None, after] {
                let query = along(side, &desk, filter, after, 51);
                let plan = plan(&test, query.build(test.db.backend())).await;
                assert!(!plan.contains("Seq Scan") && !plan.contains("TEMP B-TREE"), "{index}:\n{plan}");
                if test.db.backend() == DbBackend::Sqlite {
                    assert!(plan.contains(&format!("{index} ")), "{index}:\n{plan}");
                }
            }
        }
        for desk in [owner.desk(), executor.desk()] {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = PageRequest::new(after, Some(15)).unwrap();
                let page = list(&test.db.reader(), &desk, &standing, &page).await.unwrap();
                seen.extend(page.items.iter().map(|alert| alert.id));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert!(seen.is_sorted_by(|a, b| a > b), "newest first, each once");
            assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 40);
        }
    }
}
