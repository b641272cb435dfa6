-- Organizations and people ------------------------------------------------------------------------------------------

CREATE TABLE organization (
    id {uuid} NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('managing', 'contractor')),
    name TEXT NOT NULL,
    zone TEXT NOT NULL,
    settings {json} NOT NULL,
    version {int} NOT NULL,
    created_at {time} NOT NULL
) {table};

CREATE TABLE app_user (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    role TEXT NOT NULL CHECK (role IN ('technician', 'dispatcher', 'manager', 'admin', 'integration')),
    login TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    full_name TEXT NOT NULL,
    phone TEXT,
    email TEXT,
    active {bool} NOT NULL,
    version {int} NOT NULL,
    created_at {time} NOT NULL
) {table};
CREATE UNIQUE INDEX app_user_login ON app_user (login);
CREATE INDEX app_user_organization ON app_user (organization_id, id);

CREATE TABLE technician (
    id {uuid} NOT NULL PRIMARY KEY REFERENCES app_user (id),
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    service_number TEXT,
    trades {json} NOT NULL,
    serves_all_buildings {bool} NOT NULL,
    version {int} NOT NULL
) {table};
CREATE INDEX technician_organization ON technician (organization_id, id);

-- The row that every writer of a technician's calendar locks first.
CREATE TABLE technician_calendar (
    technician_id {uuid} NOT NULL PRIMARY KEY REFERENCES technician (id),
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    doc_version {int} NOT NULL
) {table};

CREATE TABLE building (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    address TEXT NOT NULL,
    fias_id {uuid},
    zone TEXT NOT NULL,
    latitude_e7 {int},
    longitude_e7 {int},
    search TEXT NOT NULL,
    active {bool} NOT NULL,
    version {int} NOT NULL,
    created_at {time} NOT NULL
) {table};
CREATE INDEX building_organization ON building (organization_id, id);
CREATE UNIQUE INDEX building_fias ON building (organization_id, fias_id) WHERE fias_id IS NOT NULL;

CREATE TABLE technician_building (
    technician_id {uuid} NOT NULL REFERENCES technician (id),
    building_id {uuid} NOT NULL REFERENCES building (id),
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    PRIMARY KEY (technician_id, building_id)
) {table};

CREATE TABLE premises (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    building_id {uuid} NOT NULL REFERENCES building (id),
    kind TEXT NOT NULL CHECK (kind IN ('flat', 'commercial', 'common', 'technical')),
    number TEXT NOT NULL,
    entrance TEXT,
    floor TEXT,
    access_notes TEXT,
    doc_version {int} NOT NULL,
    version {int} NOT NULL,
    created_at {time} NOT NULL
) {table};
CREATE UNIQUE INDEX premises_number ON premises (building_id, kind, number);
CREATE INDEX premises_organization ON premises (organization_id, id);

-- One login for a phone number, whatever the number of organizations the resident belongs to.
CREATE TABLE resident_login (
    id {uuid} NOT NULL PRIMARY KEY,
    phone TEXT NOT NULL UNIQUE,
    created_at {time} NOT NULL
) {table};

CREATE TABLE resident (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    login_id {uuid} REFERENCES resident_login (id),
    full_name TEXT NOT NULL,
    email TEXT,
    locale TEXT NOT NULL CHECK (locale IN ('ru', 'en')),
    disabled {bool} NOT NULL,
    search TEXT NOT NULL,
    doc_version {int} NOT NULL,
    version {int} NOT NULL,
    created_at {time} NOT NULL
) {table};
CREATE UNIQUE INDEX resident_membership ON resident (organization_id, login_id) WHERE login_id IS NOT NULL;
CREATE INDEX resident_login_index ON resident (login_id);

CREATE TABLE resident_phone (
    resident_id {uuid} NOT NULL REFERENCES resident (id),
    phone TEXT NOT NULL,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    position {int} NOT NULL,
    PRIMARY KEY (resident_id, phone)
) {table};
CREATE INDEX resident_phone_phone ON resident_phone (organization_id, phone);

CREATE TABLE account (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    number TEXT NOT NULL,
    premises_id {uuid} NOT NULL REFERENCES premises (id),
    resident_id {uuid} NOT NULL REFERENCES resident (id)
) {table};
CREATE UNIQUE INDEX account_number ON account (organization_id, number, resident_id);
CREATE INDEX account_resident ON account (resident_id);
CREATE INDEX account_premises ON account (premises_id);

