ALTER TABLE photo DROP CONSTRAINT photo_kind_check;
ALTER TABLE photo ADD CONSTRAINT photo_kind_check CHECK (kind IN ('before', 'after', 'act', 'reading', 'no_access', 'other', 'signature_resident', 'signature_crew', 'document', 'voice'));
