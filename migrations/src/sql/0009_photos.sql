-- Previews, facts and flags of photos.
SELECT 1;
