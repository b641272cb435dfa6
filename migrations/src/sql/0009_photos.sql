-- Previews, facts and flags of photos.
ALTER TABLE photo ADD COLUMN preview TEXT NOT NULL DEFAULT 'none';
ALTER TABLE photo ADD COLUMN width {int};
ALTER TABLE photo ADD COLUMN height {int};
-- What the file says of itself; it may lie.
ALTER TABLE photo ADD COLUMN exif_at {time};
ALTER TABLE photo ADD COLUMN exif_latitude_e7 {int};
ALTER TABLE photo ADD COLUMN exif_longitude_e7 {int};
ALTER TABLE photo ADD COLUMN camera TEXT;
-- The photo of the same place before the work.
ALTER TABLE photo ADD COLUMN pair_of {uuid} REFERENCES photo (id);
ALTER TABLE photo ADD COLUMN flags {json};
ALTER TABLE photo ADD COLUMN flagged {bool} NOT NULL DEFAULT FALSE;
CREATE INDEX photo_flagged ON photo (organization_id, received_at, id) WHERE flagged;
CREATE INDEX photo_content ON photo (organization_id, sha256);

CREATE TABLE photo_preview (
    photo_id {uuid} NOT NULL REFERENCES photo (id),
    side {int} NOT NULL,
    organization_id {uuid} NOT NULL REFERENCES organization (id),
    sha256 {bytes} NOT NULL,
    bytes {int} NOT NULL,
    width {int} NOT NULL,
    height {int} NOT NULL,
    PRIMARY KEY (photo_id, side)
) {table};
CREATE INDEX photo_preview_content ON photo_preview (organization_id, sha256);

-- Perceptual hashes, in bands: near hashes share one at least.
CREATE TABLE photo_hash (
    photo_id {uuid} NOT NULL PRIMARY KEY REFERENCES photo (id),
    organization_id {uuid} NOT NULL,
    hash {int} NOT NULL,
    band_0 {int} NOT NULL,
    band_1 {int} NOT NULL,
    band_2 {int} NOT NULL,
    band_3 {int} NOT NULL
) {table};
CREATE INDEX photo_hash_0 ON photo_hash (organization_id, band_0);
CREATE INDEX photo_hash_1 ON photo_hash (organization_id, band_1);
CREATE INDEX photo_hash_2 ON photo_hash (organization_id, band_2);
CREATE INDEX photo_hash_3 ON photo_hash (organization_id, band_3);

-- Evidence that closing demanded was no photo after all: the desk sees the ticket again.
ALTER TABLE ticket ADD COLUMN evidence_missing {bool} NOT NULL DEFAULT FALSE;
CREATE INDEX ticket_evidence_missing ON ticket (organization_id, registered_at, id) WHERE evidence_missing;
