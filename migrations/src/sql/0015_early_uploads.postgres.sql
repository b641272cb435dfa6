-- An upload may begin before its photo is announced: it names the photo and the content, and refers to nothing.
ALTER TABLE upload DROP CONSTRAINT upload_photo_id_fkey;
ALTER TABLE upload ADD COLUMN sha256 bytea;
UPDATE upload SET sha256 = photo.sha256 FROM photo WHERE photo.id = upload.photo_id;
ALTER TABLE upload ALTER COLUMN sha256 SET NOT NULL;
-- Whoever guesses an identifier keeps nobody from his own upload.
DROP INDEX upload_photo;
CREATE UNIQUE INDEX upload_photo ON upload (photo_id, owner_id) WHERE state <> 'ended';
CREATE INDEX upload_owner ON upload (owner_id) WHERE state = 'open';
CREATE INDEX upload_full ON upload (organization_id, photo_id) WHERE state = 'open' AND received = length;
