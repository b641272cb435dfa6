//! The way to a technician's bookings, on both databases.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::*;
use crate::{
    id::CalendarLinkId,
    testing::{databases, house, noon, plan, raw},
};

#[tokio::test]
async fn a_feed_reads_the_bookings_of_its_time_and_not_those_of_a_life() {
    for test in databases().await {
        let house = house(&test.db).await;
        let backend = test.db.backend();
        let (id, start) = match backend {
            DbBackend::Postgres => {
                ("gen_random_uuid()", "timestamptz '2016-01-01T00:00:00Z' + i * interval '1 day'")
            }
            _ => ("randomblob(16)", "strftime('%Y-%m-%dT%H:%M:%S+00:00', '2016-01-01', i || ' days')"),
        };
        let end = start.replace("'1 day'", "'1 day' + interval '1 hour'");
        let end = end.replace("i || ' days'", "i || ' days', '1 hours'");
        let pool = raw(&test).await;
        let ticket = format!(
            "INSERT INTO ticket (id, organization_id, executor_kind, number, request_type_id, request_type_version,
                 status, source, emergency, building_id, description, precondition_confirmed, fields, registered_by,
                 registered_at, return_count, search, version, doc_version, updated_at)
             SELECT {id}, $1, 'own_staff', '1', $2, 1, 'planned', 'phone', false, $3, 'x', true, '{{}}', $1, at, 0, '', 1,
                 1, at FROM (SELECT {start} AS at FROM (SELECT 1 AS i) one) moment"
        );
        let visits = format!(
            "INSERT INTO visit (id, organization_id, staff_organization_id, ticket_id, status, window_kind, planned_start,
                 planned_end, version, created_at)
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
             SELECT {id}, $1, $1, t.id, 'done', 'none', {start}, {end}, 1, {start} FROM n, ticket t"
        );
        let crew = "INSERT INTO visit_assignee (visit_id, technician_id, ticket_id, organization_id, lead)
                    SELECT id, $2, ticket_id, $1, true FROM visit";
        let entries = format!(
            "INSERT INTO calendar_entry (id, organization_id, technician_id, visit_id, ticket_id, kind, busy_start,
                 busy_end, planned_start, planned_end, active, version)
             SELECT {id}, $1, $2, id, ticket_id, 'booking', planned_start, planned_end, planned_start, planned_end, true, 1
             FROM visit"
        );
        let (owner, technician) = (house.organization.0, house.technicians[0].0);
        for (sql, values) in [
            (ticket, vec![owner.into(), house.kind.0.into(), house.building.0.into()]),
            (visits, vec![owner.into()]),
            (crew.to_owned(), vec![owner.into(), technician.into()]),
            (entries, vec![owner.into(), technician.into()]),
        ] {
            pool.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await.unwrap();
        }
        if backend == DbBackend::Postgres {
            pool.execute_unprepared("VACUUM ANALYZE").await.unwrap();
        }
        let link = row::Model {
            id: CalendarLinkId::new(&**test.db.clock()),
            organization_id: house.organization,
            technician_id: house.technicians[0],
            token_hash: Vec::new(),
            label: None,
            created_by: house.dispatcher.0,
            created_at: noon(),
            revoked_at: None,
        };
        let statement = Statement::from_sql_and_values(backend, booked_sql(), booked_values(&link, noon()));
        let way = plan(&test, statement).await;
        assert!(way.contains("calendar_entry_feed"), "{way}");
        let all = booked_values(&link, noon());
        let booked: Vec<Booked> = test.db.reader().all(&booked_sql(), all).await.unwrap();
        assert_eq!(booked.len() as i64, PAST + AHEAD, "one a day");
    }
}
