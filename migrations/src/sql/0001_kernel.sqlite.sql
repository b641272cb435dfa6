-- The belt against double booking: whatever a writer forgot, two active entries of a technician never overlap.
CREATE TRIGGER calendar_entry_overlap_insert BEFORE INSERT ON calendar_entry WHEN NEW.active
BEGIN
    SELECT RAISE(ABORT, 'calendar_entry_overlap') WHERE EXISTS (
        SELECT 1 FROM calendar_entry e
        WHERE e.technician_id = NEW.technician_id AND e.active
          AND e.busy_end > NEW.busy_start AND e.busy_start < NEW.busy_end);
END;
CREATE TRIGGER calendar_entry_overlap_update
BEFORE UPDATE OF technician_id, busy_start, busy_end, active ON calendar_entry WHEN NEW.active
BEGIN
    SELECT RAISE(ABORT, 'calendar_entry_overlap') WHERE EXISTS (
        SELECT 1 FROM calendar_entry e
        WHERE e.technician_id = NEW.technician_id AND e.active AND e.id <> NEW.id
          AND e.busy_end > NEW.busy_start AND e.busy_start < NEW.busy_end);
END;
-- Whole seconds, in UTC: times are compared as text here, and only one spelling of an instant may stand in the table.
CREATE TRIGGER calendar_entry_seconds_insert BEFORE INSERT ON calendar_entry
WHEN NEW.busy_start NOT GLOB '????-??-??T??:??:??+00:00' OR NEW.busy_end NOT GLOB '????-??-??T??:??:??+00:00'
BEGIN
    SELECT RAISE(ABORT, 'calendar_entry_seconds');
END;
CREATE TRIGGER calendar_entry_seconds_update BEFORE UPDATE OF busy_start, busy_end ON calendar_entry
WHEN NEW.busy_start NOT GLOB '????-??-??T??:??:??+00:00' OR NEW.busy_end NOT GLOB '????-??-??T??:??:??+00:00'
BEGIN
    SELECT RAISE(ABORT, 'calendar_entry_seconds');
END;
-- The journal is appended to, never edited.
CREATE TRIGGER event_never_updated BEFORE UPDATE ON event
BEGIN
    SELECT RAISE(ABORT, 'event_is_append_only');
END;
CREATE TRIGGER event_never_deleted BEFORE DELETE ON event
BEGIN
    SELECT RAISE(ABORT, 'event_is_append_only');
END;
