-- Offline sync: what phones send, what people decide of it, and the mark by which a restored database is known.

-- The outgoing queue of one installation of the app. Its rows are numbered by the phone, from 1, without a gap.
CREATE TABLE sync_stream (
    stream_id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    device_id {uuid} NOT NULL REFERENCES device (id),
    user_id {uuid} NOT NULL REFERENCES app_user (id),
    key_hash {bytes} NOT NULL,
    last_seq {int} NOT NULL,
    declared_seq {int} NOT NULL,
    waiting_mutations {int} NOT NULL,
    waiting_photos {int} NOT NULL,
    lost_mutations {int} NOT NULL,
    app_version TEXT NOT NULL,
    last_seen_at {time} NOT NULL,
    missed_at {time},
    created_at {time} NOT NULL,
    CHECK (last_seq >= 0 AND declared_seq >= 0)
) {table};
CREATE UNIQUE INDEX sync_stream_key ON sync_stream (key_hash);
CREATE INDEX sync_stream_user ON sync_stream (user_id);
CREATE INDEX sync_stream_organization ON sync_stream (organization_id, last_seen_at, stream_id);
CREATE INDEX sync_stream_waiting ON sync_stream (last_seen_at)
    WHERE missed_at IS NULL AND (waiting_mutations > 0 OR waiting_photos > 0);

-- Work of a phone that a person has to decide about.
CREATE TABLE review (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    staff_organization_id {uuid} NOT NULL REFERENCES organization (id),
    technician_id {uuid} NOT NULL REFERENCES technician (id),
    ticket_id {uuid} REFERENCES ticket (id),
    state TEXT NOT NULL CHECK (state IN ('open', 'applied', 'attached', 'sent_back')),
    code TEXT NOT NULL,
    held {int} NOT NULL CHECK (held > 0),
    word TEXT,
    opened_at {time} NOT NULL,
    decided_at {time},
    decided_by {uuid},
    doc_version {int} NOT NULL,
    version {int} NOT NULL,
    CHECK ((state = 'open') = (decided_at IS NULL))
) {table};
CREATE INDEX review_staff ON review (staff_organization_id, state, id);
CREATE INDEX review_organization ON review (organization_id, state, id);
CREATE INDEX review_ticket ON review (ticket_id) WHERE ticket_id IS NOT NULL;
CREATE UNIQUE INDEX review_open ON review (technician_id, ticket_id) WHERE state = 'open' AND ticket_id IS NOT NULL;

CREATE TABLE sync_mutation (
    stream_id {uuid} NOT NULL REFERENCES sync_stream (stream_id),
    seq {int} NOT NULL,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    mutation_id {uuid},
    kind TEXT NOT NULL,
    schema_version {int} NOT NULL,
    ticket_id {uuid},
    -- JSON as it came; a column of JSON would not take every text that JSON can carry.
    payload TEXT NOT NULL,
    base_version {int},
    after_version {int},
    stale {bool} NOT NULL,
    sha256 {bytes} NOT NULL,
    device_at {time},
    corrected_at {time} NOT NULL,
    received_at {time} NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('applied', 'merged', 'held_for_review', 'refused')),
    code TEXT,
    result TEXT,
    review_id {uuid} REFERENCES review (id),
    PRIMARY KEY (stream_id, seq)
) {table};
CREATE UNIQUE INDEX sync_mutation_id ON sync_mutation (organization_id, mutation_id) WHERE mutation_id IS NOT NULL;
CREATE INDEX sync_mutation_review ON sync_mutation (review_id) WHERE review_id IS NOT NULL;
CREATE INDEX sync_mutation_ticket ON sync_mutation (ticket_id, stream_id, seq) WHERE ticket_id IS NOT NULL;
CREATE INDEX sync_mutation_age ON sync_mutation (received_at);
CREATE INDEX sync_mutation_organization ON sync_mutation (organization_id, received_at, stream_id, seq);

-- A photo that came with held work stands beside the ticket until somebody has decided.
ALTER TABLE photo ADD COLUMN review_id {uuid} REFERENCES review (id);

-- A photo that is awaited too long is told of once.
ALTER TABLE photo ADD COLUMN late_at {time};
CREATE INDEX photo_late ON photo (added_at) WHERE state = 'expected' AND late_at IS NULL;

-- A ticket that a technician asked for on the spot names the one he was there for.
ALTER TABLE ticket ADD COLUMN follows_id {uuid} REFERENCES ticket (id);

ALTER TABLE stock_place ADD COLUMN doc_version {int} NOT NULL DEFAULT 1;
ALTER TABLE work ADD COLUMN doc_version {int} NOT NULL DEFAULT 1;

-- Tombstones by age, for the job that forgets them.
CREATE INDEX sync_change_tombstones ON sync_change (changed_at) WHERE op = 'remove';

-- Which life of the database this is: a restore begins another. `beat` rises every minute and is told to the blob store
-- afterwards: a database that is behind what it had told was restored.
CREATE TABLE incarnation (
    one {int} NOT NULL PRIMARY KEY CHECK (one = 1),
    id {uuid} NOT NULL,
    beat {int} NOT NULL,
    begun_at {time} NOT NULL
) {table};
