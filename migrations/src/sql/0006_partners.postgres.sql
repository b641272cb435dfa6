-- What had been passed to contractors before there were links and offers counts as accepted.
INSERT INTO contractor (id, organization_id, contractor_id, trades, building_ids, answer_minutes,
    emergency_answer_minutes, auto_accept, active, version, created_at)
SELECT gen_random_uuid(), organization_id, executor_organization_id, '[]', NULL, 60, 15, false, true, 1, min(registered_at)
FROM ticket WHERE executor_organization_id IS NOT NULL GROUP BY organization_id, executor_organization_id;
INSERT INTO handover (id, organization_id, contractor_id, ticket_id, state, offered_by, offered_at, answer_by,
    answered_by, answered_at, ended_at, reason, version)
SELECT gen_random_uuid(), organization_id, executor_organization_id, id, 'accepted', registered_by, registered_at, registered_at,
    NULL, registered_at, NULL, NULL, 1
FROM ticket WHERE executor_organization_id IS NOT NULL;
