-- When a phone last asked what is new, and how much its owner knew when he did what is held.
ALTER TABLE sync_stream ADD COLUMN pulled_at {time};
ALTER TABLE review ADD COLUMN known_at {time};
