-- Shifts ------------------------------------------------------------------------------------------------------------

-- Local dates stand as text, `2026-03-02`: they belong to no instant before a zone is named.
CREATE TABLE shift_template (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    technician_id {uuid} NOT NULL REFERENCES technician_calendar (technician_id),
    zone TEXT NOT NULL,
    valid_from TEXT NOT NULL,
    valid_to TEXT,
    week {json} NOT NULL,
    version {int} NOT NULL,
    created_at {time} NOT NULL,
    CHECK (valid_to IS NULL OR valid_from <= valid_to)
) {table};
CREATE INDEX shift_template_technician ON shift_template (technician_id, valid_from);
CREATE INDEX shift_template_organization ON shift_template (organization_id, id);

CREATE TABLE shift_exception (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    technician_id {uuid} NOT NULL REFERENCES technician_calendar (technician_id),
    zone TEXT NOT NULL,
    on_date TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('added', 'replaced', 'removed')),
    windows {json} NOT NULL,
    reason TEXT NOT NULL,
    version {int} NOT NULL,
    created_at {time} NOT NULL
) {table};
CREATE UNIQUE INDEX shift_exception_date ON shift_exception (technician_id, on_date);
CREATE INDEX shift_exception_organization ON shift_exception (organization_id, id);

-- Why an entry of the calendar is an absence or a break. `calendar_entry.absence_id` refers to it.
CREATE TABLE absence (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    technician_id {uuid} NOT NULL REFERENCES technician_calendar (technician_id),
    kind TEXT NOT NULL CHECK (kind IN ('vacation', 'sick', 'training', 'other', 'break')),
    starts_at {time} NOT NULL,
    ends_at {time} NOT NULL,
    reason TEXT,
    cancelled_at {time},
    recorded_by {uuid} NOT NULL,
    version {int} NOT NULL,
    created_at {time} NOT NULL,
    CHECK (starts_at < ends_at)
) {table};
CREATE INDEX absence_technician ON absence (technician_id, ends_at);
CREATE INDEX absence_organization ON absence (organization_id, id);
CREATE INDEX calendar_entry_absence ON calendar_entry (absence_id) WHERE absence_id IS NOT NULL;

-- Bookings that lost their time -------------------------------------------------------------------------------------

-- The beginning of the outbox: one row for an event and a person, so that nobody is told twice.
CREATE TABLE notice (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    ticket_id {uuid} NOT NULL REFERENCES ticket (id),
    visit_id {uuid} REFERENCES visit (id),
    resident_id {uuid} REFERENCES resident (id),
    phone TEXT,
    person TEXT NOT NULL,
    kind TEXT NOT NULL,
    event_key TEXT NOT NULL,
    created_at {time} NOT NULL,
    CHECK (resident_id IS NOT NULL OR phone IS NOT NULL)
) {table};
CREATE UNIQUE INDEX notice_once ON notice (event_key, organization_id, person);
CREATE INDEX notice_ticket ON notice (ticket_id);

CREATE TABLE rebooking (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    staff_organization_id {uuid} NOT NULL REFERENCES organization (id),
    ticket_id {uuid} NOT NULL REFERENCES ticket (id),
    visit_id {uuid} NOT NULL REFERENCES visit (id),
    cause TEXT NOT NULL,
    event_key TEXT NOT NULL,
    notice_id {uuid} REFERENCES notice (id),
    planned_start {time} NOT NULL,
    planned_end {time} NOT NULL,
    window_start {time},
    window_end {time},
    since {time} NOT NULL,
    resolved_at {time},
    resolved_visit_id {uuid} REFERENCES visit (id),
    CHECK ((window_start IS NULL) = (window_end IS NULL))
) {table};
CREATE UNIQUE INDEX rebooking_visit ON rebooking (visit_id);
CREATE INDEX rebooking_ticket ON rebooking (ticket_id);
CREATE INDEX rebooking_owner ON rebooking (organization_id, id) WHERE resolved_at IS NULL;
CREATE INDEX rebooking_staff ON rebooking (staff_organization_id, id) WHERE resolved_at IS NULL;
