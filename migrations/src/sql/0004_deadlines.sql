-- Policies of terms: which clocks run, when they warn. A version is never changed.

CREATE TABLE deadline_policy (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    request_type_id {uuid} REFERENCES request_type (id),
    current_version {int} NOT NULL,
    active {bool} NOT NULL,
    version {int} NOT NULL,
    created_at {time} NOT NULL
) {table};
CREATE UNIQUE INDEX deadline_policy_type ON deadline_policy (organization_id, request_type_id)
    WHERE request_type_id IS NOT NULL;
CREATE UNIQUE INDEX deadline_policy_general ON deadline_policy (organization_id) WHERE request_type_id IS NULL;

CREATE TABLE deadline_policy_version (
    policy_id {uuid} NOT NULL REFERENCES deadline_policy (id),
    number {int} NOT NULL,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    rules {json} NOT NULL,
    created_at {time} NOT NULL,
    PRIMARY KEY (policy_id, number)
) {table};

-- Clocks of terms. The table of the kernel was never filled. -----------------------------------------------------------

DROP TABLE deadline;

CREATE TABLE deadline (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    executor_organization_id {uuid} REFERENCES organization (id),
    subject_kind TEXT NOT NULL,
    subject_id {uuid} NOT NULL,
    ticket_id {uuid} REFERENCES ticket (id),
    building_id {uuid} REFERENCES building (id),
    request_type_id {uuid} REFERENCES request_type (id),
    kind TEXT NOT NULL CHECK (kind IN
        ('answer', 'callback', 'inform', 'assign', 'accept', 'localize', 'resolve', 'check_visit', 'reply')),
    basis TEXT NOT NULL CHECK (basis IN ('legal', 'contract')),
    policy_id {uuid} REFERENCES deadline_policy (id),
    policy_version {int} NOT NULL,
    calendar_version {int} NOT NULL,
    -- What it counts by: the hours, and the zone in which they are local.
    clock {json} NOT NULL,
    zone TEXT NOT NULL,
    started_from {time} NOT NULL,
    target_amount {int} NOT NULL,
    target_unit TEXT NOT NULL CHECK (target_unit IN ('seconds', 'days', 'working_days')),
    pauses {bool} NOT NULL,
    -- Changed by hand: a new policy leaves it alone.
    edited {bool} NOT NULL,
    edit_reason TEXT,
    -- Work between the start and the due moment; what of it was used up before `running_since`.
    total_s {int} CHECK (total_s >= 0),
    consumed_s {int} NOT NULL CHECK (consumed_s >= 0),
    running_since {time},
    due_at {time},
    -- The first promised end that passed in vain: it is judged by it, whatever is promised later.
    broken_at {time},
    -- A term of no length is judged, and told of, only so much later.
    grace_s {int} NOT NULL CHECK (grace_s >= 0),
    -- From when it is late: the broken promise, else the end and the grace. What lists and figures go by.
    late_from {time},
    next_fire_at {time},
    -- The percentage that was told last; alerts so far; repetitions since then.
    told {int} NOT NULL,
    fired {int} NOT NULL,
    repeats {int} NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'paused', 'met', 'missed', 'cancelled')),
    met_at {time},
    late_s {int},
    alert_acked {bool} NOT NULL,
    version {int} NOT NULL,
    CHECK (state = 'running' OR next_fire_at IS NULL),
    CHECK (state <> 'paused' OR running_since IS NULL)
) {table};
CREATE UNIQUE INDEX deadline_subject ON deadline (subject_kind, subject_id, kind, basis);
CREATE INDEX deadline_next_fire ON deadline (next_fire_at) WHERE next_fire_at IS NOT NULL;
CREATE INDEX deadline_next_fire_of ON deadline (organization_id, next_fire_at) WHERE next_fire_at IS NOT NULL;
CREATE INDEX deadline_running ON deadline (organization_id, late_from) WHERE state = 'running';
CREATE INDEX deadline_running_executor ON deadline (executor_organization_id, late_from)
    WHERE state = 'running' AND executor_organization_id IS NOT NULL;
-- Tickets whose clocks are counted anew.
CREATE INDEX ticket_open ON ticket (organization_id, id)
    WHERE status IN ('registered', 'planned', 'in_progress', 'on_hold');
CREATE INDEX deadline_ticket ON deadline (ticket_id) WHERE ticket_id IS NOT NULL;

CREATE TABLE alert (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    executor_organization_id {uuid} REFERENCES organization (id),
    deadline_id {uuid} REFERENCES deadline (id),
    ticket_id {uuid} REFERENCES ticket (id),
    -- The kind of the clock, or the name of what else wants attention.
    kind TEXT NOT NULL,
    basis TEXT,
    step {int} NOT NULL,
    percent {int} NOT NULL,
    round {int} NOT NULL,
    fired_at {time} NOT NULL,
    due_at {time},
    acknowledged_at {time},
    acknowledged_by {uuid},
    -- It no longer stands: what it told of was met in time, or its end has moved.
    taken_back_at {time},
    -- The clock that gave it has ended.
    ended_at {time},
    version {int} NOT NULL
) {table};
CREATE UNIQUE INDEX alert_once ON alert (deadline_id, step, round);
CREATE INDEX alert_owner ON alert (organization_id, id);
CREATE INDEX alert_standing ON alert (organization_id, id)
    WHERE acknowledged_at IS NULL AND taken_back_at IS NULL AND ended_at IS NULL;
CREATE INDEX alert_executor ON alert (executor_organization_id, id) WHERE executor_organization_id IS NOT NULL;
CREATE INDEX alert_standing_executor ON alert (executor_organization_id, id)
    WHERE acknowledged_at IS NULL AND taken_back_at IS NULL AND ended_at IS NULL AND executor_organization_id IS NOT NULL;
CREATE INDEX alert_ticket ON alert (ticket_id) WHERE ticket_id IS NOT NULL;

-- When, and by what, the applicant was told the term (R19).
ALTER TABLE ticket ADD COLUMN informed_at {time};
ALTER TABLE ticket ADD COLUMN informed_how TEXT;
