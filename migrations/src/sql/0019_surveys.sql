-- What residents are asked about the quality, and what they answer.
CREATE TABLE survey (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    kind TEXT NOT NULL CHECK (kind IN ('completion', 'poll')),
    ticket_id {uuid} REFERENCES ticket (id),
    -- How often the ticket had been returned.
    round {int} NOT NULL,
    question TEXT NOT NULL,
    building_ids {json},
    by_phone {bool} NOT NULL,
    opens_at {time} NOT NULL,
    closes_at {time},
    -- When the next residents of a poll are to be gathered; null: there are no more.
    spread_at {time},
    spread_after {uuid},
    created_by {uuid} NOT NULL,
    created_at {time} NOT NULL,
    CHECK ((kind = 'completion') = (ticket_id IS NOT NULL)),
    CHECK ((kind = 'poll') = (closes_at IS NOT NULL))
) {table};
CREATE UNIQUE INDEX survey_ticket ON survey (ticket_id, round) WHERE ticket_id IS NOT NULL;
CREATE INDEX survey_poll ON survey (organization_id, id) WHERE ticket_id IS NULL;
CREATE INDEX survey_spread ON survey (spread_at) WHERE spread_at IS NOT NULL;

-- Whose work is judged.
CREATE TABLE survey_technician (
    survey_id {uuid} NOT NULL REFERENCES survey (id),
    technician_id {uuid} NOT NULL REFERENCES app_user (id),
    PRIMARY KEY (survey_id, technician_id)
) {table};

-- One for a person and a survey.
CREATE TABLE survey_invitation (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    survey_id {uuid} NOT NULL REFERENCES survey (id),
    ticket_id {uuid} REFERENCES ticket (id),
    building_id {uuid} NOT NULL REFERENCES building (id),
    resident_id {uuid} REFERENCES resident (id),
    phone TEXT,
    person TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN
        ('planned', 'asked', 'reminded', 'call', 'answered', 'expired', 'withdrawn', 'refused', 'skipped')),
    -- When it is to be looked at; null: nothing more is to be done.
    next_at {time},
    asked_at {time},
    expires_at {time},
    notification_id {uuid} REFERENCES notification (id),
    created_at {time} NOT NULL,
    version {int} NOT NULL,
    CHECK ((next_at IS NULL) = (state NOT IN ('planned', 'asked', 'reminded', 'call')))
) {table};
CREATE UNIQUE INDEX survey_invitation_once ON survey_invitation (survey_id, person);
CREATE INDEX survey_invitation_due ON survey_invitation (organization_id, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX survey_invitation_person ON survey_invitation (organization_id, person, asked_at);
CREATE INDEX survey_invitation_created ON survey_invitation (organization_id, created_at);
CREATE INDEX survey_invitation_ticket ON survey_invitation (ticket_id) WHERE ticket_id IS NOT NULL;
CREATE INDEX survey_invitation_resident ON survey_invitation (resident_id) WHERE resident_id IS NOT NULL;

-- One for an invitation: who has answered has answered.
CREATE TABLE survey_answer (
    invitation_id {uuid} NOT NULL PRIMARY KEY REFERENCES survey_invitation (id),
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    survey_id {uuid} NOT NULL REFERENCES survey (id),
    ticket_id {uuid} REFERENCES ticket (id),
    resident_id {uuid} REFERENCES resident (id),
    mark {int} CHECK (mark BETWEEN 1 AND 5),
    done {bool},
    reasons {json} NOT NULL,
    comment TEXT,
    channel TEXT NOT NULL CHECK (channel IN ('link', 'app', 'sms', 'phone')),
    answered_by {uuid} NOT NULL,
    answered_at {time} NOT NULL,
    low {bool} NOT NULL,
    follow_up TEXT NOT NULL CHECK (follow_up IN ('none', 'returned', 'review')),
    review_by {time},
    -- When the desk is to be told that a review is late; null: it has been, or need not be.
    review_alarm_at {time},
    reviewed_at {time},
    reviewed_by {uuid},
    review_word TEXT,
    version {int} NOT NULL,
    CHECK (mark IS NOT NULL OR done IS NOT NULL),
    CHECK ((follow_up = 'review') = (review_by IS NOT NULL))
) {table};
CREATE INDEX survey_answer_list ON survey_answer (organization_id, invitation_id);
CREATE INDEX survey_answer_ticket ON survey_answer (ticket_id) WHERE ticket_id IS NOT NULL;
CREATE INDEX survey_answer_resident ON survey_answer (resident_id) WHERE resident_id IS NOT NULL;
CREATE INDEX survey_answer_late ON survey_answer (review_alarm_at) WHERE review_alarm_at IS NOT NULL;

-- Who is not asked: a resident, everybody of some premises, whoever has a phone.
CREATE TABLE do_not_ask (
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    person TEXT NOT NULL,
    resident_id {uuid} REFERENCES resident (id),
    premises_id {uuid} REFERENCES premises (id),
    channel TEXT NOT NULL CHECK (channel IN ('link', 'app', 'sms', 'phone')),
    said_at {time} NOT NULL,
    said_by {uuid} NOT NULL,
    PRIMARY KEY (organization_id, person)
) {table};
CREATE INDEX do_not_ask_resident ON do_not_ask (resident_id) WHERE resident_id IS NOT NULL;

-- What people write back.
CREATE TABLE sms_reply (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    resident_id {uuid} REFERENCES resident (id),
    phone TEXT NOT NULL,
    body TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('answer', 'stop', 'unread', 'read')),
    invitation_id {uuid} REFERENCES survey_invitation (id),
    received_at {time} NOT NULL,
    read_at {time},
    read_by {uuid}
) {table};
CREATE INDEX sms_reply_list ON sms_reply (organization_id, id);
CREATE INDEX sms_reply_resident ON sms_reply (resident_id) WHERE resident_id IS NOT NULL;
