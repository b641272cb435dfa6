CREATE TRIGGER ticket_technician_comes AFTER INSERT ON visit_assignee
BEGIN
    INSERT OR IGNORE INTO ticket_technician (technician_id, registered_at, ticket_id)
    SELECT NEW.technician_id, t.registered_at, t.id FROM ticket t JOIN visit v ON v.id = NEW.visit_id
    WHERE t.id = NEW.ticket_id AND v.status <> 'cancelled';
END;
CREATE TRIGGER ticket_technician_goes AFTER DELETE ON visit_assignee
BEGIN
    DELETE FROM ticket_technician
    WHERE technician_id = OLD.technician_id AND ticket_id = OLD.ticket_id
      AND registered_at = (SELECT registered_at FROM ticket WHERE id = OLD.ticket_id)
      AND NOT EXISTS (
        SELECT 1 FROM visit_assignee a JOIN visit v ON v.id = a.visit_id
        WHERE a.ticket_id = OLD.ticket_id AND a.technician_id = OLD.technician_id AND v.status <> 'cancelled');
END;
CREATE TRIGGER ticket_technician_cancelled AFTER UPDATE OF status ON visit
WHEN NEW.status = 'cancelled' AND OLD.status <> 'cancelled'
BEGIN
    DELETE FROM ticket_technician
    WHERE ticket_id = NEW.ticket_id AND registered_at = (SELECT registered_at FROM ticket WHERE id = NEW.ticket_id)
      AND technician_id IN (SELECT technician_id FROM visit_assignee WHERE visit_id = NEW.id)
      AND NOT EXISTS (
        SELECT 1 FROM visit_assignee a JOIN visit v ON v.id = a.visit_id
        WHERE a.ticket_id = NEW.ticket_id AND a.technician_id = ticket_technician.technician_id
          AND v.status <> 'cancelled');
END;
CREATE TRIGGER ticket_technician_revived AFTER UPDATE OF status ON visit
WHEN NEW.status <> 'cancelled' AND OLD.status = 'cancelled'
BEGIN
    INSERT OR IGNORE INTO ticket_technician (technician_id, registered_at, ticket_id)
    SELECT a.technician_id, t.registered_at, t.id FROM visit_assignee a JOIN ticket t ON t.id = a.ticket_id
    WHERE a.visit_id = NEW.id;
END;

-- A tenant in the index of words: three characters of the private use area, which the trigram tokenizer takes for one
-- word. Each place has characters of its own, so that two tenants side by side never look like a third.
CREATE TABLE search_tenant (
    ordinal INTEGER NOT NULL PRIMARY KEY,
    organization_id BLOB NOT NULL UNIQUE REFERENCES organization (id),
    word TEXT GENERATED ALWAYS AS (
        char(57344 + ordinal % 2000, 59344 + ordinal / 2000 % 2000, 61344 + ordinal / 4000000 % 2000)) VIRTUAL
) STRICT;
INSERT INTO search_tenant (organization_id) SELECT id FROM organization;
CREATE TRIGGER search_tenant_comes AFTER INSERT ON organization
BEGIN
    INSERT INTO search_tenant (organization_id) VALUES (NEW.id);
END;

-- The rows of the index of words are numbered by the moment of the registration (milliseconds, then arrival), so that
-- the newest matches come first without sorting all of them. The numbers are kept here, since a VACUUM gives the rows
-- of a table without an integer key other numbers.
CREATE TABLE ticket_doc (
    docid INTEGER NOT NULL PRIMARY KEY,
    ticket_id BLOB NOT NULL UNIQUE REFERENCES ticket (id)
) STRICT;
-- Words are folded before they come here. A space at both ends lets the beginning of a word be asked for.
CREATE VIRTUAL TABLE ticket_search USING fts5 (
    tenant, words, content = '', contentless_delete = 1, tokenize = 'trigram case_sensitive 1');
