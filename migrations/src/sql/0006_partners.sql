-- Contractors of a managing company ---------------------------------------------------------------------------------

CREATE TABLE contractor (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    contractor_id {uuid} NOT NULL REFERENCES organization (id),
    trades {json} NOT NULL,
    building_ids {json},
    answer_minutes {int} NOT NULL CHECK (answer_minutes > 0),
    emergency_answer_minutes {int} NOT NULL CHECK (emergency_answer_minutes > 0),
    auto_accept {bool} NOT NULL,
    active {bool} NOT NULL,
    version {int} NOT NULL,
    created_at {time} NOT NULL,
    CHECK (organization_id <> contractor_id)
) {table};
CREATE UNIQUE INDEX contractor_pair ON contractor (organization_id, contractor_id);

-- A ticket passed to a contractor, from the offer to its end.
CREATE TABLE handover (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    contractor_id {uuid} NOT NULL REFERENCES organization (id),
    ticket_id {uuid} NOT NULL REFERENCES ticket (id),
    state TEXT NOT NULL CHECK (state IN ('offered', 'accepted', 'declined', 'expired', 'withdrawn')),
    offered_by {uuid} NOT NULL,
    offered_at {time} NOT NULL,
    answer_by {time} NOT NULL,
    answered_by {uuid},
    answered_at {time},
    ended_at {time},
    reason TEXT,
    version {int} NOT NULL,
    CHECK (state <> 'accepted' OR answered_at IS NOT NULL),
    CHECK (state IN ('offered', 'accepted') OR ended_at IS NOT NULL)
) {table};
CREATE UNIQUE INDEX handover_open ON handover (ticket_id) WHERE state IN ('offered', 'accepted');
CREATE INDEX handover_ticket ON handover (ticket_id, id);
CREATE INDEX handover_owner ON handover (organization_id, id);
CREATE INDEX handover_contractor ON handover (contractor_id, id);
CREATE INDEX handover_owner_state ON handover (organization_id, state, id);
CREATE INDEX handover_contractor_state ON handover (contractor_id, state, id);
CREATE INDEX handover_quality ON handover (organization_id, contractor_id, offered_at);

-- Links by which a calendar elsewhere reads a technician's bookings. Only the hash of the secret is kept.
CREATE TABLE calendar_link (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    technician_id {uuid} NOT NULL REFERENCES technician (id),
    token_hash {bytes} NOT NULL,
    label TEXT,
    created_by {uuid} NOT NULL,
    created_at {time} NOT NULL,
    revoked_at {time}
) {table};
-- What stands in the feed of a technician, by its time.
CREATE INDEX calendar_entry_feed ON calendar_entry (technician_id, planned_end, visit_id) WHERE kind = 'booking';
-- When the visit was changed last, for the calendars that show it; null: never since it was booked.
ALTER TABLE visit ADD COLUMN changed_at {time};
CREATE UNIQUE INDEX calendar_link_token ON calendar_link (token_hash);
CREATE INDEX calendar_link_technician ON calendar_link (technician_id, id);