CREATE TABLE device (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    user_id {uuid} REFERENCES app_user (id),
    resident_id {uuid} REFERENCES resident (id),
    platform TEXT NOT NULL CHECK (platform IN ('android', 'ios', 'web')),
    push_token TEXT,
    app_version TEXT NOT NULL,
    active {bool} NOT NULL,
    version {int} NOT NULL,
    created_at {time} NOT NULL,
    CHECK ((user_id IS NULL) <> (resident_id IS NULL))
) {table};
CREATE INDEX device_user ON device (user_id);
CREATE INDEX device_resident ON device (resident_id);
CREATE INDEX device_push_token ON device (push_token) WHERE push_token IS NOT NULL;

-- Signing in --------------------------------------------------------------------------------------------------------

-- One sign-in. `subject_id` is a user, or a resident's login with the membership in force.
CREATE TABLE token_family (
    id {uuid} NOT NULL PRIMARY KEY,
    user_id {uuid} REFERENCES app_user (id),
    login_id {uuid} REFERENCES resident_login (id),
    created_at {time} NOT NULL,
    revoked_at {time},
    revoked_reason TEXT,
    CHECK ((user_id IS NULL) <> (login_id IS NULL))
) {table};
CREATE INDEX token_family_user ON token_family (user_id);

CREATE TABLE refresh_token (
    hash {bytes} NOT NULL PRIMARY KEY,
    family_id {uuid} NOT NULL REFERENCES token_family (id),
    issued_at {time} NOT NULL,
    expires_at {time} NOT NULL,
    used_rotation {uuid},
    used_at {time}
) {table};
CREATE INDEX refresh_token_family ON refresh_token (family_id);

CREATE TABLE one_time_code (
    id {uuid} NOT NULL PRIMARY KEY,
    phone TEXT NOT NULL,
    hash {bytes} NOT NULL,
    created_at {time} NOT NULL,
    expires_at {time} NOT NULL,
    tries_left {int} NOT NULL,
    consumed_at {time}
) {table};
CREATE INDEX one_time_code_phone ON one_time_code (phone, created_at);

-- Catalogue ---------------------------------------------------------------------------------------------------------

CREATE TABLE request_type (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    code TEXT NOT NULL,
    current_version {int} NOT NULL,
    active {bool} NOT NULL,
    doc_version {int} NOT NULL,
    version {int} NOT NULL,
    created_at {time} NOT NULL
) {table};
CREATE UNIQUE INDEX request_type_code ON request_type (organization_id, code);

-- A ticket keeps the version it was born with: these rows are never changed.
CREATE TABLE request_type_version (
    request_type_id {uuid} NOT NULL REFERENCES request_type (id),
    number {int} NOT NULL,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    category TEXT NOT NULL,
    name_ru TEXT NOT NULL,
    name_en TEXT NOT NULL,
    emergency {bool} NOT NULL,
    basis TEXT NOT NULL,
    duration_s {int} NOT NULL,
    rules {json} NOT NULL,
    created_at {time} NOT NULL,
    PRIMARY KEY (request_type_id, number)
) {table};

CREATE TABLE material (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    unit TEXT NOT NULL,
    price_minor {int} NOT NULL CHECK (price_minor >= 0),
    active {bool} NOT NULL,
    doc_version {int} NOT NULL,
    version {int} NOT NULL,
    created_at {time} NOT NULL
) {table};
CREATE UNIQUE INDEX material_code ON material (organization_id, code);

-- Tickets and visits ------------------------------------------------------------------------------------------------

CREATE TABLE number_counter (
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    year {int} NOT NULL,
    last {int} NOT NULL,
    PRIMARY KEY (organization_id, year)
) {table};

