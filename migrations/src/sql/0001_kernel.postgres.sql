CREATE EXTENSION IF NOT EXISTS btree_gist;
-- The belt against double booking: whatever a writer forgot, two active entries of a technician never overlap.
ALTER TABLE calendar_entry ADD CONSTRAINT calendar_entry_overlap
    EXCLUDE USING gist (technician_id WITH =, tstzrange(busy_start, busy_end, '[)') WITH &&) WHERE (active);
ALTER TABLE calendar_entry ADD CONSTRAINT calendar_entry_seconds
    CHECK (extract(epoch FROM busy_start) % 1 = 0 AND extract(epoch FROM busy_end) % 1 = 0);
-- The journal is appended to, never edited.
CREATE FUNCTION event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'event_is_append_only';
END $$;
CREATE TRIGGER event_never_edited BEFORE UPDATE OR DELETE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION event_is_append_only();
