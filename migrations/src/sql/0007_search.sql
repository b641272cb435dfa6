-- Lists in the order of the board: one index for each way of narrowing it, so that the first page costs the same
-- whatever stands behind it.
DROP INDEX ticket_by_premises;
CREATE INDEX ticket_by_premises ON ticket (premises_id, registered_at, id) WHERE premises_id IS NOT NULL;
CREATE INDEX ticket_by_building_status ON ticket (building_id, status, registered_at, id);
CREATE INDEX ticket_by_kind ON ticket (request_type_id, registered_at, id);
CREATE INDEX ticket_by_executor_kind ON ticket (organization_id, executor_kind, registered_at, id);
CREATE INDEX ticket_by_executor_status ON ticket (executor_organization_id, status, registered_at, id)
    WHERE executor_organization_id IS NOT NULL;
CREATE INDEX ticket_by_executor_building ON ticket (executor_organization_id, building_id, registered_at, id)
    WHERE executor_organization_id IS NOT NULL;
CREATE INDEX ticket_by_executor_number ON ticket (executor_organization_id, number)
    WHERE executor_organization_id IS NOT NULL;
CREATE INDEX ticket_by_executor_phone ON ticket (executor_organization_id, applicant_phone)
    WHERE executor_organization_id IS NOT NULL AND applicant_phone IS NOT NULL;
CREATE INDEX ticket_emergencies ON ticket (organization_id, registered_at, id) WHERE emergency;
CREATE INDEX ticket_emergencies_by_status ON ticket (organization_id, status, registered_at, id) WHERE emergency;
CREATE INDEX resident_organization ON resident (organization_id, id);

-- Which tickets a technician has a visit of that was not cancelled, in the order of the lists. Kept by triggers.
CREATE TABLE ticket_technician (
    technician_id {uuid} NOT NULL REFERENCES technician (id),
    registered_at {time} NOT NULL,
    ticket_id {uuid} NOT NULL REFERENCES ticket (id),
    PRIMARY KEY (technician_id, registered_at, ticket_id)
) {table};
INSERT INTO ticket_technician (technician_id, registered_at, ticket_id)
SELECT DISTINCT a.technician_id, t.registered_at, t.id
FROM visit_assignee a JOIN visit v ON v.id = a.visit_id JOIN ticket t ON t.id = a.ticket_id
WHERE v.status <> 'cancelled';