CREATE TABLE ticket (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    executor_kind TEXT NOT NULL CHECK (executor_kind IN ('nobody', 'own_staff', 'contractor')),
    executor_organization_id {uuid} REFERENCES organization (id),
    number TEXT NOT NULL,
    request_type_id {uuid} NOT NULL,
    request_type_version {int} NOT NULL,
    status TEXT NOT NULL
        CHECK (status IN ('registered', 'planned', 'in_progress', 'on_hold', 'completed', 'closed', 'cancelled')),
    source TEXT NOT NULL,
    emergency {bool} NOT NULL,
    building_id {uuid} NOT NULL REFERENCES building (id),
    premises_id {uuid} REFERENCES premises (id),
    place TEXT,
    resident_id {uuid} REFERENCES resident (id),
    applicant_name TEXT,
    applicant_phone TEXT,
    description TEXT NOT NULL,
    original_words TEXT,
    cause TEXT,
    measures TEXT,
    crew_needed {bool},
    precondition_confirmed {bool} NOT NULL,
    wished_start {time},
    wished_end {time},
    fields {json} NOT NULL,
    planned_term {time},
    registered_by {uuid} NOT NULL,
    registered_at {time} NOT NULL,
    damaged_at {time},
    localized_at {time},
    completed_at {time},
    closed_at {time},
    cancelled_at {time},
    hold_reason TEXT,
    hold_until {time},
    outcome_reason TEXT,
    return_count {int} NOT NULL,
    search TEXT NOT NULL,
    version {int} NOT NULL,
    doc_version {int} NOT NULL,
    updated_at {time} NOT NULL,
    FOREIGN KEY (request_type_id, request_type_version) REFERENCES request_type_version (request_type_id, number),
    CHECK ((executor_kind = 'contractor') = (executor_organization_id IS NOT NULL)),
    CHECK ((wished_start IS NULL) = (wished_end IS NULL)),
    CHECK (wished_start IS NULL OR wished_start < wished_end)
) {table};
CREATE UNIQUE INDEX ticket_number ON ticket (organization_id, number);
CREATE INDEX ticket_by_owner ON ticket (organization_id, registered_at, id);
CREATE INDEX ticket_by_status ON ticket (organization_id, status, registered_at, id);
CREATE INDEX ticket_by_executor ON ticket (executor_organization_id, registered_at, id)
    WHERE executor_organization_id IS NOT NULL;
CREATE INDEX ticket_by_building ON ticket (building_id, registered_at, id);
CREATE INDEX ticket_by_premises ON ticket (premises_id) WHERE premises_id IS NOT NULL;
CREATE INDEX ticket_by_resident ON ticket (resident_id, registered_at, id) WHERE resident_id IS NOT NULL;
CREATE INDEX ticket_by_phone ON ticket (organization_id, applicant_phone) WHERE applicant_phone IS NOT NULL;

CREATE TABLE visit (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    staff_organization_id {uuid} NOT NULL REFERENCES organization (id),
    ticket_id {uuid} NOT NULL REFERENCES ticket (id),
    status TEXT NOT NULL
        CHECK (status IN ('planned', 'en_route', 'started', 'done', 'unfinished', 'no_access', 'cancelled')),
    window_kind TEXT NOT NULL CHECK (window_kind IN ('promised', 'wished', 'none')),
    window_start {time},
    window_end {time},
    planned_start {time} NOT NULL,
    planned_end {time} NOT NULL,
    en_route_at {time},
    started_at {time},
    ended_at {time},
    reason TEXT,
    version {int} NOT NULL,
    created_at {time} NOT NULL,
    CHECK ((window_kind = 'none') = (window_start IS NULL)),
    CHECK ((window_start IS NULL) = (window_end IS NULL)),
    CHECK (window_start IS NULL OR window_start < window_end),
    CHECK (planned_start < planned_end)
) {table};
CREATE INDEX visit_ticket ON visit (ticket_id);

CREATE TABLE visit_assignee (
    visit_id {uuid} NOT NULL REFERENCES visit (id),
    technician_id {uuid} NOT NULL REFERENCES technician (id),
    ticket_id {uuid} NOT NULL REFERENCES ticket (id),
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    lead {bool} NOT NULL,
    PRIMARY KEY (visit_id, technician_id)
) {table};
CREATE INDEX visit_assignee_technician ON visit_assignee (technician_id, visit_id);
CREATE UNIQUE INDEX visit_assignee_lead ON visit_assignee (visit_id) WHERE lead;
CREATE INDEX visit_assignee_ticket ON visit_assignee (ticket_id);

CREATE TABLE ticket_comment (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    ticket_id {uuid} NOT NULL REFERENCES ticket (id),
    audience TEXT NOT NULL CHECK (audience IN ('internal', 'resident')),
    author_kind TEXT NOT NULL CHECK (author_kind IN ('staff', 'resident')),
    author_id {uuid} NOT NULL,
    author_name TEXT NOT NULL,
    body TEXT NOT NULL,
    written_at {time} NOT NULL
) {table};
CREATE INDEX ticket_comment_ticket ON ticket_comment (ticket_id, written_at, id);

