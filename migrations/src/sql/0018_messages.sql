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
    claims {int} NOT NULL,
    title TEXT,
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
CREATE INDEX notification_resident ON notification (resident_id) WHERE resident_id IS NOT NULL;

-- What a provider said each time.
CREATE TABLE notification_try (
    notification_id {uuid} NOT NULL REFERENCES notification (id),
    number {int} NOT NULL,
    rung TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT,
    tried_at {time} NOT NULL,
    PRIMARY KEY (notification_id, number)
) {table};
