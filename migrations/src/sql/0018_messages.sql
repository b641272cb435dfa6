-- What people are told: one row for an event and a person, which is also the queue of its delivery.
ALTER TABLE rebooking DROP COLUMN notice_id;
ALTER TABLE visit_reschedule DROP COLUMN notice_id;
DROP TABLE notice;

CREATE TABLE notification (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    ticket_id {uuid} REFERENCES ticket (id),
    visit_id {uuid} REFERENCES visit (id),
    user_id {uuid} REFERENCES app_user (id),
    resident_id {uuid} REFERENCES resident (id),
    phone TEXT,
    email TEXT,
    person TEXT NOT NULL,
    kind TEXT NOT NULL,
    event_key TEXT NOT NULL,
    facts {json} NOT NULL,
    lane TEXT NOT NULL CHECK (lane IN ('urgent', 'normal', 'bulk')),
    state TEXT NOT NULL CHECK (state IN
        ('queued', 'sent', 'call', 'delivered', 'read', 'taken', 'told', 'failed', 'superseded')),
    ladder {json},
    rung {int} NOT NULL,
    attempt {int} NOT NULL,
    -- When it is to be looked at; null: nothing more is to be done.
    next_at {time},
    await_until {time},
    reference TEXT,
    lease {uuid},
    title TEXT,
    brief TEXT,
    body TEXT,
    last_error TEXT,
    created_at {time} NOT NULL,
    settled_at {time},
    CHECK ((next_at IS NULL) = (state NOT IN ('queued', 'sent')))
) {table};
CREATE UNIQUE INDEX notification_once ON notification (event_key, organization_id, person);
CREATE INDEX notification_due ON notification (lane, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX notification_ticket ON notification (ticket_id) WHERE ticket_id IS NOT NULL;
CREATE INDEX notification_board ON notification (organization_id, id) WHERE state IN ('call', 'failed');
CREATE INDEX notification_list ON notification (organization_id, id);
CREATE INDEX notification_user ON notification (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX notification_resident ON notification (resident_id, id) WHERE resident_id IS NOT NULL;

-- What a provider said each time.
CREATE TABLE notification_try (
    id {uuid} NOT NULL PRIMARY KEY,
    notification_id {uuid} NOT NULL REFERENCES notification (id),
    rung TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT,
    tried_at {time} NOT NULL
) {table};
CREATE INDEX notification_try_of ON notification_try (notification_id, id);

-- Which ways a kind of message takes, where the organization has decided it.
CREATE TABLE notification_rule (
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    kind TEXT NOT NULL,
    ladder {json} NOT NULL,
    version {int} NOT NULL,
    PRIMARY KEY (organization_id, kind)
) {table};

-- The words of a kind of message in a language, where the organization has its own.
CREATE TABLE notification_template (
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    kind TEXT NOT NULL,
    locale TEXT NOT NULL,
    title TEXT NOT NULL,
    brief TEXT NOT NULL,
    body TEXT NOT NULL,
    version {int} NOT NULL,
    PRIMARY KEY (organization_id, kind, locale)
) {table};

-- How somebody wants to be told what can wait.
CREATE TABLE notification_preference (
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    person TEXT NOT NULL,
    muted {json} NOT NULL,
    quiet_from {int} NOT NULL CHECK (quiet_from BETWEEN 0 AND 23),
    quiet_until {int} NOT NULL CHECK (quiet_until BETWEEN 0 AND 23),
    version {int} NOT NULL,
    PRIMARY KEY (organization_id, person)
) {table};

-- A message to all who live in some buildings.
CREATE TABLE mass_notice (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    building_ids {json} NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('spreading', 'spread', 'stopped')),
    -- How many residents there were to be told when it was made, and how many have a row by now.
    audience {int} NOT NULL,
    spread {int} NOT NULL,
    -- The last resident that has one.
    cursor {uuid},
    created_by {uuid} NOT NULL,
    created_at {time} NOT NULL,
    ended_at {time},
    version {int} NOT NULL
) {table};
CREATE INDEX mass_notice_list ON mass_notice (organization_id, id);
