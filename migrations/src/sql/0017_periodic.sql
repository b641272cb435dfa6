-- What runs every so often, with one owner at a time among all processes.
CREATE TABLE periodic (
    name TEXT NOT NULL PRIMARY KEY,
    every_s {int} NOT NULL CHECK (every_s > 0),
    next_at {time} NOT NULL,
    owner {uuid},
    owner_until {time},
    worker TEXT,
    last_started {time},
    last_finished {time},
    last_error TEXT,
    runs {int} NOT NULL,
    failures {int} NOT NULL,
    pulse {int} NOT NULL,
    CHECK ((owner IS NULL) = (owner_until IS NULL))
) {table};
CREATE INDEX periodic_due ON periodic (next_at);

-- Dead letters that nobody will run again, and what people decided about dead letters.
ALTER TABLE job ADD COLUMN discarded_at {time};
DROP INDEX job_dead;
CREATE INDEX job_dead ON job (organization_id, id) WHERE state = 'dead' AND discarded_at IS NULL;
CREATE INDEX job_discarded ON job (discarded_at) WHERE discarded_at IS NOT NULL;
CREATE INDEX job_list ON job (organization_id, id);

CREATE TABLE job_decision (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    job_id {uuid} NOT NULL,
    job_kind TEXT NOT NULL,
    decision TEXT NOT NULL CHECK (decision IN ('rerun', 'discard')),
    reason TEXT,
    decided_by {uuid} NOT NULL,
    decided_at {time} NOT NULL
) {table};
CREATE INDEX job_decision_job ON job_decision (job_id, id);
