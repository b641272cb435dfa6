-- The residents' part: tracking links, the audit of reads, erasure.
ALTER TABLE visit ADD COLUMN confirmed_at {time};
ALTER TABLE resident ADD COLUMN erased_at {time};
ALTER TABLE token_family ADD COLUMN organization_id {uuid};

-- Links by which a ticket is followed without signing in. The token itself is not kept.
CREATE TABLE track_link (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    ticket_id {uuid} NOT NULL REFERENCES ticket (id),
    token_hash {bytes} NOT NULL UNIQUE,
    created_by {uuid} NOT NULL,
    created_at {time} NOT NULL,
    revoked_at {time}
) {table};
CREATE INDEX track_link_ticket ON track_link (ticket_id, id);

-- Who has read whose personal data.
CREATE TABLE personal_read (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL,
    actor_id {uuid} NOT NULL,
    role TEXT NOT NULL,
    operation TEXT NOT NULL,
    subject_kind TEXT NOT NULL CHECK (subject_kind IN ('resident', 'ticket')),
    subject_id {uuid} NOT NULL,
    read_at {time} NOT NULL
) {table};
CREATE INDEX personal_read_subject ON personal_read (subject_kind, subject_id, id);
CREATE INDEX personal_read_age ON personal_read (read_at);

CREATE TABLE erasure (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    subject_kind TEXT NOT NULL,
    subject_id {uuid} NOT NULL,
    ground TEXT NOT NULL,
    paths {json} NOT NULL,
    erased_by {uuid} NOT NULL,
    erased_at {time} NOT NULL
) {table};
CREATE INDEX erasure_subject ON erasure (subject_kind, subject_id);
