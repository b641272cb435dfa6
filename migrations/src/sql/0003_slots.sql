-- Why a dispatcher booked against what the slot's rules say.
ALTER TABLE visit ADD COLUMN override_reason TEXT;

-- A time kept for a dispatcher who has the resident on the phone. Its id is the token; its time stands in
-- `calendar_entry` under the kind 'hold'.
CREATE TABLE slot_hold (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    ticket_id {uuid} NOT NULL REFERENCES ticket (id),
    held_by {uuid} NOT NULL,
    technicians {json} NOT NULL,
    planned_start {time} NOT NULL,
    planned_end {time} NOT NULL,
    promise {json} NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('held', 'released', 'used')),
    hold_until {time} NOT NULL,
    extended {bool} NOT NULL,
    visit_id {uuid},
    created_at {time} NOT NULL,
    CHECK ((state = 'used') = (visit_id IS NOT NULL))
) {table};
CREATE INDEX slot_hold_until ON slot_hold (hold_until);
CREATE INDEX calendar_entry_hold ON calendar_entry (hold_token) WHERE hold_token IS NOT NULL;

-- What a visit was moved from and to, for people to read.
CREATE TABLE visit_reschedule (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    ticket_id {uuid} NOT NULL REFERENCES ticket (id),
    visit_id {uuid} NOT NULL REFERENCES visit (id),
    -- The version it had before: two moves within a microsecond keep their order.
    visit_version {int} NOT NULL,
    cause TEXT NOT NULL,
    before_move {json} NOT NULL,
    after_move {json} NOT NULL,
    told {bool} NOT NULL,
    -- One notice may speak of several moves.
    notice_id {uuid} REFERENCES notice (id),
    moved_by {uuid} NOT NULL,
    moved_at {time} NOT NULL
) {table};
CREATE INDEX visit_missed ON visit (staff_organization_id, planned_end) WHERE status = 'planned';
CREATE INDEX visit_reschedule_ticket ON visit_reschedule (ticket_id, moved_at, id);
