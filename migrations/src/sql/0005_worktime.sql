-- Production calendars: which days differ from their week. A version is never changed; the highest one counts.

CREATE TABLE production_calendar (
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    -- Empty: the whole country.
    region TEXT NOT NULL,
    year {int} NOT NULL,
    version {int} NOT NULL,
    days {json} NOT NULL,
    imported_by {uuid} NOT NULL,
    imported_at {time} NOT NULL,
    PRIMARY KEY (organization_id, region, year, version)
) {table};

-- The region whose own days come over those of the country.
ALTER TABLE organization ADD COLUMN production_region TEXT;
-- Rises whenever a working day of the organization may read differently.
ALTER TABLE organization ADD COLUMN calendar_version {int} NOT NULL DEFAULT 0;

-- The board of terms walks clocks of one state by their term, whoever looks at them.
CREATE INDEX deadline_board ON deadline (organization_id, state, late_from, id);
CREATE INDEX deadline_board_executor ON deadline (executor_organization_id, state, late_from, id)
    WHERE executor_organization_id IS NOT NULL;
