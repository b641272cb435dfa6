CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;
-- Words are folded before they come here. A space at both ends lets the beginning of a word be asked for. The tenant
-- stands in the index: nobody's search reads another's matches. The list of entries yet to be sorted in is kept short,
-- since every search reads it whole.
CREATE INDEX ticket_search_owner ON ticket USING gin (organization_id, (' ' || search || ' ') gin_trgm_ops)
    WITH (gin_pending_list_limit = 256);
CREATE INDEX ticket_search_executor
    ON ticket USING gin (executor_organization_id, (' ' || search || ' ') gin_trgm_ops)
    WITH (gin_pending_list_limit = 256) WHERE executor_organization_id IS NOT NULL;
CREATE INDEX resident_search ON resident USING gin (organization_id, (' ' || search || ' ') gin_trgm_ops)
    WITH (gin_pending_list_limit = 256);

CREATE FUNCTION ticket_technician_follow(technician uuid, of_ticket uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM visit_assignee a JOIN visit v ON v.id = a.visit_id
               WHERE a.ticket_id = of_ticket AND a.technician_id = technician AND v.status <> 'cancelled') THEN
        INSERT INTO ticket_technician (technician_id, registered_at, ticket_id)
        SELECT technician, t.registered_at, t.id FROM ticket t WHERE t.id = of_ticket
        ON CONFLICT DO NOTHING;
    ELSE
        DELETE FROM ticket_technician o
        WHERE o.technician_id = technician AND o.ticket_id = of_ticket
          AND o.registered_at = (SELECT t.registered_at FROM ticket t WHERE t.id = of_ticket);
    END IF;
END $$;
CREATE FUNCTION ticket_technician_crew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM ticket_technician_follow(OLD.technician_id, OLD.ticket_id);
    ELSE
        PERFORM ticket_technician_follow(NEW.technician_id, NEW.ticket_id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ticket_technician_crew AFTER INSERT OR DELETE ON visit_assignee
    FOR EACH ROW EXECUTE FUNCTION ticket_technician_crew();
CREATE FUNCTION ticket_technician_visit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ticket_technician_follow(a.technician_id, a.ticket_id) FROM visit_assignee a WHERE a.visit_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER ticket_technician_visit AFTER UPDATE OF status ON visit
    FOR EACH ROW WHEN ((OLD.status = 'cancelled') <> (NEW.status = 'cancelled'))
    EXECUTE FUNCTION ticket_technician_visit();
