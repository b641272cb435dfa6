-- Calls that the desk made about a ticket.
CREATE TABLE call_attempt (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    -- Whose desk called.
    desk_organization_id {uuid} NOT NULL REFERENCES organization (id),
    ticket_id {uuid} NOT NULL REFERENCES ticket (id),
    party TEXT NOT NULL CHECK (party IN ('applicant', 'executor')),
    outcome TEXT NOT NULL CHECK (outcome IN ('answered', 'no_answer', 'busy', 'unreachable')),
    phone TEXT,
    note TEXT,
    called_by {uuid} NOT NULL,
    called_at {time} NOT NULL,
    -- Which call in a row without an answer it was; 0 for others.
    unanswered {int} NOT NULL,
    -- When to call again, until somebody has.
    next_at {time},
    ended TEXT CHECK (ended IN ('cancelled', 'review'))
) {table};
CREATE INDEX call_attempt_ticket ON call_attempt (ticket_id, id);

-- How far an alert has climbed: how many rungs of its ladder were told, and when the next is. The row is the queue.
ALTER TABLE alert ADD COLUMN rung {int} NOT NULL DEFAULT 0;
ALTER TABLE alert ADD COLUMN climb_at {time};
CREATE INDEX alert_climb ON alert (climb_at) WHERE climb_at IS NOT NULL;

-- Who is told at which step of a clock, as an organization has decided.
CREATE TABLE escalation (
    organization_id {uuid} NOT NULL PRIMARY KEY REFERENCES organization (id),
    rules {json} NOT NULL,
    changed_by {uuid} NOT NULL,
    changed_at {time} NOT NULL,
    version {int} NOT NULL
) {table};

-- Who has a duty when.
CREATE TABLE on_call (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    duty TEXT NOT NULL CHECK (duty IN ('dispatcher', 'master', 'manager', 'director')),
    user_id {uuid} NOT NULL REFERENCES app_user (id),
    starts_at {time} NOT NULL,
    -- Null: until further notice.
    ends_at {time},
    created_by {uuid} NOT NULL,
    created_at {time} NOT NULL,
    CHECK (ends_at IS NULL OR starts_at < ends_at)
) {table};
CREATE INDEX on_call_list ON on_call (organization_id, id);
CREATE INDEX on_call_duty ON on_call (organization_id, duty, starts_at);

-- What the local authority is told of a damage (R24).
CREATE TABLE authority_notice (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    ticket_id {uuid} NOT NULL REFERENCES ticket (id),
    nature TEXT NOT NULL CHECK (nature IN ('water', 'sewage', 'heating')),
    planned_term {time},
    -- Null: as it is drafted from what the ticket says.
    body TEXT,
    email TEXT,
    drafted_at {time} NOT NULL,
    sent_at {time},
    sent_by {uuid},
    notification_id {uuid} REFERENCES notification (id),
    version {int} NOT NULL
) {table};
CREATE UNIQUE INDEX authority_notice_ticket ON authority_notice (ticket_id);