CREATE TABLE material_usage (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    ticket_id {uuid} NOT NULL REFERENCES ticket (id),
    visit_id {uuid} REFERENCES visit (id),
    material_id {uuid} NOT NULL REFERENCES material (id),
    name TEXT NOT NULL,
    unit TEXT NOT NULL,
    price_minor {int} NOT NULL,
    quantity_milli {int} NOT NULL CHECK (quantity_milli > 0),
    used_by {uuid} NOT NULL,
    used_at {time} NOT NULL
) {table};
CREATE INDEX material_usage_ticket ON material_usage (ticket_id, id);

-- Calendar ----------------------------------------------------------------------------------------------------------

CREATE TABLE calendar_entry (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    technician_id {uuid} NOT NULL REFERENCES technician_calendar (technician_id),
    visit_id {uuid} REFERENCES visit (id),
    ticket_id {uuid} REFERENCES ticket (id),
    absence_id {uuid},
    kind TEXT NOT NULL CHECK (kind IN ('hold', 'booking', 'absence', 'break')),
    busy_start {time} NOT NULL,
    busy_end {time} NOT NULL,
    planned_start {time} NOT NULL,
    planned_end {time} NOT NULL,
    active {bool} NOT NULL,
    hold_token {uuid},
    hold_until {time},
    version {int} NOT NULL,
    CHECK (busy_start < busy_end),
    CHECK (planned_start < planned_end),
    CHECK (busy_start <= planned_start),
    CHECK (kind <> 'booking' OR visit_id IS NOT NULL),
    CHECK ((visit_id IS NULL) = (ticket_id IS NULL))
) {table};
CREATE INDEX calendar_entry_visit ON calendar_entry (visit_id) WHERE visit_id IS NOT NULL;
-- By the end of the busy time: a new entry is compared with what is still ahead, not with the past.
CREATE INDEX calendar_entry_ahead ON calendar_entry (technician_id, busy_end, busy_start) WHERE active;

-- Deadlines (filled by the engine of terms) -------------------------------------------------------------------------

CREATE TABLE deadline (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    subject_kind TEXT NOT NULL,
    subject_id {uuid} NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN
        ('answer', 'callback', 'inform', 'assign', 'localize', 'resolve', 'check_visit', 'reply')),
    policy_version {int} NOT NULL,
    calendar_version {int} NOT NULL,
    started_from {time} NOT NULL,
    target_amount {int} NOT NULL,
    target_unit TEXT NOT NULL CHECK (target_unit IN ('seconds', 'days', 'working_days')),
    consumed_s {int} NOT NULL,
    running_since {time},
    due_at {time},
    next_fire_at {time},
    step {int} NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'paused', 'met', 'missed', 'cancelled'))
) {table};
CREATE UNIQUE INDEX deadline_subject ON deadline (subject_kind, subject_id, kind);
CREATE INDEX deadline_next_fire ON deadline (next_fire_at) WHERE next_fire_at IS NOT NULL;

-- Photos and uploads ------------------------------------------------------------------------------------------------

CREATE TABLE photo (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    ticket_id {uuid} NOT NULL REFERENCES ticket (id),
    visit_id {uuid} REFERENCES visit (id),
    kind TEXT NOT NULL CHECK (kind IN ('before', 'after', 'act', 'reading', 'no_access', 'other')),
    state TEXT NOT NULL CHECK (state IN ('expected', 'received', 'refused')),
    refused_reason TEXT,
    sha256 {bytes} NOT NULL,
    bytes {int} NOT NULL CHECK (bytes > 0),
    media_type TEXT,
    taken_at {time},
    latitude_e7 {int},
    longitude_e7 {int},
    accuracy_m {int},
    added_by {uuid} NOT NULL,
    added_at {time} NOT NULL,
    received_at {time}
) {table};
CREATE INDEX photo_ticket ON photo (ticket_id, id);

CREATE TABLE upload (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    photo_id {uuid} NOT NULL REFERENCES photo (id),
    owner_id {uuid} NOT NULL,
    length {int} NOT NULL CHECK (length > 0),
    received {int} NOT NULL CHECK (received >= 0 AND received <= length),
    epoch {int} NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'finished', 'refused', 'ended')),
    expires_at {time} NOT NULL,
    created_at {time} NOT NULL
) {table};
CREATE UNIQUE INDEX upload_photo ON upload (photo_id) WHERE state <> 'ended';
CREATE INDEX upload_expiry ON upload (expires_at) WHERE state = 'open';

