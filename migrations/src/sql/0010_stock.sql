-- Materials with versions, stock, paid works.
ALTER TABLE material ADD COLUMN decimals {int} NOT NULL DEFAULT 3;
ALTER TABLE material ADD COLUMN stocked {bool} NOT NULL DEFAULT FALSE;

-- The price list of works.
CREATE TABLE work (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    unit TEXT NOT NULL,
    price_minor {int} NOT NULL CHECK (price_minor >= 0),
    active {bool} NOT NULL,
    version {int} NOT NULL,
    created_at {time} NOT NULL
) {table};
CREATE UNIQUE INDEX work_code ON work (organization_id, code);

-- What an item of a price list was from when on.
CREATE TABLE price_version (
    item_id {uuid} NOT NULL,
    version {int} NOT NULL,
    name TEXT NOT NULL,
    unit TEXT NOT NULL,
    price_minor {int} NOT NULL,
    from_at {time} NOT NULL,
    PRIMARY KEY (item_id, version)
) {table};
INSERT INTO price_version (item_id, version, name, unit, price_minor, from_at)
    SELECT id, version, name, unit, price_minor, created_at FROM material;

ALTER TABLE material_usage ADD COLUMN material_version {int};

-- Works that were done for a ticket.
CREATE TABLE work_line (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    ticket_id {uuid} NOT NULL REFERENCES ticket (id),
    work_id {uuid} NOT NULL REFERENCES work (id),
    work_version {int} NOT NULL,
    name TEXT NOT NULL,
    unit TEXT NOT NULL,
    price_minor {int} NOT NULL,
    quantity_milli {int} NOT NULL CHECK (quantity_milli > 0),
    done_by {uuid} NOT NULL,
    done_at {time} NOT NULL
) {table};
CREATE INDEX work_line_ticket ON work_line (ticket_id, id);

CREATE TABLE estimate (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    ticket_id {uuid} NOT NULL REFERENCES ticket (id),
    number {int} NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('offered', 'agreed', 'declined', 'replaced')),
    lines {json} NOT NULL,
    total_minor {int} NOT NULL CHECK (total_minor >= 0),
    made_by {uuid} NOT NULL,
    made_at {time} NOT NULL,
    answered_at {time},
    answered_by {uuid},
    answered_how TEXT,
    words TEXT,
    photo_id {uuid} REFERENCES photo (id)
) {table};
CREATE UNIQUE INDEX estimate_number ON estimate (ticket_id, number);
CREATE UNIQUE INDEX estimate_standing ON estimate (ticket_id) WHERE state IN ('offered', 'agreed');

CREATE TABLE payment (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    ticket_id {uuid} NOT NULL REFERENCES ticket (id),
    kind TEXT NOT NULL CHECK (kind IN ('payment', 'refund')),
    method TEXT NOT NULL CHECK (method IN ('cash', 'card', 'transfer', 'receipt')),
    sum_minor {int} NOT NULL CHECK (sum_minor > 0),
    note TEXT,
    paid_at {time} NOT NULL,
    noted_by {uuid} NOT NULL,
    noted_at {time} NOT NULL
) {table};
CREATE INDEX payment_ticket ON payment (ticket_id, id);

-- Where materials lie: storerooms, and the vans of technicians.
CREATE TABLE stock_place (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    kind TEXT NOT NULL CHECK (kind IN ('storeroom', 'van')),
    name TEXT NOT NULL,
    technician_id {uuid} REFERENCES technician (id),
    active {bool} NOT NULL,
    version {int} NOT NULL,
    created_at {time} NOT NULL
) {table};
CREATE INDEX stock_place_organization ON stock_place (organization_id, id);
CREATE UNIQUE INDEX stock_place_van ON stock_place (technician_id) WHERE technician_id IS NOT NULL AND active;

CREATE TABLE stock_balance (
    place_id {uuid} NOT NULL REFERENCES stock_place (id),
    material_id {uuid} NOT NULL REFERENCES material (id),
    organization_id {uuid} NOT NULL,
    quantity_milli {int} NOT NULL,
    PRIMARY KEY (place_id, material_id)
) {table};
CREATE INDEX stock_balance_short ON stock_balance (organization_id, place_id, material_id) WHERE quantity_milli < 0;

CREATE TABLE stock_movement (
    id {uuid} NOT NULL PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    kind TEXT NOT NULL CHECK (kind IN ('receive', 'move', 'use', 'give_back', 'write_off', 'correct')),
    material_id {uuid} NOT NULL REFERENCES material (id),
    from_place_id {uuid} REFERENCES stock_place (id),
    to_place_id {uuid} REFERENCES stock_place (id),
    quantity_milli {int} NOT NULL CHECK (quantity_milli > 0),
    reason TEXT,
    ticket_id {uuid} REFERENCES ticket (id),
    usage_id {uuid},
    short {bool} NOT NULL,
    moved_by {uuid} NOT NULL,
    moved_at {time} NOT NULL,
    CHECK (from_place_id IS NOT NULL OR to_place_id IS NOT NULL)
) {table};
CREATE INDEX stock_movement_from ON stock_movement (from_place_id, id) WHERE from_place_id IS NOT NULL;
CREATE INDEX stock_movement_to ON stock_movement (to_place_id, id) WHERE to_place_id IS NOT NULL;
CREATE INDEX stock_movement_organization ON stock_movement (organization_id, id);
CREATE INDEX stock_movement_usage ON stock_movement (usage_id) WHERE usage_id IS NOT NULL;
