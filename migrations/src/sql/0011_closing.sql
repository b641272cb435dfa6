-- What closing demands, acts, returns.
ALTER TABLE visit ADD COLUMN checklist {json};
ALTER TABLE visit ADD COLUMN checklist_at {time};
CREATE INDEX ticket_returned ON ticket (organization_id, registered_at, id) WHERE return_count > 0;

CREATE TABLE ticket_return (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    ticket_id {uuid} NOT NULL REFERENCES ticket (id),
    reason TEXT NOT NULL,
    photos {json} NOT NULL,
    by_resident {bool} NOT NULL,
    returned_by {uuid} NOT NULL,
    returned_at {time} NOT NULL
) {table};
CREATE INDEX ticket_return_ticket ON ticket_return (ticket_id, id);

CREATE TABLE act_document (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    ticket_id {uuid} NOT NULL REFERENCES ticket (id),
    number {int} NOT NULL,
    sha256 {bytes} NOT NULL,
    bytes {int} NOT NULL,
    total_minor {int} NOT NULL,
    signed_resident {bool} NOT NULL,
    signed_crew {bool} NOT NULL,
    made_by {uuid} NOT NULL,
    made_at {time} NOT NULL
) {table};
CREATE UNIQUE INDEX act_document_number ON act_document (ticket_id, number);
CREATE INDEX act_document_content ON act_document (organization_id, sha256);