INSERT INTO ticket_doc (docid, ticket_id)
SELECT at * 1048576 + row_number() OVER (PARTITION BY at ORDER BY registered_at, id) - 1, id
FROM (SELECT id, registered_at, CAST(round(unixepoch(registered_at, 'subsec') * 1000) AS INTEGER) AS at FROM ticket);
INSERT INTO ticket_search (rowid, tenant, words)
SELECT d.docid, o.word || coalesce(' ' || e.word, ''), ' ' || t.search || ' '
FROM ticket_doc d JOIN ticket t ON t.id = d.ticket_id JOIN search_tenant o ON o.organization_id = t.organization_id
LEFT JOIN search_tenant e ON e.organization_id = t.executor_organization_id
ORDER BY d.docid;
CREATE TRIGGER ticket_search_comes AFTER INSERT ON ticket
BEGIN
    INSERT INTO ticket_doc (docid, ticket_id)
    SELECT coalesce((SELECT max(docid) + 1 FROM ticket_doc WHERE docid >= first AND docid < first + 1048576), first),
           NEW.id
    FROM (SELECT CAST(round(unixepoch(NEW.registered_at, 'subsec') * 1000) AS INTEGER) * 1048576 AS first);
    INSERT INTO ticket_search (rowid, tenant, words)
    SELECT d.docid, o.word || coalesce(' ' || e.word, ''), ' ' || NEW.search || ' '
    FROM ticket_doc d JOIN search_tenant o ON o.organization_id = NEW.organization_id
    LEFT JOIN search_tenant e ON e.organization_id = NEW.executor_organization_id
    WHERE d.ticket_id = NEW.id;
END;
CREATE TRIGGER ticket_search_changes AFTER UPDATE OF search, executor_organization_id ON ticket
WHEN OLD.search <> NEW.search OR OLD.executor_organization_id IS NOT NEW.executor_organization_id
BEGIN
    UPDATE ticket_search SET
        tenant = (SELECT o.word || coalesce(' ' || e.word, '') FROM search_tenant o
                  LEFT JOIN search_tenant e ON e.organization_id = NEW.executor_organization_id
                  WHERE o.organization_id = NEW.organization_id),
        words = ' ' || NEW.search || ' '
    WHERE rowid = (SELECT docid FROM ticket_doc WHERE ticket_id = NEW.id);
END;

CREATE TABLE resident_doc (
    docid INTEGER NOT NULL PRIMARY KEY,
    resident_id BLOB NOT NULL UNIQUE REFERENCES resident (id)
) STRICT;
CREATE VIRTUAL TABLE resident_search USING fts5 (
    tenant, words, content = '', contentless_delete = 1, tokenize = 'trigram case_sensitive 1');
INSERT INTO resident_doc (resident_id) SELECT id FROM resident ORDER BY id;
INSERT INTO resident_search (rowid, tenant, words)
SELECT d.docid, o.word, ' ' || r.search || ' '
FROM resident_doc d JOIN resident r ON r.id = d.resident_id
JOIN search_tenant o ON o.organization_id = r.organization_id
ORDER BY d.docid;
CREATE TRIGGER resident_search_comes AFTER INSERT ON resident
BEGIN
    INSERT INTO resident_doc (resident_id) VALUES (NEW.id);
    INSERT INTO resident_search (rowid, tenant, words)
    SELECT d.docid, o.word, ' ' || NEW.search || ' '
    FROM resident_doc d JOIN search_tenant o ON o.organization_id = NEW.organization_id
    WHERE d.resident_id = NEW.id;
END;
CREATE TRIGGER resident_search_changes AFTER UPDATE OF search ON resident WHEN OLD.search <> NEW.search
BEGIN
    UPDATE resident_search SET
        tenant = (SELECT word FROM search_tenant WHERE organization_id = NEW.organization_id),
        words = ' ' || NEW.search || ' '
    WHERE rowid = (SELECT docid FROM resident_doc WHERE resident_id = NEW.id);
END;