CREATE TABLE upload_slice (
    upload_id {uuid} NOT NULL REFERENCES upload (id),
    start {int} NOT NULL,
    epoch {int} NOT NULL,
    length {int} NOT NULL CHECK (length > 0),
    PRIMARY KEY (upload_id, start)
) {table};

CREATE TABLE blob (
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    sha256 {bytes} NOT NULL,
    bytes {int} NOT NULL,
    media_type TEXT NOT NULL,
    created_at {time} NOT NULL,
    PRIMARY KEY (organization_id, sha256)
) {table};

-- Journal -----------------------------------------------------------------------------------------------------------

-- One hash chain per subject. Never edited.
CREATE TABLE event (
    subject_kind TEXT NOT NULL,
    subject_id {uuid} NOT NULL,
    seq {int} NOT NULL,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    act TEXT NOT NULL,
    recorded_at {time} NOT NULL,
    prev_hash {bytes} NOT NULL,
    hash {bytes} NOT NULL,
    bytes {bytes} NOT NULL,
    PRIMARY KEY (subject_kind, subject_id, seq)
) {table};
CREATE INDEX event_recorded ON event (recorded_at);

-- What the commitments in `event.bytes` stand for. Erasing a row leaves every proof intact.
CREATE TABLE event_secret (
    subject_kind TEXT NOT NULL,
    subject_id {uuid} NOT NULL,
    seq {int} NOT NULL,
    path TEXT NOT NULL,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    salt {bytes} NOT NULL,
    value {json} NOT NULL,
    PRIMARY KEY (subject_kind, subject_id, seq, path)
) {table};

-- Feeds of the phones -----------------------------------------------------------------------------------------------

-- `feed_id` is a technician, or an organization for its reference feed.
CREATE TABLE sync_feed (
    feed_id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    kind TEXT NOT NULL CHECK (kind IN ('technician', 'reference')),
    head {int} NOT NULL,
    floor {int} NOT NULL,
    epoch {int} NOT NULL,
    live_count {int} NOT NULL,
    digest {int} NOT NULL
) {table};
CREATE INDEX sync_feed_organization ON sync_feed (organization_id);

CREATE TABLE sync_change (
    feed_id {uuid} NOT NULL REFERENCES sync_feed (feed_id),
    seq {int} NOT NULL,
    entity TEXT NOT NULL,
    entity_id {uuid} NOT NULL,
    op TEXT NOT NULL CHECK (op IN ('put', 'remove')),
    reason TEXT,
    doc_version {int} NOT NULL,
    changed_at {time} NOT NULL,
    PRIMARY KEY (feed_id, seq),
    CHECK ((op = 'remove') = (reason IS NOT NULL))
) {table};
CREATE UNIQUE INDEX sync_change_entity ON sync_change (feed_id, entity, entity_id);
CREATE INDEX sync_change_holders ON sync_change (entity, entity_id);

-- Jobs and idempotency ----------------------------------------------------------------------------------------------

CREATE TABLE job (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    kind TEXT NOT NULL,
    payload {json} NOT NULL,
    dedup_key TEXT,
    run_at {time} NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'dead')),
    attempts {int} NOT NULL,
    lease {uuid},
    lease_until {time},
    last_error TEXT,
    created_at {time} NOT NULL,
    finished_at {time},
    CHECK ((state = 'running') = (lease IS NOT NULL))
) {table};
CREATE INDEX job_due ON job (organization_id, run_at, id) WHERE state = 'queued';
CREATE INDEX job_leases ON job (lease_until) WHERE state = 'running';
CREATE INDEX job_dead ON job (organization_id, finished_at) WHERE state = 'dead';
CREATE INDEX job_done ON job (finished_at) WHERE state = 'done';
CREATE UNIQUE INDEX job_dedup ON job (dedup_key) WHERE dedup_key IS NOT NULL AND state IN ('queued', 'running');

CREATE TABLE idempotency_key (
    organization_id {uuid} NOT NULL,
    actor_id {uuid} NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash {bytes} NOT NULL,
    status {int} NOT NULL,
    headers {json} NOT NULL,
    body {bytes} NOT NULL,
    created_at {time} NOT NULL,
    PRIMARY KEY (organization_id, actor_id, route, key)
) {table};
CREATE INDEX idempotency_key_age ON idempotency_key (created_at);
