-- An upload may begin before its photo is announced: it names the photo and the content, and refers to nothing.
CREATE TABLE upload_kept AS
SELECT u.id, u.organization_id, u.photo_id, u.owner_id, p.sha256, u.length, u.received, u.epoch, u.state, u.expires_at,
       u.created_at
FROM upload u JOIN photo p ON p.id = u.photo_id;
CREATE TABLE upload_slice_kept AS SELECT upload_id, start, epoch, length FROM upload_slice;
DROP TABLE upload_slice;
DROP TABLE upload;

CREATE TABLE upload (
    id BLOB NOT NULL PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organization (id),
    photo_id BLOB NOT NULL,
    owner_id BLOB NOT NULL,
    sha256 BLOB NOT NULL,
    length INTEGER NOT NULL CHECK (length > 0),
    received INTEGER NOT NULL CHECK (received >= 0 AND received <= length),
    epoch INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'finished', 'refused', 'ended')),
    expires_at TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;
-- Whoever guesses an identifier keeps nobody from his own upload.
CREATE UNIQUE INDEX upload_photo ON upload (photo_id, owner_id) WHERE state <> 'ended';
CREATE INDEX upload_expiry ON upload (expires_at) WHERE state = 'open';
CREATE INDEX upload_owner ON upload (owner_id) WHERE state = 'open';
CREATE INDEX upload_full ON upload (organization_id, photo_id) WHERE state = 'open' AND received = length;
CREATE TABLE upload_slice (
    upload_id BLOB NOT NULL REFERENCES upload (id),
    start INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    length INTEGER NOT NULL CHECK (length > 0),
    PRIMARY KEY (upload_id, start)
) STRICT;

INSERT INTO upload (id, organization_id, photo_id, owner_id, sha256, length, received, epoch, state, expires_at, created_at)
SELECT id, organization_id, photo_id, owner_id, sha256, length, received, epoch, state, expires_at, created_at
FROM upload_kept;
INSERT INTO upload_slice (upload_id, start, epoch, length) SELECT upload_id, start, epoch, length FROM upload_slice_kept;
DROP TABLE upload_slice_kept;
DROP TABLE upload_kept;
